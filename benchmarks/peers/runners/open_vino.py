"""OpenVINO on the CPU with either performance hint: one request at a time, or streams fed by a queue."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import openvino
from numpy.typing import NDArray

from benchmarks.peers.models import OPENVINO, make_reader
from benchmarks.peers.runners import Batches, Job
from benchmarks.peers.spans import Span

_PROPERTIES = ("INFERENCE_PRECISION_HINT", "NUM_STREAMS", "INFERENCE_NUM_THREADS", "OPTIMAL_NUMBER_OF_INFER_REQUESTS")


class OpenVinoRunner:
    """A compiled model; with the throughput hint, as many parallel requests as OpenVINO recommends."""

    def __init__(self, job: Job):
        # variant: `f32`, `bf16`, or `int8+` with the arithmetic of operations that are not quantized
        file, _, rest = job.form.variant.rpartition("+")
        path = job.model / OPENVINO / f"{file or 'fp32'}.xml"
        self._reader = make_reader(job.model, job.form)
        config = {
            "PERFORMANCE_HINT": job.engine.hint,
            "INFERENCE_NUM_THREADS": job.n_threads,
            "INFERENCE_PRECISION_HINT": rest,
        }
        self._compiled = openvino.Core().compile_model(path, "CPU", config)
        self._request = self._queue = None
        if job.engine.hint == "THROUGHPUT":
            self._queue = openvino.AsyncInferQueue(self._compiled, 0)
            self._queue.set_callback(_store_result)
        else:
            self._request = self._compiled.create_infer_request()
        self.facts: dict[str, Any] = {
            "file": path.name,
            "hint": job.engine.hint,
            **{name.lower(): _plain(self._compiled.get_property(name)) for name in _PROPERTIES},
            "versions": {"openvino": openvino.__version__},
        }

    def logits(self, batches: Batches) -> Sequence[NDArray[np.float32]]:
        if self._queue is None:
            return [self._infer(*batch) for batch in batches]
        results: list[NDArray[np.float32]] = [np.empty(0, np.float32)] * len(batches)
        # The longest first, so that the streams end at about the same time.
        for index in sorted(range(len(batches)), key=lambda at: -batches[at][0].size):
            self._queue.start_async(self._inputs(*batches[index]), (results, index))
        self._queue.wait_all()
        return results

    def spans(self, sentences: Sequence[Sequence[str]]) -> list[Span]:
        return self._reader.spans(sentences, self.logits)

    def _infer(self, piece_ids: NDArray[np.int32], shape_ids: NDArray[np.int32]) -> NDArray[np.float32]:
        # Copies the inputs: sharing them saves nothing at this size, and crashed processes when shapes changed.
        self._request.infer(self._inputs(piece_ids, shape_ids))
        answer: NDArray[np.float32] = self._request.get_output_tensor(0).data.copy()
        return answer

    def _inputs(self, piece_ids: NDArray[np.int32], shape_ids: NDArray[np.int32]) -> dict[str, NDArray[np.int64]]:
        return {
            "input_ids": piece_ids.astype(np.int64),
            "attention_mask": (piece_ids != self._reader.pad_id).astype(np.int64),
            "token_type_ids": shape_ids.astype(np.int64),
        }


def _store_result(request: Any, kept: tuple[list[NDArray[np.float32]], int]) -> None:
    results, index = kept
    results[index] = request.get_output_tensor(0).data.copy()


def _plain(value: Any) -> str | int:
    return value if isinstance(value, int) else str(value).strip("<>").replace("Type: '", "").rstrip("'")

"""OpenVINO on the CPU, by its two performance hints: one request at a time, or streams fed by a queue."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import openvino
from numpy.typing import NDArray

from benchmarks.peers.models import OPENVINO, reader_of
from benchmarks.peers.runners import Batches, Job
from benchmarks.peers.spans import Span

_ASKED = ("INFERENCE_PRECISION_HINT", "NUM_STREAMS", "INFERENCE_NUM_THREADS", "OPTIMAL_NUMBER_OF_INFER_REQUESTS")


class OpenVinoRunner:
    """A compiled model; with the throughput hint, as many requests at once as it asks for."""

    def __init__(self, job: Job):
        # variant: `f32`, `bf16`, or `int8+` and the arithmetic of what is not quantized
        file, _, rest = job.form.variant.rpartition("+")
        path = job.model / OPENVINO / f"{file or 'fp32'}.xml"
        self._reader = reader_of(job.model, job.form)
        config = {
            "PERFORMANCE_HINT": job.engine.hint,
            "INFERENCE_NUM_THREADS": job.n_threads,
            "INFERENCE_PRECISION_HINT": rest,
        }
        self._compiled = openvino.Core().compile_model(path, "CPU", config)
        self._request = self._queue = None
        if job.engine.hint == "THROUGHPUT":
            self._queue = openvino.AsyncInferQueue(self._compiled, 0)
            self._queue.set_callback(_keep)
        else:
            self._request = self._compiled.create_infer_request()
        self.facts: dict[str, Any] = {
            "file": path.name,
            "hint": job.engine.hint,
            **{name.lower(): _plain(self._compiled.get_property(name)) for name in _ASKED},
            "versions": {"openvino": openvino.__version__},
        }

    def logits(self, batches: Batches) -> Sequence[NDArray[np.float32]]:
        if self._queue is None:
            return [self._infer(*batch) for batch in batches]
        found: list[NDArray[np.float32]] = [np.empty(0, np.float32)] * len(batches)
        # The longest first: no stream waits long for the last.
        for index in sorted(range(len(batches)), key=lambda at: -batches[at][0].size):
            self._queue.start_async(self._inputs(*batches[index]), (found, index))
        self._queue.wait_all()
        return found

    def spans(self, sentences: Sequence[Sequence[str]]) -> list[Span]:
        return self._reader.spans(sentences, self.logits)

    def _infer(self, piece_ids: NDArray[np.int32], shape_ids: NDArray[np.int32]) -> NDArray[np.float32]:
        # Inputs are copied: sharing them saves nothing at this size, and has ended processes in which shapes change.
        self._request.infer(self._inputs(piece_ids, shape_ids))
        answer: NDArray[np.float32] = self._request.get_output_tensor(0).data.copy()
        return answer

    def _inputs(self, piece_ids: NDArray[np.int32], shape_ids: NDArray[np.int32]) -> dict[str, NDArray[np.int64]]:
        return {
            "input_ids": piece_ids.astype(np.int64),
            "attention_mask": (piece_ids != self._reader.pad_id).astype(np.int64),
            "token_type_ids": shape_ids.astype(np.int64),
        }


def _keep(request: Any, kept: tuple[list[NDArray[np.float32]], int]) -> None:
    found, index = kept
    found[index] = request.get_output_tensor(0).data.copy()


def _plain(value: Any) -> str | int:
    return value if isinstance(value, int) else str(value).strip("<>").replace("Type: '", "").rstrip("'")

"""ONNX Runtime with its transformer fusions, in FP32 or quantized with its tools."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from benchmarks.peers.models import ONNX_RUNTIME, make_reader
from benchmarks.peers.runners import Batches, Job
from benchmarks.peers.spans import Span


class OnnxRuntimeRunner:
    """A session on the CPU with all optimizations."""

    def __init__(self, job: Job):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = job.n_threads, 1
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        path = job.model / ONNX_RUNTIME / f"{job.form.variant}.onnx"
        self._reader = make_reader(job.model, job.form)
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.facts: dict[str, Any] = {
            "file": path.name,
            "providers": self._session.get_providers(),
            "versions": {"onnxruntime": onnxruntime.__version__},
        }

    def logits(self, batches: Batches) -> Sequence[NDArray[np.float32]]:
        return [self._session.run(None, self._inputs(*batch))[0] for batch in batches]

    def spans(self, sentences: Sequence[Sequence[str]]) -> list[Span]:
        return self._reader.spans(sentences, self.logits)

    def _inputs(self, piece_ids: NDArray[np.int32], shape_ids: NDArray[np.int32]) -> dict[str, NDArray[np.int64]]:
        return {
            "input_ids": piece_ids.astype(np.int64),
            "attention_mask": (piece_ids != self._reader.pad_id).astype(np.int64),
            "token_type_ids": shape_ids.astype(np.int64),
        }

"""One module per library; each has a runner that gives logits, and spans of sentences."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.engines import Form, PeerEngine
from benchmarks.peers.spans import Span

Batches = Sequence[tuple[NDArray[np.int32], NDArray[np.int32]]]


class Runner(Protocol):
    """An engine with its model loaded."""

    @property
    def facts(self) -> dict[str, Any]:
        """What a reader of the figures must know: versions, threads, streams, arithmetic."""
        ...

    def logits(self, batches: Batches) -> Sequence[NDArray[np.float32]]:
        """Logits [B, T, K] of each batch of piece ids and shape ids [B, T]; several batches may be worked on at once."""
        ...

    def spans(self, sentences: Sequence[Sequence[str]]) -> list[Span]:
        """Entities of sentences of words, in the order of the sentences."""
        ...


@dataclass(frozen=True)
class Job:
    """What one worker is to run.

    Attributes:
        engine: the engine.
        model: its model folder; see `models`.
        form: how a peer is run; the product and the kit have forms of their own.
        n_threads: threads of the whole process.
    """

    engine: PeerEngine
    model: Path
    form: Form
    n_threads: int


def load(job: Job) -> Runner:
    """The runner of an engine.

    Raises:
        ImportError: its library is not installed.
    """
    if job.engine.family in ("ours", "kit"):
        from benchmarks.peers.runners.product import ProductRunner

        return ProductRunner(job)
    if job.engine.family == "pipeline":
        from benchmarks.peers.runners.pipeline import PipelineRunner

        return PipelineRunner(job)
    if job.engine.family == "pytorch":
        from benchmarks.peers.runners.pytorch import PytorchRunner

        return PytorchRunner(job)
    if job.engine.family == "onnxruntime":
        from benchmarks.peers.runners.onnx_runtime import OnnxRuntimeRunner

        return OnnxRuntimeRunner(job)
    from benchmarks.peers.runners.open_vino import OpenVinoRunner

    return OpenVinoRunner(job)

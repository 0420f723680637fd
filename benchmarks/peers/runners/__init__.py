"""Runners of the engines, one module per library."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.engines import Form, PeerEngine
from benchmarks.peers.spans import Span, TextSpan

Batches = Sequence[tuple[NDArray[np.int32], NDArray[np.int32]]]


class Runner(Protocol):
    """An engine with its model loaded."""

    @property
    def facts(self) -> dict[str, Any]:
        """Versions, threads, streams and arithmetic, for the report."""
        ...

    def logits(self, batches: Batches) -> Sequence[NDArray[np.float32]]:
        """Logits [B, T, K] of each batch of piece ids and shape ids [B, T]; several may be computed at once."""
        ...

    def spans(self, sentences: Sequence[Sequence[str]]) -> list[Span]:
        """Return the entities of tokenized sentences, in their order."""
        ...


class TextRunner(Protocol):
    """An engine that is called as its documentation has it: texts in, entities out."""

    @property
    def facts(self) -> dict[str, Any]:
        """Versions, threads and batches, for the report."""
        ...

    def prepare(self, texts: Sequence[str]) -> None:
        """Make ready, untimed, what only our model asks of a caller: the word shapes of these texts."""
        ...

    def entities(self, texts: Sequence[str]) -> list[list[TextSpan]]:
        """Return the entities of each text, in characters."""
        ...


@dataclass(frozen=True)
class Job:
    """What a worker runs.

    Attributes:
        engine: the engine.
        model: its model folder.
        form: how to run a peer; the product and the kit ignore it.
        n_threads: threads of the process.
    """

    engine: PeerEngine
    model: Path
    form: Form
    n_threads: int


def load_documented(job: Job) -> TextRunner:
    """Return the runner of an engine as its documentation has it.

    Raises:
        ImportError: its library is not installed.
    """
    if job.engine.family in ("ours", "kit"):
        from benchmarks.peers.runners.product import ProductRunner

        return ProductRunner(job)
    from benchmarks.peers.runners.documented import DocumentedRunner

    return DocumentedRunner(job)


def load(job: Job) -> Runner:
    """Return the runner of an engine in its best form.

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

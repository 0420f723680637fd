"""Runners: batch windows as a graph computes them fastest, run the graph, and return the logits of words."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ner_tasks.inference.sessions import make_engine
from ner_tasks.inference.tensorflow_c import GraphSession
from ner_tasks.model.graph_outputs import PACKED_INPUTS, select_inputs
from ner_tasks.model.packing import PackedBatch, make_packed_batches
from ner_tasks.model.tokenization import Batch, Window, make_batches

# the windows of a batch and the logits [words, K] of their words, one window after the other
BatchLogits = tuple[Sequence[Window], NDArray[np.float32]]


@dataclass(frozen=True)
class BatchingConfig:
    """How windows are batched.

    Attributes:
        max_windows: maximum number of windows in a batch, at least 1.
        max_pieces: maximum number of pieces in a batch, padding included if the graph computes it.
        length: minimum padded length in pieces; the reference kit pads to 128.
        step: padded lengths are multiples of this, if the graph computes padding.
    """

    max_windows: int = 512
    max_pieces: int = 2048
    length: int = 0
    step: int = 2


DEFAULT_LIMITS = BatchingConfig()


class GraphRunner(Protocol):
    """Runs a graph; batches are of the runner's own type."""

    def make_batches(self, windows: Sequence[Window], *, pad_id: int, limits: BatchingConfig) -> Sequence[Any]:
        """Batch windows, each once; `pad_id` is the piece id of [PAD]."""

    def run(self, batch: Any) -> BatchLogits:
        """Compute the logits of the words of a batch."""


@dataclass(frozen=True)
class PaddedRunner:
    """Runs a graph that computes the padding of windows as well, such as an FP32 graph.

    Attributes:
        compute: int32 piece ids and shape ids [B, T] to float32 logits [B, T, K].
    """

    compute: Callable[[NDArray[np.int32], NDArray[np.int32]], NDArray[np.float32]]

    def make_batches(self, windows: Sequence[Window], *, pad_id: int, limits: BatchingConfig) -> Sequence[Batch]:
        return make_batches(windows, pad_id=pad_id, **asdict(limits))

    def run(self, batch: Batch) -> BatchLogits:
        logits = self.compute(batch.piece_ids, batch.shape_ids)  # [B, T, K]
        of_words = [logits[row, list(window.first_pieces)] for row, window in enumerate(batch.windows)]
        return batch.windows, np.concatenate(of_words)


@dataclass(frozen=True)
class PackedRunner:
    """Runs a graph that computes packed pieces and returns the logits of words.

    Attributes:
        compute: `PACKED_INPUTS` to float32 logits [R, K].
    """

    compute: Callable[..., NDArray[np.float32]]

    def make_batches(self, windows: Sequence[Window], *, pad_id: int, limits: BatchingConfig) -> Sequence[PackedBatch]:
        options = {name: value for name, value in asdict(limits).items() if name != "step"}
        return make_packed_batches(windows, pad_id=pad_id, **options)

    def run(self, batch: PackedBatch) -> BatchLogits:
        padded = batch.batch
        logits = self.compute(padded.piece_ids, padded.shape_ids, batch.positions, batch.rows, batch.read)  # [R, K]
        return padded.windows, logits[: batch.n_words]


def make_runner(session: GraphSession, *, few: bool = False) -> GraphRunner:
    """Create the runner for the inputs of a graph.

    Args:
        session: session from `make_session`.
        few: use the route for single sentences, whose scores may differ in the third digit.
    """
    engine = make_engine(session, few=few)
    return PackedRunner(engine) if select_inputs(session) == tuple(PACKED_INPUTS) else PaddedRunner(engine)

"""The product's engines, as in the nightly run, and the same graphs with the reference kit's batches."""

import platform
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.engines import UNBOUNDED
from benchmarks.peers.runners import Batches, Job
from benchmarks.peers.spans import Span
from ner_tasks.inference.tagger import BatchingConfig, Tagger

# The kit pads every sentence to 128 pieces, and batches 32 sentences in their order.
KIT_LIMITS = BatchingConfig(max_windows=32, max_pieces=UNBOUNDED, length=128)


class ProductRunner:
    """`Tagger` with the product's or the kit's batches."""

    def __init__(self, job: Job):
        self._limits = KIT_LIMITS if job.engine.family == "kit" else BatchingConfig()
        self._tagger = Tagger.load(job.model, n_threads=job.n_threads, bf16=job.engine.precision == "BF16")
        self.facts: dict[str, Any] = {
            "batches": "32 padded to 128 pieces" if job.engine.family == "kit" else "as the nightly run",
            "versions": {"tensorflow": version("tensorflow"), "python": platform.python_version()},
        }

    def logits(self, batches: Batches) -> Sequence[NDArray[np.float32]]:
        # This level times the graph alone, in the tagger's streams, with the engine that the tagger would use.
        tagger = self._tagger
        alone = all(len(piece_ids) == 1 for piece_ids, _ in batches)
        engine = tagger._engine_for_few if alone else tagger._engine  # noqa: SLF001
        return list(tagger._streams.map(lambda batch: engine(*batch), batches))  # noqa: SLF001

    def spans(self, sentences: Sequence[Sequence[str]]) -> list[Span]:
        spans: list[Span] = []
        for index, answer in enumerate(self._tagger.tag(sentences, self._limits)):
            spans += [(index, span.start, span.end, span.label) for span, _ in answer.entities]
        return spans

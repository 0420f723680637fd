"""The product's engines, as in the nightly run, and the same graphs with the reference kit's batches."""

import platform
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.engines import UNBOUNDED
from benchmarks.peers.runners import Batches, Job
from benchmarks.peers.spans import Span, TextSpan
from ner_tasks.inference import text_tagging
from ner_tasks.inference.runners import BatchingConfig, PaddedRunner
from ner_tasks.inference.tagger import Tagger
from ner_tasks.model.packing import pack
from ner_tasks.model.tokenization import Batch, Window

# The kit pads every sentence to 128 pieces, and batches 32 sentences in their order.
KIT_LIMITS = BatchingConfig(max_windows=32, max_pieces=UNBOUNDED, length=128)


class ProductRunner:
    """`Tagger` with the product's or the kit's batches."""

    def __init__(self, job: Job):
        self._kit = job.engine.family == "kit"
        self._limits = KIT_LIMITS if self._kit else BatchingConfig()
        self._tagger = Tagger.load(job.model, n_threads=job.n_threads, bf16=job.engine.precision == "BF16")
        self.facts: dict[str, Any] = {
            "batches": "32 padded to 128 pieces" if self._kit else "as the nightly run",
            "versions": {"tensorflow": version("tensorflow"), "python": platform.python_version()},
        }

    def logits(self, batches: Batches) -> Sequence[NDArray[np.float32]]:
        # This level times the graph alone, in the tagger's streams, with the engine that the tagger would use.
        tagger = self._tagger
        alone = all(len(piece_ids) == 1 for piece_ids, _ in batches)
        runner = tagger._runner_for_few if alone else tagger._runner  # noqa: SLF001
        if isinstance(runner, PaddedRunner):
            return list(tagger._streams.map(lambda batch: runner.compute(*batch), batches))  # noqa: SLF001
        # The same work as the peers': without padding, and every piece is read.
        packed = [pack(_batch_whole_windows(*batch)) for batch in batches]
        return [logits for _, logits in tagger._streams.map(runner.run, packed)]  # noqa: SLF001

    def spans(self, sentences: Sequence[Sequence[str]]) -> list[Span]:
        spans: list[Span] = []
        # A single sentence is computed with all threads, the tagger's best form for it.
        limits = replace(self._limits, max_windows=1) if len(sentences) == 1 and not self._kit else self._limits
        for index, answer in enumerate(self._tagger.tag(sentences, limits)):
            spans += [(index, span.start, span.end, span.label) for span, _ in answer.entities]
        return spans

    def prepare(self, texts: Sequence[str]) -> None:
        """Nothing: the tagger finds the words and their shapes itself."""

    def entities(self, texts: Sequence[str]) -> list[list[TextSpan]]:
        tag = partial(self._tagger.tag, limits=self._limits)
        found = text_tagging.find_entities(texts, tag) if self._kit else self._tagger.find_entities(texts)
        return [[(entity.start, entity.end, entity.label) for entity in of_text] for of_text in found]


def _batch_whole_windows(piece_ids: NDArray[np.int32], shape_ids: NDArray[np.int32]) -> Batch:
    """Return windows [B, T] without padding, each piece of which counts as a word."""
    pieces = range(piece_ids.shape[1])
    windows = [
        Window(row, 0, len(pieces), tuple(ids), tuple(shapes), tuple(pieces))
        for row, (ids, shapes) in enumerate(zip(piece_ids.tolist(), shape_ids.tolist(), strict=True))
    ]
    return Batch(tuple(windows), piece_ids, shape_ids)

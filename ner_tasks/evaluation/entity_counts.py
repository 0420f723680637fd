"""Gold, predicted and correct entities of each sentence, from which any subset of the sentences can be scored."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from typing_extensions import TypedDict

from ner_tasks.entities import bio_to_spans
from ner_tasks.errors import ArtifactBroken, ConfigInvalid, InputMissing
from ner_tasks.evaluation.metrics import Score
from ner_tasks.files import atomic
from ner_tasks.records import read_file

FORMAT = 1
N_KINDS = 3  # in the gold tags, predicted, both


_Number = Annotated[int, Field(ge=0, le=10**9)]


class _CountsFile(TypedDict):
    """A counts file; a row of `counts` is sentence, label, and the counts of each kind."""

    format: Literal[1]
    data_sha256: str
    n_sentences: Annotated[int, Field(ge=0, le=10**7)]
    labels: Annotated[list[str], Field(max_length=1_000)]
    counts: list[tuple[_Number, _Number, _Number, _Number, _Number]]


@dataclass(frozen=True)
class EntityCounts:
    """Entity counts of one model on one labelled file.

    Attributes:
        labels: labels in the order of the second axis.
        values: number of gold, predicted and correct entities, [sentences, labels, 3].
        data_sha256: SHA-256 of the file; only counts of the same file can be paired.
    """

    labels: tuple[str, ...]
    values: NDArray[np.int64]
    data_sha256: str = ""

    @classmethod
    def from_tags(
        cls, gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]], *, data_sha256: str = ""
    ) -> "EntityCounts":
        """Count gold, predicted and correct entities; an entity is correct if bounds and label are.

        Args:
            gold: BIO tags of each sentence.
            predicted: predicted BIO tags of the same sentences.
            data_sha256: SHA-256 of the file with the sentences.
        """
        rows = list[tuple[int, str, int]]()
        for number, (right, guess) in enumerate(zip(gold, predicted, strict=True)):
            right_spans, guessed_spans = set(bio_to_spans(right)), set(bio_to_spans(guess))
            for kind, spans in enumerate((right_spans, guessed_spans, right_spans & guessed_spans)):
                rows += [(number, span.label, kind) for span in spans]
        labels = sorted({label for _, label, _ in rows})
        column = {label: index for index, label in enumerate(labels)}
        values = np.zeros((len(gold), len(labels), N_KINDS), np.int64)
        for number, label, kind in rows:
            values[number, column[label], kind] += 1
        return cls(tuple(labels), values, data_sha256)

    def with_labels(self, labels: Sequence[str]) -> "EntityCounts":
        """Return the same counts over `labels`, which must include the present labels."""
        values = np.zeros((len(self.values), len(labels), N_KINDS), np.int64)
        values[:, [labels.index(label) for label in self.labels]] = self.values
        return EntityCounts(tuple(labels), values, self.data_sha256)

    def score(self, mask: NDArray[np.bool_] | None = None) -> Score:
        """Score over all labels.

        Args:
            mask: sentences to include, [sentences]; None for all.
        """
        values = self.values if mask is None else self.values[mask]
        return Score.from_counts(*(int(n) for n in values.sum(axis=(0, 1))))

    def write(self, path: Path) -> None:
        """Write the counts as JSON, without rows for sentences and labels that have no entity."""
        filled = self.values.any(axis=2)
        rows = [[int(s), int(k), *self.values[s, k].tolist()] for s, k in zip(*np.nonzero(filled), strict=True)]
        head = {"format": FORMAT, "data_sha256": self.data_sha256, "n_sentences": len(self.values)}
        atomic.write_json(path, {**head, "labels": list(self.labels), "counts": rows})

    @classmethod
    def read(cls, path: Path) -> "EntityCounts":
        """Read a file written by `write`.

        Raises:
            InputMissing: `path` does not exist.
            ArtifactBroken: not a counts file.
        """
        if not path.is_file():
            raise InputMissing(f"found nothing at {path}, expected the counts that `evaluate` writes")
        record = read_file(path, _CountsFile, expected=f"counts by sentence of format {FORMAT}")
        values = np.zeros((record["n_sentences"], len(record["labels"]), N_KINDS), np.int64)
        for sentence, label, *counts in record["counts"]:
            if sentence >= record["n_sentences"] or label >= len(record["labels"]):
                raise ArtifactBroken(
                    f"found counts of sentence {sentence}, label {label}, expected counts by sentence of format {FORMAT}, in {path}"
                )
            values[sentence, label] = counts
        return cls(tuple(record["labels"]), values, record["data_sha256"])


def pair_counts(one: EntityCounts, other: EntityCounts) -> tuple[EntityCounts, EntityCounts]:
    """Align two counts of the same sentences to the union of their labels.

    Raises:
        ConfigInvalid: the counts are of different files.
    """
    n_one, n_other = len(one.values), len(other.values)
    if one.data_sha256 != other.data_sha256 or n_one != n_other:
        files = f"{n_one} sentences of {one.data_sha256[:12]} and {n_other} of {other.data_sha256[:12]}"
        raise ConfigInvalid(f"found {files}, expected counts of the same labelled file, to compare two models")
    labels = sorted({*one.labels, *other.labels})
    return one.with_labels(labels), other.with_labels(labels)

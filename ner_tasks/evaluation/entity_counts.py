"""Entities wanted, found and right in each sentence: all that is needed to score any choice of sentences again."""

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
    """What `Counts.write` writes; `counts` has a sentence, a label, and the counts of each kind."""

    format: Literal[1]
    data_sha256: str
    n_sentences: Annotated[int, Field(ge=0, le=10**7)]
    labels: Annotated[list[str], Field(max_length=1_000)]
    counts: list[tuple[_Number, _Number, _Number, _Number, _Number]]


@dataclass(frozen=True)
class EntityCounts:
    """Counts of one model on one file of labelled sentences.

    Attributes:
        labels: in the order of the second axis.
        of: how many entities, [sentences, labels, 3]: gold, predicted, correct.
        data_sha256: of the file; two models are compared sentence by sentence only on the same.
    """

    labels: tuple[str, ...]
    of: NDArray[np.int64]
    data_sha256: str = ""

    @classmethod
    def between(
        cls, gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]], *, data_sha256: str = ""
    ) -> "EntityCounts":
        """Count predicted tags against gold tags; an entity is right if its bounds and its label are.

        Args:
            gold: BIO tags of each sentence.
            predicted: as many sentences, each with as many tags.
            data_sha256: of the file that the sentences are from.
        """
        rows = list[tuple[int, str, int]]()
        for number, (right, guess) in enumerate(zip(gold, predicted, strict=True)):
            right_spans, guessed_spans = set(bio_to_spans(right)), set(bio_to_spans(guess))
            for kind, spans in enumerate((right_spans, guessed_spans, right_spans & guessed_spans)):
                rows += [(number, span.label, kind) for span in spans]
        labels = sorted({label for _, label, _ in rows})
        place = {label: index for index, label in enumerate(labels)}
        of = np.zeros((len(gold), len(labels), N_KINDS), np.int64)
        for number, label, kind in rows:
            of[number, place[label], kind] += 1
        return cls(tuple(labels), of, data_sha256)

    def with_labels(self, labels: Sequence[str]) -> "EntityCounts":
        """The same over other labels, which must be at least those that occur."""
        of = np.zeros((len(self.of), len(labels), N_KINDS), np.int64)
        of[:, [labels.index(label) for label in self.labels]] = self.of
        return EntityCounts(tuple(labels), of, self.data_sha256)

    def score(self, chosen: NDArray[np.bool_] | None = None) -> Score:
        """Figures over all labels, of the sentences that are chosen, [sentences]; of all unless told otherwise."""
        of = self.of if chosen is None else self.of[chosen]
        return Score.of_counts(*(int(n) for n in of.sum(axis=(0, 1))))

    def write(self, path: Path) -> None:
        """As JSON; sentences and labels without an entity take no place."""
        filled = self.of.any(axis=2)
        rows = [[int(s), int(k), *self.of[s, k].tolist()] for s, k in zip(*np.nonzero(filled), strict=True)]
        head = {"format": FORMAT, "data_sha256": self.data_sha256, "n_sentences": len(self.of)}
        atomic.write_json(path, {**head, "labels": list(self.labels), "counts": rows})

    @classmethod
    def read(cls, path: Path) -> "EntityCounts":
        """Counts that `write` has written.

        Raises:
            InputMissing: no such file.
            ArtifactBroken: it is not one.
        """
        if not path.is_file():
            raise InputMissing(f"found nothing at {path}, expected the counts that `evaluate` writes")
        said = read_file(path, _CountsFile, expected=f"counts by sentence of format {FORMAT}")
        of = np.zeros((said["n_sentences"], len(said["labels"]), N_KINDS), np.int64)
        for sentence, label, *counted in said["counts"]:
            if sentence >= said["n_sentences"] or label >= len(said["labels"]):
                raise ArtifactBroken(
                    f"found counts of sentence {sentence}, label {label}, expected counts by sentence of format {FORMAT}, in {path}"
                )
            of[sentence, label] = counted
        return cls(tuple(said["labels"]), of, said["data_sha256"])


def pair_counts(one: EntityCounts, other: EntityCounts) -> tuple[EntityCounts, EntityCounts]:
    """Both over the same labels, to be compared sentence by sentence.

    Raises:
        ConfigInvalid: they are of different sentences.
    """
    if one.data_sha256 != other.data_sha256 or len(one.of) != len(other.of):
        found = f"{len(one.of)} sentences of {one.data_sha256[:12]} and {len(other.of)} of {other.data_sha256[:12]}"
        raise ConfigInvalid(f"found {found}, expected counts of the same labelled file, to compare two models")
    labels = sorted({*one.labels, *other.labels})
    return one.with_labels(labels), other.with_labels(labels)

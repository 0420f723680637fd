"""Statistics of a night's answers, for drift detection.

They are sums over documents instead of averages, from which both a rate and its variance between documents can be
computed. Entities are clustered: 1,000 entities in 20 documents are weaker evidence than 1,000 in 900 documents, and
ignoring that causes false alarms.
"""

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

from ner_tasks.errors import ArtifactBroken
from ner_tasks.files import atomic
from ner_tasks.tagging.answers import Answer, read_answers

STATISTICS = "statistics.json"
# score thresholds for the shares of low-scoring mentions
CUTS = (0.5, 0.9)
_SCORE_BINS = 100
_COUNTED = ("n_documents", "n_tagged", "n_words", "n_entities")


@dataclass
class RateSums:
    """Sums over documents of a count `x` and its denominator `w`, such as entities and words.

    Attributes:
        n: number of documents.
        x, w: sums of x and w.
        xx, xw, ww: sums of their products.
    """

    n: int = 0
    x: float = 0.0
    w: float = 0.0
    xx: float = 0.0
    xw: float = 0.0
    ww: float = 0.0

    def add(self, x: float, w: float) -> None:
        """Add one document."""
        self.n += 1
        self.x += x
        self.w += w
        self.xx += x * x
        self.xw += x * w
        self.ww += w * w

    def __add__(self, other: "RateSums") -> "RateSums":
        return RateSums(
            *(mine + theirs for mine, theirs in zip(asdict(self).values(), asdict(other).values(), strict=True))
        )

    def residual(self, rate: float) -> float:
        """Return the sum over documents of (x - rate * w)²."""
        return max(0.0, self.xx - 2 * rate * self.xw + rate * rate * self.ww)


def compute_statistics(documents: Path, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Compute the statistics of a folder of answers.

    Measures, each as `RateSums`: `entities/<label>` per word; `confidence/mean` and `confidence/below_<cut>` per entity;
    `pieces/per_word` and, if the receipts have it, `pieces/unknown` per word; `documents/log_words` and
    `documents/without_entities` per tagged document; `documents/words` per sentence; `rejected/<reason>` per document.

    Args:
        documents: `documents.jsonl` of the answers.
        manifest: their manifest, which has the counts of rejected documents.

    Returns:
        Counts, quantiles of the scores, and the measures; JSON.

    Raises:
        InputMissing: there are no answers.
        ArtifactBroken: a line is not an answer.
    """
    night = _Night()
    for answer in read_answers(documents):
        night.add(answer)
    return {
        "n_documents": manifest["n_documents"],
        "n_tagged": night.words.n,
        "n_words": int(night.words.w),
        "n_entities": int(night.measures["confidence/mean"].w),
        "scores": compute_quantiles(night.scores),
        "score_counts": night.scores,
        "measures": {name: asdict(sums) for name, sums in sorted({**night.all(), **_sum_rejected(manifest)}.items())},
    }


class _Night:
    """Accumulates the statistics one document at a time."""

    def __init__(self) -> None:
        names = ("confidence/mean", *(f"confidence/below_{cut}" for cut in CUTS), "pieces/per_word")
        names += ("documents/log_words", "documents/without_entities", "documents/words")
        self.measures = {name: RateSums() for name in names}
        self.words, self._labels, self.scores = RateSums(), dict[str, RateSums](), [0] * _SCORE_BINS

    def add(self, answer: Answer) -> None:
        n_words, n_sentences, n_pieces = (int(answer.receipt[name]) for name in ("n_words", "n_sentences", "n_pieces"))
        self.words.add(0, n_words)
        for label, n in Counter(entity["label"] for entity in answer.entities).items():
            self._labels.setdefault(label, RateSums()).add(n, n_words)
        scores = [float(entity["score"]) for entity in answer.entities]
        for score in scores:
            self.scores[min(int(score * _SCORE_BINS), _SCORE_BINS - 1)] += 1
        self.measures["confidence/mean"].add(sum(scores), len(scores))
        for cut in CUTS:
            self.measures[f"confidence/below_{cut}"].add(sum(score < cut for score in scores), len(scores))
        self.measures["pieces/per_word"].add(n_pieces, n_words)
        self.measures["documents/log_words"].add(math.log1p(n_words), 1)
        self.measures["documents/without_entities"].add(not scores, 1)
        self.measures["documents/words"].add(n_words, n_sentences)
        if "n_unknown" in answer.receipt:
            self.measures.setdefault("pieces/unknown", RateSums()).add(int(answer.receipt["n_unknown"]), n_words)

    def all(self) -> dict[str, RateSums]:
        # documents without the label count with their words
        labels = {
            f"entities/{label}": RateSums(self.words.n, sums.x, self.words.w, sums.xx, sums.xw, self.words.ww)
            for label, sums in self._labels.items()
        }
        return {**self.measures, **labels}


def compute_quantiles(score_counts: Sequence[int]) -> dict[str, float | None]:
    """Return the 5 %, 10 % and 50 % quantiles of scores, rounded to 0.01; None if there are no mentions.

    Args:
        score_counts: number of mentions in each of 100 equal intervals of scores from 0 to 1.
    """
    below = list(accumulate(score_counts))
    shares = {"q05": 0.05, "q10": 0.1, "q50": 0.5}
    if not any(below):
        return dict.fromkeys(shares)
    return {name: (bisect_left(below, share * below[-1]) + 1) / _SCORE_BINS for name, share in shares.items()}


def sum_statistics(parts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Add up the statistics of the parts of a night; the answers are not read.

    Args:
        parts: outputs of `compute_statistics`; of no parts, there are no documents.

    Returns:
        What `compute_statistics` returns for all documents together.

    Raises:
        ArtifactBroken: a part is of another shape, or of a release that did not keep how many mentions have which score.
    """
    nothing = {name: asdict(sums) for name, sums in _Night().all().items()}
    added = [
        {**dict.fromkeys(_COUNTED, 0), "scores": {}, "score_counts": [0] * _SCORE_BINS, "measures": nothing},
        *parts,
    ]
    for number, part in enumerate(added, start=-1):
        counts = part.get("score_counts")
        if not is_valid(part) or not isinstance(counts, list) or len(counts) != _SCORE_BINS:
            raise ArtifactBroken(f"found statistics of another shape, expected those of a part, in part {number}")
    names = sorted({name for part in added for name in part["measures"]})
    measures = {name: sum((read_sums(part, name) for part in added), RateSums()) for name in names}
    score_counts = [sum(counts) for counts in zip(*(part["score_counts"] for part in added), strict=True)]
    return {
        **{name: sum(part[name] for part in added) for name in _COUNTED},
        "scores": compute_quantiles(score_counts),
        "score_counts": score_counts,
        "measures": {name: asdict(sums) for name, sums in measures.items()},
    }


def _sum_rejected(manifest: Mapping[str, Any]) -> dict[str, RateSums]:
    n = int(manifest["n_documents"])
    return {f"rejected/{reason}": RateSums(n, k, n, k, k, n) for reason, k in manifest["rejected"].items()}


def is_valid(statistics: Any) -> bool:
    """Return whether a value read from a file has the structure of `compute_statistics`."""
    try:
        measures = {name: RateSums(**one) for name, one in statistics["measures"].items()}
        figures = [value for sums in measures.values() for value in asdict(sums).values()]
        figures += [statistics["n_documents"], statistics["n_tagged"]]
        return "pieces/per_word" in measures and "scores" in statistics and all(map(math.isfinite, figures))
    except (KeyError, TypeError, AttributeError, OverflowError):
        return False


def read_statistics(path: Path) -> dict[str, Any]:
    """Read a night's statistics.

    Raises:
        InputMissing: there is no such file.
        ArtifactBroken: it is damaged.
    """
    statistics: dict[str, Any] = atomic.read_json(path)
    if not is_valid(statistics):
        raise ArtifactBroken(f"found JSON of another shape, expected a night's statistics, in {path}")
    return statistics


def read_sums(statistics: Mapping[str, Any], measure: str) -> RateSums:
    """Read one measure of a night; the count of an event that did not occur is 0.

    Args:
        statistics: output of `compute_statistics`.
        measure: name of the measure.
    """
    if sums := statistics["measures"].get(measure):
        return RateSums(**sums)
    if measure.startswith("rejected/"):
        n = int(statistics["n_documents"])
        return RateSums(n, 0, n, 0, 0, n)
    if measure.startswith("entities/"):
        words = RateSums(**statistics["measures"]["pieces/per_word"])
        return RateSums(words.n, 0, words.w, 0, 0, words.ww)
    return RateSums()

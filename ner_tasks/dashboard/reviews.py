"""Reads the review queue of a day, what reviewers have decided, and how precise the model is by their decisions."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ner_tasks.dashboard.reader import StoreReader
from ner_tasks.records import (
    DayStanding,
    QueuedSentence,
    ReviewReport,
    ReviewSummary,
    SentenceStanding,
    StandingDecision,
)
from ner_tasks.review.decisions.agreement import PairCounts
from ner_tasks.review.decisions.standing import get_settled
from ner_tasks.store import keys

QUEUE, DISPUTED, DECIDED = VIEWS = ("queue", "disputed", "decided")
_Z = 1.96  # standard deviations on either side of a 95 % interval


@dataclass(frozen=True)
class QueuedView:
    """A sentence with where it stands.

    Attributes:
        sentence: the sentence.
        state: `new`, `open`, `disputed` or `settled`.
        shown: the decision whose entities are shown; None: the model's.
        decisions: decisions of all reviewers; none before one has decided oneself, so that decisions are independent.
    """

    sentence: QueuedSentence
    state: str
    shown: StandingDecision | None = None
    decisions: Sequence[StandingDecision] = ()


@dataclass(frozen=True)
class ReviewDay:
    """One page of a day's sentences.

    Attributes:
        day: YYYY-MM-DD.
        view: `queue` for sentences that the user can decide, `disputed`, or `decided`.
        sentences: those of the page.
        first: number of the first one.
        counts: number of sentences by view.
        labels: labels to choose from.
        n_reviewers: how many must agree.
        n_not_on_page: number of sentences that only the exported files have.
    """

    day: str
    view: str
    sentences: Sequence[QueuedView]
    first: int
    counts: Mapping[str, int]
    labels: Sequence[str]
    n_reviewers: int
    n_not_on_page: int


@dataclass(frozen=True)
class ReviewedPrecision:
    """Precision of a model on the settled sentences of a day, for one label.

    Attributes:
        day, model, label: which.
        n_found: number of entities that the model found.
        n_right: how many of them are right in bounds and label.
        n_true: number of entities that reviewers found.
        precision: `n_right / n_found`; None if the model found none.
        low, high: 95 % interval of the precision, 0 to 1.
    """

    day: str
    model: str
    label: str
    n_found: int
    n_right: int
    n_true: int
    precision: float | None
    low: float
    high: float


@dataclass(frozen=True)
class ReviewerAgreement:
    """Agreement of two reviewers on the sentences that both decided.

    Attributes:
        reviewers: their names.
        n_sentences, n_words: size of these sentences.
        kappa: Cohen's kappa over words, -1 to 1; None if undefined.
        f1: F1 of exact spans, 0 to 1; None without entities.
        by_label: label, kappa, F1, and number of entities of one, of the other and of both.
    """

    reviewers: tuple[str, str]
    n_sentences: int
    n_words: int
    kappa: float | None
    f1: float | None
    by_label: Sequence[tuple[str, float | None, float | None, tuple[int, int, int]]]


def read_review_day(
    reader: StoreReader, day: str, user: str, *, view: str = QUEUE, first: int = 0, most: int = 20
) -> ReviewDay | None:
    """Read one page of the sentences of a day; None if the day has no queue.

    Args:
        reader: the store.
        day: YYYY-MM-DD.
        user: who looks at it.
        view: one of `VIEWS`.
        first: number of the first sentence; one past the end gives the last page.
        most: maximum number of sentences.
    """
    report = reader.record(keys.review(day, keys.REVIEW_REPORT), ReviewReport)
    if report is None:
        return None
    standing = reader.record(keys.reviewed(day, keys.REVIEW_STANDING), DayStanding)
    standings = {one["sentence"]["id"]: one for one in standing["sentences"]} if standing else {}
    queue = {one["id"]: one for one in reader.records(keys.review(day, keys.REVIEW_QUEUE), QueuedSentence)}
    sentences = {**queue, **{name: one["sentence"] for name, one in standings.items() if name not in queue}}
    seen = [_look(sentence, standings.get(name), user) for name, sentence in sentences.items()]
    chosen = [one for kind, one in seen if kind == view]
    first = min(first, max(len(chosen) - 1, 0)) // most * most
    labels = {str(label) for label in report.get("labels", ())}
    labels |= {entity["label"] for sentence in sentences.values() for entity in sentence["entities"]}
    counts = Counter(kind for kind, _ in seen)
    return ReviewDay(
        day,
        view,
        chosen[first : first + most],
        first,
        {name: counts[name] for name in VIEWS},
        sorted(labels),
        _count(report, "n_reviewers", 1),
        _count(report, "n_not_on_page", 0),
    )


def read_summaries(reader: StoreReader, *, most: int) -> dict[str, ReviewSummary]:
    """Read the figures of the newest days on which somebody decided something, newest first."""
    days = sorted(reader.folders(keys.REVIEWED), reverse=True)[:most]
    summaries = ((day, reader.record(keys.reviewed(day, keys.REVIEW_SUMMARY), ReviewSummary)) for day in days)
    return {day: summary for day, summary in summaries if summary}


def list_precision(summaries: Mapping[str, ReviewSummary], *, random_only: bool = False) -> list[ReviewedPrecision]:
    """List the precision by day, model and label, newest day first.

    Args:
        summaries: figures by day.
        random_only: count sentences that were chosen at random only. The others were chosen because something about
            them was in doubt, so that the model is more often wrong there than elsewhere.
    """
    rows = list[ReviewedPrecision]()
    for day, summary in summaries.items():
        counts: dict[tuple[str, str], list[int]] = {}
        for one in summary["precision"]:
            if not random_only or one["why"] == "chance":
                sums = counts.setdefault((one["model"], one["label"]), [0, 0, 0])
                for place, name in enumerate(("n_found", "n_right", "n_true")):
                    sums[place] += one[name]  # type: ignore[literal-required]
        for (model, label), (n_found, n_right, n_true) in sorted(counts.items()):
            low, high = wilson_interval(n_right, n_found)
            precision = n_right / n_found if n_found else None
            rows.append(ReviewedPrecision(day, model, label, n_found, n_right, n_true, precision, low, high))
    return rows


def list_agreement(summaries: Mapping[str, ReviewSummary]) -> list[ReviewerAgreement]:
    """List the agreement of each two reviewers over all days, those with most sentences first."""
    pairs: dict[tuple[str, str], PairCounts] = {}
    for summary in summaries.values():
        for record in summary["pairs"]:
            pairs.setdefault((record["reviewers"][0], record["reviewers"][1]), PairCounts()).add_record(record)
    rows = [
        ReviewerAgreement(
            names,
            counts.n_sentences,
            counts.words.total(),
            counts.kappa(),
            counts.f1(),
            [
                (label, counts.kappa(label), counts.f1(label), counts.count_spans(label))
                for label in sorted(counts.spans)
            ],
        )
        for names, counts in pairs.items()
    ]
    return sorted(rows, key=lambda row: (-row.n_sentences, row.reviewers))


def wilson_interval(n_right: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a share, 0 to 1; all of it without items.

    Source: E. B. Wilson, Probable Inference, the Law of Succession, and Statistical Inference, 1927.
    """
    if not n or n_right > n:
        return 0.0, 1.0
    share, square = n_right / n, _Z * _Z
    centre = (share + square / (2 * n)) / (1 + square / n)
    half = _Z * math.sqrt(share * (1 - share) / n + square / (4 * n * n)) / (1 + square / n)
    return max(0.0, centre - half), min(1.0, centre + half)


def _look(sentence: QueuedSentence, standing: SentenceStanding | None, user: str) -> tuple[str, QueuedView]:
    """Return in which view a sentence is for a user, and what they see of it."""
    if standing is None:
        return QUEUE, QueuedView(sentence, "new")
    state, decisions = standing["state"], standing["decisions"]
    own = next((one for one in decisions if one["by"] == user), None)
    if state == "disputed":
        return DISPUTED, QueuedView(sentence, state, None, decisions)
    if state == "settled":
        return DECIDED, QueuedView(sentence, state, get_settled(standing), decisions)
    if own is None:
        return QUEUE, QueuedView(sentence, state)
    return DECIDED, QueuedView(sentence, state, own, [own])


def _count(report: Mapping[str, Any], name: str, default: int) -> int:
    value = report.get(name, default)
    return value if isinstance(value, int) else default

"""Records of the review queue, of reviewers' decisions, and of what follows from them."""

from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from ner_tasks.records.fields import Count, Moment, Name, Number, any_more

ReviewState = Literal["open", "disputed", "settled"]


@any_more
class CodeCandidate(TypedDict):
    code: str
    system: str
    name: str


@any_more
class QueuedEntity(TypedDict):
    """An entity of the model; `[start, end)` counts characters of the sentence."""

    start: Count
    end: Count
    label: str
    score: Number
    assertion: NotRequired[list[str] | None]
    section: NotRequired[str | None]
    code: NotRequired[str | None]
    code_system: NotRequired[str | None]
    decision: NotRequired[str | None]
    match: NotRequired[str]
    candidates: NotRequired[list[CodeCandidate]]


@any_more
class QueuedSentence(TypedDict):
    """A line of `reports/review/<day>/queue.jsonl`."""

    id: Name
    why: str
    document: str
    sha256: str
    start: Count
    text: Annotated[str, Field(min_length=1)]
    language: str
    model: str
    entities: list[QueuedEntity]


@any_more
class ReviewedEntity(TypedDict):
    """An entity as a reviewer wants it; `entity` is its number among those of the model, None if it was added."""

    verdict: Literal["accept", "correct", "add"]
    entity: Count | None
    start: Count
    end: Count
    label: str
    assertion: list[str] | None
    code: str | None
    code_system: str | None


@any_more
class SentenceDecision(TypedDict):
    """What one reviewer decided about one sentence.

    `rejected` are numbers of the model's entities, `settles` the decisions of others that this one settles.
    """

    id: Name
    sentence: QueuedSentence
    n_reviewers: Count
    entities: list[ReviewedEntity]
    rejected: list[Count]
    settles: list[Name]


@any_more
class DecisionRecord(TypedDict):
    """`reports/reviewed/<day>/decisions/<run>.json`: the decisions of one run, written once."""

    day: Name
    run: Name
    by: str
    at: Moment
    decisions: list[SentenceDecision]
    refused: list[dict[str, Any]]


@any_more
class StandingDecision(TypedDict):
    """A reviewer's decision that counts."""

    id: Name
    by: str
    at: Moment
    entities: list[ReviewedEntity]
    rejected: list[Count]
    settles: list[Name]


@any_more
class SentenceStanding(TypedDict):
    """Where a sentence stands; `settled` is the number of the decision that holds."""

    state: ReviewState
    sentence: QueuedSentence
    decisions: list[StandingDecision]
    settled: Count | None


@any_more
class DayStanding(TypedDict):
    """`reports/reviewed/<day>/standing.json`: every sentence that somebody decided."""

    day: Name
    sentences: list[SentenceStanding]


@any_more
class PairRecord(TypedDict):
    """First decisions of two reviewers on the same sentences.

    `words`: label of one, label of the other, number of words; `spans` by label: number of entities of one, of the
    other, of both.
    """

    reviewers: tuple[str, str]
    n_sentences: Count
    words: list[tuple[str, str, Count]]
    spans: dict[str, tuple[Count, Count, Count]]


@any_more
class PrecisionRecord(TypedDict):
    """Entities of a model in settled sentences: found by it, right in bounds and label, and all that are there."""

    model: str
    label: str
    why: str
    n_found: Count
    n_right: Count
    n_true: Count


@any_more
class ReviewSummary(TypedDict):
    """`reports/reviewed/<day>/summary.json`."""

    day: Name
    n_settled: Count
    n_disputed: Count
    n_open: Count
    n_codes: Count
    reviewers: dict[str, Count]
    pairs: list[PairRecord]
    precision: list[PrecisionRecord]

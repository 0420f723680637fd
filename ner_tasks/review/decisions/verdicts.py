"""What a reviewer says of a sentence and its entities, and whether the sentence allows it."""

from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from ner_tasks.config.base import ConfigModel
from ner_tasks.config.types import LINE_PATTERN
from ner_tasks.enrichment.assertion_lexicon import Status
from ner_tasks.errors import DataRejected
from ner_tasks.records import QueuedSentence, ReviewedEntity
from ner_tasks.segmentation import iter_sentences

MAX_VERDICTS = 200  # of one sentence
_MAX_OFFSET = 100_000

Id = Annotated[str, Field(min_length=12, max_length=12, pattern=r"^[0-9a-f]{12}(?!\n)$")]
_Offset = Annotated[int, Field(ge=0, le=_MAX_OFFSET)]
_Text = Annotated[str, Field(min_length=1, max_length=300, pattern=LINE_PATTERN)]


class EntityVerdict(ConfigModel):
    """What a reviewer says of one entity.

    Attributes:
        verdict: `accept` and `reject` an entity of the model, `correct` its bounds, label or assertion, `add` one that
            the model has missed.
        entity: its number among those of the sentence, from 0; None for `add`.
        start, end: `[start, end)` in characters of the sentence, for `correct` and `add`.
        label: its label, for `correct` and `add`.
        assertion: its statuses, for `correct` and `add`; None: not assessed.
        code, code_system: the code chosen from its candidates.
    """

    verdict: Literal["accept", "reject", "correct", "add"]
    entity: Annotated[int, Field(ge=0, le=MAX_VERDICTS)] | None = None
    start: _Offset | None = None
    end: _Offset | None = None
    label: _Text | None = None
    assertion: Annotated[tuple[Status, ...], Field(max_length=5)] | None = None
    code: _Text | None = None
    code_system: _Text | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        is_new, has_span = self.verdict == "add", self.verdict in ("correct", "add")
        if is_new != (self.entity is None):
            found = "an added entity with a number" if is_new else f"{self.verdict} without a number"
            raise ValueError(f"found {found}, expected the number of one of the model's entities to accept or correct")
        if has_span and (self.start is None or self.end is None or self.label is None):
            raise ValueError(f"found {self.verdict} without start, end and label, expected them")
        if (self.code is None) != (self.code_system is None):
            raise ValueError("found a code without its system, expected both or none")
        return self


class ReviewerDecision(ConfigModel):
    """What a reviewer says of one sentence.

    Attributes:
        sentence: id of the sentence.
        verdicts: one for each entity of the model, and those that were added; empty if `take` is given.
        take: id of another reviewer's decision that this one repeats.
        settles: ids of the decisions that disagree and on which this one is the last word; none, or two or more.
    """

    sentence: Id
    verdicts: Annotated[tuple[EntityVerdict, ...], Field(max_length=MAX_VERDICTS)] = ()
    take: Id | None = None
    settles: Annotated[tuple[Id, ...], Field(max_length=20)] = ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(set(self.settles)) == 1:
            raise ValueError("found one decision to settle, expected two or more that disagree")
        if self.take and self.verdicts:
            raise ValueError("found verdicts beside a decision to take, expected one of them")
        return self


def apply_verdicts(
    decision: ReviewerDecision, sentence: QueuedSentence, labels: Collection[str]
) -> tuple[list[ReviewedEntity], list[int]]:
    """Return the entities of a sentence as a reviewer wants them, and the numbers of those rejected.

    Args:
        decision: what the reviewer says.
        sentence: the sentence.
        labels: labels to choose from.

    Raises:
        DataRejected: an entity has no verdict or two, a label does not exist, a span is not one of whole words inside of
            the sentence or overlaps another, or a code is none of the candidates.
    """
    numbers = [verdict.entity for verdict in decision.verdicts if verdict.entity is not None]
    n = len(sentence["entities"])
    if sorted(numbers) != list(range(n)):
        shown = ", ".join(map(str, sorted(numbers)))[:100] or "none"
        raise DataRejected(f"found verdicts on entities {shown}, expected one on each of {n}, in {_name(sentence)}")
    words = [word for words in iter_sentences(sentence["text"], sentence["language"]) for word in words]
    entities = [
        _apply(verdict, sentence, labels, words) for verdict in decision.verdicts if verdict.verdict != "reject"
    ]
    entities.sort(key=lambda entity: (entity["start"], entity["end"]))
    for one, other in pairwise(entities):
        if other["start"] < one["end"]:
            spans = f"[{one['start']}, {one['end']}) and [{other['start']}, {other['end']})"
            raise DataRejected(f"found overlapping spans {spans}, expected none, in {_name(sentence)}")
    rejected = [one.entity for one in decision.verdicts if one.verdict == "reject" and one.entity is not None]
    return entities, sorted(rejected)


def _apply(
    verdict: EntityVerdict, sentence: QueuedSentence, labels: Collection[str], words: Sequence[tuple[int, int]]
) -> ReviewedEntity:
    assert verdict.verdict != "reject"
    asked: Mapping[str, Any] = {} if verdict.entity is None else sentence["entities"][verdict.entity]
    given = verdict.model_dump(include={"start", "end", "label", "assertion"})
    found: Mapping[str, Any] = {name: asked.get(name) for name in given} if verdict.verdict == "accept" else given
    start, end, label = int(found["start"]), int(found["end"]), str(found["label"])
    if verdict.verdict != "accept":
        is_whole = any(word[0] == start for word in words) and any(word[1] == end for word in words)
        if not start < end or not is_whole:
            expected = f"expected whole words within [0, {len(sentence['text'])})"
            raise DataRejected(f"found span [{start}, {end}), {expected}, in {_name(sentence)}")
        if label not in labels:
            known = ", ".join(sorted(labels))[:300]
            raise DataRejected(f"found label {label!r}, expected one of {known}, in {_name(sentence)}")
    _check_code(verdict, asked, sentence)
    # a code of the model belongs to the mention: another mention does not inherit it
    keeps = verdict.code is None and (start, end) == (asked.get("start"), asked.get("end"))
    statuses = found["assertion"]
    return {
        "verdict": verdict.verdict,
        "entity": verdict.entity,
        "start": start,
        "end": end,
        "label": label,
        "assertion": None if statuses is None else sorted(set(statuses)),
        "code": asked.get("code") if keeps else verdict.code,
        "code_system": asked.get("code_system") if keeps else verdict.code_system,
    }


def _check_code(verdict: EntityVerdict, asked: Mapping[str, Any], sentence: QueuedSentence) -> None:
    if verdict.code is None:
        return
    candidates = [(one["code"], one["system"]) for one in asked.get("candidates", ())]
    if (verdict.code, verdict.code_system) not in candidates:
        shown = ", ".join(code for code, _ in candidates)[:200] or "no code"
        raise DataRejected(f"found code {verdict.code!r}, expected one of {shown}, in {_name(sentence)}")


def _name(sentence: QueuedSentence) -> str:
    return f"sentence {sentence['id']}"

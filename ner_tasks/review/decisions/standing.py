"""Where a sentence stands after everything that reviewers have decided about it."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from ner_tasks.records import DecisionRecord, QueuedSentence, SentenceDecision, SentenceStanding, StandingDecision

# What a decision says, without who said it: bounds, label, assertion and code of each entity.
Reading = tuple[Any, ...]


class MadeDecision(NamedTuple):
    """A decision with who made it, and when."""

    by: str
    at: str
    decision: SentenceDecision


def read_entities(decision: SentenceDecision | StandingDecision) -> Reading:
    """Return what a decision says; decisions with equal readings agree."""
    return tuple(
        (one["start"], one["end"], one["label"], tuple(one["assertion"] or ()), one["code"], one["code_system"])
        for one in decision["entities"]
    )


def group_decisions(records: Iterable[DecisionRecord]) -> dict[str, list[MadeDecision]]:
    """Return the decisions on each sentence by its id, oldest first.

    A decision that its reviewer repeats counts once, since its first time.

    Args:
        records: decisions of runs, in any order.
    """
    grouped: dict[str, list[MadeDecision]] = {}
    for record in sorted(records, key=lambda record: (record["at"], record["run"])):
        for decision in record["decisions"]:
            made = grouped.setdefault(decision["sentence"]["id"], [])
            before = next((one for one in reversed(made) if one.by == record["by"]), None)
            if before is None or before.decision["id"] != decision["id"]:
                made.append(MadeDecision(record["by"], record["at"], decision))
    return dict(sorted(grouped.items()))


def find_standing(made: Sequence[MadeDecision]) -> SentenceStanding:
    """Find out where a sentence stands: the newest decision of each reviewer counts.

    It is settled if as many reviewers as were asked for agree and nobody disagrees, or if somebody has settled the
    decisions of all who disagree; disputed if somebody disagrees; open if more reviewers are needed.

    Args:
        made: decisions on one sentence, oldest first; at least one.
    """
    newest = {one.by: one for one in made}
    current = sorted(newest.values(), key=lambda one: (one.at, one.by))
    n_needed = max(one.decision["n_reviewers"] for one in current)
    last_word = next((one for one in reversed(current) if one.decision["settles"]), None)
    holds: MadeDecision | None = None
    if last_word is not None:
        reading, known = read_entities(last_word.decision), {last_word.decision["id"], *last_word.decision["settles"]}
        pending = [one for one in current if one.decision["id"] not in known and read_entities(one.decision) != reading]
        is_disputed, holds = bool(pending), None if pending else last_word
    else:
        is_disputed = len({read_entities(one.decision) for one in current}) > 1
        # of those who agree, the first one who said so
        holds = None if is_disputed or len(current) < n_needed else current[0]
    return {
        "state": "settled" if holds else "disputed" if is_disputed else "open",
        "sentence": current[-1].decision["sentence"],
        "decisions": [_describe(one) for one in current],
        "settled": current.index(holds) if holds else None,
    }


def get_settled(standing: SentenceStanding) -> StandingDecision | None:
    """Return the decision that holds; None unless the sentence is settled."""
    return None if standing["settled"] is None else standing["decisions"][standing["settled"]]


def get_first_decisions(made: Iterable[MadeDecision]) -> tuple[QueuedSentence | None, dict[str, SentenceDecision]]:
    """Return a sentence and each reviewer's first decision on it, made before any dispute was shown to them.

    Args:
        made: decisions on one sentence, oldest first.
    """
    sentence, first = None, dict[str, SentenceDecision]()
    for one in made:
        sentence = one.decision["sentence"]
        if not one.decision["settles"]:
            first.setdefault(one.by, one.decision)
    return sentence, first


def _describe(one: MadeDecision) -> StandingDecision:
    kept = {name: one.decision[name] for name in ("id", "entities", "rejected", "settles")}
    return {"by": one.by, "at": one.at, **kept}  # type: ignore[typeddict-item]

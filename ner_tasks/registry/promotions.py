"""The history of the pointer: what was in use, since when, and what it takes the place of."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from ner_tasks.model.model_folder import Kind
from ner_tasks.records.fields import Moment, Name, Number

Action = Literal["promote", "rollback"]


@dataclass(frozen=True)
class Promotion:
    """One line of the history; the newest is the pointer.

    Attributes:
        version: the version.
        kind: which of its models is used.
        by: who or what promoted it.
        at: when, ISO 8601, UTC.
        metrics: the figures that it was promoted for.
        previous: the version that it took the place of, if any.
        action: whether it was a step forward or back.
        reason: why, if a person said so.
    """

    version: Name
    kind: Kind
    by: str
    at: Moment
    metrics: dict[str, Number] = field(default_factory=dict)
    previous: Name | None = None
    action: Action = "promote"
    reason: str = ""


def previous_promotion(history: Sequence[Promotion]) -> Promotion | None:
    """The promotion that a roll-back goes to; None if there is none.

    A roll-back is no step of its own here: after a second one the version that the first one left is not in use again,
    but the one before both.
    """
    steps: list[Promotion] = []
    for line in history:
        if line.action == "rollback":
            while len(steps) > 1 and (steps[-1].version, steps[-1].kind) != (line.version, line.kind):
                steps.pop()
        else:
            steps.append(line)
    return steps[-2] if len(steps) > 1 else None

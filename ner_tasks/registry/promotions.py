"""Promotion history: which version was in use since when."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from ner_tasks.model.model_folder import Kind
from ner_tasks.records.fields import Moment, Name, Number

Action = Literal["promote", "rollback"]


@dataclass(frozen=True)
class Promotion:
    """One line of the history; the newest one is the pointer.

    Attributes:
        version: the promoted version.
        kind: the model of that version that is used, such as `int8`.
        by: person or DAG that promoted it.
        at: time, ISO 8601, UTC.
        metrics: its metrics at that time.
        previous: the version that it replaced, if any.
        action: `promote` or `rollback`.
        reason: reason given by a person, if any.
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
    """Find the promotion that a rollback returns to.

    Rollbacks are not promotions: a second rollback goes one version further back instead of undoing the first.

    Args:
        history: all promotions, oldest first.

    Returns:
        The promotion; None if there is none.
    """
    steps: list[Promotion] = []
    for line in history:
        if line.action == "rollback":
            while len(steps) > 1 and (steps[-1].version, steps[-1].kind) != (line.version, line.kind):
                steps.pop()
        else:
            steps.append(line)
    return steps[-2] if len(steps) > 1 else None

"""Decisions of reviewers on sentences of the review queue."""

from typing import Annotated, Any, ClassVar

from pydantic import Field, WithJsonSchema

from ner_tasks.config.base import ConfigModel, inline_schema
from ner_tasks.config.flags import Flag
from ner_tasks.config.types import Day
from ner_tasks.review.decisions.verdicts import ReviewerDecision
from ner_tasks.steps.command import Command, JsonFile
from ner_tasks.steps.registry import StoreFlag

MAX_DECISIONS = 50  # sentences that one run decides


def _schema() -> dict[str, Any]:
    return {"type": "array", "minItems": 1, "maxItems": MAX_DECISIONS, "items": inline_schema(ReviewerDecision)}


Decisions = Annotated[
    tuple[ReviewerDecision, ...], Field(min_length=1, max_length=MAX_DECISIONS), WithJsonSchema(_schema())
]


class DecideParams(ConfigModel):
    """What a reviewer decided."""

    day: Day = Field(title="Day", description="The day of the queue")
    decisions: Decisions = Field(
        title="Decisions", description="The page Review queue writes them: an id and a verdict on each entity"
    )


class DecideCommand(StoreFlag, Command):
    """Record what a reviewer decided about sentences of the review queue, and derive the labelled batch anew."""

    name: ClassVar[str] = "decide"
    reads_documents: ClassVar[bool] = True

    decisions_file: JsonFile = Field(description='JSON of {"day", "decisions"}, as the page Review queue writes it')
    by: Annotated[str | None, Flag("NAME")] = Field(
        None, description="the reviewer (default: the user of this machine)"
    )

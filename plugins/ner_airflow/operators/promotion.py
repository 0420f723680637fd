"""The steps of `ner_promote`: promote a version, or roll back."""

from typing import TYPE_CHECKING, Any

from pydantic import Field

from ner_airflow.assets import NER_INT8
from ner_airflow.operators.base import NerOperator
from ner_tasks.config.base import ConfigModel
from ner_tasks.config.types import Line, Version
from ner_tasks.registry import model_card
from ner_tasks.registry.queries import read_figures

if TYPE_CHECKING:
    from airflow.sdk import Context


class PromoteParams(ConfigModel):
    """Which version is promoted, and why."""

    version: Version | None = Field(None, title="Model version", description="Empty: back to the version before")
    reason: Line = Field("", title="Reason", description="It is kept in the history")


class ChooseVersionOperator(NerOperator):
    """Choose the version to promote, or the one before; it is pinned, so that a retry does not roll back further."""

    def step(self, context: "Context") -> dict[str, Any]:
        asked_for = self.read_config(PromoteParams).version
        current = self.registry.promoted()
        instead_of = current.version if current else None
        if asked_for:
            figures = read_figures(self.registry, asked_for)
            chosen = {"version": asked_for, "kind": "int8", "metrics": figures, "action": "promote"}
        else:
            target = self.registry.rollback_target()
            chosen = {"version": target.version, "kind": target.kind, "metrics": target.metrics, "action": "rollback"}
        self.log.info("%s to %s, from %s: %s", chosen["action"], chosen["version"], instead_of, chosen["metrics"])
        return {**chosen, "instead_of": instead_of}


class PromoteVersionOperator(NerOperator):
    """Promote the chosen version after checking its files."""

    template_fields = (*NerOperator.template_fields, "chosen", "by")

    def __init__(self, *, chosen: Any, by: str, **kwargs: Any) -> None:
        super().__init__(**{"outlets": [NER_INT8], **kwargs})
        self.chosen, self.by = chosen, by

    def step(self, context: "Context") -> dict[str, Any]:
        version, kind, metrics = (self.chosen[name] for name in ("version", "kind", "metrics"))
        entry = {
            "by": self.by,
            "reason": self.read_config(PromoteParams).reason,
            "instead_of": self.chosen["instead_of"],
        }
        now = self.registry.promoted()
        if now and (now.version, now.kind) == (version, kind):
            self.log.info("an earlier try has moved the pointer already")
            promotion = now
        elif self.chosen["action"] == "rollback":
            promotion = self.registry.roll_back(**entry)
        else:
            promotion = self.registry.promote(version, kind, metrics=metrics, **entry)
        self.log.info("promoted: %s since %s, after %s", promotion.version, promotion.at, promotion.previous)
        self.log.info("model card: %s.html", self.store.where(model_card.publish_card(self.registry, version)))
        context["outlet_events"][NER_INT8].extra = {"version": version, **metrics}
        return {"version": version, "previous": promotion.previous, "metrics": metrics}

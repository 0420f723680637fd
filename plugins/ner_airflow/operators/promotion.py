"""The steps of `ner_promote`: a person lets the nightly run use another version, or the one before."""

from typing import TYPE_CHECKING, Any

from ner_airflow.assets import NER_INT8
from ner_airflow.operators.base import NerOperator
from ner_tasks.registry import model_card
from ner_tasks.registry.queries import read_figures

if TYPE_CHECKING:
    from airflow.sdk import Context


class ChooseVersionOperator(NerOperator):
    """The version asked for, else the one that was in use before; pinned, so that another try does not go further."""

    template_fields = ("version",)

    def __init__(self, *, version: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.version = version

    def step(self, context: "Context") -> dict[str, Any]:
        current = self.registry.promoted()
        instead_of = current.version if current else None
        if self.version:
            figures = read_figures(self.registry, self.version)
            chosen = {"version": self.version, "kind": "int8", "metrics": figures, "action": "promote"}
        else:
            target = self.registry.rollback_target()
            chosen = {"version": target.version, "kind": target.kind, "metrics": target.metrics, "action": "rollback"}
        self.log.info("%s to %s, from %s: %s", chosen["action"], chosen["version"], instead_of, chosen["metrics"])
        return {**chosen, "instead_of": instead_of}


class PromoteVersionOperator(NerOperator):
    """Point the nightly run at the chosen version, once its files have been checked."""

    template_fields = ("chosen", "by", "reason")

    def __init__(self, *, chosen: Any, by: str, reason: str, **kwargs: Any) -> None:
        super().__init__(**{"outlets": [NER_INT8], **kwargs})
        self.chosen, self.by, self.reason = chosen, by, reason

    def step(self, context: "Context") -> dict[str, Any]:
        version, kind, metrics = (self.chosen[name] for name in ("version", "kind", "metrics"))
        said = {"by": self.by, "reason": self.reason, "instead_of": self.chosen["instead_of"]}
        now = self.registry.promoted()
        if now and (now.version, now.kind) == (version, kind):
            self.log.info("an earlier try has moved the pointer already")
            promotion = now
        elif self.chosen["action"] == "rollback":
            promotion = self.registry.roll_back(**said)
        else:
            promotion = self.registry.promote(version, kind, metrics=metrics, **said)
        self.log.info("promoted: %s since %s, after %s", promotion.version, promotion.at, promotion.previous)
        self.log.info("model card: %s.html", self.store.where(model_card.publish_card(self.registry, version)))
        context["outlet_events"][NER_INT8].extra = {"version": version, **metrics}
        return {"version": version, "previous": promotion.previous, "metrics": metrics}

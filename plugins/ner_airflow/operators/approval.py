"""The step of `ner_quantize` in which a person approves or rejects a model."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from pydantic import Field

from ner_airflow.operators.base import NerOperator
from ner_tasks.config.base import ConfigModel
from ner_tasks.registry.promotions import Promotion
from ner_tasks.store import keys

if TYPE_CHECKING:
    from airflow.sdk import Context


class ApprovalParams(ConfigModel):
    """Whether a person has to approve a model."""

    approval: bool | None = Field(
        None,
        title="Approval",
        description="Ask a person before the model is promoted; empty: NER_APPROVAL, otherwise no",
    )
    approval_hours: float = Field(
        24, gt=0, le=168, title="Hours to wait for approval", description="Without an answer the model is not promoted"
    )


class ApproveModelOperator(NerOperator, ApprovalOperator):
    """Ask a person whether a model may be promoted, if the run or the deployment wants that; no answer in time rejects it.

    While it waits, in Airflow's state `awaiting_input`, it holds neither a worker nor a slot of a pool.

    Args:
        checked: result of the gate, with or without the impact report.
    """

    template_fields = (*ApprovalOperator.template_fields, "config", "checked")

    def __init__(self, *, checked: Any, **kwargs: Any) -> None:
        # subject and body are set when the task runs, after templating: they quote documents
        super().__init__(**{"subject": "Promote this model?", "defaults": ApprovalOperator.REJECT, **kwargs})
        self.checked = checked

    def step(self, context: "Context") -> dict[str, Any]:
        params = self.read_config(ApprovalParams)
        if not (self.settings.approval if params.approval is None else params.approval):
            self.log.info("no approval asked for")
            return dict(self.checked)
        version = self.checked["version"]
        self.response_timeout = timedelta(hours=params.approval_hours)
        until = datetime.now(UTC) + self.response_timeout
        self.subject = f"Promote version {version}?"
        shown = dict(self.checked)
        if "impact" in shown:  # the whole report, with its quotations, for the person who decides
            shown["impact"] = self.store.read_json(shown["impact"]["key"])
        self.body = request(shown, self.registry.promoted(), until, self.store.where(keys.model_report(version)))
        self.log.info("asking for approval of version %s until %s", version, until.isoformat(timespec="minutes"))
        return dict(ApprovalOperator.execute(self, context))  # ends the process; execute_complete continues

    def execute_complete(self, context: "Context", event: dict[str, Any]) -> dict[str, Any]:
        version, who = self.checked["version"], (event.get("responded_by_user") or {}).get("name")
        approved = event.get("chosen_options") == [self.APPROVE]
        answer = {"version": version, "approved": approved, "by": who, "at": datetime.now(UTC).isoformat()}
        self.store.write_json(keys.approval(version), answer)
        if not approved:
            reason = (
                f"{who} rejected it"
                if who
                else f"nobody has answered within {self.read_config(ApprovalParams).approval_hours:g} hours"
            )
            now = self.registry.promoted()
            stays = f"{now.version} stays promoted" if now else "nothing is promoted still"
            self.log.warning("rejected: version %s is not promoted, as %s; %s", version, reason, stays)
        super().execute_complete(context, event)  # a rejection skips the promotion
        self.log.info("approved: version %s, by %s", version, who)
        return {**self.checked, "approved_by": who}


def request(checked: Mapping[str, Any], champion: Promotion | None, until: datetime, where: str) -> str:
    """Return the request for approval as Markdown.

    Args:
        checked: `version`, `metrics` and `gate`; with `impact`, the summary of what it changes in last night's corpus.
        champion: what is promoted now.
        until: when no answer becomes a no.
        where: where the whole reports lie.
    """
    lines = [f"Without an answer until **{until:%Y-%m-%d %H:%M} UTC** it is not promoted.", ""]
    names = list(checked["metrics"])
    before = dict(champion.metrics) if champion else {}
    now = f"`{champion.version}`, promoted {champion.at[:16]}" if champion else "none"
    lines += [f"| | challenger `{checked['version']}` | promoted now: {now} |", "|---|---|---|"]
    lines += [f"| {name} | {_shown(checked['metrics'][name])} | {_shown(before.get(name))} |" for name in names]
    lines += ["", "**The gate was passed:**", "", *(f"- {line}" for line in checked["gate"])]
    if "impact" in checked:
        lines += ["", "**What it changes in last night's corpus:**", "", str(checked["impact"]["summary"])]
    return "\n".join([*lines, "", f"All reports: `{where}`", ""])


def _shown(figure: Any) -> str:
    return f"{figure:.4f}" if isinstance(figure, float) else "" if figure is None else str(figure)

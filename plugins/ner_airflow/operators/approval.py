"""The step of `ner_quantize` in which a person says yes or no."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import ApprovalOperator

from ner_airflow.operators.base import NerOperator
from ner_tasks.errors import ConfigInvalid
from ner_tasks.registry.promotions import Promotion
from ner_tasks.store import keys

if TYPE_CHECKING:
    from airflow.sdk import Context


class ApproveModelOperator(NerOperator, ApprovalOperator):
    """Ask a person whether a model may be promoted, where that is wanted. No answer in time is a no.

    While it waits, in Airflow's state `awaiting_input`, it holds neither a worker nor a slot of a pool.

    Args:
        checked: what the gate said, or what the impact report has added to it.
        approval: `True` to ask, `False` not to; empty: as `NER_APPROVAL` says.
        hours: how long to wait for an answer.
    """

    template_fields = (*ApprovalOperator.template_fields, "checked", "approval", "hours")

    def __init__(self, *, checked: Any, approval: str, hours: str, **kwargs: Any) -> None:
        # what is shown is put in when the task runs, behind the templates: it quotes documents
        super().__init__(**{"subject": "Promote this model?", "defaults": ApprovalOperator.REJECT, **kwargs})
        self.checked, self.approval, self.hours = checked, approval, hours

    def step(self, context: "Context") -> dict[str, Any]:
        if not self._wanted():
            self.log.info("no approval asked for")
            return dict(self.checked)
        version = self.checked["version"]
        self.response_timeout = timedelta(hours=float(self.hours))
        until = datetime.now(UTC) + self.response_timeout
        self.subject = f"Promote version {version}?"
        shown = dict(self.checked)
        if "impact" in shown:  # with its quotations: for the person who answers
            shown["impact"] = self.store.read_json(shown["impact"]["key"])
        self.body = request(shown, self.registry.promoted(), until, self.store.where(keys.model_report(version)))
        self.log.info("asking for approval of version %s until %s", version, until.isoformat(timespec="minutes"))
        return dict(ApprovalOperator.execute(self, context))  # ends the process; goes on in execute_complete

    def execute_complete(self, context: "Context", event: dict[str, Any]) -> dict[str, Any]:
        version, who = self.checked["version"], (event.get("responded_by_user") or {}).get("name")
        approved = event.get("chosen_options") == [self.APPROVE]
        answer = {"version": version, "approved": approved, "by": who, "at": datetime.now(UTC).isoformat()}
        self.store.write_json(keys.approval(version), answer)
        if not approved:
            said = f"{who} said no" if who else f"nobody has answered within {self.hours} hours"
            now = self.registry.promoted()
            stays = f"{now.version} stays promoted" if now else "nothing is promoted still"
            self.log.warning("rejected: version %s is not promoted, as %s; %s", version, said, stays)
        super().execute_complete(context, event)  # a no skips the promotion
        self.log.info("approved: version %s, by %s", version, who)
        return {**self.checked, "approved_by": who}

    def _wanted(self) -> bool:
        if self.approval not in ("", "True", "False"):
            raise ConfigInvalid(f"found approval={self.approval!r}, expected True, False or nothing, in the parameters")
        return self.approval == "True" or (self.approval == "" and self.settings.approval)


def request(checked: Mapping[str, Any], champion: Promotion | None, until: datetime, where: str) -> str:
    """What the person is shown, as Markdown.

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

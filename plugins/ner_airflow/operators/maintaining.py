"""The step of `ner_maintain`: clear away what nobody needs any more, and report it."""

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ner_airflow.operators.base import NerOperator
from ner_tasks import lineage
from ner_tasks.versions.retention import Keep, clear, survey

if TYPE_CHECKING:
    from airflow.sdk import Context


class ClearAway(NerOperator):
    """Remove versions, snapshots and staging without a reason to be kept; with `delete` False only say what would go."""

    template_fields = ("days", "n_versions", "staging_days", "delete")

    def __init__(self, *, days: str, n_versions: str, staging_days: str, delete: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.days, self.n_versions, self.staging_days, self.delete = days, n_versions, staging_days, delete

    def step(self, context: "Context") -> dict[str, Any]:
        keep = Keep(float(self.days), int(self.n_versions), float(self.staging_days))
        really = self.delete == "True"
        if really:
            kept, gone = clear(self.registry, keep, time.time())
        else:
            found = survey(self.registry, keep, time.time())
            kept, gone = [item for item in found if item.reason], [item for item in found if not item.reason]
        for item in kept:
            self.log.info("kept: %s: %s", item.key, item.reason)
        for item in gone:
            self.log.info("%s: %s, %d bytes", "removed" if really else "would remove", item.key, item.n_bytes)
        # a run's id has characters that are no part of a name
        report = f"reports/retention/{lineage.version_of({'run': context['run_id']})}.json"
        items = {"kept": [asdict(item) for item in kept], "gone": [asdict(item) for item in gone]}
        self.store.write_json(report, {"run": context["run_id"], "deleted": really, **items})
        n_bytes = sum(item.n_bytes for item in gone)
        return {"deleted": really, "n_kept": len(kept), "n_gone": len(gone), "n_bytes": n_bytes, "report": report}

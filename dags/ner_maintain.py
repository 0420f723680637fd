"""Delete versions, snapshots and staging that are no longer needed, and old runs of Airflow with their logs.

| | |
|---|---|
| **Reads** | `models/`, `snapshots/`, `staging/`, the manifests in `tagged/`; Airflow's database |
| **Writes** | deletes from the store, from the scratch folder of this machine and from Airflow's database; `reports/retention/` lists what and why |
| **Runs** | Sundays 12:00 UTC; by hand with `delete` off to list what would be deleted |
| **Re-run** | safe: each run looks up again what is needed |
| **On failure** | docs/runbook/models.md#maintenance |

Never deleted: the promoted version, the version that a rollback would promote, versions used within `days`, versions that
tagged a day in the store, versions that a run is working on, and the snapshots of all of these.
"""

from datetime import timedelta

from airflow.sdk import CronTriggerTimetable, dag

from ner_airflow.defaults import DAG_DEFAULTS, NOT_AT_ONCE
from ner_airflow.operators.maintenance import CleanDatabaseOperator, CleanParams, PruneStoreOperator
from ner_airflow.params import dag_params
from ner_tasks.steps.registry import PruneParams

PARAMS = dag_params(PruneParams, CleanParams, delete=True)


@dag(
    schedule=CronTriggerTimetable("0 12 * * 0", timezone="UTC", run_immediately=NOT_AT_ONCE),
    doc_md=__doc__,
    params=PARAMS,
    dagrun_timeout=timedelta(hours=4),
    **DAG_DEFAULTS,
)
def ner_maintain() -> None:
    cleared = PruneStoreOperator(task_id="prune_store")
    cleared >> CleanDatabaseOperator(task_id="clean_airflow")


ner_maintain()

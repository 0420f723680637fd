"""Clear away what nobody needs any more: old versions, snapshots and staging, and old runs of Airflow with their logs.

| | |
|---|---|
| **Reads** | `models/`, `snapshots/`, `staging/`, and of `tagged/` which version has tagged each day; Airflow's database |
| **Writes** | removes what has no reason to be kept, and what killed processes have left in the store and in this machine's scratch; `reports/retention/` has what and why. Rows of all DAGs' old runs go |
| **Runs** | Sundays 12:00 UTC; by hand with `delete` off: says what would go |
| **Re-run** | safe: what is gone is gone, what is needed is looked up anew |
| **On failure** | docs/runbook/models.md#maintenance |

Never removed: what is promoted, what a roll-back goes to, what was in use within `days`, what tagged a day that is still
there, what a run works on, and the snapshots that all these were made from.
"""

from datetime import timedelta

from airflow.sdk import CronTriggerTimetable, Param, dag

from ner_airflow.bounds import within
from ner_airflow.defaults import DAG_DEFAULTS, NOT_AT_ONCE, param
from ner_airflow.operators.maintenance import CleanDatabaseOperator, PruneStoreOperator

PARAMS = {
    "days": Param(
        90, type="number", **within(1, 36_500), description="Keep what was made or in use within so many days"
    ),
    "n_versions": Param(
        5, type="integer", **within(1, 100_000), description="Keep so many of the newest versions and snapshots"
    ),
    "staging_days": Param(14, type="number", **within(8, 36_500), description="Keep for so long what tasks hand on"),
    "db_days": Param(
        90,
        type=["null", "number"],
        **within(8, 36_500),
        description="Keep runs, logs and notes for so long; empty: for ever",
    ),
    "delete": Param(True, type="boolean", description="Off: only say what would go"),
}


@dag(
    schedule=CronTriggerTimetable("0 12 * * 0", timezone="UTC", run_immediately=NOT_AT_ONCE),
    doc_md=__doc__,
    params=PARAMS,
    dagrun_timeout=timedelta(hours=4),
    **DAG_DEFAULTS,
)
def ner_maintain() -> None:
    cleared = PruneStoreOperator(
        task_id="prune_store",
        days=param("days"),
        n_versions=param("n_versions"),
        staging_days=param("staging_days"),
        delete=param("delete"),
    )
    cleared >> CleanDatabaseOperator(task_id="clean_airflow", db_days=param("db_days"), delete=param("delete"))


ner_maintain()

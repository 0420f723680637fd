"""Withdraw the published answers of one day, for instance because they came from a wrong model.

| | |
|---|---|
| **Reads** | `tagged/<day>/` |
| **Writes** | `withdrawn/<day>/<night>/`: the manifest, which names the day's parts, and the reason; the day is deleted in PostgreSQL if `NER_POSTGRES` names a Connection |
| **Runs** | by hand |
| **Re-run** | safe: a day without published answers is skipped |
| **On failure** | docs/runbook/nights.md#withdrawing-a-day |

The manifest is removed first, so that nobody reads the day; its parts stay. Run `ner_tag_nightly` with the same `day` to publish it again.
"""

from datetime import timedelta

from airflow.sdk import dag

from ner_airflow.defaults import DAG_DEFAULTS, TAGS
from ner_airflow.operators.warehouse import LoadPostgresOperator
from ner_airflow.operators.withdrawal import WithdrawDayOperator, WithdrawParams
from ner_airflow.params import dag_params

PARAMS = dag_params(WithdrawParams)


@dag(schedule=None, doc_md=__doc__, params=PARAMS, dagrun_timeout=timedelta(hours=1), **DAG_DEFAULTS)
def ner_withdraw() -> None:
    withdrawn = WithdrawDayOperator(task_id="withdraw")
    withdrawn >> LoadPostgresOperator(task_id="load_postgres", **TAGS, day="{{ params.day }}")


ner_withdraw()

"""Take back the published answers of one day, for instance because a wrong model gave them.

| | |
|---|---|
| **Reads** | `tagged/<day>/` |
| **Writes** | `withdrawn/<day>/<night>/`: the answers as they were, and the reason |
| **Runs** | by hand |
| **Re-run** | safe: a day without published answers is skipped |
| **On failure** | docs/runbook/nights.md#withdrawing-a-day |

The marker goes first: from then on nobody reads the day. `ner_tag_nightly` with the same `day` publishes it anew.
"""

from datetime import timedelta

from airflow.sdk import Param, dag

from ner_airflow.bounds import DATE, LINE
from ner_airflow.defaults import DAG_DEFAULTS
from ner_airflow.operators.publication import WithdrawDayOperator

PARAMS = {
    "day": Param(type="string", **DATE, description="Day to withdraw"),
    "reason": Param(type="string", **LINE, minLength=3, description="Why; kept with the answers"),
}


@dag(schedule=None, doc_md=__doc__, params=PARAMS, dagrun_timeout=timedelta(hours=1), **DAG_DEFAULTS)
def ner_withdraw() -> None:
    WithdrawDayOperator(task_id="withdraw", day="{{ params.day }}", reason="{{ params.reason }}")


ner_withdraw()

"""Let the nightly run use another version, or go back to the one that was in use before.

| | |
|---|---|
| **Reads** | `models/<version>/`, `models/promoted.json` and its history |
| **Writes** | `models/promoted.json`, and a line of the history: what, when, who, why |
| **Runs** | by hand |
| **Re-run** | safe: the version is chosen once; a second try of the same run does not go back further |
| **On failure** | docs/runbook/models.md#promoting-and-rolling-back |

A night that has begun goes on with the model that it began with. `ner_retag` finds the days that a version has tagged.
"""

from datetime import timedelta

from airflow.sdk import Param, dag

from ner_airflow.bounds import LINE, VERSION
from ner_airflow.defaults import DAG_DEFAULTS, WHO, param
from ner_airflow.operators.promotion import ChooseVersionOperator, PromoteVersionOperator

PARAMS = {
    "version": Param(
        None, type=["null", "string"], **VERSION, description="Version to promote; empty: back to the one before"
    ),
    "reason": Param("", type="string", **LINE, description="Why; kept in the history"),
}


@dag(schedule=None, doc_md=__doc__, params=PARAMS, dagrun_timeout=timedelta(hours=1), **DAG_DEFAULTS)
def ner_promote() -> None:
    chosen = ChooseVersionOperator(task_id="choose", version=param("version"))
    PromoteVersionOperator(task_id="promote", chosen=chosen.output, by=WHO, reason="{{ params.reason }}")


ner_promote()

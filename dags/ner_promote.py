"""Promote a model version, or roll back to the one before.

| | |
|---|---|
| **Reads** | `models/<version>/`, `models/promoted.json` and its history |
| **Writes** | `models/promoted.json`, and a line of the history: what, when, who, why |
| **Runs** | by hand |
| **Re-run** | safe: the version is chosen once; a retry does not roll back further |
| **On failure** | docs/runbook/models.md#promoting-and-rolling-back |

A night that has started finishes with the model it started with. `ner_retag` finds the days that a version has tagged.
"""

from datetime import timedelta

from airflow.sdk import dag

from ner_airflow.defaults import DAG_DEFAULTS, WHO
from ner_airflow.operators.promotion import ChooseVersionOperator, PromoteParams, PromoteVersionOperator
from ner_airflow.params import dag_params

PARAMS = dag_params(PromoteParams)


@dag(schedule=None, doc_md=__doc__, params=PARAMS, dagrun_timeout=timedelta(hours=1), **DAG_DEFAULTS)
def ner_promote() -> None:
    chosen = ChooseVersionOperator(task_id="choose")
    PromoteVersionOperator(task_id="promote", chosen=chosen.output, by=WHO)


ner_promote()

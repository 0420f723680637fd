"""Measure how this kind of machine runs a model best, and use that in the nightly run.

| | |
|---|---|
| **Reads** | `models/<version>/`, the dev part of its snapshot |
| **Writes** | `models/<version>/runtime/<host>.json`: the choice, and all measurements |
| **Runs** | by hand, once for each kind of machine that tags, while nothing else is running |
| **Re-run** | safe: it measures again, and the last choice counts |
| **On failure** | docs/runbook/models.md#tuning |

A kind of machine is processor, number of CPUs and number of threads of the host that ran the task. A night that has started
finishes with the choice it started with.
"""

from datetime import timedelta

from airflow.sdk import dag

from ner_airflow.defaults import DAG_DEFAULTS, TAGS
from ner_airflow.operators.tuning import TuneModelOperator, TuneVersionParams
from ner_airflow.params import dag_params
from ner_tasks.evaluation.policy import Int8LossParams
from ner_tasks.steps.measures import TuneParams

PARAMS = dag_params(TuneVersionParams, TuneParams, Int8LossParams)


@dag(schedule=None, doc_md=__doc__, params=PARAMS, dagrun_timeout=timedelta(hours=4), **DAG_DEFAULTS)
def ner_tune() -> None:
    TuneModelOperator(task_id="tune", **TAGS)


ner_tune()

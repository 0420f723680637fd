"""Find out how machines of this kind run a model best, and let the nightly run do so.

| | |
|---|---|
| **Reads** | `models/<version>/`, the dev part of its snapshot |
| **Writes** | `models/<version>/runtime/<host>.json`: the choice, and every figure that it rests on |
| **Runs** | by hand, once for each kind of machine that tags, when nothing else is running |
| **Re-run** | safe: it is measured anew, and the last choice holds |
| **On failure** | docs/runbook/models.md#tuning |

What holds is the kind of the machine that the task ran on: processor, number of CPUs, threads. A night that has begun goes
on as it began.
"""

from datetime import timedelta

from airflow.sdk import Param, dag

from ner_airflow.bounds import F1_LOSS, VERSION, within
from ner_airflow.defaults import DAG_DEFAULTS, TAGS, param
from ner_airflow.operators.tuning import TuneModelOperator

PARAMS = {
    "version": Param(None, type=["null", "string"], **VERSION, description="Version to tune; empty: the promoted one"),
    "rounds": Param(3, type="integer", **within(1, 100), description="Timed turns of each candidate"),
    "n_sentences": Param(1024, type="integer", **within(1, 1_000_000), description="Sentences timed in a turn"),
    "time_limit_s": Param(600, type="number", **within(1, 86_400), description="Ask nothing new after so many seconds"),
    "max_f1_loss": Param(
        None, type=["null", "number"], **F1_LOSS, description="Most entity F1 a way may lose; empty: as the INT8 gate"
    ),
}


@dag(schedule=None, doc_md=__doc__, params=PARAMS, dagrun_timeout=timedelta(hours=4), **DAG_DEFAULTS)
def ner_tune() -> None:
    TuneModelOperator(
        task_id="tune",
        **TAGS,
        version=param("version"),
        rounds=param("rounds"),
        n_sentences=param("n_sentences"),
        time_limit_s=param("time_limit_s"),
        max_f1_loss=param("max_f1_loss"),
    )


ner_tune()

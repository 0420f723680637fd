"""Record what a reviewer decided on the page Review queue: accepted, corrected, rejected and added entities.

| | |
|---|---|
| **Reads** | `reports/review/<day>/`, `reports/reviewed/<day>/` |
| **Writes** | `reports/reviewed/<day>/`: the decisions with who and when, where each sentence stands, chosen codes; `labelled/review-<day>-page/`: the settled sentences |
| **Runs** | when a reviewer presses *Save* on the page |
| **Re-run** | safe: the decisions of a run are written once, and the batch is derived from all of them |
| **On failure** | docs/runbook/nights.md#decisions |

The decisions name sentences and characters and quote no document. Sentences on which reviewers disagree are not in the
batch until one of them, or a third person, settles them on the page. The next `ner_retrain` uses the batch.
"""

from datetime import timedelta

from airflow.sdk import dag

from ner_airflow.defaults import DAG_DEFAULTS
from ner_airflow.operators.reviewing import RecordDecisionsOperator
from ner_airflow.params import dag_params
from ner_tasks.steps.reviewing import DecideParams

PARAMS = dag_params(DecideParams)


# on from the start: it runs only if somebody presses *Save*, whose decisions would wait
@dag(
    schedule=None,
    is_paused_upon_creation=False,
    doc_md=__doc__,
    params=PARAMS,
    dagrun_timeout=timedelta(hours=1),
    **DAG_DEFAULTS,
)
def ner_decide() -> None:
    RecordDecisionsOperator(task_id="record")


ner_decide()

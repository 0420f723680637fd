"""Choose the sentences of a night that a reviewer should check first, for the pages, Label Studio and doccano.

| | |
|---|---|
| **Reads** | `tagged/<day>/`; with `other` also `inbox/<day>/` and that version |
| **Writes** | `reports/review/<day>/`: `queue.jsonl`, `label-studio.json` with its interface `label-studio.xml`, `doccano.jsonl`, `review.json` |
| **Runs** | by hand, for the last published day or for `day` |
| **Re-run** | safe: the same night and settings give the same queue |
| **On failure** | docs/runbook/nights.md#review |

Decide them on the page Review queue, or put sentences that were corrected elsewhere into `labelled/review-<day>/`: the
next `ner_retrain` uses them instead of what older batches say about the same text.
"""

from datetime import timedelta

from airflow.sdk import dag

from ner_airflow.defaults import DAG_DEFAULTS, TAGS
from ner_airflow.operators.shadow_tagging import ExportReviewOperator, ReviewNightParams
from ner_airflow.params import dag_params
from ner_tasks.steps.answers import ReviewParams, SampleParams

PARAMS = dag_params(ReviewNightParams, ReviewParams, SampleParams)


@dag(schedule=None, doc_md=__doc__, params=PARAMS, dagrun_timeout=timedelta(hours=4), **DAG_DEFAULTS)
def ner_review() -> None:
    ExportReviewOperator(task_id="export", **TAGS)


ner_review()

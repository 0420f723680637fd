"""Choose the sentences of a night that are most worth a person's time, and write them for Label Studio and doccano.

| | |
|---|---|
| **Reads** | `tagged/<day>/`; with `other` also `inbox/<day>/` and that model |
| **Writes** | `reports/review/<day>/`: `label-studio.json` with its interface `label-studio.xml`, `doccano.jsonl`, `review.json` |
| **Runs** | by hand, for the last published day or for `day` |
| **Re-run** | safe: the same night and settings give the same queue |
| **On failure** | docs/runbook/nights.md#review |

What comes back corrected goes into `labelled/review-<day>/`: the next `ner_retrain` learns it in place of what older
batches say about the same text.
"""

from datetime import timedelta

from airflow.sdk import Param, dag

from ner_airflow.bounds import DATE, SHARE, VERSION, within
from ner_airflow.defaults import DAG_DEFAULTS, TAGS, param
from ner_airflow.operators.shadow_tagging import ExportReviewOperator

PARAMS = {
    "day": Param(None, type=["null", "string"], **DATE, description="Day to read; empty: the last published"),
    "other": Param(
        None, type=["null", "string"], **VERSION, description="Version to disagree with the night's; empty: none"
    ),
    "n_most": Param(200, type="integer", **within(1, 100_000), description="Most sentences in the queue"),
    "max_score": Param(0.8, type="number", **SHARE, description="A mention that scores less is asked about"),
    "max_words": Param(
        50_000, type="integer", **within(1, 1_000_000), description="Most words of the night that `other` tags"
    ),
}


@dag(schedule=None, doc_md=__doc__, params=PARAMS, dagrun_timeout=timedelta(hours=4), **DAG_DEFAULTS)
def ner_review() -> None:
    ExportReviewOperator(
        task_id="export",
        **TAGS,
        day=param("day"),
        other=param("other"),
        n_most=param("n_most"),
        max_score=param("max_score"),
        max_words=param("max_words"),
    )


ner_review()

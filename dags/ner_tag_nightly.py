"""Tag every document that arrived during one UTC day with the promoted INT8 model.

| | |
|---|---|
| **Reads** | `inbox/<day>/`, `models/promoted.json` |
| **Writes** | `tagged/<day>/` and `rejected/<day>/`, whole, the tagged last; then `reports/drift/<day>.json` |
| **Runs** | 01:30 UTC for the day before, once its uploads have closed; any day by hand with `day` |
| **Re-run** | safe: a day answered by the same model is skipped; late documents are added, nothing is tagged twice |
| **On failure** | docs/runbook/nights.md#nightly-tagging |

The model is pinned at the start. A document that cannot be tagged does not stop the others: it lies in
`rejected/<day>/` with its reason. An empty inbox is green and says so; one that yields nothing never is.
A night unlike those before it fails in `drift_gate`, with its answers published.
"""

from datetime import timedelta

from airflow.sdk import CronPartitionTimetable, Param, dag

from ner_airflow.assets import NER_INT8
from ner_airflow.bounds import DATE, LINE, SHARE, VERSION, within
from ner_airflow.defaults import DAG_DEFAULTS, DAY, NOT_AT_ONCE, TAGS, param
from ner_airflow.observability.deadline import make_deadline
from ner_airflow.operators.monitoring import DetectDriftOperator, DriftGateOperator, RetrainOnDriftOperator
from ner_airflow.operators.publication import NightGateOperator, PublishDayOperator
from ner_airflow.operators.tagging import PlanShardsOperator, ResolveModelOperator, TagShardOperator

PARAMS = {
    "day": Param(None, type=["null", "string"], **DATE, description="Day to tag; empty: that of the schedule"),
    "model": Param(
        None, type=["null", "string"], **VERSION, description="Version to tag with; empty: the promoted one"
    ),
    "max_rejected_share": Param(
        None,
        type=["null", "number"],
        **SHARE,
        description="Most documents rejected; empty: NER_MAX_REJECTED_SHARE, else 0.2",
    ),
    "max_partly_read_share": Param(
        None,
        type=["null", "number"],
        **SHARE,
        description="Maximum share of documents read in part; empty: NER_MAX_PARTLY_READ_SHARE, else 0.5",
    ),
    "text_column": Param(
        "text", type="string", **LINE, minLength=1, description="Of csv, tsv and xlsx: holds the documents"
    ),
    "id_column": Param(
        "id", type="string", **LINE, minLength=1, description="Of csv, tsv and xlsx: names the documents"
    ),
    "lookback_days": Param(
        7, type="integer", **within(0, 366), description="Days before whose answers hold for the same text"
    ),
    "shard_mib": Param(8, type="integer", **within(1, 1024), description="Least size of a shard"),
    "retry_rejected": Param(False, type="boolean", description="Read again what was rejected; the rest stays"),
    "force": Param(False, type="boolean", description="Tag everything again even if this model has answered it"),
    "retrain_on_drift": Param(
        False, type="boolean", description="Start ner_retrain if this night is unlike the others"
    ),
    "accept_drift": Param(
        False, type="boolean", description="This night is usual from now on: no alert, and it counts"
    ),
}


@dag(
    schedule=CronPartitionTimetable(
        "30 1 * * *", timezone="UTC", run_offset=-1, key_format="%Y-%m-%d", run_immediately=NOT_AT_ONCE
    ),
    doc_md=__doc__,
    params=PARAMS,
    dagrun_timeout=timedelta(hours=6),
    deadline=make_deadline(__doc__),
    **DAG_DEFAULTS,
)
def ner_tag_nightly() -> None:
    model = ResolveModelOperator(task_id="resolve_model", version=param("model"), inlets=[NER_INT8])
    shards = PlanShardsOperator(
        task_id="plan_shards",
        day=DAY,
        model=model.output,
        shard_mib=param("shard_mib"),
        text_column=param("text_column"),
        id_column=param("id_column"),
        lookback_days=param("lookback_days"),
        retry_rejected=param("retry_rejected"),
        force=param("force"),
    )
    tagged = TagShardOperator.partial(task_id="tag_shard", **TAGS).expand(shard=shards.output)
    checked = NightGateOperator(
        task_id="check_night",
        day=DAY,
        shards_done=tagged.output,
        max_rejected_share=param("max_rejected_share"),
        max_partly_read_share=param("max_partly_read_share"),
    )
    published = PublishDayOperator(task_id="publish_day", **TAGS, night=checked.output)
    watched = DetectDriftOperator(task_id="drift", **TAGS, day=DAY, accept=param("accept_drift"))
    retrained = RetrainOnDriftOperator(task_id="retrain", watched=watched.output, wanted=param("retrain_on_drift"))
    published >> watched
    retrained >> DriftGateOperator(task_id="drift_gate", watched=watched.output)


ner_tag_nightly()

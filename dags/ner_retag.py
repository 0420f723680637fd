"""Tag past days again with another model: say what it takes, tell what it changes, then publish.

| | |
|---|---|
| **Reads** | `tagged/<day>/` and `inbox/<day>/` of the days asked for, the model `model` |
| **Writes** | `reports/retag/<version>/`: `plan.json`, then what changes in each day; with `publish`, the days themselves |
| **Runs** | by hand, first as it is: a plan and nothing else; then with `stop_after` = `diff`, then `publish` |
| **Re-run** | safe: what is tagged is not tagged again, neither from `diff` to `publish` nor after a failure |
| **On failure** | docs/runbook/nights.md#retagging |

After a roll-back, `tagged_by` = the version that was rolled back finds the days it tagged.
"""

from datetime import timedelta

from airflow.sdk import Param, dag

from ner_airflow.assets import TAGGED_DOCUMENTS
from ner_airflow.bounds import DATE, SHARE, VERSION, within
from ner_airflow.defaults import DAG_DEFAULTS, TAGS, param
from ner_airflow.operators.publication import NightGateOperator, PublishDayOperator
from ner_airflow.operators.retagging import STOPS, DiffPredictionsOperator, PlanDaysOperator, PlanRetagShardsOperator
from ner_airflow.operators.tagging import ResolveModelOperator, TagShardOperator

PARAMS = {
    "first_day": Param(None, type=["null", "string"], **DATE, description="First day; empty: the oldest"),
    "last_day": Param(None, type=["null", "string"], **DATE, description="Last day; empty: the newest"),
    "tagged_by": Param(
        None, type=["null", "string"], **VERSION, description="Only days tagged by this version; empty: any other"
    ),
    "model": Param(
        None, type=["null", "string"], **VERSION, description="Version to tag with; empty: the promoted one"
    ),
    "stop_after": Param("plan", type="string", enum=list(STOPS), description="How far to go"),
    "max_rejected_share": Param(None, type=["null", "number"], **SHARE, description="As in ner_tag_nightly"),
    "max_partly_read_share": Param(None, type=["null", "number"], **SHARE, description="As in ner_tag_nightly"),
    "shard_mib": Param(8, type="integer", **within(1, 1024), description="Least size of a shard"),
}


@dag(schedule=None, doc_md=__doc__, params=PARAMS, dagrun_timeout=timedelta(hours=24), **DAG_DEFAULTS)
def ner_retag() -> None:
    model = ResolveModelOperator(task_id="resolve_model", version=param("model"))
    days = PlanDaysOperator(
        task_id="plan_days",
        first_day=param("first_day"),
        last_day=param("last_day"),
        tagged_by=param("tagged_by"),
        model=model.output,
        stop_after=param("stop_after"),
    )
    shards = PlanRetagShardsOperator(
        task_id="plan_shards", days=days.output, model=model.output, shard_mib=param("shard_mib")
    )
    tagged = TagShardOperator.partial(task_id="tag_shard", **TAGS).expand(shard=shards.output)
    checked = NightGateOperator.partial(
        task_id="check_night",
        shards_done=tagged.output,
        max_rejected_share=param("max_rejected_share"),
        max_partly_read_share=param("max_partly_read_share"),
    ).expand(day=days.output)
    compared = DiffPredictionsOperator.partial(task_id="compare_day", **TAGS, stop_after=param("stop_after")).expand(
        night=checked.output
    )
    PublishDayOperator.partial(task_id="publish_day", **TAGS, outlets=[TAGGED_DOCUMENTS]).expand(night=compared.output)


ner_retag()

"""Tag past days again with another model: plan, compare, then publish.

| | |
|---|---|
| **Reads** | `tagged/<day>/` and `inbox/<day>/` of the selected days, the version `model` |
| **Writes** | `reports/retag/<version>/`: `plan.json`, then the differences of each day; with `publish`, the days themselves, also in PostgreSQL if `NER_POSTGRES` names a Connection |
| **Runs** | by hand, three times: with the defaults for the plan, then with `stop_after` = `diff`, then `publish` |
| **Re-run** | safe: tagged shards are reused, by the next `stop_after` and after a failure |
| **On failure** | docs/runbook/nights.md#retagging |

After a rollback, set `tagged_by` to the rolled-back version to select the days that it tagged.
"""

from datetime import timedelta

from airflow.sdk import dag

from ner_airflow.assets import TAGGED_DOCUMENTS
from ner_airflow.defaults import DAG_DEFAULTS, TAGS
from ner_airflow.operators.new_mentions import ListNewMentionsOperator
from ner_airflow.operators.publication import NightGateOperator, PublishDayOperator
from ner_airflow.operators.retagging import (
    DiffPredictionsOperator,
    PlanDaysOperator,
    PlanRetagShardsOperator,
    RetagParams,
)
from ner_airflow.operators.shards import TagShardOperator
from ner_airflow.operators.tagging import ModelParams, ResolveModelOperator, ShardParams
from ner_airflow.operators.warehouse import LoadPostgresOperator
from ner_airflow.params import dag_params
from ner_tasks.evaluation.policy import NightGateParams

PARAMS = dag_params(RetagParams, ModelParams, NightGateParams, ShardParams)


@dag(schedule=None, doc_md=__doc__, params=PARAMS, dagrun_timeout=timedelta(hours=24), **DAG_DEFAULTS)
def ner_retag() -> None:
    model = ResolveModelOperator(task_id="resolve_model")
    days = PlanDaysOperator(task_id="plan_days", model=model.output)
    shards = PlanRetagShardsOperator(task_id="plan_shards", days=days.output, model=model.output)
    tagged = TagShardOperator.partial(task_id="tag_shard", **TAGS).expand(shard=shards.output)
    checked = NightGateOperator.partial(task_id="check_night", shards_done=tagged.output).expand(day=days.output)
    compared = DiffPredictionsOperator.partial(task_id="compare_day", **TAGS).expand(night=checked.output)
    published = PublishDayOperator.partial(task_id="publish_day", outlets=[TAGGED_DOCUMENTS])
    # not after a plan or a comparison, which publish nothing
    loaded = LoadPostgresOperator.partial(
        task_id="load_postgres", **TAGS, trigger_rule="none_failed_min_one_success"
    ).expand(day=days.output)
    listed = ListNewMentionsOperator.partial(
        task_id="list_new_mentions", trigger_rule="none_failed_min_one_success"
    ).expand(day=days.output)
    published.expand(night=compared.output) >> [loaded, listed]


ner_retag()

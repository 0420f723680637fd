"""Tag every document that arrived during one UTC day with the promoted INT8 model.

| | |
|---|---|
| **Reads** | `inbox/<day>/`, `models/promoted.json` |
| **Writes** | `rejected/<day>/`, then `tagged/<day>/`, each published as a whole; then `reports/drift/<day>.json`, and the day in PostgreSQL if `NER_POSTGRES` names a Connection |
| **Runs** | 01:30 UTC for the day before; with `NER_SCHEDULE` hourly too, or when documents arrive; by hand for any `day` |
| **Re-run** | safe: a day already tagged by the same model is skipped; late documents are added, nothing is tagged twice |
| **On failure** | docs/runbook/nights.md#nightly-tagging |

The model is pinned when the run starts. A document that cannot be tagged does not stop the others: it is copied to
`rejected/<day>/` with its reason. An empty inbox succeeds; an inbox whose documents were all rejected fails. If the answers
differ from those of earlier nights, `drift_gate` fails after they are published. A day under way may be published many
times; drift is judged when it is over.
"""

from datetime import timedelta

from airflow.sdk import dag

from ner_airflow.assets import NER_INT8
from ner_airflow.defaults import DAG_DEFAULTS, TAGS
from ner_airflow.observability.deadline import make_deadline
from ner_airflow.operators.monitoring import DetectDriftOperator, DriftGateOperator, DriftParams, RetrainOnDriftOperator
from ner_airflow.operators.new_mentions import ListNewMentionsOperator
from ner_airflow.operators.night import DayParams
from ner_airflow.operators.publication import NightGateOperator, PublishDayOperator
from ner_airflow.operators.shards import TagShardOperator
from ner_airflow.operators.tagging import (
    ModelParams,
    PlanParams,
    PlanShardsOperator,
    ResolveModelOperator,
)
from ner_airflow.operators.warehouse import LoadPostgresOperator
from ner_airflow.params import dag_params
from ner_airflow.schedule import DAY, find_day, make_schedule
from ner_tasks.evaluation.policy import NightGateParams

PARAMS = dag_params(DayParams, ModelParams, NightGateParams, PlanParams, DriftParams, lookback_days=7)


@dag(
    schedule=make_schedule(),
    user_defined_macros={"find_day": find_day},
    doc_md=__doc__,
    params=PARAMS,
    dagrun_timeout=timedelta(hours=6),
    deadline=make_deadline(__doc__),
    **DAG_DEFAULTS,
)
def ner_tag_nightly() -> None:
    model = ResolveModelOperator(task_id="resolve_model", inlets=[NER_INT8])
    shards = PlanShardsOperator(task_id="plan_shards", day=DAY, model=model.output)
    tagged = TagShardOperator.partial(task_id="tag_shard", **TAGS).expand(shard=shards.output)
    checked = NightGateOperator(task_id="check_night", day=DAY, shards_done=tagged.output)
    published = PublishDayOperator(task_id="publish_day", night=checked.output)
    watched = DetectDriftOperator(task_id="drift", **TAGS, day=DAY)
    retrained = RetrainOnDriftOperator(task_id="retrain", watched=watched.output)
    published >> watched
    published >> LoadPostgresOperator(task_id="load_postgres", **TAGS, day=DAY)
    published >> ListNewMentionsOperator(task_id="list_new_mentions", day=DAY)
    retrained >> DriftGateOperator(task_id="drift_gate", watched=watched.output)


ner_tag_nightly()

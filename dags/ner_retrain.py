"""Train the entity tagger on refreshed labelled data, and register the model if it passes the gate.

| | |
|---|---|
| **Reads** | `labelled/<batch>/`: all batches, or the one given as `batch`; the last accepted snapshot; the encoder |
| **Writes** | `snapshots/<version>/`, `models/<version>/trained/`, `reports/models/<version>/` |
| **Runs** | Saturdays 03:00 UTC; by hand whenever labelled data has arrived |
| **Re-run** | safe: the same data, settings and code give the same version, which is not trained again unless `force` is set |
| **On failure** | docs/runbook/training.md#retraining |

The data gate (Great Expectations) quarantines invalid sentences. It fails the run if there are too many of them, in total or
in one batch, or if the data has drifted since the last accepted snapshot; the last line of the task names the report in
`reports/snapshots/<recipe>/`. A text stays in the same part in all later snapshots. `model_gate` compares entity F1 with a
minimum and with the promoted model. A registered version starts `ner_quantize`.
"""

from datetime import timedelta

from airflow.sdk import CronTriggerTimetable, dag

from ner_airflow.defaults import DAG_DEFAULTS, NOT_AT_ONCE, TRAINS
from ner_airflow.operators.evaluation import EvaluateModelOperator, ModelGateOperator, RegisterModelOperator
from ner_airflow.operators.labelled_data import CollectLabelledOperator, CollectParams, MakeSnapshotOperator
from ner_airflow.operators.training import TrainModelOperator, TrainParams
from ner_airflow.params import dag_params
from ner_tasks.evaluation.policy import ModelGateParams
from ner_tasks.steps.data import SnapshotParams

PARAMS = dag_params(CollectParams, SnapshotParams, TrainParams, ModelGateParams)


@dag(
    schedule=CronTriggerTimetable("0 3 * * 6", timezone="UTC", run_immediately=NOT_AT_ONCE),
    doc_md=__doc__,
    params=PARAMS,
    dagrun_timeout=timedelta(hours=12),
    **DAG_DEFAULTS,
)
def ner_retrain() -> None:
    collected = CollectLabelledOperator(task_id="collect", **TRAINS)
    snapshot = MakeSnapshotOperator(task_id="snapshot", **TRAINS, collected=collected.output)
    model = TrainModelOperator(task_id="train", **TRAINS, snapshot=snapshot.output)
    evaluation = EvaluateModelOperator(task_id="evaluate", **TRAINS, model=model.output)
    checked = ModelGateOperator(task_id="model_gate", evaluation=evaluation.output)
    RegisterModelOperator(task_id="register", checked=checked.output)


ner_retrain()

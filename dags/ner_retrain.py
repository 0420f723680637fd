"""Train the entity tagger on refreshed labelled data, and register it if it is good enough.

| | |
|---|---|
| **Reads** | `labelled/<batch>/`: all batches, or the one given as `batch`; the last accepted snapshot; the encoder |
| **Writes** | `snapshots/<version>/`, `models/<version>/trained/`, `reports/models/<version>/` |
| **Runs** | Saturdays 03:00 UTC; by hand whenever labelled data has arrived |
| **Re-run** | safe: the same data, settings and code give the same version, which is not made twice (`force` does) |
| **On failure** | docs/runbook/training.md#retraining |

The data gate (Great Expectations) puts bad rows aside and fails the run if there are too many of them, in all or in
one batch, or if the data has changed since the last accepted snapshot; what it found then lies in
`reports/snapshots/<recipe>/`, which the task's last line names. A text keeps its part in every later snapshot. The
model gate compares entity F1 with a floor and with the promoted model. A registered version starts `ner_quantize`.
"""

from datetime import timedelta

from airflow.sdk import CronTriggerTimetable, Param, dag

from ner_airflow.bounds import F1_LOSS, LINE, SETTINGS, SHARE, VERSION, within
from ner_airflow.defaults import DAG_DEFAULTS, NOT_AT_ONCE, TRAINS, param
from ner_airflow.operators.evaluation import EvaluateModelOperator, ModelGateOperator, RegisterModelOperator
from ner_airflow.operators.labelled_data import CollectLabelledOperator, MakeSnapshotOperator
from ner_airflow.operators.training import TrainModelOperator

PARAMS = {
    "batch": Param(None, type=["null", "string"], **LINE, description="One batch under labelled/ alone; empty: all"),
    "kaggle": Param(
        None, type=["null", "string"], **LINE, description="Kaggle data set to fetch first, owner/name; empty: none"
    ),
    "labels": Param(
        None, type=["null", "string"], **LINE, description="Labels, comma-separated; empty: those in the data"
    ),
    "max_quarantined_share": Param(0.02, type="number", **SHARE, description="Most sentences put aside"),
    "block_sentences": Param(
        32, type="integer", **within(1, 1_000_000), description="Neighbours that stay together in the split"
    ),
    "dev_share": Param(
        0.08,
        type="number",
        **within(0.001, 0.5),
        description="Of the sentences; the smaller, the more is learnt",
    ),
    "accept_drift": Param(False, type="boolean", description="The data has changed and that is wanted: note it only"),
    "encoder": Param(
        None, type=["null", "string"], **LINE, description="Folder of a BERT checkpoint; empty: NER_ENCODER"
    ),
    "start_from": Param(
        "encoder", type="string", **VERSION, description="encoder, promoted, or a version whose training goes on"
    ),
    "epochs": Param(None, type=["null", "integer"], **within(1, 1000), description="Most passes; empty: the recipe's"),
    "batch_size": Param(
        None, type=["null", "integer"], **within(1, 4096), description="Sentences per step; empty: the recipe's"
    ),
    "learning_rate": Param(
        None, type=["null", "number"], **within(1e-9, 10), description="Highest; empty: the recipe's"
    ),
    "recipe": Param(
        None, type=["null", "object"], **SETTINGS, description="More settings of `train`, by name; empty: its defaults"
    ),
    "search_minutes": Param(
        0, type="number", **within(0, 10_080), description="Look that long for better settings first"
    ),
    "min_f1": Param(
        None, type=["null", "number"], **SHARE, description="Least entity F1; empty: NER_MIN_F1, else the gates' YAML"
    ),
    "max_f1_below_champion": Param(
        None,
        type=["null", "number"],
        **F1_LOSS,
        description="Below the promoted model; empty: NER_MAX_F1_BELOW_CHAMPION, else the gates' YAML",
    ),
    "force": Param(False, type="boolean", description="Train again even if this version exists"),
}


@dag(
    schedule=CronTriggerTimetable("0 3 * * 6", timezone="UTC", run_immediately=NOT_AT_ONCE),
    doc_md=__doc__,
    params=PARAMS,
    dagrun_timeout=timedelta(hours=12),
    **DAG_DEFAULTS,
)
def ner_retrain() -> None:
    collected = CollectLabelledOperator(task_id="collect", **TRAINS, batch=param("batch"), kaggle=param("kaggle"))
    snapshot = MakeSnapshotOperator(
        task_id="snapshot",
        **TRAINS,
        collected=collected.output,
        labels=param("labels"),
        max_quarantined_share=param("max_quarantined_share"),
        block_sentences=param("block_sentences"),
        dev_share=param("dev_share"),
        accept_drift=param("accept_drift"),
    )
    model = TrainModelOperator(
        task_id="train",
        **TRAINS,
        snapshot=snapshot.output,
        encoder=param("encoder"),
        epochs=param("epochs"),
        batch_size=param("batch_size"),
        learning_rate=param("learning_rate"),
        start_from=param("start_from"),
        recipe="{{ params.recipe | tojson if params.recipe else '' }}",
        search_minutes=param("search_minutes"),
        salt="{{ run_id if params.force else '' }}",
    )
    evaluation = EvaluateModelOperator(task_id="evaluate", **TRAINS, model=model.output)
    checked = ModelGateOperator(
        task_id="model_gate",
        evaluation=evaluation.output,
        min_f1=param("min_f1"),
        max_f1_below_champion=param("max_f1_below_champion"),
    )
    RegisterModelOperator(task_id="register", checked=checked.output)


ner_retrain()

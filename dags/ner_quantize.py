"""Freeze a registered FP32 model, quantize it to INT8 with Intel Neural Compressor, and promote it if it holds.

| | |
|---|---|
| **Reads** | `models/<version>/trained/`, the calibration and test parts of its snapshot |
| **Writes** | `models/<version>/frozen/`, `models/<version>/int8/`, then `models/promoted.json` and its history |
| **Runs** | when `ner_retrain` registers a model; by hand for any `version` |
| **Re-run** | safe: models that exist are not made again, the promoted version stays promoted |
| **On failure** | docs/runbook/models.md#quantization |

The gate measures entity F1 and speed of FP32 and INT8 on the same test sentences. Until it is passed the
nightly run goes on with the model that was promoted before. What the new model changes in last night's documents is in
`reports/impact/<version>.json`. With `approval` a person is asked as well, under
"Required Actions"; no answer within `approval_hours` is a no.
"""

from datetime import timedelta

from airflow.sdk import Param, dag

from ner_airflow.assets import NER_FP32
from ner_airflow.bounds import F1_LOSS, VERSION, within
from ner_airflow.defaults import DAG_DEFAULTS, TRAINS, WHO, param
from ner_airflow.operators.approval import ApproveModelOperator
from ner_airflow.operators.quantization import (
    CompareQuantizedOperator,
    FreezeModelOperator,
    Int8GateOperator,
    PromoteModelOperator,
    QuantizeModelOperator,
    ResolveVersionOperator,
)
from ner_airflow.operators.shadow_tagging import ReportImpactOperator

HEAVY = {**TRAINS, "execution_timeout": timedelta(hours=4)}
PARAMS = {
    "version": Param(
        None, type=["null", "string"], **VERSION, description="Version to quantize; empty: the one just registered"
    ),
    "max_f1_loss": Param(
        None,
        type=["null", "number"],
        **F1_LOSS,
        description="Most entity F1 that INT8 may lose; empty: NER_MAX_F1_LOSS, else the gates' YAML",
    ),
    "rounds": Param(3, type="integer", **within(1, 100), description="Timed turns of each engine; the median counts"),
    "min_speed_up": Param(
        None,
        type=["null", "number"],
        **within(0, 1000),
        description="Over FP32 with oneDNN off; empty: NER_MIN_SPEED_UP, else the YAML",
    ),
    "impact_words": Param(
        50_000, type="integer", **within(1, 1_000_000), description="Of last night, tagged by the new model as well"
    ),
    "approval": Param(
        None, type=["null", "boolean"], description="Ask a person before it is promoted; empty: NER_APPROVAL, else no"
    ),
    "approval_hours": Param(24, type="integer", **within(1, 168), description="No answer in this time is a no"),
}


@dag(
    schedule=[NER_FP32],
    doc_md=__doc__,
    params=PARAMS,
    # the longest wait for an answer, and the work before it
    dagrun_timeout=timedelta(hours=168 + 12),
    **DAG_DEFAULTS,
)
def ner_quantize() -> None:
    model = ResolveVersionOperator(task_id="resolve_version", version=param("version"))
    frozen = FreezeModelOperator(task_id="freeze", **HEAVY, model=model.output)
    quantized = QuantizeModelOperator(
        task_id="quantize", **HEAVY, model=frozen.output, max_f1_loss=param("max_f1_loss")
    )
    comparison = CompareQuantizedOperator(task_id="compare", **HEAVY, model=quantized.output, rounds=param("rounds"))
    checked = Int8GateOperator(
        task_id="int8_gate",
        comparison=comparison.output,
        max_f1_loss=param("max_f1_loss"),
        min_speed_up=param("min_speed_up"),
    )
    impact = ReportImpactOperator(task_id="impact", **HEAVY, checked=checked.output, max_words=param("impact_words"))
    approved = ApproveModelOperator(
        task_id="approve", checked=impact.output, approval=param("approval"), hours=param("approval_hours")
    )
    PromoteModelOperator(task_id="promote", checked=approved.output, by=WHO)


ner_quantize()

"""Freeze a registered FP32 model, quantize it to INT8 with Intel Neural Compressor, and promote it if it passes the gate.

| | |
|---|---|
| **Reads** | `models/<version>/trained/`, the calibration and test parts of its snapshot |
| **Writes** | `models/<version>/frozen/`, `models/<version>/int8/`, then `models/promoted.json` and its history |
| **Runs** | when `ner_retrain` registers a model; by hand for any `version` |
| **Re-run** | safe: existing models are not made again; a promoted version stays promoted |
| **On failure** | docs/runbook/models.md#quantization |

`int8_gate` compares entity F1 and speed of FP32 and INT8 on the same test sentences. Until it passes, the nightly run uses
the model promoted before. `reports/impact/<version>.json` lists what the new model changes in last night's documents. With
`approval`, a person must also approve under "Required Actions"; without an answer within `approval_hours` the model is not
promoted.
"""

from datetime import timedelta

from airflow.sdk import dag

from ner_airflow.assets import NER_FP32
from ner_airflow.defaults import DAG_DEFAULTS, TRAINS, WHO
from ner_airflow.operators.approval import ApprovalParams, ApproveModelOperator
from ner_airflow.operators.quantization import (
    CompareQuantizedOperator,
    FreezeModelOperator,
    Int8GateOperator,
    PromoteModelOperator,
    QuantizeModelOperator,
    QuantizeParams,
    ResolveVersionOperator,
)
from ner_airflow.operators.shadow_tagging import ReportImpactOperator
from ner_airflow.params import dag_params
from ner_tasks.evaluation.policy import Int8GateParams
from ner_tasks.steps.answers import SampleParams
from ner_tasks.steps.models import ComparisonParams

HEAVY = {**TRAINS, "execution_timeout": timedelta(hours=4)}
PARAMS = dag_params(QuantizeParams, ComparisonParams, Int8GateParams, SampleParams, ApprovalParams)


@dag(
    schedule=[NER_FP32],
    doc_md=__doc__,
    params=PARAMS,
    # the longest wait for an answer, and the work before it
    dagrun_timeout=timedelta(hours=168 + 12),
    **DAG_DEFAULTS,
)
def ner_quantize() -> None:
    model = ResolveVersionOperator(task_id="resolve_version")
    frozen = FreezeModelOperator(task_id="freeze", **HEAVY, model=model.output)
    quantized = QuantizeModelOperator(task_id="quantize", **HEAVY, model=frozen.output)
    comparison = CompareQuantizedOperator(task_id="compare", **HEAVY, model=quantized.output)
    checked = Int8GateOperator(task_id="int8_gate", comparison=comparison.output)
    impact = ReportImpactOperator(task_id="impact", **HEAVY, checked=checked.output)
    approved = ApproveModelOperator(task_id="approve", checked=impact.output)
    PromoteModelOperator(task_id="promote", checked=approved.output, by=WHO)


ner_quantize()

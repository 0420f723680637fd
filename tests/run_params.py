"""Check the Params of a run as Airflow's API does before it creates the run."""

import json
from copy import deepcopy
from typing import Any

DAGS = (
    "ner_benchmark",
    "ner_decide",
    "ner_maintain",
    "ner_promote",
    "ner_quantize",
    "ner_retag",
    "ner_retrain",
    "ner_review",
    "ner_tag_nightly",
    "ner_tune",
    "ner_withdraw",
)
NEEDED = {
    "ner_decide": {"day": "2026-01-31", "decisions": [{"sentence": "0" * 12}]},
    "ner_withdraw": {"day": "2026-01-31", "reason": "a wrong model"},
}


def stored_form(dag: Any) -> Any:
    """A DAG as the scheduler and the API have it."""
    from airflow.serialization.serialized_objects import DagSerialization

    return DagSerialization.deserialize_dag(json.loads(json.dumps(DagSerialization.serialize_dag(dag))))


def validate(dag: Any, conf: dict[str, Any]) -> None:
    """As `create_dagrun` does."""
    deepcopy(dag.params).deep_merge({**NEEDED.get(dag.dag_id, {}), **conf}).validate()


def refuses(dag: Any, conf: dict[str, Any]) -> bool:
    """Whether Airflow makes no run of these."""
    from airflow.sdk.exceptions import ParamValidationError

    try:
        validate(dag, conf)
    except (ParamValidationError, ValueError):
        return True
    return False

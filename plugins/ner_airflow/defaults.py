"""What all DAGs have in common."""

from datetime import timedelta
from typing import Any

# its slots are made at bootstrap from pools.json; a task in a pool that does not exist waits for ever
POOL = "ner_cpu"

# the day of a scheduled run is its partition; `day` is for people
DAY = "{{ params.day or partition_key or '' }}"

# no start_date: with one, switching a DAG on starts the run it has missed, a retraining nobody asked for
DAG_DEFAULTS: dict[str, Any] = {
    "catchup": False,
    "max_active_runs": 1,
    "tags": ["ner"],
    "default_args": {"owner": "ner", "retries": 2, "retry_delay": timedelta(seconds=30)},
}

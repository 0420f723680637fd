"""Defaults that all DAGs share."""

from datetime import timedelta
from typing import Any

from ner_airflow import task_results
from ner_airflow.observability.notices import notify_failed, notify_run_failed

# created at bootstrap from pools.json; a task in a missing pool waits for ever
POOL = "ner_cpu"

# With Celery, `airflow celery worker --queues` says which of these a machine works on; what is light goes to Airflow's own
# queue, `default`. The LocalExecutor knows no queues.
TRAIN_QUEUE = "train"
TAG_QUEUE = "tag"
# Heavy steps. Measurements of tagging run on a machine that tags.
TRAINS: dict[str, Any] = {"pool": POOL, "queue": TRAIN_QUEUE}
TAGS: dict[str, Any] = {"pool": POOL, "queue": TAG_QUEUE}

# for the history of promotions
WHO = "{{ dag_run.triggering_user_name or dag_run.run_type.value }}"

# With these two, switching a DAG on does not start the run it has missed, a retraining nobody asked for: no
# start_date below, and this for `run_immediately`, whose default of False means "if it is not long ago".
NOT_AT_ONCE = timedelta(0)

DAG_DEFAULTS: dict[str, Any] = {
    "catchup": False,
    "max_active_runs": 1,
    "tags": ["ner"],
    "on_failure_callback": notify_run_failed,
    "default_args": {
        "owner": "ner",
        # errors in the data are never retried; S3, Redis or a machine may be gone for minutes
        "retries": 4,
        "retry_delay": timedelta(seconds=30),
        "retry_exponential_backoff": 2.0,
        **task_results.CALLBACKS,
        "on_failure_callback": [task_results.record_failure, notify_failed],
    },
}

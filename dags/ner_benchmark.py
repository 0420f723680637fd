"""Measure the speed and F1 of one model version in FP32 and INT8 over batch sizes, and compare with the previous run.

| | |
|---|---|
| **Reads** | `models/<version>/frozen/` and `int8/`, the test part of its snapshot or `data`, `reports/benchmarks/history/<host>/` |
| **Writes** | `reports/benchmarks/<version>-<run>/`: table, charts, raw figures; one file in the history of the host |
| **Runs** | by hand |
| **Re-run** | safe: each run has its own folder; a run that has already measured only applies the gate again |
| **On failure** | docs/runbook/models.md#benchmark |

The report gives, for each engine and batch size: words/s (median, minimum and maximum of interleaved rounds), p50, p95 and
p99 latency of a call in milliseconds, and entity F1. How to read it: docs/performance.md#ner_benchmark.

The run fails after publishing the report if an engine is slower than in the previous run on the same host and data by more
than `max_slowdown`. Speeds are compared as ratios to stock FP32 of the same run. The task takes a slot of the pool, but
cannot see other programs: measure on an idle machine.
"""

from datetime import timedelta

from airflow.sdk import dag

from ner_airflow.defaults import DAG_DEFAULTS, TAGS
from ner_airflow.operators.benchmark import BenchmarkInputParams, BenchmarkOperator
from ner_airflow.params import dag_params
from ner_tasks.steps.measures import BenchmarkParams

PARAMS = dag_params(BenchmarkInputParams, BenchmarkParams, max_slowdown=0.15)


@dag(
    schedule=None,
    doc_md=__doc__,
    params=PARAMS,
    dagrun_timeout=timedelta(hours=4),
    **DAG_DEFAULTS,
)
def ner_benchmark() -> None:
    BenchmarkOperator(task_id="benchmark", **TAGS)


ner_benchmark()

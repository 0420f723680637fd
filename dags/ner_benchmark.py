"""Time one model version, FP32 beside INT8, over batch sizes; tell if it has become slower than the last time.

| | |
|---|---|
| **Reads** | `models/<version>/frozen/` and `int8/`, the test part of its snapshot or `data`, `reports/benchmarks/history/<host>/` |
| **Writes** | `reports/benchmarks/<version>-<run>/`: table, charts, raw figures; one file in the history of the host |
| **Runs** | by hand only |
| **Re-run** | safe: each run has a folder of its own, and one that has measured is only judged again |
| **On failure** | docs/runbook/models.md#benchmark |

It says for each engine and batch size: words/s (median, least and most of interleaved rounds), p50, p95 and p99 of a call in
milliseconds, entity F1. How to read them: docs/performance.md#ner_benchmark.

The alarm: an engine that is slower than the last time on the same host and data by more than `max_slowdown`, as a ratio to
stock FP32 of the same run, fails the task once the report is published. Figures of a busy machine are figures of a busy
machine: it takes the pool, but knows nothing of other programs.
"""

from datetime import timedelta

from airflow.sdk import Param, dag

from ner_airflow.bounds import LINE, SHARE, SIZES, VERSION, within
from ner_airflow.defaults import DAG_DEFAULTS, TAGS, param, param_list
from ner_airflow.operators.benchmark import PRECISIONS, BenchmarkOperator

PARAMS = {
    "version": Param(None, type=["null", "string"], **VERSION, description="Version to time; empty: the promoted one"),
    "batch_sizes": Param("1,32,64,128", type="string", **SIZES, description="Sentences per batch"),
    "precisions": Param(
        None,
        type=["null", "array"],
        maxItems=20,
        items={"type": "string", **LINE},
        examples=list(PRECISIONS),
        description="Ways to run the models; empty: all that the host can run",
    ),
    "rounds": Param(3, type="integer", **within(1, 100), description="Rounds; the median counts"),
    "n_sentences": Param(
        256, type="integer", **within(1, 1_000_000), description="Sentences timed in a round, from the beginning"
    ),
    "data": Param(
        None,
        type=["null", "string"],
        **LINE,
        description="Key of a labelled file in the store; empty: the test part of the version's snapshot",
    ),
    "max_slowdown": Param(
        0.15,
        type=["null", "number"],
        **SHARE,
        description="Share of its speed that an engine may have lost since the last run; empty or 1: any",
    ),
}


@dag(
    schedule=None,
    doc_md=__doc__,
    params=PARAMS,
    dagrun_timeout=timedelta(hours=4),
    **DAG_DEFAULTS,
)
def ner_benchmark() -> None:
    BenchmarkOperator(
        task_id="benchmark",
        **TAGS,
        version=param("version"),
        batch_sizes=param("batch_sizes"),
        precisions=param_list("precisions"),
        rounds=param("rounds"),
        n_sentences=param("n_sentences"),
        data=param("data"),
        max_slowdown=param("max_slowdown"),
        salt="{{ run_id }}",
    )


ner_benchmark()

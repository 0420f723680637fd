"""Time the promoted model, FP32 beside INT8, over batch sizes.

| | |
|---|---|
| **Reads** | `models/<version>/frozen/` and `int8/`, the test part of its snapshot |
| **Writes** | `reports/benchmarks/<version>-<run>/`: table, plots, raw figures |
| **Runs** | by hand only |
| **Re-run** | safe: each run has a folder of its own |
| **On failure** | docs/runbook.md#benchmark |

Figures of a busy machine are figures of a busy machine: it takes the pool, but knows nothing of other programs.
"""

from datetime import timedelta

from airflow.sdk import Param, dag

from ner_airflow.defaults import DAG_DEFAULTS, POOL, given
from ner_airflow.operators.benchmark import RunBenchmark

PARAMS = {
    "version": Param(None, type=["null", "string"], description="Version to time; empty: the promoted one"),
    "batch_sizes": Param("1,32,64,128", type="string", pattern=r"^\d+(,\d+)*$", description="Sentences per batch"),
    "rounds": Param(3, type="integer", minimum=1, maximum=100, description="Rounds; the median counts"),
}


@dag(
    schedule=None,
    doc_md=__doc__,
    params=PARAMS,
    dagrun_timeout=timedelta(hours=4),
    **DAG_DEFAULTS,
)
def ner_benchmark() -> None:
    RunBenchmark(
        task_id="benchmark",
        pool=POOL,
        version=given("version"),
        batch_sizes=given("batch_sizes"),
        rounds=given("rounds"),
        salt="{{ run_id }}",
    )


ner_benchmark()

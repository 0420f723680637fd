"""The step of `ner_benchmark`: FP32 beside INT8, over batch sizes."""

from typing import TYPE_CHECKING, Any

from ner_airflow.assets import BENCHMARK
from ner_airflow.operators.base import VerbOperator
from ner_tasks import lineage

if TYPE_CHECKING:
    from airflow.sdk import Context

# written with the rest; its presence says that the rest is there
MARKER = "benchmark.json"


class RunBenchmark(VerbOperator):
    """Time the frozen and the INT8 model of one version on its snapshot's test part."""

    template_fields = ("version", "batch_sizes", "rounds", "salt")

    def __init__(self, *, version: str, batch_sizes: str, rounds: str, salt: str, **kwargs: Any) -> None:
        super().__init__(**{"outlets": [BENCHMARK], **kwargs})
        self.version, self.batch_sizes, self.rounds, self.salt = version, batch_sizes, rounds, salt

    def step(self, context: "Context") -> dict[str, Any]:
        version, _ = self.registry.resolve(self.version or None)
        snapshot = self.registry.details(version)["snapshot"]
        # one folder for each run: figures of two days are two figures
        name = f"{version}-{lineage.version_of({'run': self.salt})}"
        key = f"reports/benchmarks/{name}"
        if not self.store.exists(f"{key}/{MARKER}"):
            with self.workspace(f"benchmark-{name}") as folder:
                self.run_verb(
                    "benchmark",
                    model_path=[self.registry.fetch(version, "frozen"), self.registry.fetch(version, "int8")],
                    dataset_file=self.store.fetch(f"snapshots/{snapshot}/test.csv"),
                    batch_sizes=self.batch_sizes,
                    rounds=int(self.rounds),
                    output=folder / "benchmark",
                )
                self.store.publish(folder / "benchmark", key, marker=MARKER)
        self.log.info("table and plots: %s", self.store.where(key))
        context["outlet_events"][BENCHMARK].extra = {"version": version, "key": key}
        return {"version": version, "key": key}

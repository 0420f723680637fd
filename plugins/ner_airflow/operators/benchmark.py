"""The step of `ner_benchmark`: the engines of one version, over batch sizes, beside the last time."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ner_airflow.assets import BENCHMARK
from ner_airflow.operators.base import CommandOperator
from ner_tasks import hardware
from ner_tasks.benchmarking import history, slowdown_gate
from ner_tasks.benchmarking.history import Change
from ner_tasks.errors import ConfigInvalid
from ner_tasks.inference.engines import PRECISIONS
from ner_tasks.records import LineageRecord
from ner_tasks.store import keys

if TYPE_CHECKING:
    from airflow.sdk import Context

__all__ = ["PRECISIONS", "BenchmarkOperator"]

# written with the rest; its presence says that the rest is there
MARKER = "benchmark.json"


class BenchmarkOperator(CommandOperator):
    """Time the frozen and the INT8 model of one version, and compare with the last run on this host and data.

    The report is published and kept in the history before it is judged: it is there when the task fails.
    """

    template_fields = ("version", "batch_sizes", "precisions", "rounds", "n_sentences", "data", "max_slowdown", "salt")

    def __init__(
        self,
        *,
        version: str,
        batch_sizes: str,
        precisions: str,
        rounds: str,
        n_sentences: str,
        data: str,
        max_slowdown: str,
        salt: str,
        **kwargs: Any,
    ) -> None:
        super().__init__(**{"outlets": [BENCHMARK], **kwargs})
        self.version, self.batch_sizes, self.precisions, self.rounds = version, batch_sizes, precisions, rounds
        self.n_sentences, self.data, self.max_slowdown, self.salt = n_sentences, data, max_slowdown, salt

    def step(self, context: "Context") -> dict[str, Any]:
        most = slowdown_gate.parse_max_slowdown(self.max_slowdown)
        version, _ = self.registry.resolve(self.version or None)
        data = self.data or keys.snapshot(self.registry.record(version, LineageRecord)["snapshot"], "test.csv")
        # one folder for each run: figures of two days are two figures
        name = f"{version}-{keys.run_name(self.salt)}"
        key, marker = keys.benchmark(name), keys.benchmark(name, MARKER)
        if not self.store.exists(marker):
            with self.workspace(f"benchmark-{name}") as folder:
                self._measure(version, data, folder)
                self.store.publish(folder / "benchmark", key, marker=MARKER)
        report = self.store.read_json(marker)
        place = history.add_run(self.store, report, version=version, data=data, key=key)
        self.log.info("table and charts: %s; history: %s", self.store.where(key), self.store.where(place))
        context["outlet_events"][BENCHMARK].extra = {"version": version, "key": key}
        changes = [Change(**change) for change in report["changes"]]
        verdict = slowdown_gate.benchmark_gate(
            changes, most, f"the benchmark of version {version} in {self.store.where(key)}"
        )
        for line in verdict.lines:
            self.log.info("passed: %s", line)
        return {"version": version, "key": key, "gate": list(verdict.lines)}

    def _measure(self, version: str, data: str, folder: Path) -> None:
        labelled = self.store.fetch(data)
        if labelled.is_dir():
            raise ConfigInvalid(f"found a folder, expected a labelled file, at {self.store.where(data)}")
        host_key = hardware.host_key(hardware.describe_host(self.settings.n_threads))
        self.run_command(
            "benchmark",
            model_path=[self.registry.fetch(version, "frozen"), self.registry.fetch(version, "int8")],
            dataset_file=labelled,
            batch_sizes=self.batch_sizes,
            precisions=self.precisions or None,
            rounds=int(self.rounds),
            n_sentences=int(self.n_sentences),
            previous=history.fetch_latest(self.store, host_key, folder / "previous") or None,
            output=folder / "benchmark",
        )

"""The step of `ner_benchmark`: measure the engines of one version and compare with the previous run."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from ner_airflow.assets import BENCHMARK
from ner_airflow.operators.base import CommandOperator
from ner_tasks import hardware
from ner_tasks.benchmarking import history, slowdown_gate
from ner_tasks.benchmarking.history import Change
from ner_tasks.config.base import ConfigModel
from ner_tasks.config.types import Line, Version
from ner_tasks.errors import ConfigInvalid
from ner_tasks.records import LineageRecord
from ner_tasks.steps.measures import BenchmarkCommand, BenchmarkParams
from ner_tasks.store import keys

if TYPE_CHECKING:
    from airflow.sdk import Context

# published last: its presence means that the report is complete
MARKER = "benchmark.json"


class BenchmarkInputParams(ConfigModel):
    """Which version is measured, and on which sentences."""

    version: Version | None = Field(None, title="Model version", description="Empty: the promoted version")
    data: Line | None = Field(
        None,
        title="Labelled data",
        description="Key of a labelled file in the store; empty: the test part of the version's snapshot",
    )


class BenchmarkOperator(CommandOperator):
    """Time the frozen and the INT8 model of one version, and compare with the previous run on this host and data.

    The report is published and added to the history before the gate is applied, so it exists if the task fails.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"outlets": [BENCHMARK], **kwargs})

    def step(self, context: "Context") -> dict[str, Any]:
        params, asked_for = self.read_config(BenchmarkParams), self.read_config(BenchmarkInputParams)
        version, _ = self.registry.resolve(asked_for.version)
        data = asked_for.data or keys.snapshot(self.registry.record(version, LineageRecord)["snapshot"], "test.csv")
        # one folder per run: measurements of two runs are never mixed
        run = keys.run_name(str(context["run_id"]))
        name = f"{version}-{run}"
        key, marker = keys.benchmark(name), keys.benchmark(name, MARKER)
        if not self.store.exists(marker):
            with self.workspace(f"benchmark-{name}") as folder:
                self._measure(version, data, folder, params)
                self.store.publish(folder / "benchmark", key, marker=MARKER)
        report = self.store.read_json(marker)
        place = history.add_run(self.store, report, version=version, data=data, key=key)
        self.log.info("table and charts: %s; history: %s", self.store.where(key), self.store.where(place))
        context["outlet_events"][BENCHMARK].extra = {"version": version, "key": key}
        changes = [Change(**change) for change in report["changes"]]
        verdict = slowdown_gate.benchmark_gate(
            changes, params.max_slowdown, f"the benchmark of version {version} in {self.store.where(key)}"
        )
        for line in verdict.lines:
            self.log.info("passed: %s", line)
        return {"version": version, "key": key, "gate": list(verdict.lines)}

    def _measure(self, version: str, data: str, folder: Path, params: BenchmarkParams) -> None:
        labelled = self.store.fetch(data)
        if labelled.is_dir():
            raise ConfigInvalid(f"found a folder, expected a labelled file, at {self.store.where(data)}")
        host_key = hardware.host_key(hardware.describe_host(self.settings.threads))
        command = BenchmarkCommand(
            model=(self.registry.fetch(version, "frozen"), self.registry.fetch(version, "int8")),
            data=labelled,
            previous=tuple(history.fetch_latest(self.store, host_key, folder / "previous")),
            output=folder / "benchmark",
            # the gate is applied below, after the report is published
            **params.model_dump(exclude={"max_slowdown"}),
        )
        self.run_command(command)

"""The step of `ner_tune`: measure how this kind of machine runs a version best, and store the choice."""

from typing import TYPE_CHECKING, Any

from pydantic import Field

from ner_airflow.operators.base import CommandOperator
from ner_tasks import hardware
from ner_tasks.config.base import ConfigModel
from ner_tasks.config.types import Version
from ner_tasks.evaluation.policy import Int8LossParams
from ner_tasks.files import atomic
from ner_tasks.inference import runtime_config
from ner_tasks.model.model_folder import Kind
from ner_tasks.records import LineageRecord
from ner_tasks.registry import leases
from ner_tasks.steps.measures import TuneCommand, TuneParams
from ner_tasks.store import keys

if TYPE_CHECKING:
    from airflow.sdk import Context

_KINDS: tuple[Kind, ...] = ("frozen", "int8")


class TuneVersionParams(ConfigModel):
    """Which version is tuned."""

    version: Version | None = Field(None, title="Model version", description="Empty: the promoted version")


class TuneModelOperator(CommandOperator):
    """Time the candidates for running a version, and store the fastest that keeps its F1."""

    def step(self, context: "Context") -> dict[str, Any]:
        asked_for = self.read_config(TuneVersionParams).version
        if asked_for:
            leases.record_use(self.registry, models=asked_for)
        version, _ = self.registry.resolve(asked_for)
        policy = self.policy(self.read_config(Int8LossParams))
        snapshot = self.registry.record(version, LineageRecord)["snapshot"]
        this = hardware.host_key(hardware.describe_host(self.settings.threads))
        with self.workspace(f"tune-{version}-{this}") as folder:
            home = folder / version
            home.mkdir(exist_ok=True)
            for kind in _KINDS:  # fetched from S3, they lie in different folders
                (home / kind).unlink(missing_ok=True)
                (home / kind).symlink_to(self.registry.fetch(version, kind))
            command = TuneCommand(
                model=home,
                data=self.store.fetch(keys.snapshot(snapshot, "dev.csv")),
                max_f1_loss=policy.int8.max_f1_loss,
                **self.read_config(TuneParams).model_dump(),
            )
            result = self.run_command(command)
            choice = atomic.read_json(runtime_config.runtime_config_path(home, self.settings.threads))
            self.registry.put_runtime_config(version, this, choice)
        self.log.info("from the next night on, machines like %s run version %s so: %s", this, version, result["choice"])
        return {"version": version, "host": this, "choice": result["choice"]}

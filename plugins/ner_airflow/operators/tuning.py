"""The step of `ner_tune`: find out how this worker's kind of machine runs a version best, and let all of them know."""

from typing import TYPE_CHECKING, Any

from ner_airflow.operators.base import CommandOperator
from ner_tasks import hardware
from ner_tasks.files import atomic
from ner_tasks.inference import runtime_config
from ner_tasks.model.model_folder import Kind
from ner_tasks.records import LineageRecord
from ner_tasks.registry import leases
from ner_tasks.store import keys

if TYPE_CHECKING:
    from airflow.sdk import Context

_KINDS: tuple[Kind, ...] = ("frozen", "int8")


class TuneModelOperator(CommandOperator):
    """Measure the ways to run a version, and put the best one that keeps its F1 into the registry."""

    template_fields = ("version", "rounds", "n_sentences", "time_limit_s", "max_f1_loss")

    def __init__(
        self, *, version: str, rounds: str, n_sentences: str, time_limit_s: str, max_f1_loss: str, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.version, self.rounds, self.n_sentences = version, rounds, n_sentences
        self.time_limit_s, self.max_f1_loss = time_limit_s, max_f1_loss

    def step(self, context: "Context") -> dict[str, Any]:
        if self.version:
            leases.record_use(self.registry, models=self.version)
        version, _ = self.registry.resolve(self.version or None)
        policy = self.policy(max_f1_loss=self.max_f1_loss)
        snapshot = self.registry.record(version, LineageRecord)["snapshot"]
        this = hardware.host_key(hardware.describe_host(self.settings.n_threads))
        with self.workspace(f"tune-{version}-{this}") as folder:
            home = folder / version
            home.mkdir(exist_ok=True)
            for kind in _KINDS:  # which lie apart where they were fetched from S3
                (home / kind).unlink(missing_ok=True)
                (home / kind).symlink_to(self.registry.fetch(version, kind))
            result = self.run_command(
                "tune",
                model_path=home,
                dataset_file=self.store.fetch(keys.snapshot(snapshot, "dev.csv")),
                rounds=int(self.rounds),
                n_sentences=int(self.n_sentences),
                time_limit=float(self.time_limit_s),
                max_f1_loss=policy.int8.max_f1_loss,
            )
            said = atomic.read_json(runtime_config.runtime_config_path(home, self.settings.n_threads))
            self.registry.put_runtime_config(version, this, said)
        self.log.info("from the next night on, machines like %s run version %s so: %s", this, version, result["choice"])
        return {"version": version, "host": this, "choice": result["choice"]}

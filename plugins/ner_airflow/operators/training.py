"""The step of `ner_retrain` that trains a version from a snapshot and an encoder or an earlier version."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from ner_airflow.operators.base import CommandOperator
from ner_tasks import fingerprint
from ner_tasks.config.base import ConfigModel
from ner_tasks.config.types import Layers, Line, Recipe, Version
from ner_tasks.errors import ConfigInvalid, InputMissing
from ner_tasks.evaluation.policy import RightSizePolicy
from ner_tasks.files import atomic
from ner_tasks.model import model_folder
from ner_tasks.records import describe_choice
from ner_tasks.registry import leases
from ner_tasks.steps.models import FreezeCommand
from ner_tasks.steps.training import RightSizeCommand, SearchCommand, SoftLabelsCommand, TrainCommand
from ner_tasks.store import keys
from ner_tasks.training.config import TrainConfig

if TYPE_CHECKING:
    from airflow.sdk import Context

ENCODER, PROMOTED = "encoder", "promoted"
# Modules that determine a model, down to its INT8 graph.
_CODE = ("training.loop", "model.freezing", "quantization.quantize", "quantization.accuracy_search")


class TrainParams(ConfigModel):
    """What a run trains with."""

    encoder: Line | None = Field(
        None, title="Encoder", description="Folder of a Hugging Face checkpoint; empty: NER_ENCODER"
    )
    start_from: Version = Field(
        ENCODER,
        title="Start from",
        description="encoder, promoted, or the version whose training is continued",
    )
    layers: Layers | None = Field(
        None,
        title="Layers",
        description="Layers of the encoder to keep: a number, such as 3, or their numbers from 0, such as 0,2,5; empty: "
        "as the recipe says",
    )
    epochs: Annotated[int, Field(ge=1, le=1000)] | None = Field(
        None, title="Maximum number of epochs", description="Empty: as the recipe says"
    )
    batch_size: Annotated[int, Field(ge=1, le=4096)] | None = Field(
        None, title="Batch size", description="Windows per training step; empty: as the recipe says"
    )
    learning_rate: Annotated[float, Field(ge=1e-9, le=10)] | None = Field(
        None, title="Peak learning rate", description="Empty: as the recipe says"
    )
    recipe: Recipe | None = Field(
        None, title="Recipe", description="More settings of the `train` command by name; empty: the defaults"
    )
    teacher: Version | None = Field(
        None,
        title="Teacher",
        description="Version whose probabilities the model also learns, such as one of a larger encoder; empty: none",
    )
    search_minutes: float = Field(
        0, ge=0, le=10_080, title="Minutes of search", description="Search for better settings first; 0: no search"
    )
    right_size_minutes: float = Field(
        0,
        ge=0,
        le=10_080,
        title="Minutes of right-sizing",
        description="Then search for fewer layers that keep the F1, and register the smallest such model; 0: keep all layers",
    )
    force: bool = Field(False, title="Force", description="Train again even if this version exists")


class TrainModelOperator(CommandOperator):
    """Train a tagger on a snapshot; a killed training resumes from its last checkpoint.

    It starts from the encoder, from the promoted model, or from a version that is named; of a model it also measures
    what is forgotten, on the test part that the model itself was judged by. With `search_minutes` it first looks for
    better settings than those given. With `right_size_minutes` it then looks for the smallest model as good as that, and
    stores it in its place. Soft labels of a `teacher` stay in staging for later runs on the same snapshot.
    """

    template_fields = (*CommandOperator.template_fields, "snapshot")

    def __init__(self, *, snapshot: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.snapshot = snapshot

    def step(self, context: "Context") -> dict[str, Any]:
        params = self.read_config(TrainParams)
        config, minutes = _train_config(params), params.search_minutes
        limits = self.policy().model.right_size
        parent, start = self._start(params)
        teacher = self._fetch_trained(params.teacher) if params.teacher else None
        version = fingerprint.make_version(
            {
                "snapshot": self.snapshot["version"],
                "config": config.model_dump(),
                "start": atomic.sha256_of(start),
                "teacher": [params.teacher, atomic.sha256_of(teacher / model_folder.WEIGHTS)] if teacher else None,
                "search": [minutes, fingerprint.code_version("training.search")] if minutes else None,
                "right_size": _right_size_identity(params, limits),
                # includes quantization: a version stands for the whole way to its INT8 graph
                "code": [fingerprint.code_version(name) for name in _CODE],
                "quantization": fingerprint.config_version(),
                "salt": context["run_id"] if params.force else "",
            }
        )
        report = keys.training_report(version)
        leases.record_use(self.registry, models=version, snapshots=self.snapshot["version"])
        if self.registry.find(version, "trained") and self.store.exists(report):
            self.log.info("version %s is trained already, nothing to do", version)
        else:
            self._train(version, config, parent, start.parent, params, teacher)
        report_ = self.store.read_json(report)
        if (lost := report_.get("forgotten")) and lost["before"] is not None:
            self.log.info(
                "on the test sentences of %s: entity F1 %.4f before, %.4f after", parent, lost["before"], lost["after"]
            )
        names = ("best_epoch", "dev_f1", "training_s")
        result = {"version": version, "snapshot": self.snapshot["version"], **{name: report_[name] for name in names}}
        if sized := report_.get("right_size"):
            summary = describe_choice(sized)
            self.log.info("right-sized: %s", summary)
            result |= {"dev_f1": sized["dev_f1"], "right_size": summary}
        return result

    def _start(self, params: TrainParams) -> tuple[str | None, Path]:
        """Return the version that training starts from (None for the encoder) and the file of its weights."""
        if params.start_from == ENCODER:
            encoder = Path(params.encoder) if params.encoder else self.settings.encoder
            weights = encoder / "model.safetensors"
            if not weights.is_file():
                raise InputMissing(f"found no {weights.name}, expected a Hugging Face checkpoint, in {encoder}")
            return None, weights
        promotion = self.registry.promoted() if params.start_from == PROMOTED else None
        if params.start_from == PROMOTED and promotion is None:
            where = self.store.where(keys.MODELS)
            raise InputMissing(f"found no promoted model, expected one to start from, in {where}")
        version = promotion.version if promotion else params.start_from
        return version, self._fetch_trained(version) / model_folder.WEIGHTS

    def _fetch_trained(self, version: str) -> Path:
        """Return the folder of a trained model, verified."""
        leases.record_use(self.registry, models=version)
        folder = self.registry.fetch(version, "trained")
        model_folder.read_manifest(folder)
        return folder

    def _train(
        self,
        version: str,
        config: TrainConfig,
        parent: str | None,
        start: Path,
        params: TrainParams,
        teacher: Path | None,
    ) -> None:
        snapshot = self.snapshot["version"]
        inputs: dict[str, Any] = {"data": self.store.fetch(keys.snapshot(snapshot))}
        inputs |= {"start_from": start} if parent else {"encoder": start}
        if teacher and params.teacher:
            inputs["soft_labels"] = self._fetch_soft_labels(params.teacher, teacher, config)
        with self.workspace(f"train-{version}") as folder:
            settings, search = config.model_dump(), None
            if minutes := params.search_minutes:
                search = self.run_command(
                    SearchCommand(
                        **inputs,
                        **settings,
                        study_path=folder / "study",
                        minutes=minutes,
                        output=folder / "found.json",
                    )
                )
                settings = search["config"]
            origin = {"version": version, "parent": parent}
            command = TrainCommand(
                **inputs,
                **settings,
                **origin,
                output=folder / "model",
                checkpoint_path=folder / "checkpoints",
                curves=folder / "curves",
                remember=self._to_remember(parent) if parent else None,
            )
            result, model, sized = self._train_once(command, folder / "trained.json"), folder / "model", None
            if params.right_size_minutes:
                sized = self.run_command(
                    RightSizeCommand(
                        **inputs,
                        **result["config"],
                        **origin,
                        full=model,
                        output=folder / "right-sized",
                        work_path=folder / "sizes",
                        minutes=params.right_size_minutes,
                        **self.policy().model.right_size.model_dump(),
                        curves=folder / "curves",
                    )
                )
                model = folder / "right-sized"
            self.registry.put(version, "trained", model)
            for drawing in sorted((folder / "curves").glob("*")):
                self.store.put_file(drawing, keys.model_report(version, drawing.name))
            report = {**result, "snapshot": snapshot, "parent": parent, "search": search, "right_size": sized}
            self.store.write_json(keys.training_report(version), report)

    def _train_once(self, command: TrainCommand, done: Path) -> dict[str, Any]:
        """Train, unless an earlier try has: a killed right-sizing does not train the full model again."""
        if done.is_file():
            self.log.info("trained by an earlier try")
            return dict(atomic.read_json(done))
        result = self.run_command(command)
        atomic.write_json(done, result)
        return result

    def _fetch_soft_labels(self, version: str, teacher: Path, config: TrainConfig) -> Path:
        """Return the soft labels of a teacher for the snapshot; compute them if no earlier run has."""
        snapshot = self.snapshot["version"]
        key = keys.soft_labels(snapshot, version)
        if not self.store.exists(keys.soft_labels(snapshot, version, keys.SOFT_LABELS_MANIFEST)):
            with self.workspace(f"soft-labels-{snapshot}-{version}") as folder:
                # the trained model would compute on one core, in FP32
                self.run_command(FreezeCommand(model=teacher, output=folder / "frozen"))
                self.run_command(
                    SoftLabelsCommand(
                        model=folder / "frozen",
                        data=self.store.fetch(keys.snapshot(snapshot)),
                        output=folder / "soft-labels",
                        teacher_snapshot=self._snapshot_of(version),
                        seed=config.seed,
                        bf16=config.bf16,
                    )
                )
                self.store.publish(folder / "soft-labels", key, marker=keys.SOFT_LABELS_MANIFEST)
        return self.store.fetch(key)

    def _snapshot_of(self, version: str) -> Path | None:
        """Return the snapshot that a version was trained on, if it is another one than this run's and still there."""
        report = keys.training_report(version)
        snapshot = self.store.read_json(report)["snapshot"] if self.store.exists(report) else None
        if snapshot in (None, self.snapshot["version"]) or not self.store.exists(keys.snapshot(snapshot)):
            return None
        return self.store.fetch(keys.snapshot(snapshot))

    def _to_remember(self, parent: str) -> Path | None:
        """Return the test part that the parent was evaluated on; None if it has been deleted."""
        report = keys.training_report(parent)
        snapshot = self.store.read_json(report)["snapshot"] if self.store.exists(report) else None
        test_part = keys.snapshot(snapshot, "test.csv") if snapshot else ""
        if not test_part or not self.store.exists(test_part):
            self.log.info("the test part of %s is gone: what is forgotten is not measured", parent)
            return None
        return self.store.fetch(test_part)


def _train_config(params: TrainParams) -> TrainConfig:
    """Return the recipe with the settings that are parameters of their own."""
    own = params.model_dump(include={"layers", "epochs", "batch_size", "learning_rate"}, exclude_none=True)
    return TrainConfig.parse({**(params.recipe or {}), **own}, "the run's parameters")


def _right_size_identity(params: TrainParams, limits: RightSizePolicy) -> list[Any] | None:
    """Return what determines the depth that is chosen; None without right-sizing."""
    if not params.right_size_minutes:
        return None
    if layers := _train_config(params).layers:
        raise ConfigInvalid(
            f"found layers = {layers!r} and right_size_minutes, expected one of them, in the run's parameters"
        )
    return [params.right_size_minutes, limits.model_dump(), fingerprint.code_version("training.right_sizing")]

"""The step of `ner_retrain` that makes a model: from a snapshot and something to start from to a trained version."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ner_airflow.operators.base import CommandOperator
from ner_tasks import fingerprint
from ner_tasks.errors import ConfigInvalid, InputMissing
from ner_tasks.files import atomic
from ner_tasks.model import model_folder
from ner_tasks.registry import leases
from ner_tasks.store import keys
from ner_tasks.training.config import TrainConfig

if TYPE_CHECKING:
    from airflow.sdk import Context

ENCODER, PROMOTED = "encoder", "promoted"
# What a model is made by, down to its INT8 graph.
_CODE = ("training.loop", "model.freezing", "quantization.quantize", "quantization.accuracy_search")


class TrainModelOperator(CommandOperator):
    """Train a tagger on a snapshot; a killed training goes on from its last checkpoint.

    It starts from the encoder, from the promoted model, or from a version that is named; of a model it also measures
    what is forgotten, on the test part that the model itself was judged by. With `search_minutes` it first looks for
    better settings than those given.
    """

    template_fields = (
        "snapshot",
        "encoder",
        "start_from",
        "epochs",
        "batch_size",
        "learning_rate",
        "recipe",
        "search_minutes",
        "salt",
    )

    def __init__(
        self,
        *,
        snapshot: Any,
        encoder: str,
        salt: str,
        epochs: str = "",
        batch_size: str = "",
        learning_rate: str = "",
        start_from: str = ENCODER,
        recipe: str = "",
        search_minutes: str = "0",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.snapshot, self.encoder, self.salt = snapshot, encoder, salt
        self.epochs, self.batch_size, self.learning_rate = epochs, batch_size, learning_rate
        self.start_from, self.recipe, self.search_minutes = start_from, recipe, search_minutes

    def step(self, context: "Context") -> dict[str, Any]:
        config, minutes = self._config(), float(self.search_minutes or 0)
        parent, start = self._start()
        version = fingerprint.make_version(
            {
                "snapshot": self.snapshot["version"],
                "config": asdict(config),
                "start": atomic.sha256_of(start),
                "search": [minutes, fingerprint.code_version("training.search")] if minutes else None,
                # the code of what is made from the model as well: a version is one recipe, to the end
                "code": [fingerprint.code_version(name) for name in _CODE],
                "quantization": fingerprint.config_version(),
                "salt": self.salt,
            }
        )
        report = keys.training_report(version)
        leases.record_use(self.registry, models=version, snapshots=self.snapshot["version"])
        if self.registry.find(version, "trained") and self.store.exists(report):
            self.log.info("version %s is trained already, nothing to do", version)
        else:
            self._train(version, config, parent, start.parent, minutes)
        said = self.store.read_json(report)
        if (lost := said.get("forgotten")) and lost["before"] is not None:
            self.log.info(
                "on the test sentences of %s: entity F1 %.4f before, %.4f after", parent, lost["before"], lost["after"]
            )
        names = ("best_epoch", "dev_f1", "training_s")
        return {"version": version, "snapshot": self.snapshot["version"], **{name: said[name] for name in names}}

    def _config(self) -> TrainConfig:
        """The recipe, over which go the parameters of their own."""
        try:
            recipe = json.loads(self.recipe or "{}")
        except (ValueError, RecursionError) as error:
            raise ConfigInvalid(f"found {error}, expected a JSON object, as parameter recipe") from None
        given = {"epochs": self.epochs, "batch_size": self.batch_size, "learning_rate": self.learning_rate}
        return TrainConfig.from_values(
            {**recipe, **{name: value for name, value in given.items() if value}}, "the parameters"
        )

    def _start(self) -> tuple[str | None, Path]:
        """The version that training starts from, None for the encoder, and the file of its weights."""
        if self.start_from == ENCODER:
            encoder = Path(self.encoder) if self.encoder else self.settings.encoder
            weights = encoder / "model.safetensors"
            if not weights.is_file():
                raise InputMissing(f"found no {weights.name}, expected a Hugging Face BERT checkpoint, in {encoder}")
            return None, weights
        promotion = self.registry.promoted() if self.start_from == PROMOTED else None
        if self.start_from == PROMOTED and promotion is None:
            where = self.store.where(keys.MODELS)
            raise InputMissing(f"found no promoted model, expected one to start from, in {where}")
        version = promotion.version if promotion else self.start_from
        leases.record_use(self.registry, models=version)
        folder = self.registry.fetch(version, "trained")
        model_folder.read_manifest(folder)
        return version, folder / model_folder.WEIGHTS

    def _train(self, version: str, config: TrainConfig, parent: str | None, start: Path, minutes: float) -> None:
        snapshot = self.snapshot["version"]
        flags: dict[str, Any] = {"dataset_file": self.store.fetch(keys.snapshot(snapshot))}
        flags |= {"start_from": start} if parent else {"encoder": start}
        with self.workspace(f"train-{version}") as folder:
            atomic.write_json(folder / "recipe.json", asdict(config))
            recipe, found = folder / "recipe.json", None
            if minutes:
                recipe = folder / "found.json"
                found = self.run_command(
                    "search",
                    study_path=folder / "study",
                    minutes=minutes,
                    config_file=folder / "recipe.json",
                    output=recipe,
                    **flags,
                )
            result = self.run_command(
                "train",
                save_model_path=folder / "model",
                checkpoint_path=folder / "checkpoints",
                config_file=recipe,
                curves=folder / "curves",
                version=version,
                parent=parent,
                remember=self._to_remember(parent) if parent else None,
                **flags,
            )
            self.registry.put(version, "trained", folder / "model")
            for drawing in sorted((folder / "curves").glob("*")):
                self.store.put_file(drawing, keys.model_report(version, drawing.name))
            report = {**result, "snapshot": snapshot, "parent": parent, "search": found}
            self.store.write_json(keys.training_report(version), report)

    def _to_remember(self, parent: str) -> Path | None:
        """The test part that the parent was judged by, None if it is gone."""
        report = keys.training_report(parent)
        snapshot = self.store.read_json(report)["snapshot"] if self.store.exists(report) else None
        test_part = keys.snapshot(snapshot, "test.csv") if snapshot else ""
        if not test_part or not self.store.exists(test_part):
            self.log.info("the test part of %s is gone: what is forgotten is not measured", parent)
            return None
        return self.store.fetch(test_part)

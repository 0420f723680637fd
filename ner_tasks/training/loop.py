"""Training loop: trains a tagger from an encoder and labelled sentences and keeps the best epoch.

A killed run resumes from its last checkpoint and ends with the same weights: the batch order depends only on the seed
and the epoch, and the checkpoint holds everything else that a step depends on.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from safetensors.numpy import load_file

from ner_tasks.data.corpus import LabelledSentence
from ner_tasks.data.parts import digest_texts
from ner_tasks.files import atomic
from ner_tasks.fingerprint import make_version
from ner_tasks.inference.runners import PaddedRunner
from ner_tasks.inference.tagger import Tagger
from ner_tasks.labels import LabelSet
from ner_tasks.model import decoding, model_folder
from ner_tasks.model.model_folder import ModelManifest
from ner_tasks.model.tokenization import WordTokenizer
from ner_tasks.model.weights import read_weights, write_weights
from ner_tasks.progress import show_progress
from ner_tasks.training.batches import TrainingBatches
from ner_tasks.training.calibrate import Calibration, calibrate_model
from ner_tasks.training.checkpoints import STATE, TrainingProgress, restore_checkpoint, save_checkpoint
from ner_tasks.training.config import TrainConfig
from ner_tasks.training.initialization import Initialization
from ner_tasks.training.optimizer import learning_rate_at
from ner_tasks.training.soft_labels import SoftLabels
from ner_tasks.training.teacher import TRAIN_PART
from ner_tasks.training.trainer import Trainer

_BEST, _TRANSITIONS = "best.safetensors", "transitions"
_CURVE_STEPS = 25  # steps between two points of the learning curve
Parts = Mapping[str, Sequence[LabelledSentence]]
Watch = Callable[[TrainingProgress], None]


def train_model(
    parts: Parts,
    *,
    encoder: Path,
    target: Path,
    checkpoints: Path,
    config: TrainConfig,
    lineage: Mapping[str, Any],
    soft_labels: Path | None = None,
    watch: Watch | None = None,
) -> TrainingProgress:
    """Train a tagger and write the model of the best epoch to `target`.

    Args:
        parts: labelled sentences under `train` and `dev`; the model gets the labels of both.
        encoder: Hugging Face checkpoint, or a trained model folder to train further.
        target: model folder to create.
        checkpoints: folder for the checkpoints of this run only; emptied at the end.
        config: training settings.
        lineage: origin of the data, stored in the manifest.
        soft_labels: folder of a teacher's soft labels of the train part; None to learn from the labels alone.
        watch: as for `TrainingRun.fit`; if it raises, the checkpoints stay.

    Returns:
        Final progress with the history of the epochs and the learning curve.

    Raises:
        EncoderUnsupported: the checkpoint is of a family that is not supported.
        InputMissing: there is no checkpoint in `encoder`.
        ArtifactBroken: the checkpoint is damaged.
        ConfigInvalid: `checkpoints` holds the checkpoint of another run, or the soft labels are of other data.
        StorageFull: no space left for a checkpoint or the model.
        Busy: another process uses the same `checkpoints`.
    """
    with atomic.exclusive(checkpoints / "lock"):
        run = TrainingRun(parts, encoder, checkpoints, config, soft_labels)
        done = run.fit(watch)
        manifest = replace(run.finish(done), lineage={**lineage, **run.lineage})
        with atomic.staged_folder(target) as stage:
            (stage / model_folder.WEIGHTS).write_bytes((checkpoints / _BEST).read_bytes())
            (stage / model_folder.TOKENIZER).write_bytes((checkpoints / model_folder.TOKENIZER).read_bytes())
            model_folder.write_manifest(stage, manifest)
        run.delete_checkpoints()
    return done


def read_labels(parts: Parts) -> LabelSet:
    """Return the labels of all parts."""
    return LabelSet.from_tags(tag for part in parts.values() for sentence in part for tag in sentence.tags)


class TrainingRun:
    """One training run: data, model, optimizer state and checkpoints.

    Args:
        parts: as for `train_model`.
        start: as `encoder` of `train_model`.
        folder: folder for checkpoints.
        config: training settings.
        soft_labels: as for `train_model`.
    """

    def __init__(self, parts: Parts, start: Path, folder: Path, config: TrainConfig, soft_labels: Path | None = None):
        config = config.for_data(len(parts["train"]))
        keras.utils.set_random_seed(config.seed)
        tf.config.optimizer.set_experimental_options({"auto_mixed_precision_onednn_bfloat16": config.bf16})
        label_set = read_labels(parts)
        source = Initialization.load(start, config.layers)
        source.check_window(config.max_pieces)
        folder.mkdir(parents=True, exist_ok=True)
        source.save_tokenizer(folder / model_folder.TOKENIZER)
        self.pieces = WordTokenizer(folder / model_folder.TOKENIZER)
        model = source.build_model(
            self.pieces, label_set, dropout=config.dropout, attention_dropout=config.attention_dropout
        )
        self.train, self.dev, self.folder, self.config = parts["train"], parts["dev"], folder, config
        self.manifest = ModelManifest("trained", label_set.labels, source.config, config.max_pieces)
        self._layers = source.layers
        self.counted_transitions = decoding.count_transitions([sentence.tags for sentence in self.train], label_set)
        self.soft_labels = SoftLabels.load(soft_labels, self.train, label_set) if soft_labels else None
        self.trainer = Trainer(
            model, label_set, self.counted_transitions, config, has_teacher=self.soft_labels is not None
        )
        checksum = self.soft_labels.sha256 if self.soft_labels else None
        self.identity = hash_inputs(parts, source.weights_file, config, checksum)

    @property
    def lineage(self) -> dict[str, Any]:
        """Settings, train part, teacher, and which of the encoder's layers these are, for the manifest."""
        more: dict[str, Any] = {"teacher": self.soft_labels.teacher} if self.soft_labels else {}
        more |= {"layers": self._layers} if self._layers else {}
        return {"config": self.config.model_dump(), TRAIN_PART: digest_texts(self.train), **more}

    def fit(self, watch: Watch | None = None) -> TrainingProgress:
        """Train until the last epoch or until early stopping on the dev part.

        Args:
            watch: called with the progress every 25 steps and after each epoch; may raise to stop the run, which can be
                resumed later.
        """
        config = self.config
        done = restore_checkpoint(self.folder, self.trainer.variables, identity=self.identity, best=self.folder / _BEST)
        batches = TrainingBatches(self.train, self.pieces, self.manifest.label_set, config, self.soft_labels)
        n_steps = batches.n_steps * config.epochs
        for epoch in range(done.step // batches.n_steps, config.epochs):
            if epoch - done.best_epoch >= config.patience:
                break
            skip = done.step - epoch * batches.n_steps
            with show_progress(f"epoch {epoch + 1}/{config.epochs}", total=batches.n_steps, unit="steps") as bar:
                bar.advance(skip)
                began = time.monotonic()
                for batch, targets in batches.epoch_batches(epoch, skip=skip):
                    rate = learning_rate_at(done.step, n_steps, config)
                    loss = self.trainer.step(done.step, rate, batch.piece_ids, batch.shape_ids, *targets)
                    _record_step(done, float(loss), rate)
                    bar.advance()
                    if watch and done.step % _CURVE_STEPS == 0:
                        watch(done)
                    if done.step % config.checkpoint_steps == 0 and done.step % batches.n_steps:
                        done.train_s, began = done.train_s + time.monotonic() - began, time.monotonic()
                        self._checkpoint(done)
                done.train_s += time.monotonic() - began
            self._end_epoch(done, epoch + 1)
            if watch:
                watch(done)
        return done

    def finish(self, done: TrainingProgress) -> ModelManifest:
        """Load the weights of the best epoch, calibrate the model and return its manifest."""
        best = load_file(self.folder / _BEST)
        self.trainer.model.import_all(read_weights(self.folder / _BEST), self.folder / _BEST)
        if _TRANSITIONS in best:
            self.trainer.transitions.assign(best[_TRANSITIONS])
        calibration = self.calibrate()
        metrics = {
            "dev_f1": done.best_f1,
            "transitions": calibration.kind,
            "transition_weight": calibration.weight,
            "epoch": done.best_epoch,
            "history": done.history,
        }
        return replace(
            self.manifest,
            temperature=calibration.temperature,
            entity_temperature=calibration.entity_temperature,
            transitions=(calibration.weight * calibration.transitions).tolist(),
            metrics={"train": metrics},
        )

    def calibrate(self, *, with_scores: bool = True) -> Calibration:
        """Calibrate the model with its current weights on the dev part; see `calibrate_model`."""
        transitions = {"counted": self.counted_transitions}
        if self.config.crf_weight:
            transitions["learnt"] = np.asarray(self.trainer.transitions, np.float32)
        return calibrate_model(self._tagger, transitions, self.dev, with_scores=with_scores)

    def delete_checkpoints(self) -> None:
        """Delete the checkpoint, the weights of the best epoch and the tokenizer."""
        for name in (_BEST, STATE, model_folder.TOKENIZER):
            (self.folder / name).unlink(missing_ok=True)

    def _end_epoch(self, done: TrainingProgress, epoch: int) -> None:
        loss = done.losses[0] / max(done.losses[1], 1)
        figures = {"epoch": epoch, "step": done.step, "loss": loss, "dev_f1": self.dev_f1()}
        self._save_if_best(done, epoch, figures["dev_f1"])
        if self.config.ema_decay:
            self.trainer.swap_ema_weights()
            figures["dev_f1_averaged"] = self.dev_f1()
            self._save_if_best(done, epoch, figures["dev_f1_averaged"])
            self.trainer.swap_ema_weights()
        done.history.append({**figures, "train_s": round(done.train_s, 1)})
        done.losses = (0.0, 0)
        shown = [name for name in ("loss", "dev_f1", "dev_f1_averaged") if name in figures]
        line = ", ".join(f"{name} {figures[name]:.4f}" for name in shown)
        print(f"epoch {epoch}: {line}, {done.train_s:.0f} s", flush=True)
        self._checkpoint(done)

    def _save_if_best(self, done: TrainingProgress, epoch: int, f1: float) -> None:
        if f1 <= done.best_f1:
            return
        done.best_f1, done.best_epoch = f1, epoch
        weights = self.trainer.model.export()
        if self.config.crf_weight:
            weights[_TRANSITIONS] = np.asarray(self.trainer.transitions, np.float32)
        with atomic.space_for(self.folder / _BEST):
            write_weights(self.folder / _BEST, weights)

    def dev_f1(self) -> float:
        """Return the entity F1 on the dev part, calibrated and decoded like the final model."""
        return self.calibrate(with_scores=False).dev_f1

    def _checkpoint(self, done: TrainingProgress) -> None:
        save_checkpoint(self.folder, done, self.trainer.variables, identity=self.identity)

    @cached_property
    def _tagger(self) -> Tagger:
        model, signature = self.trainer.model, [tf.TensorSpec([None, None], tf.int32)] * 2
        infer = tf.function(lambda p, s: model({"piece_ids": p, "shape_ids": s}), input_signature=signature)
        runner = PaddedRunner(lambda piece_ids, shape_ids: infer(piece_ids, shape_ids).numpy())
        return Tagger(runner, self.pieces, self.manifest)


def _record_step(done: TrainingProgress, loss: float, rate: float) -> None:
    """Count one step and add a point to the learning curve every 25 steps."""
    done.step += 1
    done.losses = (done.losses[0] + loss, done.losses[1] + 1)
    done.since = (done.since[0] + loss, done.since[1] + 1)
    if done.step % _CURVE_STEPS == 0:
        done.curve.append({"step": done.step, "loss": done.since[0] / done.since[1], "learning_rate": rate})
        done.since = (0.0, 0)


def hash_inputs(parts: Parts, weights: Path, config: TrainConfig, soft_labels: str | None) -> str:
    """Hash data, initial weights, settings and soft labels; what is half done is used only by a run with the same hash.

    Args:
        parts: labelled sentences by part.
        weights: file of the initial weights.
        config: training settings.
        soft_labels: checksum of the soft labels; None without a teacher.
    """
    return make_version(
        {
            "parts": {name: [[one.words, one.tags] for one in part] for name, part in parts.items()},
            "config": config.model_dump(),
            "start": atomic.sha256_of(weights),
            "soft_labels": soft_labels,
        }
    )

"""The training loop: an encoder and labelled sentences in, the best epoch's model out.

Killed anywhere, it goes on from its last checkpoint to the same weights: the order of the batches depends on nothing
but the seed and the epoch, and everything else that a step depends on is in the checkpoint.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from safetensors.numpy import load_file

from ner_tasks.data.corpus import LabelledSentence
from ner_tasks.files import atomic
from ner_tasks.fingerprint import make_version
from ner_tasks.inference.tagger import Tagger
from ner_tasks.labels import LabelSet
from ner_tasks.model import decoding, model_folder
from ner_tasks.model.model_folder import ModelManifest
from ner_tasks.model.token_classifier import read_weights, write_weights
from ner_tasks.model.tokenization import WordTokenizer
from ner_tasks.progress import show_progress
from ner_tasks.training.batches import TrainingBatches
from ner_tasks.training.calibrate import Calibration, calibrate_model
from ner_tasks.training.checkpoints import STATE, TrainingProgress, restore_checkpoint, save_checkpoint
from ner_tasks.training.config import TrainConfig
from ner_tasks.training.initialization import Initialization
from ner_tasks.training.steps import Trainer, learning_rate_at

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
) -> TrainingProgress:
    """Train a tagger and write the best epoch's model folder to `target`.

    Args:
        parts: sentences under `train` and `dev`; the labels are those of both.
        encoder: what to start from: a Hugging Face BERT checkpoint, or a trained model folder.
        target: the model folder to make.
        checkpoints: a folder for half-done work, of this training alone; emptied at the end.
        config: how.
        lineage: where the data comes from, kept in the manifest.

    Raises:
        EncoderUnsupported, ArtifactBroken, InputMissing: the checkpoint is not a BERT, damaged or absent.
        ConfigInvalid: the half-done work is that of another training.
        StorageFull: no room for a checkpoint or the model.
        Busy: another process trains into the same `checkpoints`.
    """
    with atomic.exclusive(checkpoints / "lock"):
        run = TrainingRun(parts, encoder, checkpoints, config)
        done = run.fit()
        manifest = replace(run.finished(done), lineage={**lineage, "config": asdict(run.config)})
        with atomic.staged_folder(target) as stage:
            (stage / model_folder.WEIGHTS).write_bytes((checkpoints / _BEST).read_bytes())
            (stage / model_folder.TOKENIZER).write_bytes((checkpoints / model_folder.TOKENIZER).read_bytes())
            model_folder.write_manifest(stage, manifest)
        run.clear()
    return done


class TrainingRun:
    """One training: its lessons, its learner and how far they are.

    Args:
        parts: as for `train`.
        start: as `encoder` of `train`.
        folder: for half-done work.
        config: how.
    """

    def __init__(self, parts: Parts, start: Path, folder: Path, config: TrainConfig):
        config = config.for_data(len(parts["train"]))
        keras.utils.set_random_seed(config.seed)
        tf.config.optimizer.set_experimental_options({"auto_mixed_precision_onednn_bfloat16": config.bf16})
        label_set = LabelSet.from_tags(tag for part in parts.values() for sentence in part for tag in sentence.tags)
        source = Initialization.at(start)
        folder.mkdir(parents=True, exist_ok=True)
        source.save_tokenizer(folder / model_folder.TOKENIZER)
        self.pieces = WordTokenizer(folder / model_folder.TOKENIZER)
        model = source.model(self.pieces, label_set, dropout=config.dropout, attention_dropout=config.attention_dropout)
        self.train, self.dev, self.folder, self.config = parts["train"], parts["dev"], folder, config
        self.manifest = ModelManifest("trained", label_set.labels, source.config, config.max_pieces)
        self.counted = decoding.count_transitions([sentence.tags for sentence in self.train], label_set)
        self.learner = Trainer(model, label_set, self.counted, config)
        self.identity = _identity(parts, source, config)

    def fit(self, watch: Watch | None = None) -> TrainingProgress:
        """Learn until the last epoch, or until the dev part says that it gets no better.

        Args:
            watch: told now and then how far it is; what it raises ends the training, which can go on later.
        """
        config = self.config
        done = restore_checkpoint(self.folder, self.learner.variables, of=self.identity, best=self.folder / _BEST)
        lessons = TrainingBatches(self.train, self.pieces, self.manifest.label_set, config)
        n_steps = lessons.n_steps * config.epochs
        for epoch in range(done.step // lessons.n_steps, config.epochs):
            if epoch - done.best_epoch >= config.patience:
                break
            skip = done.step - epoch * lessons.n_steps
            with show_progress(f"epoch {epoch + 1}/{config.epochs}", total=lessons.n_steps, unit="steps") as bar:
                bar.advance(skip)
                began = time.monotonic()
                for batch, tag_ids, weights in lessons.epoch_batches(epoch, skip=skip):
                    rate = learning_rate_at(done.step, n_steps, config)
                    loss = self.learner.step(done.step, rate, batch.piece_ids, batch.shape_ids, tag_ids, weights)
                    _note(done, float(loss), rate)
                    bar.advance()
                    if watch and done.step % _CURVE_STEPS == 0:
                        watch(done)
                    if done.step % config.checkpoint_steps == 0 and done.step % lessons.n_steps:
                        done.train_s, began = done.train_s + time.monotonic() - began, time.monotonic()
                        self._checkpoint(done)
                done.train_s += time.monotonic() - began
            self._end_epoch(done, epoch + 1)
            if watch:
                watch(done)
        return done

    def finished(self, done: TrainingProgress) -> ModelManifest:
        """The manifest of the best epoch's model, with what is fitted to it; from here on the model is that epoch's."""
        best = load_file(self.folder / _BEST)
        self.learner.model.import_all(read_weights(self.folder / _BEST), self.folder / _BEST)
        if _TRANSITIONS in best:
            self.learner.transitions.assign(best[_TRANSITIONS])
        fitted = self.fitted()
        said = {
            "dev_f1": done.best_f1,
            "transitions": fitted.kind,
            "transition_weight": fitted.weight,
            "epoch": done.best_epoch,
            "history": done.history,
        }
        return replace(
            self.manifest,
            temperature=fitted.temperature,
            transitions=(fitted.weight * fitted.transitions).tolist(),
            metrics={"train": said},
        )

    def fitted(self) -> Calibration:
        """What is best for the model as it is now, and the dev F1 that it reaches so."""
        transitions = {"counted": self.counted}
        if self.config.crf_weight:
            transitions["learnt"] = np.asarray(self.learner.transitions, np.float32)
        return calibrate_model(self._tagger, transitions, self.dev)

    def clear(self) -> None:
        """Remove the half-done work."""
        for name in (_BEST, STATE, model_folder.TOKENIZER):
            (self.folder / name).unlink(missing_ok=True)

    def _end_epoch(self, done: TrainingProgress, epoch: int) -> None:
        loss = done.losses[0] / max(done.losses[1], 1)
        said = {"epoch": epoch, "step": done.step, "loss": loss, "dev_f1": self.dev_f1()}
        self._keep_if_best(done, epoch, said["dev_f1"])
        if self.config.ema_decay:
            self.learner.swap_ema_weights()
            said["dev_f1_averaged"] = self.dev_f1()
            self._keep_if_best(done, epoch, said["dev_f1_averaged"])
            self.learner.swap_ema_weights()
        done.history.append({**said, "train_s": round(done.train_s, 1)})
        done.losses = (0.0, 0)
        f1s = ", ".join(f"{name} {said[name]:.4f}" for name in ("loss", "dev_f1", "dev_f1_averaged") if name in said)
        print(f"epoch {epoch}: {f1s}, {done.train_s:.0f} s", flush=True)
        self._checkpoint(done)

    def _keep_if_best(self, done: TrainingProgress, epoch: int, f1: float) -> None:
        if f1 <= done.best_f1:
            return
        done.best_f1, done.best_epoch = f1, epoch
        weights = self.learner.model.export()
        if self.config.crf_weight:
            weights[_TRANSITIONS] = np.asarray(self.learner.transitions, np.float32)
        with atomic.space_for(self.folder / _BEST):
            write_weights(self.folder / _BEST, weights)

    def dev_f1(self) -> float:
        """Entity F1 on the dev part, decoded as the finished model will be."""
        return self.fitted().dev_f1

    def _checkpoint(self, done: TrainingProgress) -> None:
        save_checkpoint(self.folder, done, self.learner.variables, of=self.identity)

    @cached_property
    def _tagger(self) -> Tagger:
        model, signature = self.learner.model, [tf.TensorSpec([None, None], tf.int32)] * 2
        infer = tf.function(lambda p, s: model({"piece_ids": p, "shape_ids": s}), input_signature=signature)
        return Tagger(lambda piece_ids, shape_ids: infer(piece_ids, shape_ids).numpy(), self.pieces, self.manifest)


def _note(done: TrainingProgress, loss: float, rate: float) -> None:
    """Count one step, and now and then add a point to the learning curve."""
    done.step += 1
    done.losses = (done.losses[0] + loss, done.losses[1] + 1)
    done.since = (done.since[0] + loss, done.since[1] + 1)
    if done.step % _CURVE_STEPS == 0:
        done.curve.append({"step": done.step, "loss": done.since[0] / done.since[1], "learning_rate": rate})
        done.since = (0.0, 0)


def _identity(parts: Parts, source: Initialization, config: TrainConfig) -> str:
    """What tells this training from others, whose half-done work is of no use to it."""
    texts = {name: [[one.words, one.tags] for one in part] for name, part in parts.items()}
    return make_version({"parts": texts, "config": asdict(config), "start": atomic.sha256_of(source.weights_file)})

"""The training loop: an encoder and labelled sentences in, the best epoch's model out.

Killed anywhere, it goes on from its last checkpoint: the order of the batches depends on nothing but the seed
and the epoch, so the steps that were done are known by their number.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from safetensors import safe_open
from transformers import AutoTokenizer

from ner_tasks import artifacts, atomic, evaluation
from ner_tasks.artifacts import ModelManifest
from ner_tasks.corpus import LabelledSentence
from ner_tasks.errors import ArtifactBroken, ConfigInvalid
from ner_tasks.fitting import Fitted, fitted_to
from ner_tasks.inference import Tagger
from ner_tasks.labels import LabelSet
from ner_tasks.model import Sizes, TokenClassifier, read_config, read_weights, write_weights
from ner_tasks.progress import progress
from ner_tasks.tokenization import Batch, Window, WordPieces, batch_of, windows_of

_BEST, _STATE = "best.safetensors", "state.safetensors"
_POOL_BATCHES = 50  # sentences of this many batches are sorted by length together


@dataclass(frozen=True)
class TrainConfig:
    """How to train; the defaults are what `docs/benchmarks.md` reports on.

    Attributes:
        epochs: most passes over the train part.
        patience: epochs without a better dev F1 after which training ends.
        batch_size: windows in a batch.
        learning_rate: highest rate, reached after `warmup_share` of the steps; linear to zero from there.
        checkpoint_steps: steps between two checkpoints.
        dropout: share of values dropped inside the model.
        max_pieces: longest window, with [CLS] and [SEP].
        bf16: let oneDNN compute in bfloat16, where the CPU has it.
    """

    epochs: int = 3
    patience: int = 2
    batch_size: int = 32
    learning_rate: float = 3e-4
    warmup_share: float = 0.1
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    dropout: float = 0.1
    seed: int = 0
    checkpoint_steps: int = 250
    max_pieces: int = 128
    bf16: bool = False

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "learning_rate", "checkpoint_steps"):
            if getattr(self, name) <= 0:
                raise ConfigInvalid(f"found {name} = {getattr(self, name)}, expected more than 0")
        if not 0 <= self.dropout < 1:
            raise ConfigInvalid(f"found dropout = {self.dropout}, expected 0 to less than 1")


@dataclass
class Progress:
    """How far a training is; what a checkpoint keeps beside the variables."""

    step: int = 0
    best_f1: float = -1.0
    best_epoch: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)
    train_s: float = 0.0


def train(
    parts: dict[str, Sequence[LabelledSentence]],
    *,
    encoder: Path,
    target: Path,
    checkpoints: Path,
    config: TrainConfig,
    lineage: dict[str, Any],
) -> Progress:
    """Train a tagger and write the best epoch's model folder to `target`.

    Args:
        parts: sentences under `train` and `dev`; the labels are those of both.
        encoder: a Hugging Face BERT checkpoint.
        target: the model folder to make.
        checkpoints: a folder for half-done work, of this training alone; emptied at the end.
        config: how.
        lineage: where the data comes from, kept in the manifest.

    Raises:
        EncoderUnsupported, ArtifactBroken, InputMissing: the checkpoint is not a BERT, damaged or absent.
        StorageFull: no room for a checkpoint or the model.
        Busy: another process trains into the same `checkpoints`.
    """
    keras.utils.set_random_seed(config.seed)
    tf.config.optimizer.set_experimental_options({"auto_mixed_precision_onednn_bfloat16": config.bf16})
    label_set = LabelSet.of_tags(tag for part in parts.values() for sentence in part for tag in sentence.tags)
    encoder_config = read_config(encoder)
    sizes = Sizes.of_config(encoder_config, encoder / "config.json")
    with atomic.exclusive(checkpoints / "lock"):
        save_tokenizer(encoder, checkpoints / artifacts.TOKENIZER)
        pieces = WordPieces(checkpoints / artifacts.TOKENIZER)
        if pieces.vocabulary_size() > sizes.vocab_size:
            found = f"{pieces.vocabulary_size()} pieces in the tokenizer"
            raise ArtifactBroken(f"found {found}, expected at most {sizes.vocab_size}, in {encoder}")
        model = TokenClassifier(sizes, n_tags=len(label_set.tags), pad_id=pieces.pad_id, dropout=config.dropout)
        model.import_encoder(read_weights(encoder / "model.safetensors"), encoder / "model.safetensors")
        manifest = ModelManifest("trained", label_set.labels, encoder_config, config.max_pieces)
        run = _Run(model, pieces, manifest, config, checkpoints)
        done = run.fit(parts["train"], parts["dev"])
        fitted = run.fitted(parts["train"], parts["dev"])
        manifest = replace(
            manifest,
            temperature=fitted.temperature,
            transitions=(fitted.weight * fitted.transitions).tolist(),
            metrics={
                "train": {
                    "dev_f1": done.best_f1,
                    "dev_f1_decoded": fitted.dev_f1,
                    "transition_weight": fitted.weight,
                    "epoch": done.best_epoch,
                    "history": done.history,
                }
            },
            lineage={**lineage, "config": asdict(config)},
        )
        with atomic.staged_folder(target) as stage:
            (stage / artifacts.WEIGHTS).write_bytes((checkpoints / _BEST).read_bytes())
            (stage / artifacts.TOKENIZER).write_bytes((checkpoints / artifacts.TOKENIZER).read_bytes())
            artifacts.sign(stage, manifest)
        for name in (_BEST, _STATE, artifacts.TOKENIZER):
            (checkpoints / name).unlink(missing_ok=True)
    return done


class _Run:
    """One training: the model, its optimizer and how far they are."""

    def __init__(
        self, model: TokenClassifier, pieces: WordPieces, manifest: ModelManifest, config: TrainConfig, folder: Path
    ):
        self.model, self.pieces, self.manifest, self.config, self.folder = model, pieces, manifest, config, folder
        self.label_set = manifest.label_set
        self.optimizer = keras.optimizers.AdamW(
            config.learning_rate, weight_decay=config.weight_decay, global_clipnorm=config.clip_norm
        )
        self.optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        self.optimizer.build(model.trainable_variables)

    def fit(self, train: Sequence[LabelledSentence], dev: Sequence[LabelledSentence]) -> Progress:
        config, done = self.config, self._resume()
        windows = list(windows_of([s.words for s in train], self.pieces, max_pieces=config.max_pieces))
        tag_ids = [[self.label_set.id_of[tag] for tag in sentence.tags] for sentence in train]
        steps_per_epoch = -(-len(windows) // config.batch_size)
        n_steps = steps_per_epoch * config.epochs
        step_of = self._compiled_step()
        for epoch in range(done.step // steps_per_epoch, config.epochs):
            if epoch - done.best_epoch >= config.patience:
                break
            began, losses = time.monotonic(), []
            skip = done.step - epoch * steps_per_epoch
            with progress(f"epoch {epoch + 1}/{config.epochs}", total=steps_per_epoch, unit="steps") as bar:
                bar.advance(skip)
                for batch in list(self._batches(windows, epoch))[skip:]:
                    self.optimizer.learning_rate = rate_at(done.step, n_steps, config)
                    losses.append(step_of(batch.piece_ids, batch.shape_ids, *targets_of(batch, tag_ids)))
                    done.step += 1
                    bar.advance()
                    if done.step % config.checkpoint_steps == 0 and done.step % steps_per_epoch:
                        self._checkpoint(done)
            done.train_s += time.monotonic() - began
            self._end_epoch(done, epoch + 1, dev, losses)
        return done

    def _compiled_step(self) -> Callable[..., tf.Tensor]:
        ids, weights = tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None, None], tf.float32)

        @tf.function(input_signature=[ids, ids, ids, weights])
        def step(piece_ids: tf.Tensor, shape_ids: tf.Tensor, tag_ids: tf.Tensor, carries_tag: tf.Tensor) -> tf.Tensor:
            with tf.GradientTape() as tape:
                logits = self.model({"piece_ids": piece_ids, "shape_ids": shape_ids}, training=True)  # [B, T, K]
                losses = tf.nn.sparse_softmax_cross_entropy_with_logits(tag_ids, logits)  # [B, T]
                loss = tf.reduce_sum(losses * carries_tag) / tf.maximum(tf.reduce_sum(carries_tag), 1.0)
            variables = self.model.trainable_variables
            self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
            return loss

        return step

    def _batches(self, windows: Sequence[Window], epoch: int) -> Iterator[Batch]:
        """Shuffled batches of windows of similar length, the same for the same seed and epoch."""
        random = np.random.default_rng([self.config.seed, epoch])
        order, size = random.permutation(len(windows)), self.config.batch_size
        groups = []
        for at in range(0, len(order), size * _POOL_BATCHES):
            pool = sorted(order[at : at + size * _POOL_BATCHES], key=lambda index: len(windows[index]))
            groups += [pool[first : first + size] for first in range(0, len(pool), size)]
        for index in random.permutation(len(groups)):
            yield batch_of([windows[i] for i in groups[index]], pad_id=self.pieces.pad_id)

    def _end_epoch(self, done: Progress, epoch: int, dev: Sequence[LabelledSentence], losses: list[tf.Tensor]) -> None:
        f1 = self._dev_f1(dev)
        loss = float(np.mean([value.numpy() for value in losses])) if losses else float("nan")
        done.history.append({"epoch": epoch, "loss": loss, "dev_f1": f1, "train_s": round(done.train_s, 1)})
        print(f"epoch {epoch}: loss {loss:.4f}, dev entity F1 {f1:.4f}, {done.train_s:.0f} s", flush=True)
        if f1 > done.best_f1:
            done.best_f1, done.best_epoch = f1, epoch
            with atomic.space_for(self.folder / _BEST):
                write_weights(self.folder / _BEST, self.model.export())
        self._checkpoint(done)

    def fitted(self, train: Sequence[LabelledSentence], dev: Sequence[LabelledSentence]) -> Fitted:
        """What is fitted to the best epoch's model; from here on the model is that epoch's."""
        self.model.import_all(read_weights(self.folder / _BEST), self.folder / _BEST)
        return fitted_to(self._tagger(), train, dev)

    def _dev_f1(self, dev: Sequence[LabelledSentence]) -> float:
        tagged = self._tagger().tag([sentence.words for sentence in dev])
        return evaluation.score([sentence.tags for sentence in dev], [t.tags for t in tagged]).overall.f1

    def _tagger(self) -> Tagger:
        signature = [tf.TensorSpec([None, None], tf.int32)] * 2
        infer = tf.function(lambda p, s: self.model({"piece_ids": p, "shape_ids": s}), input_signature=signature)
        return Tagger(lambda piece_ids, shape_ids: infer(piece_ids, shape_ids).numpy(), self.pieces, self.manifest)

    def _checkpoint(self, done: Progress) -> None:
        """Write the variables and how far they are as one file, so that a kill can not part them."""
        with atomic.space_for(self.folder / _STATE):
            values = {str(index): np.asarray(variable) for index, variable in enumerate(self._variables())}
            write_weights(self.folder / _STATE, values, metadata={"progress": json.dumps(asdict(done))})

    def _resume(self) -> Progress:
        if not (self.folder / _STATE).is_file():
            return Progress()
        with safe_open(self.folder / _STATE, "np") as state:
            for index, variable in enumerate(self._variables()):
                variable.assign(state.get_tensor(str(index)))
            done = Progress(**json.loads(state.metadata()["progress"]))
        print(f"going on from step {done.step}", flush=True)
        return done

    def _variables(self) -> list[keras.Variable]:
        return [*self.model.variables, *self.optimizer.variables]


def rate_at(step: int, n_steps: int, config: TrainConfig) -> float:
    """Learning rate of a step: up to the highest in `warmup_share` of the steps, then linearly down to zero."""
    warmup = max(int(n_steps * config.warmup_share), 1)
    share = (step + 1) / warmup if step < warmup else (n_steps - step) / max(n_steps - warmup, 1)
    return config.learning_rate * share


def targets_of(batch: Batch, tag_ids: Sequence[Sequence[int]]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Tag ids and their weights, both [B, T]: a tag sits on its word's first piece, all else weighs nothing."""
    ids = np.zeros(batch.piece_ids.shape, np.int32)
    weights = np.zeros(batch.piece_ids.shape, np.float32)
    for row, window in enumerate(batch.windows):
        ids[row, window.first_pieces] = tag_ids[window.sentence][window.start : window.end]
        weights[row, window.first_pieces] = 1.0
    return ids, weights


def save_tokenizer(encoder: Path, path: Path) -> None:
    """Write a checkpoint's tokenizer as one `tokenizer.json`, whatever form it has there.

    Raises:
        ArtifactBroken: there is none that transformers can read.
    """
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(encoder), local_files_only=True)
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ArtifactBroken(f"found {reason}, expected a tokenizer, in {encoder}") from None
    tokenizer.backend_tokenizer.save(str(path))

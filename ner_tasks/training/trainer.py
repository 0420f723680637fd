"""Training step: forward pass, losses, update, and moving average of the weights.

Shapes: B windows, T pieces per window, W words per window, K tags.
"""

from collections.abc import Callable

import keras
import tensorflow as tf

from ner_tasks.labels import LabelSet
from ner_tasks.model.decoding import Transitions, allowed_transitions
from ner_tasks.model.token_classifier import TokenClassifier
from ner_tasks.training.config import TrainConfig
from ner_tasks.training.losses import crf_losses, cross_entropy, distillation, symmetric_kl
from ner_tasks.training.optimizer import LayerwiseAdamW, learning_rate_factors

_FORBIDDEN = -1e4  # finite, since minus infinity has no gradient
_AVERAGE_EVERY = 10  # steps; an update reads and writes every weight
Step = Callable[..., tf.Tensor]


class Trainer:
    """Model, optimizer, CRF transitions and moving average of the weights.

    Args:
        model: model to train.
        label_set: labels of the model.
        transitions: counted log-probabilities [K + 1, K], the initial values of the CRF transitions.
        config: training settings.
        has_teacher: whether each batch has soft labels.
    """

    def __init__(
        self,
        model: TokenClassifier,
        label_set: LabelSet,
        transitions: Transitions,
        config: TrainConfig,
        *,
        has_teacher: bool = False,
    ):
        self.model, self._config = model, config
        self.transitions = keras.Variable(0.5 * transitions, trainable=True, name="transitions")  # [K + 1, K]
        # The last row allows every tag: a window may start inside an entity.
        self._forbidden = _FORBIDDEN * (1.0 - allowed_transitions(label_set)).astype("float32")  # [K + 1, K]
        self._forbidden[-1] = 0.0
        self.trainable_variables = list(model.trainable_variables) + ([self.transitions] if config.crf_weight else [])
        factors = learning_rate_factors(model, config)
        self.optimizer = LayerwiseAdamW(
            [factors.get(id(variable), config.head_rate) for variable in self.trainable_variables],
            learning_rate=config.learning_rate,
            weight_decay=config.weight_decay,
            global_clipnorm=config.clip_norm,
        )
        self.optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta", "transitions"])
        self.optimizer.build(self.trainable_variables)
        self.average = [tf.Variable(variable) for variable in self.trainable_variables] if config.ema_decay else []
        self._step = self._compiled_step(has_teacher=has_teacher)

    @property
    def variables(self) -> list[keras.Variable | tf.Variable]:
        """All variables that a checkpoint has to store."""
        return [*self.model.variables, self.transitions, *self.optimizer.variables, *self.average]

    def step(self, number: int, rate: float, *batch: tf.Tensor) -> tf.Tensor:
        """Train on one batch and return its loss, a mean over the words.

        Args:
            number: step number, from 0.
            rate: learning rate.
            batch: piece ids, shape ids, tag ids and tag weights, each [B, T]; a weight is 1 at the first piece of a word.
                With a teacher also its log-probabilities [B, T, K].
        """
        self.optimizer.learning_rate = rate
        loss = self._step(*batch)
        if self.average and (number + 1) % _AVERAGE_EVERY == 0:
            decay = min(self._config.ema_decay, (1 + number) / (10 + number)) ** _AVERAGE_EVERY
            for average, variable in zip(self.average, self.trainable_variables, strict=True):
                average.assign_add((1.0 - decay) * (variable.value - average))
        return loss

    def swap_ema_weights(self) -> None:
        """Swap the weights and their moving average; calling it twice restores both."""
        for average, variable in zip(self.average, self.trainable_variables, strict=True):
            value = tf.identity(variable.value)
            variable.assign(average)
            average.assign(value)

    def _compiled_step(self, *, has_teacher: bool) -> Step:
        ids, weights = tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None, None], tf.float32)
        log_probs = [tf.TensorSpec([None, None, self.transitions.shape[1]], tf.float32)] if has_teacher else []

        @tf.function(input_signature=[ids, ids, ids, weights, *log_probs])
        def step(
            piece_ids: tf.Tensor, shape_ids: tf.Tensor, tag_ids: tf.Tensor, carries_tag: tf.Tensor, *teacher: tf.Tensor
        ) -> tf.Tensor:
            inputs = {"piece_ids": piece_ids, "shape_ids": shape_ids}
            with tf.GradientTape() as tape:
                loss = self._loss(inputs, tag_ids, carries_tag, *teacher)
            self.optimizer.apply_gradients(
                zip(tape.gradient(loss, self.trainable_variables), self.trainable_variables, strict=True)
            )
            return loss

        return step

    def _loss(
        self,
        inputs: dict[str, tf.Tensor],
        tag_ids: tf.Tensor,
        carries_tag: tf.Tensor,
        teacher: tf.Tensor | None = None,
    ) -> tf.Tensor:
        config = self._config
        n_words = tf.maximum(tf.reduce_sum(carries_tag), 1.0)
        passes = [self.model(inputs, training=True) for _ in range(2 if config.r_drop else 1)]  # of [B, T, K]
        loss = tf.add_n([cross_entropy(logits, tag_ids, config.label_smoothing) for logits in passes]) / len(passes)
        if config.r_drop:
            loss += config.r_drop * symmetric_kl(*passes)
        loss = tf.reduce_sum(loss * carries_tag) / n_words
        if config.crf_weight:
            moves, n_passes = self.transitions + self._forbidden, len(passes)
            ids, carries = (tf.tile(each, [n_passes, 1]) for each in (tag_ids, carries_tag))
            paths = crf_losses(tf.concat(passes, 0), ids, carries, moves)
            loss += config.crf_weight * tf.reduce_sum(paths) / (n_words * n_passes)
        if teacher is not None:
            distances = [distillation(logits, teacher, config.teacher_temperature) for logits in passes]  # of [B, T]
            distance = tf.reduce_sum(tf.add_n(distances) * carries_tag) / (n_words * len(passes))
            loss = (1.0 - config.teacher_weight) * loss + config.teacher_weight * distance
        return loss

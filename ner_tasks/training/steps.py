"""Training step: optimizer, losses, learning rates and moving average of the weights.

Shapes: B windows, T pieces per window, W words per window, K tags.
"""

import math
from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from ner_tasks.labels import LabelSet
from ner_tasks.model.decoding import Transitions, allowed_transitions
from ner_tasks.model.token_classifier import TokenClassifier
from ner_tasks.training.config import TrainConfig

_FORBIDDEN = -1e4  # finite, since minus infinity has no gradient
_AVERAGE_EVERY = 10  # steps; an update reads and writes every weight
Step = Callable[..., tf.Tensor]


class LayerwiseAdamW(keras.optimizers.AdamW):
    """AdamW with a learning rate factor for each variable.

    Computes the same update as Keras' AdamW with one fused operation per variable; Keras' ten passes over the weights
    take a tenth of a training step.

    Args:
        factors: learning rate factors in the order of the variables.
    """

    def __init__(self, factors: Sequence[float], **kwargs: object):
        super().__init__(**kwargs)
        self._factors = factors

    def update_step(self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor) -> None:
        index = self._get_variable_index(variable)
        number = tf.cast(self.iterations.value, tf.float32) + 1.0
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=self.beta_1**number,
            beta2_power=self.beta_2**number,
            lr=learning_rate * self._factors[index],
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=tf.convert_to_tensor(gradient),
        )


class Trainer:
    """Model, optimizer, CRF transitions and moving average of the weights.

    Args:
        model: model to train.
        label_set: labels of the model.
        transitions: counted log-probabilities [K + 1, K], the initial values of the CRF transitions.
        config: training settings.
    """

    def __init__(self, model: TokenClassifier, label_set: LabelSet, transitions: Transitions, config: TrainConfig):
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
        self._step = self._compiled_step()

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

    def _compiled_step(self) -> Step:
        ids, weights = tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None, None], tf.float32)

        @tf.function(input_signature=[ids, ids, ids, weights])
        def step(piece_ids: tf.Tensor, shape_ids: tf.Tensor, tag_ids: tf.Tensor, carries_tag: tf.Tensor) -> tf.Tensor:
            inputs = {"piece_ids": piece_ids, "shape_ids": shape_ids}
            with tf.GradientTape() as tape:
                loss = self._loss(inputs, tag_ids, carries_tag)
            self.optimizer.apply_gradients(
                zip(tape.gradient(loss, self.trainable_variables), self.trainable_variables, strict=True)
            )
            return loss

        return step

    def _loss(self, inputs: dict[str, tf.Tensor], tag_ids: tf.Tensor, carries_tag: tf.Tensor) -> tf.Tensor:
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
        return loss


def cross_entropy(logits: tf.Tensor, tag_ids: tf.Tensor, smoothing: float) -> tf.Tensor:
    """Return the cross entropy of each piece, [B, T], with label smoothing.

    Args:
        logits: [B, T, K].
        tag_ids: [B, T].
        smoothing: share of the target probability spread over all tags, 0 to 1.
    """
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(tag_ids, logits)  # [B, T]
    if not smoothing:
        return losses
    return (1 - smoothing) * losses - smoothing * tf.reduce_mean(tf.nn.log_softmax(logits), axis=-1)


def symmetric_kl(one: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
    """Return the symmetric Kullback-Leibler divergence of the tag distributions of two passes, [B, T].

    Args:
        one: logits [B, T, K].
        other: logits [B, T, K] of the same batch with another dropout mask.

    Source: X. Liang et al., R-Drop, NeurIPS 2021.
    """
    log_p, log_q = tf.nn.log_softmax(one), tf.nn.log_softmax(other)  # [B, T, K]
    return tf.reduce_sum((tf.exp(log_p) - tf.exp(log_q)) * (log_p - log_q), axis=-1) / 2


def crf_losses(logits: tf.Tensor, tag_ids: tf.Tensor, carries_tag: tf.Tensor, steps: tf.Tensor) -> tf.Tensor:
    """Return the negative log-likelihood of the tag sequence of each window, [B], under a linear-chain CRF.

    Args:
        logits: [B, T, K].
        tag_ids: [B, T].
        carries_tag: [B, T], 1 at the first piece of each word, 0 elsewhere.
        steps: transition scores [K + 1, K]; the last row is for the first word of a window.

    Source: J. Lafferty et al., Conditional random fields, ICML 2001.
    """
    n_tags = tf.shape(steps)[1]
    n_words = tf.cast(tf.reduce_sum(carries_tag, axis=1), tf.int32)  # [B]
    firsts = tf.argsort(1 - carries_tag, stable=True)[:, : tf.reduce_max(n_words)]  # [B, W]
    words = tf.gather(logits, firsts, batch_dims=1)  # [B, W, K]
    tags = tf.gather(tag_ids, firsts, batch_dims=1)  # [B, W]
    real = tf.sequence_mask(n_words, tf.shape(tags)[1], tf.float32)  # [B, W]
    before = tf.concat([tf.fill([tf.shape(tags)[0], 1], n_tags), tags[:, :-1]], axis=1)  # [B, W]
    right = tf.gather(words, tags, batch_dims=2) + tf.gather_nd(steps, tf.stack([before, tags], axis=-1))  # [B, W]

    def forward(reached: tf.Tensor, word: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        scores, is_real = word  # [B, K], [B]
        further = tf.reduce_logsumexp(reached[:, :, None] + steps[None, :-1], axis=1) + scores  # [B, K]
        return tf.where(is_real[:, None] > 0, further, reached)

    by_word = tf.transpose(words, [1, 0, 2])  # [W, B, K]
    first = by_word[0] + steps[-1]  # [B, K]
    reached = tf.foldl(forward, (by_word[1:], tf.transpose(real)[1:]), initializer=first)
    return tf.reduce_logsumexp(reached, axis=1) - tf.reduce_sum(right * real, axis=1)


def learning_rate_factors(model: TokenClassifier, config: TrainConfig) -> dict[int, float]:
    """Return the learning rate factor of each variable, by `id` of the variable; lower layers have smaller factors.

    Source: J. Howard and S. Ruder, Universal language model fine-tuning (discriminative rates), ACL 2018.
    """
    n_blocks = len(model.blocks)
    layers = [(model.classifier, config.head_rate), (model.shapes, config.head_rate)]
    layers += [(block, config.layer_decay ** (n_blocks - 1 - index)) for index, block in enumerate(model.blocks)]
    lowest = (model.words, model.positions, model.segments, model.norm)
    layers += [(layer, config.layer_decay**n_blocks) for layer in lowest]
    return {id(variable): factor for layer, factor in layers for variable in layer.trainable_variables}


def learning_rate_at(step: int, n_steps: int, config: TrainConfig) -> float:
    """Return the learning rate of a step: linear warmup, then linear or cosine decay to zero.

    Args:
        step: step number, from 0.
        n_steps: total number of steps.
        config: peak rate, warmup share and schedule.
    """
    warmup = max(int(n_steps * config.warmup_share), 1)
    if step < warmup:
        return config.learning_rate * (step + 1) / warmup
    left = (n_steps - step) / max(n_steps - warmup, 1)  # 1 to 0
    return config.learning_rate * (left if config.schedule == "linear" else 0.5 - 0.5 * math.cos(math.pi * left))

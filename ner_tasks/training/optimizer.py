"""Optimizer: AdamW with a learning rate per layer, and the learning-rate schedule."""

import math
from collections.abc import Sequence

import keras
import tensorflow as tf

from ner_tasks.model.token_classifier import TokenClassifier
from ner_tasks.training.config import TrainConfig


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


def learning_rate_factors(model: TokenClassifier, config: TrainConfig) -> dict[int, float]:
    """Return the learning rate factor of each variable, by `id` of the variable; lower layers have smaller factors.

    Source: J. Howard and S. Ruder, Universal language model fine-tuning (discriminative rates), ACL 2018.
    """
    n_blocks = len(model.blocks)
    layers = [(model.classifier, config.head_rate), (model.shapes, config.head_rate)]
    layers += [(block, config.layer_decay ** (n_blocks - 1 - index)) for index, block in enumerate(model.blocks)]
    layers += [(layer, config.layer_decay**n_blocks) for layer in model.embedding_layers]
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

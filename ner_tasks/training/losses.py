"""Losses of a batch: cross-entropy of words, CRF of sentences, divergence of two passes, distance to a teacher.

Shapes: B windows, T pieces per window, W words per window, K tags.
"""

import tensorflow as tf


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


def distillation(logits: tf.Tensor, teacher: tf.Tensor, temperature: float) -> tf.Tensor:
    """Return the Kullback-Leibler divergence of the tag distributions from the teacher's at a temperature, [B, T].

    Args:
        logits: [B, T, K].
        teacher: log-probabilities of the teacher, [B, T, K].
        temperature: divisor of both, above 0. The loss is multiplied by its square, so that gradients keep their scale.

    Source: G. Hinton et al., Distilling the Knowledge in a Neural Network, 2015.
    """
    log_p, log_q = tf.nn.log_softmax(teacher / temperature), tf.nn.log_softmax(logits / temperature)  # [B, T, K]
    return temperature**2 * tf.reduce_sum(tf.exp(log_p) * (log_p - log_q), axis=-1)


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

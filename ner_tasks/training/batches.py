"""Training batches; their order depends only on the sentences, the seed and the epoch."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ner_tasks.data.corpus import LabelledSentence
from ner_tasks.entities import bio_to_spans
from ner_tasks.labels import LabelSet
from ner_tasks.model.tokenization import Batch, WordTokenizer, make_windows, pad_batch
from ner_tasks.training.config import TrainConfig
from ner_tasks.training.soft_labels import LogProbs, SoftLabels

_POOL_BATCHES = 50  # sentences of this many batches are sorted by length together
_IMPOSSIBLE = -30.0  # log-probability; that of 0 would make the loss NaN
_MAX_REPEATS = 8.0  # of a sentence with a rare label; more would make the model memorize a few sentences

Targets = tuple[NDArray[Any], ...]


class TrainingBatches:
    """The windows of the train part with their tag ids, batched anew for each epoch.

    Args:
        sentences: the train part.
        pieces: tokenizer of the model.
        label_set: labels of the model; must contain every tag of `sentences`.
        config: training configuration.
        soft_labels: a teacher's probabilities for the words of `sentences`; None without a teacher.
    """

    def __init__(
        self,
        sentences: Sequence[LabelledSentence],
        pieces: WordTokenizer,
        label_set: LabelSet,
        config: TrainConfig,
        soft_labels: SoftLabels | None = None,
    ):
        self._config, self._pad_id = config, pieces.pad_id
        self._mask_id = pieces.mask_id if config.word_dropout else None
        self._windows = list(make_windows([s.words for s in sentences], pieces, max_pieces=config.max_pieces))
        self._tag_ids = [[label_set.id_of[tag] for tag in sentence.tags] for sentence in sentences]
        self._log_probs = None
        if soft_labels:
            self._log_probs = correct_rare(sentences, soft_labels, label_set, below=config.teacher_min_share)
        repeats = count_repeats(sentences, below=config.oversampling, seed=config.seed)
        each = np.array([repeats[window.sentence] for window in self._windows], np.int64)
        self._order = np.repeat(np.arange(len(self._windows)), each)  # window indices, oversampled ones repeated
        self.n_steps = -(-len(self._order) // config.batch_size)

    def epoch_batches(self, epoch: int, *, skip: int = 0) -> Iterator[tuple[Batch, Targets]]:
        """Yield shuffled batches of windows of similar length with their targets.

        Args:
            epoch: epoch number, from 0.
            skip: number of batches to leave out at the start, because an earlier run has trained on them.

        Returns:
            Batch and targets: tag ids [B, T] and weights [B, T], see `make_targets`; with a teacher also its
            log-probabilities [B, T, K].
        """
        random, size = np.random.default_rng([self._config.seed, epoch]), self._config.batch_size
        order, groups = self._order[random.permutation(len(self._order))], []
        for at in range(0, len(order), size * _POOL_BATCHES):
            pool = sorted(order[at : at + size * _POOL_BATCHES], key=lambda index: len(self._windows[index]))
            groups += [pool[first : first + size] for first in range(0, len(pool), size)]
        for index in random.permutation(len(groups))[skip:]:
            batch = pad_batch([self._windows[i] for i in groups[index]], pad_id=self._pad_id)
            if self._mask_id is not None:
                draw = np.random.default_rng([self._config.seed, epoch, int(index)])
                mask_words(batch, self._config.word_dropout, draw, mask_id=self._mask_id)
            soft = [make_soft_targets(batch, self._log_probs)] if self._log_probs else []
            yield batch, (*make_targets(batch, self._tag_ids), *soft)


def count_repeats(sentences: Sequence[LabelledSentence], *, below: float, seed: int) -> NDArray[np.int64]:
    """Count how often each sentence occurs in an epoch: more than once if it has a label rarer than `below`.

    The repeat factor of a label is the square root of `below` over the label's share of the mentions. A sentence
    takes the factor of its rarest label.

    Args:
        sentences: labelled sentences with valid BIO tags.
        below: share of all mentions, 0 to 1; 0 repeats nothing.
        seed: seed for rounding fractional factors at random (2.3 becomes 2 or 3).

    Returns:
        Number of repeats of each sentence, 1 to 8.

    Source: A. Gupta et al., LVIS (repeat factor sampling), CVPR 2019.
    """
    labels = [{span.label for span in bio_to_spans(sentence.tags)} for sentence in sentences]
    mentions = count_mentions(sentences)
    factor = {
        label: min(max(1.0, (below * mentions.total() / n) ** 0.5), _MAX_REPEATS) for label, n in mentions.items()
    }
    factors = np.array([max((factor[label] for label in present), default=1.0) for present in labels])  # [sentences]
    return np.floor(factors + np.random.default_rng([seed, 0]).random(len(factors)) * (factors > 1)).astype(np.int64)


def count_mentions(sentences: Sequence[LabelledSentence]) -> Counter[str]:
    """Count the mentions of each label in sentences with valid BIO tags."""
    return Counter(span.label for sentence in sentences for span in bio_to_spans(sentence.tags))


def correct_rare(
    sentences: Sequence[LabelledSentence], soft_labels: SoftLabels, label_set: LabelSet, *, below: float
) -> list[LogProbs]:
    """Return the log-probabilities [words, K] of each sentence, with the true tag's at 0 where its label is rare.

    A teacher that was trained on few mentions of a label denies most of them, and its student would find none.

    Args:
        sentences: labelled sentences with valid BIO tags.
        soft_labels: a teacher's probabilities for their words.
        label_set: labels of the model.
        below: share of all mentions below which a label is rare, 0 to 1; 0 changes nothing.
    """
    mentions = count_mentions(sentences)
    rare = {label for label, n in mentions.items() if n < below * mentions.total()}
    corrected = []
    for sentence in sentences:
        log_probs = soft_labels.of(sentence)
        spans = [span for span in bio_to_spans(sentence.tags) if span.label in rare]
        if spans:
            log_probs = log_probs.copy()
        for span in spans:
            for word in range(span.start, span.end):
                log_probs[word] = _IMPOSSIBLE
                log_probs[word, label_set.id_of[sentence.tags[word]]] = 0.0
        corrected.append(log_probs)
    return corrected


def mask_words(batch: Batch, share: float, random: np.random.Generator, *, mask_id: int) -> None:
    """Replace the pieces of randomly chosen words with [MASK], in place, so that the model learns from context.

    Word shapes stay, since an unknown name still has one.

    Args:
        batch: batch to change.
        share: share of the words to mask, 0 to 1.
        random: generator for the choice.
        mask_id: piece id of [MASK].
    """
    for row, window in enumerate(batch.windows):
        ends = (*window.first_pieces[1:], len(window) - 1)
        hidden = random.random(len(ends)) < share
        for first, end in zip(np.array(window.first_pieces)[hidden], np.array(ends)[hidden], strict=True):
            batch.piece_ids[row, first:end] = mask_id


def make_targets(batch: Batch, tag_ids: Sequence[Sequence[int]]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return tag ids and loss weights, both [B, T]; the weight is 1 at the first piece of a word and 0 elsewhere.

    Args:
        batch: padded windows.
        tag_ids: tag ids of each sentence that the windows refer to.
    """
    ids = np.zeros(batch.piece_ids.shape, np.int32)
    weights = np.zeros(batch.piece_ids.shape, np.float32)
    for row, window in enumerate(batch.windows):
        ids[row, window.first_pieces] = tag_ids[window.sentence][window.start : window.end]
        weights[row, window.first_pieces] = 1.0
    return ids, weights


def make_soft_targets(batch: Batch, log_probs: Sequence[LogProbs]) -> NDArray[np.float32]:
    """Return the teacher's log-probabilities [B, T, K] at the first piece of each word, 0 elsewhere.

    Args:
        batch: padded windows.
        log_probs: log-probabilities [words, K] of each sentence that the windows refer to.
    """
    targets = np.zeros((*batch.piece_ids.shape, log_probs[0].shape[1]), np.float32)
    for row, window in enumerate(batch.windows):
        targets[row, window.first_pieces] = log_probs[window.sentence][window.start : window.end]
    return targets

"""What is learnt in which order: batches that depend on nothing but the sentences, the seed and the epoch."""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ner_tasks.data.corpus import LabelledSentence
from ner_tasks.entities import bio_to_spans
from ner_tasks.labels import LabelSet
from ner_tasks.model.tokenization import Batch, WordTokenizer, make_windows, pad_batch
from ner_tasks.training.config import TrainConfig

_POOL_BATCHES = 50  # sentences of this many batches are sorted by length together
_MOST_REPEATS = 8.0  # of a sentence with a rare label: beyond, a few sentences would be learnt by heart


class TrainingBatches:
    """The train part as windows with their tag ids, cut into the batches of each epoch.

    Args:
        sentences: the train part.
        pieces: the model's vocabulary.
        label_set: the labels; knows every tag of the sentences.
        config: of the training.
    """

    def __init__(
        self, sentences: Sequence[LabelledSentence], pieces: WordTokenizer, label_set: LabelSet, config: TrainConfig
    ):
        self._config, self._pad_id = config, pieces.pad_id
        self._mask_id = pieces.mask_id if config.word_dropout else None
        self._windows = list(make_windows([s.words for s in sentences], pieces, max_pieces=config.max_pieces))
        self._tag_ids = [[label_set.id_of[tag] for tag in sentence.tags] for sentence in sentences]
        repeats = count_repeats(sentences, below=config.oversampling, seed=config.seed)
        each = np.array([repeats[window.sentence] for window in self._windows], np.int64)
        self._order = np.repeat(np.arange(len(self._windows)), each)  # window numbers, the rare ones several times
        self.n_steps = -(-len(self._order) // config.batch_size)

    def epoch_batches(
        self, epoch: int, *, skip: int = 0
    ) -> Iterator[tuple[Batch, NDArray[np.int32], NDArray[np.float32]]]:
        """Shuffled batches of windows of similar length, with their targets.

        Args:
            epoch: from 0.
            skip: batches that were learnt already.
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
            yield batch, *make_targets(batch, self._tag_ids)


def count_repeats(sentences: Sequence[LabelledSentence], *, below: float, seed: int) -> NDArray[np.int64]:
    """How often each sentence is learnt in an epoch, 1 or more; those with a label rarer than `below` more often.

    A label's sentences are repeated by the root of how much rarer it is than that, a sentence by its rarest label.

    Args:
        sentences: with valid tags.
        below: share of all mentions, 0 to 1; 0 repeats nothing.
        seed: of the draw by which 2.3 times becomes twice or thrice.

    Source: A. Gupta et al., LVIS (repeat factor sampling), CVPR 2019.
    """
    labels = [{span.label for span in bio_to_spans(sentence.tags)} for sentence in sentences]
    mentions = Counter(span.label for sentence in sentences for span in bio_to_spans(sentence.tags))
    factor = {
        label: min(max(1.0, (below * mentions.total() / n) ** 0.5), _MOST_REPEATS) for label, n in mentions.items()
    }
    wanted = np.array([max((factor[label] for label in found), default=1.0) for found in labels])  # [sentences]
    return np.floor(wanted + np.random.default_rng([seed, 0]).random(len(wanted)) * (wanted > 1)).astype(np.int64)


def mask_words(batch: Batch, share: float, random: np.random.Generator, *, mask_id: int) -> None:
    """Put [MASK] for every piece of a share of the batch's words, in place: context has to tell their tags.

    The words' shapes stay, as they do where a name is new.
    """
    for row, window in enumerate(batch.windows):
        ends = (*window.first_pieces[1:], len(window) - 1)
        hidden = random.random(len(ends)) < share
        for first, end in zip(np.array(window.first_pieces)[hidden], np.array(ends)[hidden], strict=True):
            batch.piece_ids[row, first:end] = mask_id


def make_targets(batch: Batch, tag_ids: Sequence[Sequence[int]]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Tag ids and their weights, both [B, T]: a tag sits on its word's first piece, all else weighs nothing."""
    ids = np.zeros(batch.piece_ids.shape, np.int32)
    weights = np.zeros(batch.piece_ids.shape, np.float32)
    for row, window in enumerate(batch.windows):
        ids[row, window.first_pieces] = tag_ids[window.sentence][window.start : window.end]
        weights[row, window.first_pieces] = 1.0
    return ids, weights

"""The parts of a training step compute what their names say."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from ner_tasks.data.corpus import LabelledSentence
from ner_tasks.labels import LabelSet
from ner_tasks.model.tokenization import WordTokenizer
from ner_tasks.training import batches, losses, optimizer, trainer
from ner_tasks.training.config import TrainConfig
from ner_tasks.training.initialization import Initialization
from tests import tiny

LABELS = LabelSet(("geo", "per"))


@pytest.fixture
def make_trainer(encoder: Path):
    """Return a function that makes a trainer with the given settings."""

    def make(**settings: float) -> trainer.Trainer:
        plain = {"layer_decay": 1.0, "head_rate": 1.0, "ema_decay": 0.0, "crf_weight": 0.0}
        config = TrainConfig(learning_rate=1e-3, **{**plain, **settings})
        pieces, dropped = WordTokenizer(encoder / "tokenizer.json"), config.attention_dropout
        model = Initialization.load(encoder).build_model(pieces, LABELS, dropout=0.0, attention_dropout=dropped)
        n_tags = len(LABELS.tags)
        return trainer.Trainer(model, LABELS, np.zeros((n_tags + 1, n_tags), np.float32), config)

    return make


def one_batch() -> list[np.ndarray]:
    random = np.random.default_rng(0)
    ids = random.integers(5, 40, (4, 8)).astype(np.int32)
    tags = random.integers(0, len(LABELS.tags), (4, 8)).astype(np.int32)
    return [ids, np.zeros_like(ids), tags, np.ones((4, 8), np.float32)]


def test_the_loss_of_a_path_is_its_probability_among_all_paths() -> None:
    random = np.random.default_rng(0)
    logits = random.normal(size=(2, 6, 3)).astype(np.float32)
    tags = random.integers(0, 3, (2, 6)).astype(np.int32)
    carries = np.array([[0, 1, 1, 0, 1, 0], [1, 0, 0, 0, 1, 0]], np.float32)
    moves = random.normal(size=(4, 3)).astype(np.float32)
    result = losses.crf_losses(*map(tf.constant, (logits, tags, carries, moves)))
    for row in range(2):
        words = np.flatnonzero(carries[row])

        def score(path: tuple[int, ...], words: np.ndarray = words, row: int = row) -> float:
            inside = sum(moves[a, b] for a, b in itertools.pairwise(path))
            return sum(logits[row, words, path]) + moves[3, path[0]] + inside

        every = np.log(sum(np.exp(score(path)) for path in itertools.product(range(3), repeat=len(words))))
        assert float(result[row]) == pytest.approx(every - score(tuple(tags[row, words])), rel=1e-4)


def test_smoothing_spreads_a_share_over_all_tags() -> None:
    logits = tf.constant([[[2.0, 0.0, -1.0]]])
    log_p = tf.nn.log_softmax(logits).numpy()[0, 0]
    result = losses.cross_entropy(logits, tf.constant([[1]]), 0.3).numpy()
    assert result[0, 0] == pytest.approx(-(0.7 * log_p[1] + 0.1 * log_p.sum()), rel=1e-5)


def test_two_passes_that_agree_cost_nothing_and_others_the_same_from_both_sides() -> None:
    one, other = tf.constant([[[2.0, 0.0, -1.0]]]), tf.constant([[[1.0, 1.0, 0.0]]])
    assert losses.symmetric_kl(one, one).numpy() == 0.0
    there, back = (losses.symmetric_kl(*pair).numpy().item() for pair in ((one, other), (other, one)))
    assert there == pytest.approx(back)
    assert there > 0


def test_attention_is_dropped_in_training_only(make_trainer) -> None:
    model, batch = make_trainer(attention_dropout=0.5).model, one_batch()
    inputs = {"piece_ids": batch[0], "shape_ids": batch[1]}
    assert np.array_equal(model(inputs), model(inputs))
    assert not np.array_equal(model(inputs, training=True), model(inputs, training=True))


def test_lower_layers_learn_more_slowly(make_trainer) -> None:
    slow = make_trainer(layer_decay=0.1, weight_decay=0.0)
    before = slow.model.export()
    slow.step(0, 1e-3, *one_batch())
    after = slow.model.export()
    moved = [
        np.abs(after[name] - before[name]).max()
        for name in (
            "classifier.weight",
            "encoder.layer.1.output.dense.weight",
            "encoder.layer.0.output.dense.weight",
            "embeddings.word_embeddings.weight",
        )
    ]
    assert moved == pytest.approx([1e-3, 1e-3, 1e-4, 1e-5], rel=0.05)


def test_the_optimizer_is_adamw(make_trainer) -> None:
    """The same steps by Keras' own, which ours replaces for its speed."""
    import keras

    ours, theirs = make_trainer(), make_trainer()
    theirs.optimizer = keras.optimizers.AdamW(1e-3, weight_decay=0.01, global_clipnorm=1.0)
    theirs.optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta", "transitions"])
    theirs.optimizer.build(theirs.trainable_variables)
    theirs.model.import_all(ours.model.export(), "here")
    for number in range(5):
        for one in (ours, theirs):
            one.step(number, 1e-3, *one_batch())
    for name, value in ours.model.export().items():
        np.testing.assert_allclose(value, theirs.model.export()[name], atol=2e-6, err_msg=name)


def test_the_average_lags_behind_the_weights_and_is_exchanged_with_them(make_trainer) -> None:
    one = make_trainer(ema_decay=0.9)
    first = one.model.export()["classifier.weight"]
    for number in range(20):
        one.step(number, 1e-3, *one_batch())
    last = one.model.export()["classifier.weight"]
    one.swap_ema_weights()
    average = one.model.export()["classifier.weight"]
    assert 0 < np.abs(average - first).sum() < np.abs(last - first).sum()
    one.swap_ema_weights()
    np.testing.assert_array_equal(one.model.export()["classifier.weight"], last)


def test_the_rate_rises_then_falls_to_zero() -> None:
    for schedule, half_way in (("linear", 0.5), ("cosine", 0.5)):
        config = TrainConfig(learning_rate=1.0, warmup_share=0.1, schedule=schedule)
        rates = [optimizer.learning_rate_at(step, 100, config) for step in range(101)]
        assert max(rates) == rates[9] == rates[10] == 1.0
        assert rates[0] == pytest.approx(0.1)
        assert rates[55] == pytest.approx(half_way)
        assert rates[100] == 0.0
    assert rates[30] > 1 - 20 / 90


def test_sentences_with_a_rare_label_are_learnt_more_often_and_no_sentence_less() -> None:
    common = [LabelledSentence(("Boston", str(i)), ("B-geo", "O"), f"a:{i}") for i in range(90)]
    rare = [LabelledSentence(("Maria", str(i)), ("B-per", "O"), f"b:{i}") for i in range(10)]
    repeats = batches.count_repeats([*common, *rare], below=0.4, seed=0)
    assert set(repeats[:90]) == {1}
    assert set(repeats[90:]) == {2}
    assert set(batches.count_repeats([*common, *rare], below=0.0, seed=0)) == {1}
    assert len(batches.count_repeats([*common, *rare], below=0.9, seed=3)) == 100


def test_hidden_words_are_hidden_whole_keep_shape_and_tag_and_follow_from_seed_and_epoch(encoder: Path) -> None:
    pieces = WordTokenizer(encoder / "tokenizer.json")
    plain, hiding = (
        batches.TrainingBatches(
            tiny.sentences(64), pieces, LABELS, TrainConfig(batch_size=8, max_pieces=32, word_dropout=share)
        )
        for share in (0.0, 0.3)
    )
    n_hidden = n_words = 0
    for (batch, (tags, weights)), (seen, (seen_tags, seen_weights)) in zip(
        hiding.epoch_batches(1), plain.epoch_batches(1), strict=True
    ):
        assert np.array_equal(tags, seen_tags) and np.array_equal(weights, seen_weights)
        assert np.array_equal(batch.shape_ids, seen.shape_ids)
        for row, window in enumerate(batch.windows):
            for first, end in zip(window.first_pieces, (*window.first_pieces[1:], len(window) - 1), strict=True):
                word, whole = batch.piece_ids[row, first:end], seen.piece_ids[row, first:end]
                hidden = (word == pieces.mask_id).all()
                assert hidden or np.array_equal(word, whole)
                n_hidden, n_words = n_hidden + hidden, n_words + 1
            outside = [0, *range(len(window) - 1, batch.piece_ids.shape[1])]
            assert np.array_equal(batch.piece_ids[row, outside], seen.piece_ids[row, outside])
    assert 0.2 < n_hidden / n_words < 0.4
    again = [batch.piece_ids for batch, _ in hiding.epoch_batches(1, skip=2)]
    for one, other in zip(again, [batch.piece_ids for batch, _ in hiding.epoch_batches(1)][2:], strict=True):
        assert np.array_equal(one, other)


def test_a_sentence_without_a_mention_is_learnt_once() -> None:
    assert list(batches.count_repeats([LabelledSentence(("a",), ("O",), "x:1")], below=0.5, seed=0)) == [1]


def test_each_window_is_learnt_once_an_epoch_and_the_order_follows_from_seed_and_epoch(encoder: Path) -> None:
    pieces, sentences = WordTokenizer(encoder / "tokenizer.json"), tiny.sentences(50)
    label_set = LabelSet.from_tags(tag for sentence in sentences for tag in sentence.tags)
    training_batches = batches.TrainingBatches(sentences, pieces, label_set, TrainConfig(batch_size=8, max_pieces=32))
    orders = [
        [w.sentence for batch, _ in training_batches.epoch_batches(epoch) for w in batch.windows] for epoch in (0, 0, 1)
    ]
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == list(range(50))
    rest = [w.sentence for batch, _ in training_batches.epoch_batches(0, skip=2) for w in batch.windows]
    assert rest == orders[0][16:]

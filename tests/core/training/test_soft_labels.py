"""A model learns from a teacher's probabilities, which belong to the same data and have not seen the test part."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from ner_tasks.data import snapshot
from ner_tasks.data.corpus import LabelledSentence
from ner_tasks.data.parts import digest_texts
from ner_tasks.errors import ArtifactBroken, ConfigInvalid, InputMissing
from ner_tasks.inference.tagger import Tagger
from ner_tasks.labels import LabelSet
from ner_tasks.model import model_folder
from ner_tasks.model.tokenization import WordTokenizer
from ner_tasks.training import loop, losses, soft_labels
from ner_tasks.training.batches import TrainingBatches, correct_rare, count_mentions
from ner_tasks.training.config import TrainConfig
from ner_tasks.training.soft_labels import SoftLabels
from ner_tasks.training.teacher import TRAIN_PART, check_teacher
from tests import tiny

TRAIN = tiny.sentences(64)
LABELS = LabelSet(("geo", "per"))
CONFIG = TrainConfig(epochs=2, batch_size=8, checkpoint_steps=3, max_pieces=32, learning_rate=1e-3, teacher_weight=1.0)


@pytest.fixture
def teacher(trained: Path) -> Tagger:
    return Tagger.load(trained, n_threads=1)


@pytest.fixture
def labels(teacher: Tagger, tmp_path: Path) -> Path:
    soft_labels.compute_soft_labels(teacher, TRAIN, LABELS, output=tmp_path / "soft")
    return tmp_path / "soft"


def train(encoder: Path, folder: Path, labels: Path | None, config: TrainConfig = CONFIG) -> Path:
    loop.train_model(
        {"train": TRAIN, "dev": tiny.sentences(16, seed=1)},
        encoder=encoder,
        target=folder / "model",
        checkpoints=folder / "half",
        config=config,
        lineage={},
        soft_labels=labels,
    )
    return folder / "model"


def test_soft_labels_are_the_teachers_probabilities(teacher: Tagger, labels: Path) -> None:
    soft = SoftLabels.load(labels, TRAIN[::2], LABELS)
    for sentence in TRAIN[::2]:
        logits = teacher.compute_logits([sentence.words])[0].logits
        expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        np.testing.assert_allclose(np.exp(soft.of(sentence).astype(np.float32)), expected, atol=2e-3)
    assert (soft.teacher, json.loads((labels / soft_labels.MANIFEST).read_text())["n_sentences"]) == ("tiny-1", 64)


def test_the_distance_is_zero_for_the_teachers_own_logits_and_its_gradient_does_not_grow_with_temperature() -> None:
    logits, other = tf.constant([[[2.0, 0.0, -1.0]]]), tf.constant([[[0.0, 1.0, 0.5]]])
    teacher = tf.nn.log_softmax(logits)
    assert losses.distillation(logits, teacher, 3.0).numpy().item() == pytest.approx(0.0, abs=1e-6)
    p, q = tf.nn.softmax(teacher).numpy(), tf.nn.softmax(other).numpy()
    assert losses.distillation(other, teacher, 1.0).numpy().item() == pytest.approx(float((p * np.log(p / q)).sum()))
    norms = []
    for temperature in (2.0, 20.0):
        with tf.GradientTape() as tape:
            tape.watch(other)
            loss = losses.distillation(other, teacher, temperature)
        norms.append(float(tf.norm(tape.gradient(loss, other))))
    assert 0.3 < norms[0] / norms[1] < 3


def test_a_student_with_wrong_labels_learns_the_right_ones_from_its_teacher(
    encoder: Path, labels: Path, tmp_path: Path
) -> None:
    """Only the teacher knows what the words are: the student's own labels say nothing."""
    blank = [replace(sentence, tags=("O",) * len(sentence.words)) for sentence in TRAIN]
    student = tmp_path / "student"
    dev = tiny.sentences(30, seed=1)
    loop.train_model(
        {"train": blank, "dev": dev},
        encoder=encoder,
        target=student,
        checkpoints=tmp_path / "half",
        config=CONFIG.model_copy(update={"epochs": 8, "learning_rate": 3e-3, "dropout": 0.0, "ema_decay": 0.0}),
        lineage={},
        soft_labels=labels,
    )
    logits = Tagger.load(student, n_threads=1).compute_logits([sentence.words for sentence in dev])
    found = [[LABELS.tags[index] for index in one.logits.argmax(axis=1)] for one in logits]
    correct = sum(
        a == b for sentence, tags in zip(dev, found, strict=True) for a, b in zip(sentence.tags, tags, strict=True)
    )
    assert correct / sum(len(sentence.tags) for sentence in dev) > 0.9
    assert model_folder.read_manifest(student).lineage["teacher"] == "tiny-1"


def test_soft_targets_are_at_the_first_piece_of_each_word(encoder: Path, labels: Path) -> None:
    pieces = WordTokenizer(encoder / "tokenizer.json")
    soft = SoftLabels.load(labels, TRAIN, LABELS)
    batches = TrainingBatches(TRAIN, pieces, LABELS, TrainConfig(batch_size=8, max_pieces=32), soft)
    for batch, (_, carries, log_probs) in batches.epoch_batches(0):
        np.testing.assert_allclose(np.exp(log_probs[carries == 1]).sum(axis=-1), 1.0, atol=2e-3)
        assert not log_probs[carries == 0].any()
        for row, window in enumerate(batch.windows):
            np.testing.assert_array_equal(log_probs[row, window.first_pieces], soft.of(TRAIN[window.sentence]))


def test_a_rare_label_is_learned_from_the_labels_whatever_the_teacher_says(labels: Path) -> None:
    soft = SoftLabels.load(labels, TRAIN, LABELS)
    mentions = count_mentions(TRAIN)
    below = min(mentions.values()) / mentions.total() + 1e-9
    rare = {label for label, n in mentions.items() if n == min(mentions.values())}
    n_corrected = 0
    for sentence, log_probs in zip(TRAIN, correct_rare(TRAIN, soft, LABELS, below=below), strict=True):
        for word, tag in enumerate(sentence.tags):
            is_rare = tag[2:] in rare
            n_corrected += is_rare
            expected = np.exp(soft.of(sentence)[word])
            if is_rare:
                expected = np.eye(len(LABELS.tags))[LABELS.id_of[tag]]
            np.testing.assert_allclose(np.exp(log_probs[word]), expected, atol=1e-6)
    assert n_corrected
    unchanged = correct_rare(TRAIN, soft, LABELS, below=0.0)
    assert all(one is soft.of(sentence) for one, sentence in zip(unchanged, TRAIN, strict=True))


class Killed(BaseException):
    """Stands for SIGKILL."""


def test_a_killed_computation_goes_on_with_its_next_block_and_ends_with_the_same_bits(
    teacher: Tagger, labels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(soft_labels, "_BLOCK", 20)
    compute, blocks = teacher.compute_logits, []

    def dying(sentences, limits=None):
        blocks.append(len(sentences))
        if len(blocks) == 3:
            raise Killed
        return compute(sentences, limits)

    monkeypatch.setattr(teacher, "compute_logits", dying)
    with pytest.raises(Killed):
        soft_labels.compute_soft_labels(teacher, TRAIN, LABELS, output=tmp_path / "again")
    (first,) = tmp_path.glob(".again.*/00000")
    first.write_bytes(first.read_bytes()[:50])
    soft_labels.compute_soft_labels(teacher, TRAIN, LABELS, output=tmp_path / "again")
    assert blocks == [20, 20, 20, 20, 20, 4]
    assert "damaged block" in capsys.readouterr().out
    assert (tmp_path / "again" / soft_labels.VALUES).read_bytes() == (labels / soft_labels.VALUES).read_bytes()
    assert not list(tmp_path.glob(".again.*/"))


def test_a_killed_training_with_a_teacher_goes_on_to_the_same_bits(
    encoder: Path, labels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed = train(encoder, tmp_path / "undisturbed", labels)
    rate_at = loop.learning_rate_at

    def killing(done: int, n_steps: int, config: TrainConfig) -> float:
        if done == 11:
            raise Killed
        return rate_at(done, n_steps, config)

    monkeypatch.setattr(loop, "learning_rate_at", killing)
    with pytest.raises(Killed):
        train(encoder, tmp_path / "killed", labels)
    monkeypatch.setattr(loop, "learning_rate_at", rate_at)
    with pytest.raises(ConfigInvalid, match="checkpoint of other data"):
        train(encoder, tmp_path / "killed", None)
    resumed = train(encoder, tmp_path / "killed", labels)
    assert (resumed / model_folder.WEIGHTS).read_bytes() == (undisturbed / model_folder.WEIGHTS).read_bytes()
    assert (undisturbed / model_folder.WEIGHTS).read_bytes() != (
        train(encoder, tmp_path / "alone", None) / model_folder.WEIGHTS
    ).read_bytes()


def test_soft_labels_of_other_sentences_or_labels_are_refused(teacher: Tagger, labels: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match="found no soft labels for 1 of 65 sentences"):
        SoftLabels.load(labels, [*TRAIN, LabelledSentence(("new",), ("O",), "x:1")], LABELS)
    with pytest.raises(ConfigInvalid, match="found a teacher with labels geo, per, expected those of the data, geo, "):
        SoftLabels.load(labels, TRAIN, LabelSet(("geo",)))
    with pytest.raises(
        ConfigInvalid, match="found a teacher with labels geo, per, expected those of the data, art, geo"
    ):
        soft_labels.compute_soft_labels(teacher, TRAIN, LabelSet(("art", "geo", "per")), output=tmp_path / "other")
    with pytest.raises(InputMissing):
        SoftLabels.load(tmp_path / "none", TRAIN, LABELS)
    (labels / soft_labels.VALUES).write_bytes((labels / soft_labels.VALUES).read_bytes()[:-10])
    with pytest.raises(ArtifactBroken, match="expected sha256"):
        SoftLabels.load(labels, TRAIN, LABELS)


def test_a_teacher_has_not_seen_what_its_student_is_judged_by(trained: Path, tmp_path: Path) -> None:
    lineage = model_folder.read_manifest(trained).lineage
    own = tiny.sentences(400)
    held_out = {"dev": tiny.sentences(60, seed=1), "test": tiny.sentences(60, seed=2)}
    assert lineage[TRAIN_PART] == digest_texts(own)
    check_teacher(lineage, own, held_out)
    with pytest.raises(ConfigInvalid, match="does not record its train part"):
        check_teacher({}, own, held_out)
    with pytest.raises(ConfigInvalid, match="found a teacher of another snapshot"):
        check_teacher(lineage, TRAIN, held_out)

    def known(**parts: str) -> Path:
        places = {snapshot.text_key(s.words): parts[name] for name in parts for s in held_out[name][:2]}
        snapshot.write_known_parts(tmp_path / snapshot.TEXTS, places)
        return tmp_path

    check_teacher(lineage, TRAIN, held_out, teacher_snapshot=known(dev="dev", test="test"))
    with pytest.raises(ConfigInvalid, match="has seen 2 of 60 test sentences"):
        check_teacher(lineage, TRAIN, held_out, teacher_snapshot=known(test="train"))
    with pytest.raises(ConfigInvalid, match="has seen 2 of 60 test sentences"):
        check_teacher(lineage, TRAIN, held_out, teacher_snapshot=known(test="dev"))
    with pytest.raises(ConfigInvalid, match="has seen 2 of 60 dev sentences"):
        check_teacher(lineage, TRAIN, held_out, teacher_snapshot=known(dev="train"))

"""Answers come in the order asked, for sentences of any length, and their tags are always valid BIO."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ner_tasks.entities import bio_to_spans
from ner_tasks.errors import ArtifactBroken
from ner_tasks.inference.runners import BatchingConfig
from ner_tasks.inference.tagger import SentenceLogits, TaggedSentence, Tagger, merge_windows
from ner_tasks.labels import LabelSet, find_bio_violation
from ner_tasks.model import model_folder
from ner_tasks.model.posterior import span_posteriors
from ner_tasks.model.tokenization import Window
from tests import tiny

LABELS = LabelSet(("geo", "per"))


@pytest.mark.parametrize("kind", ["trained", "frozen", "int8"])
def test_a_model_of_every_kind_tags(kind: str, request: pytest.FixtureRequest) -> None:
    tagger = Tagger.load(request.getfixturevalue(kind), n_threads=2)
    (tagged,) = tagger.tag([["Maria", "Chen", "visited", "Boston", "."]])
    assert tagged.tags == ("B-per", "I-per", "O", "B-geo", "O")
    assert all(0.2 < score <= 1 for score in tagged.scores)


@pytest.mark.parametrize("kind", ["trained", "frozen", "int8"])
def test_a_model_of_every_kind_finds_the_entities_of_texts(kind: str, request: pytest.FixtureRequest) -> None:
    import ner_tasks

    tagger = ner_tasks.Tagger.load(str(request.getfixturevalue(kind)))
    text = "Maria Chen visited Boston.\n\n  John Olga left Ohio."
    found, none = tagger.find_entities([text, "  \n"])
    assert [(entity.text, entity.label) for entity in found] == [
        *(("Maria Chen", "per"), ("Boston", "geo")),
        *(("John Olga", "per"), ("Ohio", "geo")),
    ]
    assert all(text[entity.start : entity.end] == entity.text and 0 < entity.score <= 1 for entity in found)
    assert none == []


def test_entities_of_texts_do_not_depend_on_the_texts_beside_them(frozen: Path) -> None:
    tagger = Tagger.load(frozen, n_threads=2)
    texts = [" ".join(sentence.words) for sentence in tiny.sentences(20, seed=5)]
    together = tagger.find_entities(texts)
    places = [[(entity.start, entity.end, entity.label) for entity in entities] for entities in together]
    alone = [tagger.find_entities([text])[0] for text in texts]
    assert [[(entity.start, entity.end, entity.label) for entity in entities] for entities in alone] == places


def test_a_single_string_instead_of_texts_is_refused(frozen: Path) -> None:
    with pytest.raises(TypeError, match="found a str, expected a sequence of texts"):
        Tagger.load(frozen, n_threads=1).find_entities("Maria Chen")


def test_answers_do_not_depend_on_the_company_a_sentence_keeps(frozen: Path) -> None:
    tagger = Tagger.load(frozen, n_threads=2)
    sentences = [sentence.words * (1 + index % 7) for index, sentence in enumerate(tiny.sentences(40, seed=3))]
    together = tagger.tag(sentences, BatchingConfig(max_windows=16))
    alone = [tagger.tag([sentence], BatchingConfig(length=128))[0] for sentence in sentences]
    assert [result.tags for result in together] == [result.tags for result in alone]
    for result, expected in zip(together, alone, strict=True):
        np.testing.assert_allclose(result.scores, expected.scores, atol=1e-4)


def test_a_sentence_of_ten_thousand_words_is_read_to_its_end(frozen: Path) -> None:
    tagger = Tagger.load(frozen, n_threads=2)
    words = [word for sentence in tiny.sentences(1667) for word in sentence.words][:10_000]
    (tagged,) = tagger.tag([words])
    assert len(tagged.tags) == 10_000
    assert tagged.n_windows > 300
    # As many places are found near its end as near its beginning.
    assert tagged.tags[-600:].count("B-geo") > 0.8 * tagged.tags[:600].count("B-geo") > 0


def test_pieces_that_the_vocabulary_cannot_write_are_counted(frozen: Path) -> None:
    known, strange = Tagger.load(frozen, n_threads=2).tag(
        [["Maria", "left", "."], ["Maria", "\u4e16\u754c", "\u20ac", "."]]
    )
    assert (known.n_unknown, strange.n_unknown) == (0, 3)


def test_sentences_without_words_get_empty_answers_in_their_place(frozen: Path) -> None:
    tagged = Tagger.load(frozen, n_threads=2).tag([[], ["Boston"], []])
    assert [len(result.tags) for result in tagged] == [0, 1, 0]


def answer(logits: np.ndarray, **options: float) -> TaggedSentence:
    """What a model says about one sentence that has these logits."""
    manifest = model_folder.ModelManifest("frozen", LABELS.labels, {}, 32)
    (result,) = Tagger(None, None, manifest).decode([SentenceLogits(logits, len(logits), 1)], **options)
    return result


@given(arrays(np.float32, st.tuples(st.integers(1, 12), st.just(5)), elements=st.floats(-9, 9, width=32)))
def test_tags_are_valid_bio_whatever_the_logits(logits: np.ndarray) -> None:
    assert find_bio_violation(answer(logits).tags) is None


@given(
    arrays(np.float32, st.tuples(st.integers(1, 12), st.just(5)), elements=st.floats(-9, 9, width=32)),
    st.floats(0.2, 5),
)
def test_a_temperature_changes_scores_and_no_tag(logits: np.ndarray, temperature: float) -> None:
    plain, scaled = answer(logits), answer(logits, temperature=temperature)
    assert scaled.tags == plain.tags
    expected = answer(logits / np.float32(temperature))
    if expected.tags == plain.tags:  # a division may round two neighbours to one number
        np.testing.assert_allclose(scaled.scores, expected.scores, atol=1e-5)


def test_a_model_is_read_at_its_own_temperature(frozen: Path) -> None:
    tagger = Tagger.load(frozen, n_threads=2)
    words = [["Maria", "Chen", "visited", "Boston", "."]]
    logits = tagger.compute_logits(words)
    assert tagger.manifest.temperature != 1
    assert tagger.tag(words) == tagger.decode(logits, temperature=tagger.manifest.temperature)
    assert tagger.tag(words) != tagger.decode(logits, temperature=1.0)


def scores_of_entities(logits: np.ndarray, **fields: Any) -> list[float]:
    """The scores of the entities of one sentence by a model whose manifest has these fields."""
    manifest = model_folder.ModelManifest("frozen", LABELS.labels, {}, 32, **fields)
    (tagged,) = Tagger(None, None, manifest).decode([SentenceLogits(logits, len(logits), 1)])
    assert [span for span, _ in tagged.entities] == bio_to_spans(tagged.tags)
    return [score for _, score in tagged.entities]


@given(arrays(np.float32, st.tuples(st.integers(1, 12), st.just(5)), elements=st.floats(-9, 9, width=32)))
def test_the_score_of_an_entity_is_its_posterior_at_the_temperature_of_entities(logits: np.ndarray) -> None:
    spans = bio_to_spans(answer(logits).tags)
    (posteriors,) = span_posteriors([logits], [spans], LABELS, temperature=1.5)
    assert scores_of_entities(logits, temperature=3.0, entity_temperature=1.5) == posteriors


def test_entities_of_a_model_without_their_temperature_are_as_sure_as_the_least_sure_word_and_the_next() -> None:
    logits = np.log([[0.1, 0.6, 0.1, 0.1, 0.1], [0.05, 0.05, 0.8, 0.05, 0.05], [0.5, 0.2, 0.1, 0.1, 0.1]])
    assert scores_of_entities(logits.astype(np.float32)) == pytest.approx([0.5])
    assert scores_of_entities(logits[:2].astype(np.float32)) == pytest.approx([0.6])


def test_each_word_is_read_where_it_is_most_central() -> None:
    first, second = Window(0, 0, 6, (), (), ()), Window(0, 2, 10, (), (), ())
    merged = merge_windows([(first, np.full((6, 1), 1.0)), (second, np.full((8, 1), 2.0))], n_words=10)
    assert merged[:, 0].tolist() == [1, 1, 1, 1, 2, 2, 2, 2, 2, 2]


def test_a_model_with_one_changed_byte_is_refused(frozen: Path, tmp_path: Path) -> None:
    for path in frozen.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    graph = bytearray((tmp_path / model_folder.GRAPH).read_bytes())
    graph[len(graph) // 2] ^= 1
    (tmp_path / model_folder.GRAPH).write_bytes(graph)
    with pytest.raises(ArtifactBroken, match=r"expected sha256 .* at .*graph\.pb"):
        Tagger.load(tmp_path, n_threads=2)


def test_the_version_is_the_registrys_or_the_checksum(frozen: Path) -> None:
    tagger = Tagger.load(frozen, n_threads=2)
    assert tagger.version == "tiny-1"
    tagger.manifest.lineage.pop("version")
    assert tagger.version == f"frozen-{tagger.manifest.files[model_folder.GRAPH][:12]}"

"""A sentence is computed once in a run; its answer, and what is counted, is what it would be without the cache."""

import gc
import json
import tracemalloc
from pathlib import Path

import pytest

from ner_tasks.errors import GateNotPassed
from ner_tasks.inference.tagger import Tagger
from ner_tasks.tagging import batcher, sentence_cache
from ner_tasks.tagging.batcher import TagConfig
from ner_tasks.tagging.sentence_cache import SentenceCache
from ner_tasks.tagging.shard import tag_documents
from tests import tiny
from tests.rules import RuleTagger, lines

FORM = "Please call Rosa Delgado before noon.\n\nThis message is confidential.\n\n"


def write_letters(folder: Path, n: int = 40) -> list[tuple[str, Path]]:
    folder.mkdir()
    files = []
    for number in range(n):
        path = folder / f"{number}.txt"
        path.write_text(f"{FORM}Visit number {number} of Ahmed Chen was unknown.\n\n{FORM}", encoding="utf-8")
        files.append((path.name, path))
    return files


def tag_all(files: list[tuple[str, Path]], output: Path, tagger: object) -> tuple[dict, list[dict]]:
    manifest = tag_documents(files, tagger=tagger, output=output, config=TagConfig())
    answers = lines(output / "documents.jsonl")
    for answer in answers:
        del answer["receipt"]["tagged_at"]
    return manifest, answers


@pytest.mark.parametrize("batch_words", [10, 60, batcher.BATCH_WORDS])
def test_answers_and_receipts_are_those_without_a_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch_words: int
) -> None:
    monkeypatch.setattr(batcher, "BATCH_WORDS", batch_words)
    files = write_letters(tmp_path / "inbox")
    cached, plain = RuleTagger(), RuleTagger()
    manifest, answers = tag_all(files, tmp_path / "cached", cached)
    monkeypatch.setattr(SentenceCache, "_keep", lambda *_: None)
    monkeypatch.setattr(sentence_cache, "_make_key", lambda words: None)
    without, expected = tag_all(files, tmp_path / "plain", plain)
    assert answers == expected
    assert {answer["receipt"]["n_pieces"] for answer in answers} == {answers[0]["receipt"]["n_pieces"]}
    assert sum(plain.n_words_of_calls) == manifest["n_words"] == without["n_words"]
    assert sum(cached.n_words_of_calls) == manifest["n_words"] - manifest["n_words_repeated"]
    assert (without["n_words_repeated"], without["repeated_share"]) == (0, 0.0)
    n_form = 12  # words of the form
    assert manifest["n_words_repeated"] == (2 * 40 - 1) * n_form
    assert manifest["repeated_share"] == round(manifest["n_words_repeated"] / manifest["n_words"], 4)


@pytest.mark.parametrize("kind", ["frozen", "int8"])
def test_answers_are_the_bits_that_the_model_gives_to_the_distinct_sentences(
    kind: str, request: pytest.FixtureRequest
) -> None:
    tagger = Tagger.load(request.getfixturevalue(kind), n_threads=2)
    sentences = [list(one.words) * (1 + index % 9) for index, one in enumerate(tiny.sentences(120, seed=7))]
    distinct = [list(words) for words in dict.fromkeys(map(tuple, sentences))]
    expected = {tuple(words): answer for words, answer in zip(distinct, tagger.tag(distinct), strict=True)}
    cache = SentenceCache(tagger)
    tagged = cache.tag([*sentences, *sentences[::-3]])
    assert sum(one.is_repeated for one in tagged) == len(sentences) - len(distinct) + 40
    assert [one.answer for one in tagged] == [expected[tuple(words)] for words in (*sentences, *sentences[::-3])]
    later = cache.tag(sentences)
    assert all(one.is_repeated and one.answer is before.answer for one, before in zip(later, tagged, strict=False))


def test_a_cache_never_meets_a_second_model() -> None:
    tagger = RuleTagger()
    cache = SentenceCache(tagger)
    cache.tag([["Rosa"]])
    tagger.version = "rule-2"
    with pytest.raises(
        GateNotPassed, match="^found model 'rule-2', expected 'rule-1', for the sentence cache of this run$"
    ):
        cache.tag([["Rosa"]])


def test_words_are_compared_exactly() -> None:
    cache = SentenceCache(RuleTagger())
    for words in (["a", "b"], ["ab"], ["a b"], ["A", "b"], ["a\nb"], ["a\nb"], []):
        (tagged,) = cache.tag([words])
        assert not tagged.is_repeated, words
        assert len(tagged.answer.tags) == len(words)
    assert cache.tag([["a", "b"]])[0].is_repeated


def test_a_sentence_that_fails_is_not_kept_and_its_neighbours_are_asked_again() -> None:
    cache = SentenceCache(RuleTagger())
    with pytest.raises(ValueError, match="digest"):
        cache.tag([["Rosa"], ["poison"]])
    assert [one.is_repeated for one in cache.tag([["Rosa"], ["Rosa"]])] == [False, True]


def test_the_answers_least_recently_used_are_dropped() -> None:
    cache = SentenceCache(RuleTagger(), max_mib=3 * 760 / 2**20)
    cache.tag([["one"], ["two"], ["three"]])
    assert cache.tag([["one"]])[0].is_repeated
    cache.tag([["four"]])  # drops `two`
    assert [cache.tag([[word]])[0].is_repeated for word in ("one", "three", "four")] == [True] * 3
    assert not cache.tag([["two"]])[0].is_repeated


@pytest.mark.slow
@pytest.mark.parametrize("n_words", [4, 25, 400])
def test_its_memory_is_bounded(int8: Path, n_words: int) -> None:
    tagger = Tagger.load(int8, n_threads=2)
    cache = SentenceCache(tagger, max_mib=2)
    words = [word for one in tiny.sentences(100) for word in one.words]

    def fill(n: int, start: int) -> None:
        step = 100
        for at in range(start, start + n, step):
            cache.tag([[f"{index}", *(words * 5)[index % 100 :][: n_words - 1]] for index in range(at, at + step)])

    tagger.tag([words])  # loads what is loaded once
    tracemalloc.start()
    try:
        n = 6_000 // (1 + n_words // 20) // 100 * 100 + 600
        fill(n, 0)
        fill(n, n)
        tagger._pieces._cache.clear()
        gc.collect()
        mib = tracemalloc.get_traced_memory()[0] / 2**20
    finally:
        tracemalloc.stop()
    assert 1 < mib < 2.6
    assert cache._n_bytes <= 2 * 2**20


def test_counts_of_older_shards_sum_as_none(tmp_path: Path) -> None:
    from ner_tasks.tagging.merge import sum_manifests

    manifest, _ = tag_all(write_letters(tmp_path / "inbox"), tmp_path / "out", RuleTagger())
    older = {name: value for name, value in manifest.items() if "repeated" not in name}
    summed = sum_manifests([manifest, older])
    assert summed["n_words_repeated"] == manifest["n_words_repeated"] > 0
    assert summed["repeated_share"] == pytest.approx(manifest["repeated_share"] / 2, abs=1e-4)
    assert json.loads((tmp_path / "out/manifest.json").read_text())["repeated_share"] == manifest["repeated_share"]

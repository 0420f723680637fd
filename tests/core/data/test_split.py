"""The split: no leak between parts, and nothing moves while the data grows."""

import random
from collections import Counter
from hashlib import sha256
from itertools import groupby, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ner_tasks.data.corpus import LabelledSentence
from ner_tasks.data.split import PARTS, SplitConfig, assign_parts, split_corpus
from ner_tasks.errors import ConfigInvalid, DataRejected

SMALL_BLOCKS = SplitConfig(block_sentences=3)
# Few words, so that equal sentences come up often.
TEXTS = st.lists(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=4), max_size=60)


def sentences_of(texts: list[list[str]]) -> list[LabelledSentence]:
    return [LabelledSentence(tuple(words), ("O",) * len(words), f"x:{n}") for n, words in enumerate(texts)]


def large(n: int, seed: int = 0) -> list[list[str]]:
    rng = random.Random(seed)
    return [[str(rng.random()) for _ in range(3)] for _ in range(n)]


@settings(max_examples=200)
@given(old=TEXTS, new=TEXTS, seed=st.integers(0, 5))
def test_appending_data_moves_no_sentence(old: list[list[str]], new: list[list[str]], seed: int) -> None:
    config = SplitConfig(block_sentences=3, seed=seed)

    assert assign_parts([*old, *new], config)[: len(old)] == assign_parts(old, config)


def test_a_sentence_never_moves_from_test_to_train_when_data_is_inserted_in_the_middle() -> None:
    old, new = large(5000), large(500, seed=1)
    before = dict(zip(map(tuple, old), assign_parts(old, SplitConfig()), strict=True))
    grown = [*old[:2500], *new, *old[2500:]]
    after = dict(zip(map(tuple, grown), assign_parts(grown, SplitConfig()), strict=True))

    moved = [text for text, part in before.items() if after[text] != part]
    # At most the rest of the block in which the new data begins.
    assert len(moved) < 5 * 32
    assert {tuple(text) for text in old[:2500]}.isdisjoint(moved)


def test_removing_a_sentence_moves_at_most_its_block() -> None:
    old = large(5000)
    before = dict(zip(map(tuple, old), assign_parts(old, SplitConfig()), strict=True))
    for gone in range(100, 200):
        less = old[:gone] + old[gone + 1 :]
        after = assign_parts(less, SplitConfig())
        moved = [at for at, text in enumerate(less) if before[tuple(text)] != after[at]]
        assert not moved or (min(moved) >= gone and max(moved) - gone < 8 * 32)


@settings(max_examples=200)
@given(texts=TEXTS)
def test_no_text_is_in_two_parts_or_twice_in_one(texts: list[list[str]]) -> None:
    part_of: dict[tuple[str, ...], str] = {}
    for words, part in zip(texts, assign_parts(texts, SMALL_BLOCKS), strict=True):
        assert part_of.setdefault(tuple(words), part) == part


def test_every_text_is_kept_exactly_once() -> None:
    texts = large(600) * 2 + large(600, seed=1)
    parts = split_corpus(sentences_of(texts), SMALL_BLOCKS)
    kept = Counter(sentence.words for part in PARTS for sentence in parts[part])

    assert set(kept) == {tuple(words) for words in texts}
    assert set(kept.values()) == {1}


@pytest.mark.parametrize("seed", range(3))
def test_the_shares_come_out_about_right_on_large_data(seed: int) -> None:
    counts = Counter(assign_parts(large(60_000), SplitConfig(seed=seed)))

    for part, share in zip(PARTS, SplitConfig().shares, strict=True):
        assert counts[part] / 60_000 == pytest.approx(share, abs=0.03 if share > 0.05 else 0.01)


def test_neighbours_stay_together() -> None:
    parts = assign_parts(large(20_000), SplitConfig())
    n_cuts = sum(before != after for before, after in pairwise(parts) if {before, after} != {"dev", "calibration"})

    # 32 sentences a block, and a third of the block ends change the part.
    assert n_cuts / 20_000 < 1 / 64


def test_a_split_is_the_same_today_and_tomorrow() -> None:
    # Pinned: a change of these values moves sentences between parts in every store there is.
    assert [assign_parts([[word]], SplitConfig())[0] for word in "abcdefghijkl"] == ["train"] * 6 + ["test", "dev"] + [
        "train"
    ] * 4


def test_blocks_begin_where_they_always_did():
    texts = [[str(number), "x"] for number in range(2000)]
    blocks = [part for part, _ in groupby(assign_parts(texts, SplitConfig()))]

    assert (len(blocks), sha256("".join(blocks).encode()).hexdigest()[:12]) == (88, "383fb069de95")


def test_another_seed_is_another_split() -> None:
    texts = large(2000)

    assert assign_parts(texts, SplitConfig(seed=0)) != assign_parts(texts, SplitConfig(seed=1))


def test_a_sentence_in_quarantine_moves_none_of_its_neighbours() -> None:
    sentences = sentences_of(large(2000))
    everything = split_corpus(sentences, SMALL_BLOCKS)
    is_sound = [index % 10 != 0 for index in range(2000)]
    sound = split_corpus(sentences, SMALL_BLOCKS, is_sound=is_sound)

    bad = {sentence.words for sentence, fine in zip(sentences, is_sound, strict=True) if not fine}
    for part in PARTS:
        assert sound[part] == [sentence for sentence in everything[part] if sentence.words not in bad]


def test_a_sound_copy_of_a_quarantined_sentence_is_kept() -> None:
    sentences = sentences_of([["twice"], *large(300), ["twice"]])
    parts = split_corpus(sentences, SMALL_BLOCKS, is_sound=[False, *[True] * 301])

    assert [s.origin for part in PARTS for s in parts[part] if s.words == ("twice",)] == ["x:301"]


@pytest.mark.runbook("retraining", "snapshot: a part would be empty")
@pytest.mark.parametrize("n", [0, 1, 2])
def test_data_too_small_for_four_parts_is_refused_in_one_line(n: int) -> None:
    with pytest.raises(
        DataRejected, match=f"^found {n} distinct sound sentences, which leave .* empty, expected enough"
    ) as caught:
        split_corpus(sentences_of(large(n)), SplitConfig())

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "wrong",
    [{"shares": (0.8, 0.1, 0.1, 0.1)}, {"shares": (0.9, 0.1, 0.0, 0.0)}, {"shares": (1.0,)}, {"block_sentences": 0}],
)
def test_impossible_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigInvalid, match=r"^found "):
        SplitConfig(**wrong)  # type: ignore[arg-type]

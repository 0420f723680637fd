"""Sentences and words: cut as the labelled data has them, and never a character lost."""

import csv
import io
import itertools
import os
import random
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ner_tasks.segmentation import iter_sentences, split_sentences
from tests.growth import growth, peak_mib

# Characters that cut, join or confuse, beside whatever else hypothesis knows.
HOSTILE = st.text(alphabet="aB1.!?,;:'’\"“”()[]-–_*@/&$%°~#\n\r\t \u00ad\u0301\u200b\u2028\x00\x85\x1c。😀\ud800nt")
NO_SPACE_BEFORE = frozenset([*",.;:!?)]%/'”", "'s", "n't", "'ll", "'ve", "'re", "'m", "'d", "’s", "..."])
NO_SPACE_AFTER = frozenset("([$#/“")
ANY_TEXT = st.one_of(st.text(), HOSTILE, st.text(alphabet=st.characters()))


def words(text: str) -> list[list[str]]:
    return [[text[start:end] for start, end in sentence] for sentence in split_sentences(text)]


@settings(max_examples=300, deadline=None)
@given(ANY_TEXT)
def test_every_character_that_is_no_space_belongs_to_exactly_one_word(text):
    spans = [word for sentence in iter_sentences(text) for word in sentence]

    assert all(before.end <= after.start for before, after in itertools.pairwise(spans))
    assert all(start < end for start, end in spans)
    assert "".join(text[start:end] for start, end in spans) == "".join(text.split())
    assert not any(char.isspace() for start, end in spans for char in text[start:end])


@settings(max_examples=50, deadline=None)
@given(HOSTILE)
def test_no_sentence_is_without_words(text):
    assert all(split_sentences(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mary's rebels' home.", "Mary 's rebels ' home ."),
        ("I don't, can't and cannot.", "I do n't , ca n't and can not ."),
        ("It’s we’ll they've I'm", "It ’s we ’ll they 've I 'm"),
        (
            "the U.S. and a U.S.-led, anti-U.S. force at 5 p.m. today",
            "the U.S. and a U.S.-led , anti-U.S. force at 5 p.m. today",
        ),
        ("back in the U.S.", "back in the U.S."),
        ("Mr. and Mrs. J. R. Smith Jr. of St. Louis", "Mr. and Mrs. J. R. Smith Jr. of St. Louis"),
        ("Plan B.", "Plan B ."),
        ("a cease-fire in Port-au-Prince", "a cease-fire in Port-au-Prince"),
        ("1,200 of 6.5 or 50% on 03/12/2026 at 10:30", "1,200 of 6.5 or 50 % on 03/12/2026 at 10:30"),
        ("$415 million, €5 and US$7", "$ 415 million , € 5 and US $ 7"),
        ("O'Connor of AT&T in N'Djamena", "O'Connor of AT&T in N'Djamena"),
        ("HIV/AIDS", "HIV / AIDS"),
        ('("quoted") [x]', '( " quoted " ) [ x ]'),
        (
            "see https://a.org/b?c=d. Or (www.x.com), a.b@c-d.org!",
            "see https://a.org/b?c=d . Or ( www.x.com ) , a.b@c-d.org !",
        ),
        ("so -- well ... ok", "so -- well ... ok"),
        ("No. 5, or no. Yes.", "No. 5 , or no . Yes ."),
        ("the 1980s and '90s", "the 1980s and '90s"),
        ("cafe\u0301 São\u00adPaulo", "cafe\u0301 São\u00adPaulo"),
    ],
)
def test_words_are_cut_as_the_labelled_data_has_them(text, expected):
    assert [word for sentence in words(text) for word in sentence] == expected.split(" ")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Dr. Smith met Ms. Lee at 5 p.m. on Monday. They spoke.", 2),
        ("The line of a wrapped letter ends where the paper ends, as in John\nSmith, who was seen on Monday.", 1),
        ("One paragraph without a stop\n\nAnother one", 2),
        ("Patient: Rosa Delgado\nProvider: Lakeside Clinic\nDate: March 14", 3),
        ("We need:\n- the form\n- the bill\n1. a stamp", 4),
        ("Sincerely,\nMary Jones\nClaims Department", 3),
        ("Rosa Delgado\tLakeside Clinic\nHenry Quinn\tMercy Clinic", 4),
        ("an anti-U.S. protest", 1),
        ("他来了。她走了。", 2),
    ],
)
def test_a_sentence_ends_where_a_reader_would_end_it(text, expected):
    assert len(words(text)) == expected, words(text)


def test_a_sentence_that_runs_over_chunks_stays_whole():
    text = "lengthy " * 990 + "end. Next one."
    assert [len(sentence) for sentence in words(text)] == [992, 3]


def test_a_longer_sentence_than_anybody_writes_is_cut():
    text = "word " * 2_500 + "end. Next one."
    assert [len(sentence) for sentence in words(text)] == [1_000, 1_000, 502, 3]


@pytest.mark.parametrize(
    "unit",
    [
        "@",
        "a ",
        "a",
        "a. ",
        "a\n",
        "a\v",
        "\n",
        "a\n\n",
        "a\t",
        ".",
        "-",
        "a-",
        "a.",
        "a.b",
        "a1,",
        "a'",
        "Mr. ",
        "a@b.",
        "\u0300",
    ],
)
def test_memory_does_not_grow_with_the_text(unit):
    text = unit * (2**20 // len(unit))

    def split() -> None:
        for _ in iter_sentences(text):
            pass

    split_some = iter_sentences("Rosa.")  # loads what splitting needs
    next(split_some)
    assert peak_mib(split) < 16  # 1 MiB of text; one word or line at a time was 80 and more


def test_sentences_are_the_same_wherever_a_chunk_ends():
    sentence = "Mr. Smith of the U.S. paid $5.50 to Mary's clinic. "
    assert {tuple(words_) for words_ in words(sentence * 1_000)} == {tuple(words(sentence)[0])}


@pytest.mark.parametrize("unit", ["word ", "“?!", "a.", "(?!", "a@", "www.", "A: b\n", "-", "\n", "x\t", "a'", "U."])
def test_time_grows_linearly_with_the_text(unit):
    def split(n_characters: int) -> None:
        for _ in iter_sentences(unit * (n_characters // len(unit))):
            pass

    # Sixteen times the text; a quadratic step would take 256 times as long.
    assert growth(split, 10_000, 160_000) < 60


@pytest.mark.gmb
@pytest.mark.skipif("NER_GMB" not in os.environ, reason="needs the Kaggle file")
def test_words_of_the_kaggle_file_are_found_again_in_running_text():
    sentences = random.Random(0).sample(_gmb_sentences(Path(os.environ["NER_GMB"])), 3_000)
    n_words = n_found = 0
    for gold in sentences:
        text, spans = _written(gold)
        spans_found = {tuple(word) for sentence in iter_sentences(text) for word in sentence}
        n_words += len(spans)
        n_found += sum(span in spans_found for span in spans)
    assert n_found / n_words > 0.999


def _gmb_sentences(path: Path) -> list[list[str]]:
    with zipfile.ZipFile(path) as archive, archive.open("ner_dataset.csv") as raw:
        rows = csv.reader(io.TextIOWrapper(raw, encoding="cp1252", newline=""))
        next(rows)
        sentences: list[list[str]] = []
        for first, word, *_ in rows:
            if first:
                sentences.append([])
            sentences[-1].append(word)
    return sentences


def _written(words_: list[str]) -> tuple[str, list[tuple[int, int]]]:
    """Words as a person writes them, with the characters of each."""
    text, spans, joined, is_quoted = "", [], True, False
    for word in words_:
        closes = word == '"' and is_quoted
        if not (joined or closes or word in NO_SPACE_BEFORE):
            text += " "
        spans.append((len(text), len(text) + len(word)))
        text += word
        joined = word in NO_SPACE_AFTER or (word == '"' and not is_quoted)
        is_quoted ^= word == '"'
    return text, spans

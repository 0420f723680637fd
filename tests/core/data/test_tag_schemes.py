"""Tagging schemes: what is written in any of them is read back as BIO, and what fits none is set aside."""

import random
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ner_tasks.data.corpus import open_rows, read_labelled
from ner_tasks.data.readers.conversions import Conversions
from ner_tasks.data.readers.rows import BROKEN_ROW, LabelledRow
from ner_tasks.errors import DataRejected

Sentence = list[tuple[str, int]]  # entities and words outside: label, or "" for outside, and number of words
Tags = list[str]


def entities(min_sentences: int = 1) -> st.SearchStrategy[list[Sentence]]:
    outside = st.tuples(st.just(""), st.integers(1, 2))
    entity = st.tuples(st.sampled_from(["PER", "LOC", "tim"]), st.integers(1, 4))
    sentence = st.lists(st.one_of(outside, entity), min_size=1, max_size=6)
    return st.lists(sentence, min_size=min_sentences, max_size=8)


def four(begin: str, inside: str, end: str, single: str) -> Callable[[Sentence], Tags]:
    """A writer of BIOES and its like."""

    def write(sentence: Sentence) -> Tags:
        tags: Tags = []
        for label, n in sentence:
            letters = [single] if n == 1 else [begin, *[inside] * (n - 2), end]
            tags += [f"{letter}-{label}" for letter in letters] if label else ["O"] * n
        return tags

    return write


def write_iob1(sentence: Sentence) -> Tags:
    tags: Tags = []
    before = ""
    for label, n in sentence:
        first = "B" if label == before else "I"
        tags += [f"{first}-{label}", *[f"I-{label}"] * (n - 1)] if label else ["O"] * n
        before = label
    return tags


def write_ioe(sentence: Sentence, *, always: bool) -> Tags:
    tags: Tags = []
    for at, (label, n) in enumerate(sentence):
        after = sentence[at + 1][0] if at + 1 < len(sentence) else ""
        last = "E" if always or after == label else "I"
        tags += [*[f"I-{label}"] * (n - 1), f"{last}-{label}"] if label else ["O"] * n
    return tags


def write_bio(sentence: Sentence) -> Tags:
    return [tag for label, n in sentence for tag in ([f"B-{label}", *[f"I-{label}"] * (n - 1)] if label else ["O"] * n)]


def write_io(sentence: Sentence) -> Tags:
    return [f"I-{label}" if label else "O" for label, n in sentence for _ in range(n)]


def write_bare(sentence: Sentence) -> Tags:
    return [label or "O" for label, n in sentence for _ in range(n)]


SCHEMES = {
    "BIO": write_bio,
    "IOB1": write_iob1,
    "BIOES": four("B", "I", "E", "S"),
    "BILOU": four("B", "I", "L", "U"),
    "BMES": four("B", "M", "E", "S"),
    "BMEWO": four("B", "M", "E", "W"),
    "IOE1": lambda sentence: write_ioe(sentence, always=False),
    "IOE2": lambda sentence: write_ioe(sentence, always=True),
    "BIOS": four("B", "I", "I", "S"),
    "BIEO": four("B", "I", "E", "B"),
}
# What all schemes have to show before they can be told apart: neighbours of one label, entities of one to four words.
TELLING: list[Sentence] = [
    [("PER", 2), ("PER", 1), ("PER", 3), ("", 1)],
    [("LOC", 1), ("", 1), ("tim", 4), ("LOC", 1)],
    [("PER", 1), ("PER", 1), ("", 2), ("PER", 2)],
]


def columns(sentences: Sequence[Tags]) -> str:
    return "".join("".join(f"w{at}\t{tag}\n" for at, tag in enumerate(tags)) + "\n" for tags in sentences)


def written(folder: Path, sentences: Sequence[Tags], name: str = "a.conll") -> Path:
    path = folder / name
    path.write_text(columns(sentences), encoding="utf-8")
    return path


def read(path: Path) -> tuple[list[Tags], Conversions]:
    conversions = Conversions()
    _, rows = open_rows(path, conversions)
    sentences: dict[int, Tags] = {}
    for row in rows:
        sentences.setdefault(row.sentence, []).append(row.tag)
        assert not row.problem
    return list(sentences.values()), conversions


@pytest.mark.parametrize("scheme", SCHEMES)
@settings(deadline=None, max_examples=80)
@given(sentences=entities())
def test_every_scheme_is_read_back_as_bio(
    tmp_path_factory: pytest.TempPathFactory, scheme: str, sentences: list[Sentence]
) -> None:
    sentences = [*TELLING, *sentences]
    path = written(tmp_path_factory.mktemp("x"), [SCHEMES[scheme](sentence) for sentence in sentences])
    tags, conversions = read(path)

    assert conversions.scheme == scheme
    assert tags == [write_bio(sentence) for sentence in sentences]


@pytest.mark.parametrize("scheme", SCHEMES)
@settings(deadline=None, max_examples=80)
@given(sentences=entities())
def test_a_scheme_that_cannot_be_told_from_another_is_still_read_as_it_was_meant(
    tmp_path_factory: pytest.TempPathFactory, scheme: str, sentences: list[Sentence]
) -> None:
    tags, _ = read(written(tmp_path_factory.mktemp("x"), [SCHEMES[scheme](sentence) for sentence in sentences]))

    assert tags == [write_bio(sentence) for sentence in sentences]


@pytest.mark.parametrize("write", [write_io, write_bare], ids=["I-label", "bare labels"])
@settings(deadline=None, max_examples=80)
@given(sentences=entities())
def test_io_is_read_as_bio_with_neighbours_of_one_label_as_one_entity(
    tmp_path_factory: pytest.TempPathFactory, write: Callable[[Sentence], Tags], sentences: list[Sentence]
) -> None:
    apart = [[*one, ("", 1)] for one in sentences if all(a[0] != b[0] for a, b in pairwise(one))]
    assume(apart and any(label for one in apart for label, _ in one))
    tags, conversions = read(written(tmp_path_factory.mktemp("x"), [write(sentence) for sentence in apart]))

    assert "IO" in (conversions.scheme or "")
    assert tags == [write_bio(sentence) for sentence in apart]


SPELLINGS: dict[str, Callable[[str], str]] = {
    "b-PER": lambda tag: tag if tag == "O" else tag[0].lower() + tag[1:],
    "b-PER and o": lambda tag: tag[0].lower() + tag[1:],
    "B_PER": lambda tag: tag.replace("-", "_"),
    "B:PER": lambda tag: tag.replace("-", ":"),
    "PER-B": lambda tag: tag if tag == "O" else f"{tag[2:]}-{tag[0]}",
    "PER_B": lambda tag: tag if tag == "O" else f"{tag[2:]}_{tag[0]}",
    "_ for O": lambda tag: "_" if tag == "O" else tag,
    "nothing for O": lambda tag: "" if tag == "O" else tag,
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("scheme", ["BIO", "IOB1", "BIOES", "BILOU"])
def test_tags_may_be_spelled_in_other_ways(tmp_path: Path, scheme: str, spelling: str) -> None:
    sentences = [*TELLING, [("", 8)]]
    spelled = [[SPELLINGS[spelling](tag) for tag in SCHEMES[scheme](sentence)] for sentence in sentences]
    tags, conversions = read(written(tmp_path, spelled))

    assert tags == [write_bio(sentence) for sentence in sentences]
    assert conversions.scheme == scheme
    assert len(conversions.lines()) == 1


def test_the_conversion_is_printed_and_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    read_labelled(written(tmp_path, [SCHEMES["BILOU"](sentence) for sentence in TELLING * 20]))

    assert capsys.readouterr().out == "a.conll: scheme BILOU, converted to BIO: 60 sentences\n"


def test_bio_is_read_as_it_is_and_nothing_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    read_labelled(written(tmp_path, [write_bio(sentence) for sentence in TELLING]))

    assert capsys.readouterr().out == ""


BIO_ROWS = [["B-PER", "I-PER", "O"], ["O", "B-LOC", "O"]]


def test_an_inside_tag_behind_nothing_stays_what_it_is_in_a_file_of_bio(tmp_path: Path) -> None:
    path = written(tmp_path, [*BIO_ROWS, ["O", "I-PER"]])

    assert read(path)[0][2] == ["O", "I-PER"]
    with pytest.raises(DataRejected, match="found I-PER after O, expected B-PER or I-PER before it"):
        read_labelled(path)


def test_a_mixture_of_iob1_and_bio_is_read_as_bio_and_says_what_it_may_be(tmp_path: Path) -> None:
    tags, conversions = read(written(tmp_path, [*BIO_ROWS, ["I-PER", "O"], ["I-PER", "I-PER"]]))

    assert (tags[2:], conversions.scheme) == ([["I-PER", "O"], ["I-PER", "I-PER"]], "BIO")
    assert conversions.lines() == [
        "scheme BIO with entities that begin with I- (a mixture with IOB1?), set aside: 2 sentences"
    ]


def problems(path: Path) -> dict[int, LabelledRow]:
    return {row.sentence: row for row in open_rows(path)[1] if row.problem}


def test_sentences_of_bio_in_a_file_of_bioes_are_set_aside_and_not_read_as_either(tmp_path: Path) -> None:
    bioes = [SCHEMES["BIOES"](sentence) for sentence in TELLING * 3]
    rows = problems(written(tmp_path, [*bioes, ["B-PER", "I-PER", "O"], ["O", "B-LOC", "O"], ["O", "O"]]))

    assert list(rows) == [9, 10]
    assert [row.reason for row in rows.values()] == [BROKEN_ROW] * 2
    assert rows[9].problem == "found O behind I-PER, expected a tag that ends PER as in BIOES"


def test_a_single_strange_letter_does_not_make_a_file_of_bio_another_scheme(tmp_path: Path) -> None:
    tags, conversions = read(written(tmp_path, [*BIO_ROWS * 5, ["S-PER", "O"]]))

    assert conversions.scheme == "BIO"
    assert tags[-1] == ["S-PER", "O"]  # an unknown tag, for the gate to find
    with pytest.raises(DataRejected, match="found tag 'S-PER'"):
        read_labelled(written(tmp_path, [*BIO_ROWS * 5, ["S-PER", "O"]]))


BROKEN_BILOU = {
    "an L- behind nothing": (
        ["L-PER", "O"],
        "found L-PER at the sentence's start, expected B-PER before it as in BILOU",
    ),
    "an I- of another label": (["B-PER", "I-LOC", "L-LOC"], "found I-LOC behind B-PER, expected B-LOC before it"),
    "an end that is missing": (["O", "B-PER"], "found the sentence's end behind B-PER, expected a tag that ends PER"),
    "letters of another scheme": (["U-PER", "S-PER"], "found S-PER beside U-, expected one scheme"),
}


@pytest.mark.parametrize(("tags", "message"), BROKEN_BILOU.values(), ids=BROKEN_BILOU.keys())
def test_a_sentence_that_does_not_fit_its_file_is_set_aside_with_the_reason(
    tmp_path: Path, tags: Tags, message: str
) -> None:
    good = [SCHEMES["BILOU"](sentence) for sentence in TELLING * 5]
    rows = problems(written(tmp_path, [*good, tags]))

    assert list(rows) == [15]
    assert rows[15].problem.startswith(message)


def test_tags_without_a_label_are_no_labels(tmp_path: Path) -> None:
    assert read(written(tmp_path, [["B", "I", "O"]]))[0] == [["B", "I", "O"]]
    with pytest.raises(DataRejected, match="found tag 'B'"):
        read_labelled(written(tmp_path, [["B", "I", "O"]]))


def test_parts_of_speech_are_no_labels(tmp_path: Path) -> None:
    with pytest.raises(DataRejected, match="found tag 'NN'"):
        read_labelled(written(tmp_path, [["NN", "VBD"]]))


def test_nested_tags_of_bmewo_v_are_set_aside(tmp_path: Path) -> None:
    good = [SCHEMES["BMEWO"](sentence) for sentence in TELLING]
    tags, conversions = read(written(tmp_path, [*good, ["B-PER", "V-PER", "E-PER"]]))

    assert conversions.scheme == "BMEWO"
    assert "V-PER" in tags[-1]


def test_an_empty_tag_in_a_file_that_writes_o_is_a_lost_one(tmp_path: Path) -> None:
    with pytest.raises(DataRejected, match="found tag ''"):
        read_labelled(written(tmp_path, [*BIO_ROWS, ["B-PER", "", "O"]]))


def kaggle(folder: Path, sentences: Sequence[Tags]) -> Path:
    path = folder / "ner.csv"
    rows = [f"{number},w{at},,{tag}" for number, tags in enumerate(sentences, start=1) for at, tag in enumerate(tags)]
    path.write_text("\n".join(["Sentence #,Word,POS,Tag", *rows]) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("scheme", ["IOB1", "BIOES", "BILOU"])
def test_the_kaggle_columns_are_read_in_other_schemes_too(tmp_path: Path, scheme: str) -> None:
    tags, conversions = read(kaggle(tmp_path, [SCHEMES[scheme](sentence) for sentence in TELLING * 3]))

    assert (tags, conversions.scheme) == ([write_bio(sentence) for sentence in TELLING * 3], scheme)


def test_a_few_inside_tags_do_not_make_the_kaggle_columns_iob1(tmp_path: Path) -> None:
    assert read(kaggle(tmp_path, [["I-PER", "O"], ["O", "O"]]))[0] == [["I-PER", "O"], ["O", "O"]]


def test_random_tags_never_become_other_entities_in_silence(tmp_path: Path) -> None:
    """Whatever is mixed: a sentence that is read has, word for word, the labels that were written."""
    random_tags = random.Random(3)
    letters = "BIOESLUMW"
    for _ in range(300):
        sentences = [
            [f"{random_tags.choice(letters)}-{random_tags.choice('XY')}" for _ in range(random_tags.randint(1, 5))]
            for _ in range(4)
        ]
        path = written(tmp_path, sentences)
        aside = set(problems(path))
        for row in open_rows(path)[1]:
            if row.sentence not in aside and row.tag[0] in "BI":
                assert row.tag[2:] == sentences[row.sentence][int(row.word[1:])][2:]

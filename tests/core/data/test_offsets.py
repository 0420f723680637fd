"""What offsets count: told by the mentions, by the bounds of words, or set aside; never guessed."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ner_tasks.data.corpus import open_rows, read_labelled
from ner_tasks.data.readers.conversions import Conversions
from ner_tasks.data.readers.rows import BAD_SPAN

NAMES = ["Ann Lee", "Bob", "Élodie", "Ng", "Grace Hopper"]
Count = Callable[[str], int]
COUNTINGS: dict[str, Count] = {
    "code points": len,
    "UTF-16 code units": lambda text: len(text.encode("utf-16-le")) // 2,
    "UTF-8 bytes": lambda text: len(text.encode()),
    "code points, CRLF as 1": lambda text: len(text.replace("\r\n", "\n")),
    "UTF-16 code units, CRLF as 1": lambda text: len(text.replace("\r\n", "\n").encode("utf-16-le")) // 2,
    "code points, LF as 2": lambda text: len(text.replace("\n", "\r\n")),
}


def task(before: str, name: str, after: str, count: Count, *, has_mention: bool) -> dict:
    start, end = count(before), count(before + name)
    text = before + name + after
    if has_mention:
        return {"text": text, "ner": [{"start": start, "end": end, "text": name, "labels": ["per"]}]}
    return {"text": text, "label": [[start, end, "per"]]}


def exported(folder: Path, *tasks: dict) -> Path:
    path = folder / "export.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in tasks), encoding="utf-8")
    return path


def entities(path: Path) -> list[str]:
    return [
        " ".join(word for word, tag in zip(one.words, one.tags, strict=True) if tag != "O")
        for one in read_labelled(path)
    ]


def read(path: Path) -> tuple[list[tuple[str, str]], Conversions]:
    """Words that are tagged and problems, and what was converted."""
    conversions = Conversions()
    rows = list(open_rows(path, conversions)[1])
    return [(row.word, row.problem) for row in rows if row.problem or row.tag.startswith("B-")], conversions


BEFORE = {
    "code points": "😀 Dr. ",
    "UTF-16 code units": "😀 Dr. ",
    "UTF-8 bytes": "Café: ",
    "code points, CRLF as 1": "a\r\nb\r\nDr. ",
    "UTF-16 code units, CRLF as 1": "😀😀😀\r\nb\r\nDr. ",
    "code points, LF as 2": "a\nb\nDr. ",
}


@pytest.mark.parametrize("counting", COUNTINGS)
@pytest.mark.parametrize("has_mention", [True, False], ids=["mentions", "bounds of words"])
def test_the_counting_of_a_file_is_told_by_its_spans(tmp_path: Path, counting: str, has_mention: bool) -> None:
    count = COUNTINGS[counting]
    tasks = [
        task(BEFORE[counting] + "and " * n, name, " came.", count, has_mention=has_mention)
        for n in range(4)
        for name in NAMES
    ]
    path = exported(tmp_path, *tasks)
    rows, conversions = read(path)

    assert [(word, problem) for word, problem in rows] == [(name.split()[0], "") for name in NAMES] * 4
    n_converted = sum(counting != "code points" for _ in tasks)
    lines = [f"offsets in {counting}, converted to characters: {n_converted} texts"] if n_converted else []
    assert conversions.lines() == lines


@settings(deadline=None, max_examples=100)
@given(
    parts=st.lists(
        st.tuples(
            st.lists(st.sampled_from(["😀", "𝒜x", "é", "so", "and", "👩‍👧"]), max_size=5),
            st.sampled_from(NAMES),
            st.booleans(),
        ),
        min_size=1,
        max_size=12,
    ),
    counting=st.sampled_from(["code points", "UTF-16 code units"]),
    has_mention=st.booleans(),
)
def test_offsets_are_read_as_they_were_counted_or_set_aside(
    tmp_path_factory: pytest.TempPathFactory,
    parts: list[tuple[list[str], str, bool]],
    counting: str,
    has_mention: bool,
) -> None:
    tasks = [
        task(
            "".join(f"{one} " for one in before),
            name,
            " was here" if is_last else "",
            COUNTINGS[counting],
            has_mention=has_mention,
        )
        for before, name, is_last in parts
    ]
    path = exported(tmp_path_factory.mktemp("x"), *tasks)
    by_line: dict[int, list] = {}
    for row in open_rows(path)[1]:
        by_line.setdefault(row.line, []).append(row)

    for (_, name, _), rows in zip(parts, by_line.values(), strict=True):
        tagged = " ".join(row.word for row in rows if row.tag not in ("", "O"))
        assert tagged == name or any(row.reason == BAD_SPAN and row.problem for row in rows)
        if has_mention:
            assert tagged == name


def silent(n: int = 3) -> list[dict]:
    return [{"text": f"👍👍👍👍 Ann saw Bob and the dog {at}.", "label": [[9, 12, "PER"]]} for at in range(n)]


def test_a_span_that_may_be_two_words_is_set_aside_and_both_are_named(tmp_path: Path) -> None:
    plain = [{"text": f"Ann saw Bob {at}.", "label": [[0, 3, "PER"]]} for at in range(5)]
    rows, conversions = read(exported(tmp_path, *plain, *silent()))

    units = "code points or UTF-16 code units"
    assert [word for word, problem in rows if not problem] == ["Ann"] * 5
    assert [problem for _, problem in rows if problem] == [
        f"found span [9, 12) PER that may be 'saw' or 'Ann', expected offsets that show whether they count {units}"
    ] * 3
    assert conversions.lines() == ["offsets that can be counted in two ways, set aside: 3 texts"]


def test_other_texts_of_the_file_say_how_to_read_one_that_may_be_two(tmp_path: Path) -> None:
    telling = task("😀 ", "Grace Hopper", " came.", COUNTINGS["UTF-16 code units"], has_mention=False)
    rows, conversions = read(exported(tmp_path, *silent(), telling))

    assert rows == [("Ann", "")] * 3 + [("Grace", "")]
    assert conversions.offsets == "UTF-16 code units"


def test_the_mentions_of_one_text_say_how_to_read_the_others(tmp_path: Path) -> None:
    named = {"text": "👍👍👍👍 Ann saw Bob.", "label": [{"start": 5, "end": 8, "text": "Ann", "label": "PER"}]}
    rows, conversions = read(exported(tmp_path, *silent(), named))

    assert rows == [("saw", "")] * 3 + [("Ann", "")]
    assert conversions.offsets == "code points"


def test_texts_that_contradict_each_other_are_read_one_by_one_and_the_doubtful_set_aside(tmp_path: Path) -> None:
    told = [task("😀 ", "Grace Hopper", " came.", COUNTINGS[one], has_mention=False) for one in list(COUNTINGS)[:2]]
    rows, _ = read(exported(tmp_path, *told, *silent(1)))

    assert rows[:2] == [("Grace", "")] * 2
    assert "may be 'saw' or 'Ann'" in rows[2][1]


def test_sentences_before_the_doubtful_span_are_read(tmp_path: Path) -> None:
    text = "Rome is far. 👍👍👍👍 Ann saw Bob and the dog. He left."
    path = exported(tmp_path, {"text": text, "label": [[0, 4, "LOC"], [22, 25, "PER"]]})

    assert [row.word for row in open_rows(path)[1] if not row.problem] == ["Rome", "is", "far", ".", "He", "left", "."]


def test_an_offset_within_a_character_speaks_against_its_text(tmp_path: Path) -> None:
    told = [task("😀 ", "Grace Hopper", " came.", COUNTINGS["UTF-16 code units"], has_mention=False) for _ in range(60)]
    rows, _ = read(exported(tmp_path, *told, {"text": "a 😀 b c", "label": [[0, 3, "PER"]]}))

    assert rows[-1][1].startswith("found span [0, 3) PER")


def test_offsets_behind_the_end_in_every_counting_are_named(tmp_path: Path) -> None:
    rows, _ = read(exported(tmp_path, {"text": "😀 Ann", "label": [[3, 60, "PER"]]}))

    assert rows[0][1] == "found span [3, 60) PER, expected it within 5 characters"


def test_accents_alone_are_no_reason_to_doubt(tmp_path: Path) -> None:
    path = exported(tmp_path, {"text": "Café ho ho Ann", "label": [[5, 7, "PER"]]})

    assert entities(path) == ["ho"]


def test_one_slip_of_an_annotator_does_not_change_the_counting_of_a_file(tmp_path: Path) -> None:
    count = COUNTINGS["UTF-16 code units"]
    told = [task("😀 " * n, "Grace Hopper", " came.", count, has_mention=False) for n in range(1, 61)]
    slip = task("😀 ", "Grace Hopper", " came.", len, has_mention=False)
    rows, conversions = read(exported(tmp_path, *told, slip, *silent(1)))

    assert conversions.offsets == "UTF-16 code units"
    assert [word for word, problem in rows if not problem] == ["Grace"] * 60 + ["Ann"]
    assert len([problem for _, problem in rows if problem]) == 1


def test_many_texts_are_read_in_linear_time(tmp_path: Path) -> None:
    words = random.Random(1).choices(["😀", "é", "so\r\n", "Ann"], k=20_000)
    text = " ".join(words)
    spans = [[at, at + 3, "PER"] for at in range(len(text)) if text.startswith("Ann", at)]
    path = exported(tmp_path, {"text": text, "label": spans})

    assert sum(row.tag == "B-PER" for row in open_rows(path)[1]) == len(spans)


def test_many_doubtful_spans_cost_no_more_than_their_number(tmp_path: Path) -> None:
    n = 3_000
    text = "👍👍👍👍\n\n" + "Ann saw Bob here.\n\n" * n
    spans = [[6 + 19 * at + 4, 6 + 19 * at + 7, "PER"] for at in range(n)]
    path = exported(tmp_path, {"text": text, "label": spans})

    assert sum(bool(row.problem) for row in open_rows(path)[1]) == n

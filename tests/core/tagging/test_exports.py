"""Answers in other forms say exactly what `documents.jsonl` says, with and without the text."""

import json
import tracemalloc
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_tasks.data import corpus
from ner_tasks.errors import ArtifactBroken, ConfigInvalid, InputMissing
from ner_tasks.tagging.answers import read_answers
from ner_tasks.tagging.exports.conll import write_conll
from ner_tasks.tagging.exports.parquet import DOCUMENTS, ENTITIES, write_parquet
from tests.answers import answer, without_text, write

LETTER = answer("a.txt", "Rosa Delgado lives in Tampa. She left.", {"Rosa Delgado": "per", "Tampa": "geo"})
EMPTY = answer("b.txt", "Nothing here.")


def test_answers_are_read_in_their_order(tmp_path: Path) -> None:
    found = list(read_answers(write(tmp_path / "d.jsonl", [LETTER, without_text(LETTER), EMPTY])))
    assert [one.document for one in found] == ["a.txt", "a.txt", "b.txt"]
    assert [found[0].mention(entity) for entity in found[0].entities] == ["Rosa Delgado", "Tampa"]
    assert (found[1].text, found[1].mention(found[1].entities[0])) == (None, None)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("{", "found JSONDecodeError"),
        ("[]", "expected an answer"),
        ('{"document": "a"}', "found KeyError at answers.py"),
        (json.dumps({**LETTER, "text": "Rosa"}), r"found an entity at \[0, 12\), expected one inside the text"),
        (json.dumps({**LETTER, "entities": [{"start": 2, "end": 2}]}), r"found an entity at \[2, 2\)"),
        (json.dumps({**LETTER, "entities": [{"start": 2, "end": 3}]}), "found KeyError at answers.py"),
    ],
)
def test_a_line_that_is_no_answer_is_named(tmp_path: Path, line: str, complaint: str) -> None:
    path = write(tmp_path / "d.jsonl", [LETTER])
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(ArtifactBroken, match=rf"{complaint}.*d\.jsonl, line 2"):
        list(read_answers(path))


def test_no_answers_file_is_no_empty_day(tmp_path: Path) -> None:
    with pytest.raises(InputMissing, match="expected the answers"):
        list(read_answers(tmp_path / "none.jsonl"))


def test_parquet_has_a_row_for_each_entity_and_each_document(tmp_path: Path) -> None:
    counts = write_parquet(write(tmp_path / "d.jsonl", [LETTER, EMPTY]), tmp_path, day=date(2026, 3, 14))
    assert counts == {"n_documents": 2, "n_entities": 2}
    rosa, tampa = pq.read_table(tmp_path / "entities.parquet").to_pylist()
    assert rosa == {
        "document": "a.txt",
        "sha256": LETTER["sha256"],
        "start": 0,
        "end": 12,
        "label": "per",
        "text": "Rosa Delgado",
        "score": 0.9,
        "page": None,
        "boxes": None,
        "ocr_confidence": None,
        "source": None,
        "model_version": "v1",
        "day": date(2026, 3, 14),
        "section": None,
        "assertion": None,
        "code": None,
        "code_system": None,
        "decision": None,
    }
    assert (tampa["start"], tampa["end"], tampa["label"]) == (22, 27, "geo")
    letter, empty = pq.read_table(tmp_path / "documents.parquet").to_pylist()
    assert (letter["n_entities"], letter["n_words"], empty["n_entities"]) == (2, 7, 0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d.jsonl", "documents.parquet", "entities.parquet"]


@pytest.mark.parametrize("lines", [[], [EMPTY], [without_text(LETTER)], [LETTER]])
def test_parquet_has_the_same_columns_whatever_the_answers(tmp_path: Path, lines: list[dict]) -> None:
    write_parquet(write(tmp_path / "d.jsonl", lines), tmp_path)
    assert pq.read_schema(tmp_path / "entities.parquet").equals(ENTITIES)
    assert pq.read_schema(tmp_path / "documents.parquet").equals(DOCUMENTS)


def test_where_the_text_was_not_kept_parquet_has_none(tmp_path: Path) -> None:
    write_parquet(write(tmp_path / "d.jsonl", [without_text(LETTER)]), tmp_path)
    rows = pq.read_table(tmp_path / "entities.parquet").to_pylist()
    assert [(row["text"], row["label"]) for row in rows] == [(None, "per"), (None, "geo")]


def test_a_name_that_is_not_utf8_is_told_by_its_escape(tmp_path: Path) -> None:
    write_parquet(
        write(tmp_path / "d.jsonl", [answer("caf\udce9.txt", "x \ud800 Rosa", {"\ud800 Rosa": "per"})]), tmp_path
    )
    (row,) = pq.read_table(tmp_path / "entities.parquet").to_pylist()
    assert (row["document"], row["text"]) == ("caf\\udce9.txt", "\\ud800 Rosa")


def test_a_broken_line_leaves_the_tables_that_were_there(tmp_path: Path) -> None:
    write_parquet(write(tmp_path / "d.jsonl", [LETTER]), tmp_path)
    with pytest.raises(ArtifactBroken):
        write_parquet(write(tmp_path / "broken.jsonl", [EMPTY, {"document": "x"}]), tmp_path)
    assert pq.read_table(tmp_path / "entities.parquet").num_rows == 2
    assert not list(tmp_path.glob(".*.part"))


@pytest.mark.slow
def test_memory_does_not_grow_with_the_answers(tmp_path: Path) -> None:
    peaks = []
    for n in (20_000, 80_000):
        path = tmp_path / "d.jsonl"
        line = json.dumps(LETTER) + "\n"
        path.write_text(line * n)
        tracemalloc.start()
        assert write_parquet(path, tmp_path)["n_entities"] == 2 * n
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert pq.ParquetFile(tmp_path / "entities.parquet").num_row_groups > 1
    assert peaks[1] < 2 * peaks[0]


def test_conll_has_a_word_and_its_tag_on_a_line(tmp_path: Path) -> None:
    counts = write_conll(write(tmp_path / "d.jsonl", [LETTER, EMPTY]), tmp_path / "d.conll")
    assert counts == {"n_documents": 2, "n_words": 12}
    assert (tmp_path / "d.conll").read_text() == (
        "# document = a.txt\n"
        "Rosa\tB-per\nDelgado\tI-per\nlives\tO\nin\tO\nTampa\tB-geo\n.\tO\n\nShe\tO\nleft\tO\n.\tO\n\n"
        "# document = b.txt\nNothing\tO\nhere\tO\n.\tO\n\n"
    )


def test_neighbouring_entities_of_one_label_stay_two(tmp_path: Path) -> None:
    line = answer("a", "Ann Bob came.", {"Ann": "per", "Bob": "per"})
    write_conll(write(tmp_path / "d.jsonl", [line]), tmp_path / "d.conll")
    assert "Ann\tB-per\nBob\tB-per\ncame\tO\n" in (tmp_path / "d.conll").read_text()


def test_conll_answers_can_be_learnt_from(tmp_path: Path) -> None:
    write_conll(write(tmp_path / "d.jsonl", [LETTER, EMPTY]), tmp_path / "d.conll")
    sentences = corpus.read_labelled(tmp_path / "d.conll")
    assert [sentence.tags[:2] for sentence in sentences] == [("B-per", "I-per"), ("O", "O"), ("O", "O")]
    assert [len(sentence.words) for sentence in sentences] == [6, 3, 3]


def test_a_name_cannot_write_lines_of_its_own(tmp_path: Path) -> None:
    name = "a\nEvil\tB-per\u2028\\n\udce9"
    write_conll(write(tmp_path / "d.jsonl", [answer(name, "Fine.")]), tmp_path / "d.conll")
    lines = (tmp_path / "d.conll").read_text(encoding="utf-8").split("\n")
    assert lines[0] == r"# document = a\nEvil\tB-per\u2028\\n\udce9"
    assert lines[1:3] == ["Fine\tO", ".\tO"]


def test_conll_needs_the_text(tmp_path: Path) -> None:
    path = write(tmp_path / "d.jsonl", [LETTER, without_text(LETTER)])
    with pytest.raises(ConfigInvalid, match="found answers without text, expected them with it to write CoNLL"):
        write_conll(path, tmp_path / "d.conll")
    assert [path.name for path in tmp_path.iterdir()] == ["d.jsonl"]


def test_entities_that_end_inside_a_word_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "d.jsonl", [answer("a", "Rosa Delgado came.", {"Rosa Del": "per"})])
    with pytest.raises(ArtifactBroken, match=r"found an entity at \[0, 8\), expected it to end with a word"):
        write_conll(path, tmp_path / "d.conll")


@given(st.text(max_size=60))
def test_conll_holds_every_character_that_is_no_space(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.mktemp("conll")
    write_conll(write(folder / "d.jsonl", [answer("a", text)]), folder / "d.conll")
    lines = (folder / "d.conll").read_bytes().decode("utf-8").split("\n")[1:]
    assert "".join(line.split("\t")[0] for line in lines) == "".join(text.split())


def test_a_value_that_parquet_cannot_hold_is_one_line(tmp_path: Path) -> None:
    strange = {**LETTER, "entities": [{**LETTER["entities"][0], "label": "\ud800"}]}
    with pytest.raises(ArtifactBroken, match=r"expected answers that `tag` wrote, for .*parquet"):
        write_parquet(write(tmp_path / "d.jsonl", [strange]), tmp_path)

"""Finding a document of a day by its name."""

import json
import random
import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_tasks.errors import ArtifactBroken, InputMissing
from ner_tasks.tagging.answer_index import AnswerIndex, write_index


def answer(name, n_entities=0, n_unread=0):
    items = {"page": {"read": 1, "unread": n_unread} if n_unread else {"read": 1}}
    return {"document": name, "entities": [{}] * n_entities, "receipt": {"n_words": 7, "items": items}}


def indexed(folder, answers, rejected=()):
    for name, lines in (("documents.jsonl", answers), ("rejected.jsonl", rejected)):
        (folder / name).write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    n_documents = write_index(folder / "documents.jsonl", folder / "rejected.jsonl", folder / "index.sqlite")
    assert n_documents == len(answers) + len(rejected)
    return AnswerIndex(folder / "index.sqlite")


def test_a_document_is_found_by_its_very_name_and_its_line_lies_where_the_index_says(tmp_path):
    names = ["a.txt", "claims/b.pdf", "calls.jsonl#line-5"]
    with indexed(tmp_path, [answer(name, n) for n, name in enumerate(names)]) as index:
        for n_entities, name in enumerate(names):
            entry = index.find(name)
            line = (tmp_path / "documents.jsonl").read_bytes()[entry.offset : entry.offset + entry.n_bytes]
            assert json.loads(line)["document"] == name
            assert (entry.n_entities, entry.n_words, entry.reason) == (n_entities, 7, None)
        assert index.find("b.pdf") is None


def test_a_part_of_a_name_is_found_in_capitals_or_not(tmp_path):
    with indexed(tmp_path, [answer("Claim-01.docx"), answer("appeal-01.eml")]) as index:
        assert [entry.name for entry in index.search("CLAIM", most=9)] == ["Claim-01.docx"]
        assert [entry.name for entry in index.search("-01", most=9)] == ["Claim-01.docx", "appeal-01.eml"]
        assert [entry.name for entry in index.search("ap", most=9)] == ["appeal-01.eml"]
        assert [entry.name for entry in index.search("", most=1)] == ["Claim-01.docx"]


def test_rejected_documents_are_there_with_their_reason_and_can_be_listed_alone(tmp_path):
    rejected = [{"document": "empty.txt", "reason": "empty"}]
    with indexed(tmp_path, [answer("full.txt")], rejected) as index:
        assert [(entry.name, entry.reason) for entry in index.search("", most=9, rejected_only=True)] == [
            ("empty.txt", "empty")
        ]
        assert index.find("empty.txt").n_entities is None


def test_partly_read_documents_can_be_listed_alone(tmp_path):
    with indexed(tmp_path, [answer("whole.pdf"), answer("part.pdf", n_unread=2)]) as index:
        assert [(entry.name, entry.n_unread) for entry in index.search("", most=9, partly_read_only=True)] == [
            ("part.pdf", 2)
        ]
        assert index.find("whole.pdf").n_unread == 0


@given(name=st.text(min_size=1, max_size=30))
def test_no_name_breaks_the_index_or_the_search(tmp_path_factory, name):
    with indexed(tmp_path_factory.mktemp("day"), [answer(name), answer("other")]) as index:
        assert index.find(name).name
        index.search(name, most=9)


@pytest.mark.parametrize("text", ['"', "a OR b", "name:x", "*", "100%_", "%", "_", "\\", "'; DROP TABLE documents; --"])
def test_what_is_sought_is_text_and_no_query(tmp_path, text):
    with indexed(tmp_path, [answer(f"x{text}y"), answer("other")]) as index:
        assert [entry.name for entry in index.search(text, most=9)] == [f"x{text}y"]
        assert index.search(text + "nowhere", most=9) == []


def test_a_day_without_an_index_and_one_that_is_broken_are_told_apart(tmp_path):
    with pytest.raises(InputMissing, match="expected a day's index"):
        AnswerIndex(tmp_path / "index.sqlite")
    (tmp_path / "index.sqlite").write_bytes(b"not a database, but long enough to look like one" * 50)
    with pytest.raises(ArtifactBroken, match="expected a day's index"):
        AnswerIndex(tmp_path / "index.sqlite")


def test_a_broken_line_of_the_answers_is_named(tmp_path):
    (tmp_path / "documents.jsonl").write_text('{"document": "a"}\n')
    (tmp_path / "rejected.jsonl").write_text("")
    with pytest.raises(ArtifactBroken, match="line 1"):
        write_index(tmp_path / "documents.jsonl", tmp_path / "rejected.jsonl", tmp_path / "index.sqlite")
    assert not (tmp_path / "index.sqlite").exists()


def test_an_index_that_is_damaged_anywhere_answers_or_says_that_it_is_broken(tmp_path):
    names = [f"letter {number:04d}" for number in range(3000)]
    path = tmp_path / "index.sqlite"
    with indexed(tmp_path, [answer(name) for name in names]):
        whole = path.read_bytes()
    rng, broken = random.Random(0), []
    for _ in range(200):
        damaged = bytearray(whole)
        begin = rng.randrange(len(whole))
        damaged[begin : begin + 200] = rng.randbytes(len(damaged[begin : begin + 200]))
        path.write_bytes(damaged[: rng.choice([len(whole), begin])])
        try:
            with AnswerIndex(path) as index:
                index.find(rng.choice(names))
                found = index.search("letter", most=5000)
            assert all(isinstance(entry.offset, int) and isinstance(entry.name, str) for entry in found)
        except ArtifactBroken as error:
            broken.append(str(error))
    assert len(broken) > 50
    assert all(", expected a d" in said and "letter 0" not in said for said in broken)


@pytest.mark.parametrize(
    "wrong", ["offset = 'x'", "n_bytes = -1", "name = x'00'", "n_words = 'x'", "n_entities = NULL"]
)
def test_a_row_of_another_shape_is_no_document(tmp_path, wrong):
    with indexed(tmp_path, [answer("a")]):
        pass
    with sqlite3.connect(tmp_path / "index.sqlite") as database:
        database.execute(f"UPDATE documents SET {wrong}")
    database.close()
    with AnswerIndex(tmp_path / "index.sqlite") as index, pytest.raises(ArtifactBroken, match="another shape"):
        index.search("", most=9)


def test_names_of_any_length_make_a_small_index_and_stay_apart(tmp_path):
    names = [character * 200_000 + end for character in "aé\ud800" for end in ("1", "2")]
    with indexed(tmp_path, [answer(name, number) for number, name in enumerate(names)]) as index:
        for number, name in enumerate(names):
            entry = index.find(name)
            assert entry.n_entities == number
            assert len(entry.name) <= 1000
            assert index.find(entry.name) == index.get(entry.handle) == entry
        first, second = index.search("", most=2)
        for handle in (f"{first.number}-{second.handle.partition('-')[2]}", "1", "-", "9" * 30, "x-y", ""):
            assert index.get(handle) is None
    assert (tmp_path / "index.sqlite").stat().st_size < 100_000

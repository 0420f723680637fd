"""Which text was answered, under which model and configuration, and where the answer lies."""

import json

import pytest

from ner_tasks.errors import ArtifactBroken, ConfigInvalid
from ner_tasks.tagging.answer_ledger import AnswerKey, AnswerLedger


def answer(text_sha256, model="m1", config="c1", **more):
    return {"text_sha256": text_sha256, "receipt": {"model_version": model, "config": config}, **more}


def booked(folder, answers):
    """A folder of answers with its ledger; where each answer begins."""
    folder.mkdir()
    offsets, content = [], b""
    with AnswerLedger(folder) as ledger:
        for said in answers:
            line = (json.dumps(said) + "\n").encode()
            key = AnswerKey(said["text_sha256"], said["receipt"]["model_version"], said["receipt"]["config"])
            ledger.add(key, offset=len(content), n_bytes=len(line))
            offsets.append(len(content))
            content += line
        ledger.commit()
    (folder / "documents.jsonl").write_bytes(content)
    return offsets


@pytest.mark.parametrize("other", [AnswerKey("b", "m1", "c1"), AnswerKey("a", "m2", "c1"), AnswerKey("a", "m1", "c2")])
def test_an_answer_is_found_by_text_model_and_configuration_and_by_no_two_of_them(tmp_path, other):
    booked(tmp_path / "a", [answer("a")])
    with AnswerLedger(tmp_path / "a", read_only=True) as ledger:
        assert ledger.find(AnswerKey("a", "m1", "c1")) == answer("a")
        assert ledger.find(other) is None


def test_the_first_answer_to_a_text_stays(tmp_path):
    booked(tmp_path / "a", [answer("a", first=True), answer("a", first=False)])
    with AnswerLedger(tmp_path / "a", read_only=True) as ledger:
        assert ledger.find(AnswerKey("a", "m1", "c1"))["first"]


def test_what_is_cut_off_is_forgotten(tmp_path):
    offsets = booked(tmp_path / "a", [answer("a"), answer("b"), answer("c")])
    with AnswerLedger(tmp_path / "a") as ledger:
        ledger.delete_from(offsets[1])
        found = [ledger.find(AnswerKey(name, "m1", "c1")) is not None for name in "abc"]
    assert found == [True, False, False]


def test_the_ledgers_of_joined_answers_join(tmp_path):
    booked(tmp_path / "a", [answer("a"), answer("b")])
    booked(tmp_path / "b", [answer("c"), answer("a", second=True)])
    (tmp_path / "day").mkdir()
    parts = [(tmp_path / name / "documents.jsonl").read_bytes() for name in "ab"]
    (tmp_path / "day/documents.jsonl").write_bytes(b"".join(parts))
    with AnswerLedger(tmp_path / "day") as ledger:
        ledger.merge([(tmp_path / "a", 0), (tmp_path / "b", len(parts[0]))])
    with AnswerLedger(tmp_path / "day", read_only=True) as ledger:
        assert [ledger.find(AnswerKey(name, "m1", "c1")) for name in "abc"] == [answer(name) for name in "abc"]


def test_a_ledger_that_points_at_another_answer_is_not_believed(tmp_path):
    booked(tmp_path / "a", [answer("a")])
    line = (tmp_path / "a/documents.jsonl").read_bytes()
    for wrong in (line.replace(b'"a"', b'"x"'), b"", line[:10], b"[1]" + b" " * len(line)):
        (tmp_path / "a/documents.jsonl").write_bytes(wrong)
        with (
            AnswerLedger(tmp_path / "a", read_only=True) as ledger,
            pytest.raises(ArtifactBroken, match="found no answer"),
        ):
            ledger.find(AnswerKey("a", "m1", "c1"))


@pytest.mark.parametrize("read_only", [True, False])
def test_what_is_no_ledger_is_said_to_be_none(tmp_path, read_only):
    (tmp_path / "ledger.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(ArtifactBroken, match="file is not a database, expected a ledger, at .*ledger.sqlite"):
        AnswerLedger(tmp_path, read_only=read_only)


def test_a_published_ledger_is_not_written_to(tmp_path):
    booked(tmp_path / "a", [answer("a")])
    with AnswerLedger(tmp_path / "a", read_only=True) as ledger, pytest.raises(ConfigInvalid, match="readonly"):
        ledger.add(AnswerKey("b", "m1", "c1"), offset=0, n_bytes=1)

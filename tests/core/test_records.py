"""Records are checked for their shape when they are read; what is wrong is said in one line that quotes nothing."""

import json
import os

import pytest

from ner_tasks import records
from ner_tasks.errors import ArtifactBroken, InputMissing
from ner_tasks.files import atomic, json_text
from ner_tasks.records import DriftReport, NightPlan, RunNote, parse_records, read_records, validate_record
from ner_tasks.registry.promotions import Promotion

PLAN = {
    "day": "2026-01-31",
    "night": "n1",
    "model": {"version": "v1", "kind": "int8"},
    "n_shards": 2,
    "n_files": 3,
    "at": "2026-01-31T01:30:00+00:00",
    "columns": {"text_column": "text", "id_column": "id"},
    "answered": [],
}
NOTE = {"dag": "d", "run": "r", "task": "t", "map_index": -1, "try": 1, "state": "success", "at": "2026-01-31"}
NOTE |= {"took_s": 1.5, "said": "", "result": {"n": 1}}


def test_a_record_keeps_what_its_shape_does_not_name():
    assert validate_record({**PLAN, "more": [1]}, NightPlan, "w")["more"] == [1]
    assert validate_record(NOTE, RunNote, "w")["try"] == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("day", "../x"),
        ("day", ".hidden"),
        ("day", "a/b"),
        ("day", ""),
        ("day", "x" * 201),
        ("night", None),
        ("model", []),
        ("model", {"version": "v1"}),
        ("n_shards", -1),
        ("n_shards", 65),
        ("n_files", 10**30),
        ("n_files", float("nan")),
        ("at", "yesterday"),
        ("at", 7),
        ("answered", [7]),
    ],
)
def test_a_field_of_another_shape_is_named_and_not_quoted(field, value):
    with pytest.raises(ArtifactBroken, match=rf"found a wrong {field}.*expected a night plan, in here") as raised:
        validate_record({**PLAN, field: value}, NightPlan, "here")
    assert "yesterday" not in str(raised.value) and "\n" not in str(raised.value)


def test_a_class_of_ours_is_a_shape_as_well():
    said = {"version": "v1", "kind": "int8", "by": "ada", "at": "2026-01-31T00:00:00+00:00"}
    assert validate_record(said, Promotion, "w") == Promotion(**said)
    with pytest.raises(ArtifactBroken, match=r"found a wrong kind .*expected a promotion"):
        validate_record({**said, "kind": "other"}, Promotion, "w")


def test_a_damaged_line_costs_itself_only():
    whole = json.dumps({"day": "d", "model_version": "v", "alerts": [], "accepted": False})
    first, second, third = parse_records([whole, "{", whole], DriftReport, "history")
    assert first == third and isinstance(second, ArtifactBroken)
    assert "history, line 2" in str(second)


def test_lines_of_a_file_are_checked_one_at_a_time(tmp_path):
    path = tmp_path / "inputs.jsonl"
    path.write_text('{"name": "a", "key": "b"}\n{"name": 7, "key": "b"}\n')
    lines = read_records(path, records.ListedInput)
    assert next(lines) == {"name": "a", "key": "b"}
    with pytest.raises(ArtifactBroken, match=r"found a wrong name .*inputs\.jsonl, line 2"):
        next(lines)
    with pytest.raises(InputMissing):
        next(read_records(tmp_path / "none", records.ListedInput))


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe", b"[" * 5000 + b"]" * 5000, b'{"a":' * 51 + b"1" + b"}" * 51, b"1" * 5000, b'["\\ud800"]'],
)
def test_what_is_no_json_or_nested_too_deep_is_refused_in_one_line(tmp_path, content):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(ArtifactBroken, match=r"^found .*expected JSON.*a\.json$"):
        atomic.read_json(path)


def test_what_is_no_file_or_a_huge_one_is_refused_and_not_read(tmp_path):
    (tmp_path / "folder.json").mkdir()
    os.mkfifo(tmp_path / "pipe.json")
    with (tmp_path / "huge.json").open("wb") as file:
        file.truncate(json_text.MAX_BYTES + 1)
    for name, found in {"folder": "a folder", "pipe": "a pipe", "huge": "67,108,865 bytes"}.items():
        with pytest.raises(ArtifactBroken, match=rf"found {found}"):
            atomic.read_json(tmp_path / f"{name}.json")


def test_a_folder_in_the_place_of_a_file_is_not_replaced(tmp_path):
    (tmp_path / "a.json").mkdir()
    with pytest.raises(ArtifactBroken, match="expected a file or nothing"):
        atomic.write_json(tmp_path / "a.json", 1)
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_a_pipe_is_not_waited_for_to_take_a_checksum(tmp_path):
    os.mkfifo(tmp_path / "ner.csv")
    with pytest.raises(ArtifactBroken, match="found a pipe"):
        atomic.sha256_of(tmp_path / "ner.csv")

"""A day in Delta tables is the whole day, however often it is written and whatever else happens to the tables."""

import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from ner_tasks.errors import ArtifactBroken, ConfigInvalid
from ner_tasks.tagging.conversion import convert_answers
from ner_tasks.tagging.exports import delta
from ner_tasks.tagging.exports.delta import write_delta
from ner_tasks.tagging.exports.tables import DOCUMENTS, ENTITIES
from tests.answers import answer, write

DAY, NEXT = date(2026, 3, 14), date(2026, 3, 15)
LETTER = answer("a.txt", "Rosa Delgado lives in Tampa. She left.", {"Rosa Delgado": "per", "Tampa": "geo"})
PLACED = {"page": 2, "boxes": [[12.5, 4.5, 60.0, 7.0]], "assertion": ["family", "negated"], "section": "plan"}
NOTHING = answer("b.txt", "Nothing here.")


def test_without_its_package_delta_is_refused_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "deltalake", None)
    with pytest.raises(ConfigInvalid, match=r"found no package deltalake, .*pip install 'nightly-ner\[delta\]'"):
        write_delta(write(tmp_path / "d.jsonl", [LETTER]), tmp_path / "lake", day=DAY)
    assert not (tmp_path / "lake").exists()


def test_answers_without_a_day_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "documents.jsonl", [LETTER])
    with pytest.raises(ConfigInvalid, match="found no day in .*; give --day"):
        convert_answers([tmp_path], tmp_path / "lake", to="delta")


class TestTables:
    """With the package."""

    @pytest.fixture(autouse=True)
    def _with_package(self) -> None:
        self.deltalake = pytest.importorskip("deltalake")

    def load(self, folder: Path, lines: list[dict], day: date = DAY) -> dict[str, int]:
        return write_delta(write(folder / "d.jsonl", lines), folder / "lake", day=day)

    def read(self, folder: Path, table: str = "entities") -> list[dict]:
        rows = self.deltalake.DeltaTable(str(folder / "lake" / table)).to_pyarrow_table().to_pylist()
        return sorted(rows, key=lambda row: (row["day"], row["document"], row.get("start", 0)))

    def test_a_day_has_the_rows_and_columns_of_its_parquet_files(self, tmp_path: Path) -> None:
        placed = {**LETTER, "entities": [{**LETTER["entities"][0], **PLACED}, *LETTER["entities"][1:]]}
        write(tmp_path / "documents.jsonl", [placed, NOTHING])

        done = convert_answers([tmp_path], tmp_path / "lake", to="delta", day=DAY.isoformat())

        assert done == {"n_documents": 2, "n_entities": 2}
        rosa, tampa = self.read(tmp_path)
        assert list(rosa) == ENTITIES.names
        assert {name: rosa[name] for name in PLACED} == PLACED
        assert (rosa["text"], rosa["day"], tampa["assertion"]) == ("Rosa Delgado", DAY, None)
        assert [row["document"] for row in self.read(tmp_path, "documents")] == ["a.txt", "b.txt"]
        assert list(self.read(tmp_path, "documents")[0]) == DOCUMENTS.names

    def test_a_column_keeps_its_type(self, tmp_path: Path) -> None:
        self.load(tmp_path, [LETTER])
        for table, schema in (("entities", ENTITIES), ("documents", DOCUMENTS)):
            found = self.deltalake.DeltaTable(str(tmp_path / "lake" / table)).to_pyarrow_table().schema
            assert dict(zip(found.names, found.types, strict=True)) == dict(
                zip(schema.names, schema.types, strict=True)
            )

    def test_a_day_written_again_is_replaced_and_no_other(self, tmp_path: Path) -> None:
        for lines, day in (([LETTER], DAY), ([LETTER], NEXT), ([LETTER], DAY), ([LETTER, NOTHING], DAY)):
            self.load(tmp_path, lines, day)
        assert [row["day"] for row in self.read(tmp_path)] == [DAY, DAY, NEXT, NEXT]
        assert [row["document"] for row in self.read(tmp_path, "documents")] == ["a.txt", "b.txt", "a.txt"]

    def test_a_day_without_rows_leaves_none_and_can_be_written_again(self, tmp_path: Path) -> None:
        self.load(tmp_path, [NOTHING])
        assert self.read(tmp_path) == []
        for lines in ([LETTER], [NOTHING], [LETTER]):
            self.load(tmp_path, lines)
            assert len(self.read(tmp_path)) == (2 if lines == [LETTER] else 0)
        self.load(tmp_path, [LETTER], NEXT)
        self.load(tmp_path, [NOTHING])
        assert [row["day"] for row in self.read(tmp_path)] == [NEXT, NEXT]

    def test_after_a_kill_between_the_tables_a_repetition_completes_the_day(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.load(tmp_path, [LETTER])
        replace = delta._replace_day

        def stop_at_documents(table: Path, *rest: object) -> None:
            if table.name == "documents":
                raise KeyboardInterrupt
            replace(table, *rest)

        monkeypatch.setattr(delta, "_replace_day", stop_at_documents)
        with pytest.raises(KeyboardInterrupt):
            self.load(tmp_path, [NOTHING])
        assert [row["document"] for row in self.read(tmp_path, "documents")] == ["a.txt"]
        monkeypatch.undo()
        self.load(tmp_path, [NOTHING])
        assert [row["document"] for row in self.read(tmp_path, "documents")] == ["b.txt"]
        assert sorted(path.name for path in (tmp_path / "lake").iterdir()) == [
            ".nightly-ner.lock", "documents", "entities"
        ]  # fmt: skip

    def test_two_that_write_a_day_at_once_write_it_once(self, tmp_path: Path) -> None:
        answers = write(tmp_path / "d.jsonl", [LETTER, NOTHING])
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: write_delta(answers, tmp_path / "lake", day=DAY), range(4)))
        assert len(self.read(tmp_path)) == 2
        assert len(self.read(tmp_path, "documents")) == 2

    def test_a_table_of_an_earlier_release_gets_the_new_columns(self, tmp_path: Path) -> None:
        old = pa.Table.from_pylist([{"document": "old.txt", "sha256": "0", "day": NEXT}])
        fields = [field for field in ENTITIES if field.name in old.schema.names]
        self.deltalake.write_deltalake(
            str(tmp_path / "lake/entities"), old.cast(pa.schema(fields)), partition_by=["day"]
        )
        self.load(tmp_path, [LETTER])
        rows = self.read(tmp_path)
        assert [row["text"] for row in rows] == ["Rosa Delgado", "Tampa", None]
        assert {len(row) for row in rows} == {len(ENTITIES)}

    @pytest.mark.parametrize(
        ("column", "by", "found"),
        [
            ("day", ["model"], "partitioned by model, expected day, at "),
            ("day", None, "partitioned by nothing, expected day, at "),
            ("start", ["day"], "found column start of type .*, expected .*long.*, in the table at "),
        ],
    )
    def test_a_table_of_another_schema_is_refused_and_keeps_its_rows(
        self, tmp_path: Path, column: str, by: list[str] | None, found: str
    ) -> None:
        row = {"document": "old.txt", "day": NEXT, "model": "m"} | ({"start": [1]} if column == "start" else {})
        self.deltalake.write_deltalake(str(tmp_path / "lake/entities"), pa.Table.from_pylist([row]), partition_by=by)
        with pytest.raises(ConfigInvalid, match=found):
            self.load(tmp_path, [LETTER])
        assert [each["document"] for each in self.read(tmp_path)] == ["old.txt"]

    def test_other_files_are_not_made_a_table(self, tmp_path: Path) -> None:
        convert_answers(
            [write(tmp_path / "documents.jsonl", [LETTER]).parent], tmp_path / "lake", to="hive", day="2026-03-14"
        )
        with pytest.raises(ConfigInvalid, match="found other files, expected nothing or a Delta table"):
            self.load(tmp_path, [LETTER])

    def test_a_damaged_log_is_one_line(self, tmp_path: Path) -> None:
        self.load(tmp_path, [LETTER])
        for path in (tmp_path / "lake/entities/_delta_log").glob("*.json"):
            path.write_text('{"what": ')
        with pytest.raises(ArtifactBroken, match="expected a Delta table, at .*entities") as broken:
            self.load(tmp_path, [LETTER])
        assert "\n" not in str(broken.value)

    def test_answers_that_are_damaged_change_no_table(self, tmp_path: Path) -> None:
        self.load(tmp_path, [LETTER])
        (tmp_path / "d.jsonl").write_text("{}\n")
        with pytest.raises(ArtifactBroken):
            write_delta(tmp_path / "d.jsonl", tmp_path / "lake", day=DAY)
        assert len(self.read(tmp_path)) == 2

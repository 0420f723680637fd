"""Tables for a warehouse: a day's rows with a versioned schema, as files, as partitions and as OMOP's NOTE_NLP."""

import json
import re
from datetime import date, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ner_tasks.errors import ArtifactBroken, ConfigInvalid, InputMissing
from ner_tasks.store.folder import FolderStore
from ner_tasks.tagging.conversion import convert_answers, find_day
from ner_tasks.tagging.exports.omop import LENGTHS, NOTE_IDS, NOTE_NLP, NoteIds, write_note_nlp
from ner_tasks.tagging.exports.parquet import write_hive, write_parquet
from ner_tasks.tagging.exports.tables import DOCUMENTS, ENTITIES, SCHEMA_VERSION, read_schema_version
from tests.answers import answer, without_text, write
from tests.published import publish_parts

DAY = date(2026, 3, 14)
LETTER = answer("a.txt", "Rosa Delgado lives in Tampa. She left.", {"Rosa Delgado": "per", "Tampa": "geo"})
EMPTY = answer("b.txt", "Nothing here.")
ENRICHED = {
    "section": "plan",
    "assertion": ["family", "negated"],
    "code": "I10",
    "code_system": "ICD10CM",
    "decision": "review",
}


def enriched(line: dict, **fields) -> dict:
    """The same answer with fields of enrichment at its first entity."""
    first, *others = line["entities"]
    return {**line, "entities": [{**first, **fields}, *others]}


# --- schema


def test_a_file_says_the_version_of_its_schema(tmp_path: Path) -> None:
    write_parquet(write(tmp_path / "d.jsonl", [LETTER]), tmp_path)
    for name in ("entities.parquet", "documents.parquet"):
        assert read_schema_version(pq.read_schema(tmp_path / name)) == SCHEMA_VERSION
    found = duckdb.sql(
        f"SELECT value FROM parquet_kv_metadata('{tmp_path}/entities.parquet') WHERE key = 'schema_version'"
    )
    assert found.fetchall() == [(str(SCHEMA_VERSION).encode(),)]


def test_a_file_of_a_release_before_versions_is_of_version_1() -> None:
    assert read_schema_version(pa.schema([])) == 1
    assert read_schema_version(pa.schema([], metadata={"schema_version": "two"})) is None


def test_the_columns_of_earlier_versions_stay_in_their_order() -> None:
    first = "document sha256 start end label text score page boxes ocr_confidence source model_version day"
    assert ENTITIES.names == [*first.split(), "section", "assertion", "code", "code_system", "decision"]
    assert DOCUMENTS.names[:2] == ["document", "sha256"]
    assert DOCUMENTS.names[-4:] == ["n_entities", "model_version", "day", "redacted_text"]


@pytest.mark.parametrize("schema", [ENTITIES, DOCUMENTS, NOTE_NLP, NOTE_IDS])
def test_each_column_carries_its_description(schema: pa.Schema) -> None:
    assert [column.name for column in schema if len(column.metadata[b"description"]) < 5] == []


def test_what_enrichment_says_has_its_columns_and_is_null_where_nothing_was_said(tmp_path: Path) -> None:
    write_parquet(write(tmp_path / "d.jsonl", [enriched(LETTER, **ENRICHED)]), tmp_path, day=DAY)
    rosa, tampa = pq.read_table(tmp_path / "entities.parquet").select(list(ENRICHED)).to_pylist()
    assert rosa == ENRICHED
    assert tampa == dict.fromkeys(ENRICHED)


def test_affirmed_is_an_empty_list_and_not_null(tmp_path: Path) -> None:
    write_parquet(write(tmp_path / "d.jsonl", [enriched(LETTER, assertion=[])]), tmp_path)
    assert pq.read_table(tmp_path / "entities.parquet").column("assertion").to_pylist() == [[], None]


@pytest.mark.parametrize("fields", [{"assertion": "negated"}, {"section": 3}, {"assertion": [1]}, {"code": {}}])
def test_enrichment_of_another_type_is_one_line(tmp_path: Path, fields: dict) -> None:
    with pytest.raises(ArtifactBroken, match="expected an answer that `tag` wrote"):
        write_parquet(write(tmp_path / "d.jsonl", [enriched(LETTER, **fields)]), tmp_path)


def test_half_a_surrogate_in_enrichment_is_told_by_its_escape(tmp_path: Path) -> None:
    line = enriched(LETTER, section="\ud800", assertion=["\udfff"])
    write_parquet(write(tmp_path / "d.jsonl", [line]), tmp_path)
    row = pq.read_table(tmp_path / "entities.parquet").to_pylist()[0]
    assert (row["section"], row["assertion"]) == ("\\ud800", ["\\udfff"])


# --- partitions


def test_days_are_read_as_one_partitioned_data_set(tmp_path: Path) -> None:
    for day in (DAY, date(2026, 3, 15)):
        write_hive(write(tmp_path / "d.jsonl", [LETTER, EMPTY]), tmp_path / "warehouse", day=day)
    assert (tmp_path / "warehouse/entities/day=2026-03-14/part-00.parquet").is_file()
    entities = f"read_parquet('{tmp_path}/warehouse/entities/*/*.parquet', hive_partitioning = true)"
    by_day = duckdb.sql(f"SELECT day, count(*) FROM {entities} GROUP BY day ORDER BY day").fetchall()
    assert by_day == [(DAY, 2), (date(2026, 3, 15), 2)]
    found = pyarrow.dataset.dataset(
        tmp_path / "warehouse" / "documents",
        partitioning=pyarrow.dataset.partitioning(pa.schema([("day", pa.date32())]), flavor="hive"),
    )
    assert found.to_table(filter=pyarrow.dataset.field("day") == DAY).num_rows == 2


def test_a_partition_has_no_column_of_its_own_for_the_day_and_the_same_version(tmp_path: Path) -> None:
    write_hive(write(tmp_path / "d.jsonl", [LETTER]), tmp_path, day=DAY)
    schema = pq.read_schema(tmp_path / "entities/day=2026-03-14/part-00.parquet")
    assert schema.names == [name for name in ENTITIES.names if name != "day"]
    assert read_schema_version(schema) == SCHEMA_VERSION


def test_a_day_written_again_replaces_its_partition_and_no_other(tmp_path: Path) -> None:
    for lines, day in (([LETTER], DAY), ([LETTER], date(2026, 3, 15)), ([EMPTY], DAY)):
        write_hive(write(tmp_path / "d.jsonl", lines), tmp_path / "w", day=day)
    files = sorted((tmp_path / "w" / "entities").rglob("*"))
    assert [pq.ParquetFile(file).metadata.num_rows for file in files if file.is_file()] == [0, 2]


def test_the_day_is_that_of_the_manifest_unless_one_is_given(tmp_path: Path) -> None:
    assert find_day([tmp_path], None) is None
    assert find_day([tmp_path], "2026-01-31") == date(2026, 1, 31)
    (tmp_path / "manifest.json").write_text('{"n_documents": 1}')
    assert find_day([tmp_path], None) is None
    (tmp_path / "manifest.json").write_text('{"day": "2026-03-14"}')
    assert find_day([tmp_path], None) == DAY
    (tmp_path / "manifest.json").write_text('{"day": "yesterday"}')
    for wrong, where in (("2026-02-31", "--day"), (None, "manifest.json")):
        with pytest.raises(ConfigInvalid, match=f"found day .*, expected YYYY-MM-DD, in .*{where}"):
            find_day([tmp_path], wrong)


def test_answers_without_a_day_make_no_partition(tmp_path: Path) -> None:
    write(tmp_path / "documents.jsonl", [LETTER])
    with pytest.raises(ConfigInvalid, match="found no day in .*, expected one to name the partition; give --day"):
        convert_answers([tmp_path], tmp_path / "w", to="hive")
    convert_answers([tmp_path], tmp_path / "w", to="hive", day="2026-03-14")
    assert [path.name for path in (tmp_path / "w/documents").iterdir()] == ["day=2026-03-14"]


def test_the_tutorial_reads_all_days_also_those_of_earlier_releases(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "tutorial.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    for day in (DAY, date(2026, 3, 15)):
        folder = tmp_path / "var/store/tagged" / day.isoformat()
        folder.mkdir(parents=True)
        write_parquet(write(tmp_path / "d.jsonl", [LETTER]), folder, day=day)
        (folder / "manifest.json").write_text("{}")
    store = FolderStore(tmp_path / "var/store")
    publish_parts(store, tmp_path / "parts", "2026-03-16", [([LETTER], []), ([], []), ([LETTER], [])])
    earlier = pq.read_table(folder / "entities.parquet").drop_columns(["section", "assertion", "code"])
    pq.write_table(earlier, folder / "entities.parquet")
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    printed = capsys.readouterr().out
    assert printed.count("Rosa Delgado") == 3
    assert "2026-03-14" in printed
    assert "2026-03-16" in printed


# --- OMOP


def note_nlp(folder: Path, lines: list[dict], **options) -> list[dict]:
    write_note_nlp(write(folder / "d.jsonl", lines), folder / "omop", **{"day": DAY, **options})
    return pq.read_table(folder / "omop" / "note_nlp.parquet").to_pylist()


def test_a_term_is_a_row_of_note_nlp(tmp_path: Path) -> None:
    tagged = {**LETTER, "receipt": {**LETTER["receipt"], "tagged_at": "2026-03-15T01:30:00.5+02:00"}}
    rosa, tampa = note_nlp(tmp_path, [tagged, EMPTY])
    ids = {name: rosa.pop(name) for name in ("note_nlp_id", "note_id")}
    assert rosa.pop("nlp_system").endswith(", model v1")
    assert rosa == {
        "section_concept_id": 0,
        "snippet": "Rosa Delgado lives in Tampa. She left.",
        "offset": "0",
        "lexical_variant": "Rosa Delgado",
        "note_nlp_concept_id": 0,
        "note_nlp_source_concept_id": 0,
        "nlp_date": date(2026, 3, 14),
        "nlp_datetime": datetime(2026, 3, 14, 23, 30, 0, 500_000),
        "term_exists": None,
        "term_temporal": None,
        "term_modifiers": "label=per,score=0.9",
    }
    assert (tampa["offset"], tampa["note_id"]) == ("22", ids["note_id"])
    assert tampa["note_nlp_id"] != ids["note_nlp_id"]
    letter, _ = pq.read_table(tmp_path / "omop" / "note_ids.parquet").to_pylist()
    assert letter == {"note_id": ids["note_id"], "document": "a.txt", "sha256": LETTER["sha256"], "day": DAY}


def test_the_columns_are_those_of_the_common_data_model() -> None:
    names = "note_nlp_id note_id section_concept_id snippet offset lexical_variant note_nlp_concept_id "
    names += "note_nlp_source_concept_id nlp_system nlp_date nlp_datetime term_exists term_temporal term_modifiers"
    assert NOTE_NLP.names == names.split()
    required = {field.name for field in NOTE_NLP if not field.nullable}
    assert required == {"note_nlp_id", "note_id", "lexical_variant", "nlp_date"}
    assert NOTE_NLP.metadata == {b"cdm_version": b"5.4"}
    assert NOTE_IDS.field("note_id").type == NOTE_NLP.field("note_id").type


@pytest.mark.parametrize(
    ("assertion", "exists", "temporal", "modifiers"),
    [
        ([], "Y", "Present", "negated=no,subject=patient,certainty=high,conditional=false,history=false"),
        (["negated"], "N", "Present", "negated=yes,subject=patient,certainty=high,conditional=false,history=false"),
        (["uncertain"], "Y", "Present", "negated=no,subject=patient,certainty=low,conditional=false,history=false"),
        (["historical"], "Y", "Past", "negated=no,subject=patient,certainty=high,conditional=false,history=true"),
        (["hypothetical"], "N", "Present", "negated=no,subject=patient,certainty=high,conditional=true,history=false"),
        (
            ["family", "historical"],
            "N",
            "Past",
            "negated=no,subject=family,certainty=high,conditional=false,history=true",
        ),
        (None, None, None, "label=per"),
    ],
)
def test_whether_the_patient_has_it_follows_the_conventions(
    tmp_path: Path, assertion: list[str] | None, exists: str | None, temporal: str | None, modifiers: str
) -> None:
    row = note_nlp(tmp_path, [enriched(LETTER, assertion=assertion)])[0]
    assert (row["term_exists"], row["term_temporal"]) == (exists, temporal)
    assert row["term_modifiers"].startswith(modifiers)


def test_codes_sections_and_decisions_are_modifiers_and_a_concept_is_a_concept(tmp_path: Path) -> None:
    row = note_nlp(tmp_path, [enriched(LETTER, **{**ENRICHED, "section": "past, medical=history"})])[0]
    assert row["term_modifiers"].endswith("section=past_medical_history,code_system=ICD10CM,code=I10,decision=review")
    assert row["note_nlp_concept_id"] == 0
    row = note_nlp(tmp_path, [enriched(LETTER, code="320128", code_system="OMOP")])[0]
    assert row["note_nlp_concept_id"] == 320128
    assert note_nlp(tmp_path, [enriched(LETTER, code="9" * 10, code_system="OMOP")])[0]["note_nlp_concept_id"] == 0


def test_ids_are_the_same_in_every_run_and_differ_between_days(tmp_path: Path) -> None:
    ids = [[row["note_nlp_id"] for row in note_nlp(tmp_path, [LETTER, EMPTY], day=day)] for day in (DAY, DAY)]
    assert ids[0] == ids[1] == [7315831390309196321, 6876853025709566177]
    assert note_nlp(tmp_path, [LETTER], day=date(2026, 3, 15))[0]["note_nlp_id"] not in ids[0]
    other = {**LETTER, "receipt": {**LETTER["receipt"], "model_version": "v2"}}
    assert [row["note_nlp_id"] for row in note_nlp(tmp_path, [other])] == ids[0]


@given(st.text(max_size=700), st.text(min_size=1, max_size=400), st.text(max_size=700))
def test_no_column_is_longer_than_the_model_allows(
    tmp_path_factory: pytest.TempPathFactory, before: str, mention: str, after: str
) -> None:
    line = answer("a\udce9", before + mention + after)
    span = {"start": len(before), "end": len(before) + len(mention), "label": mention, "score": 0.5}
    folder = tmp_path_factory.mktemp("omop")
    (row,) = note_nlp(folder, [{**line, "entities": [{**span, "code": 900 * "x", "section": 1200 * "y"}]}])
    assert {name: row[name] for name, most in LENGTHS.items() if len(row[name] or "") > most} == {}
    assert not any("\n" in row[name] or "\0" in row[name] for name in LENGTHS if row[name])


def test_note_ids_of_the_user_are_taken(tmp_path: Path) -> None:
    (tmp_path / "ids.csv").write_text("note_id,document\n17,a.txt\n18,b.txt\n", encoding="utf-8-sig")
    rows = note_nlp(tmp_path, [LETTER, EMPTY], note_ids=NoteIds.read(tmp_path / "ids.csv"))
    assert {row["note_id"] for row in rows} == {17}
    (tmp_path / "ids.csv").write_text("note_id,document\n17,a.txt\n")
    with pytest.raises(
        ConfigInvalid, match=r"found no note_id of 'b\.txt', expected one of each document, in .*ids\.csv"
    ):
        note_nlp(tmp_path, [LETTER, EMPTY], note_ids=NoteIds.read(tmp_path / "ids.csv"))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"document,id\na,1\n", "found other columns, expected document,note_id, in .*ids.csv"),
        (b"", "found other columns"),
        (b"document,note_id\na,-1\n", "found note_id '-1', expected a whole number, in .*ids.csv, line 2"),
        (b"document,note_id\na\n", "found note_id 'None'"),
        (b"document,note_id\na,9223372036854775808\n", "found note_id '9223372036854775808'"),
        (b"document,note_id\na,1\na,2\n", "found a second note_id, expected one per document, in .*, line 3"),
        (b"document,note_id\n\xff,1\n", "found UnicodeDecodeError, expected a CSV in UTF-8"),
        (b'document,note_id\n"a"b,1\n', "found Error, expected a CSV in UTF-8"),
    ],
)
def test_a_wrong_list_of_note_ids_is_one_line(tmp_path: Path, content: bytes, complaint: str) -> None:
    (tmp_path / "ids.csv").write_bytes(content)
    with pytest.raises(ConfigInvalid, match=complaint):
        NoteIds.read(tmp_path / "ids.csv")


def test_note_ids_are_for_omop_and_have_to_be_there(tmp_path: Path) -> None:
    write(tmp_path / "documents.jsonl", [LETTER])
    with pytest.raises(ConfigInvalid, match="found note_ids for --to hive, expected them for --to omop"):
        convert_answers([tmp_path], tmp_path / "w", to="hive", note_ids=tmp_path / "ids.csv")
    with pytest.raises(InputMissing, match="expected a CSV with the columns"):
        convert_answers([tmp_path], tmp_path / "w", to="omop", note_ids=tmp_path / "ids.csv")


def test_note_nlp_needs_the_text_and_a_date(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match="found answers without text, expected them with it to write NOTE_NLP"):
        note_nlp(tmp_path, [without_text(LETTER)])
    with pytest.raises(ConfigInvalid, match="found neither tagged_at nor a day, expected one for nlp_date"):
        note_nlp(tmp_path, [LETTER], day=None)
    assert not list((tmp_path / "omop").iterdir())
    assert json.loads((tmp_path / "d.jsonl").read_text())

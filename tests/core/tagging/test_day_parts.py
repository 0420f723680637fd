"""Readers of a day's answers give the same, whether it is one folder, one part or several."""

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from ner_tasks.cli import answers as cli
from ner_tasks.cli import tagging as tagging_cli
from ner_tasks.errors import ArtifactBroken, Busy, ConfigInvalid, InputMissing
from ner_tasks.sinks import postgres
from ner_tasks.steps.answers import ReviewCommand, SampleCommand
from ner_tasks.steps.tagging import DiffPredictionsCommand
from ner_tasks.store import open_store
from ner_tasks.store.folder import FolderStore
from ner_tasks.store.s3 import S3Store
from ner_tasks.tagging.answer_ledger import DOCUMENTS
from ner_tasks.tagging.answers import read_answers_of
from ner_tasks.tagging.conversion import convert_answers
from ner_tasks.tagging.day_parts import fetch_day, find_parts, read_parts
from ner_tasks.tagging.exports.parquet import write_parquet
from tests.published import answer, cut, manifest_of, publish_parts, write_shard

DAY = "2026-03-14"
NAMES = ["a.txt", "b.txt", "c.txt", "d.txt", "e.txt"]
LINES = [answer(name, f"Anna met Bob in {name}.") for name in NAMES]
REJECT = {"document": "z.txt", "file": "z.txt", "reason": "broken", "message": "m"}
FORMS = ["old form", "one part", "three parts"]


def publish_as(form: str, store, scratch: Path, lines=LINES, day: str = DAY) -> str:
    """Publish a day in one of the forms; return its key."""
    if form == "old form":
        folder = scratch / "old"
        write_shard(folder, lines, [REJECT], {**manifest_of(day, len(lines)), "n_rejected": 1})
        write_parquet(folder / DOCUMENTS, folder)
        store.publish(folder, f"tagged/{day}", marker="manifest.json")
    else:
        shards = cut(lines, [] if form == "one part" else [2, 0])
        publish_parts(store, scratch / "parts", day, [*shards[:-1], (shards[-1][0], [REJECT])], words_per_s=len(lines))
    return f"tagged/{day}"


def fill(folder: Path, form: str, lines=LINES) -> Path:
    """A store in a folder with one day; the day's folder."""
    scratch = folder / "scratch"
    scratch.mkdir(parents=True)
    return folder / "store" / publish_as(form, FolderStore(folder / "store"), scratch, lines)


@pytest.fixture(params=FORMS)
def day(request, tmp_path: Path) -> Path:
    return fill(tmp_path / "it", request.param)


@pytest.fixture
def alone(tmp_path: Path) -> Path:
    """The same answers as one folder."""
    return fill(tmp_path / "alone", "old form")


@pytest.fixture
def parted(tmp_path: Path) -> Path:
    return fill(tmp_path / "it", "three parts")


def first_part(day: Path) -> Path:
    return find_parts(day)[0]


def content(path: Path) -> dict[str, bytes]:
    files = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
    return {each.relative_to(path).as_posix(): each.read_bytes() for each in files}


def test_the_answers_of_a_day_come_in_the_order_of_the_inbox(day: Path) -> None:
    assert [each.document for each in read_answers_of(find_parts(day))] == NAMES


@pytest.mark.parametrize("to", ["brat", "inception", "conll", "page"])
def test_a_text_format_is_the_same_whatever_the_parts(day: Path, alone: Path, tmp_path: Path, to) -> None:
    done = [convert_answers([folder], tmp_path / f"out-{n}", to=to) for n, folder in enumerate((alone, day))]
    assert done[0] == done[1]
    assert content(tmp_path / "out-0") == content(tmp_path / "out-1")


@pytest.mark.parametrize("to", ["parquet", "omop", "hive", "delta"])
def test_a_table_has_the_same_rows_whatever_the_parts(day: Path, alone: Path, tmp_path: Path, to) -> None:
    if to == "delta":
        pytest.importorskip("deltalake")
    done = [convert_answers([folder], tmp_path / f"out-{n}", to=to) for n, folder in enumerate((alone, day))]
    assert done[0] == done[1]
    assert done[0]["n_documents"] == 5
    first, second = (rows_of(tmp_path / f"out-{n}") for n in (0, 1))
    assert first == second


def rows_of(folder: Path) -> dict[str, list]:
    rows: dict[str, list] = {}
    for path in sorted(folder.rglob("*.parquet")):
        table = pq.ParquetFile(path).read().to_pylist()
        name = path.parent.parent.name if path.name.startswith("part-") else path.name
        rows.setdefault(name, []).extend(table)
    return rows


def test_redacted_copies_are_taken_from_every_part(tmp_path: Path) -> None:
    redacted = {"text": "[PER] met", "mode": "label", "offsets": []}
    day = fill(tmp_path, "three parts", [{**line, "redacted": redacted} for line in LINES])
    convert_answers([day], tmp_path / "copies.jsonl", to="redacted")
    written = [json.loads(line)["document"] for line in (tmp_path / "copies.jsonl").read_text().splitlines()]
    assert written == NAMES


def test_a_partition_has_a_file_for_each_part_and_nothing_of_what_it_replaces(parted: Path, alone, tmp_path) -> None:
    convert_answers([alone], tmp_path / "lake", to="hive")
    convert_answers([parted], tmp_path / "lake", to="hive")
    files = [path.name for path in sorted((tmp_path / f"lake/entities/day={DAY}").iterdir())]
    assert files == ["part-00.parquet", "part-01.parquet", "part-02.parquet"]
    convert_answers([alone], tmp_path / "lake", to="hive")
    assert [path.name for path in (tmp_path / f"lake/entities/day={DAY}").iterdir()] == ["part-00.parquet"]


def test_a_sample_and_a_queue_are_the_same_whatever_the_parts(day: Path, alone: Path, tmp_path: Path) -> None:
    for name, folder in (("one", alone), ("other", day)):
        cli.sample(SampleCommand(answers=(folder,), output=tmp_path / f"sample-{name}", max_words=12))
        cli.review(ReviewCommand(answers=(folder,), output=tmp_path / f"queue-{name}", day=DAY))
    assert content(tmp_path / "sample-one") == content(tmp_path / "sample-other")
    assert content(tmp_path / "queue-one") == content(tmp_path / "queue-other")
    assert content(tmp_path / "sample-one")


def test_two_cuts_of_the_same_answers_differ_in_nothing(day: Path, alone: Path) -> None:
    difference = tagging_cli.compare_predictions(DiffPredictionsCommand(old=(alone,), new=(day,)))
    assert difference["n_documents"] == {"compared": 5, "changed": 0}


def test_an_answer_that_another_cut_has_elsewhere_is_found(day: Path, tmp_path: Path) -> None:
    turned = fill(tmp_path / "turned", "three parts", LINES[::-1])
    difference = tagging_cli.compare_predictions(DiffPredictionsCommand(old=(day,), new=(turned,)))
    assert difference["n_documents"] == {"compared": 5, "changed": 0}


def test_parts_given_by_themselves_are_a_day(parted: Path, tmp_path: Path) -> None:
    assert convert_answers(find_parts(parted), tmp_path / "out", to="hive")["n_documents"] == 5


def test_folders_of_two_days_have_no_day(parted: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    write_shard(other, LINES, [], manifest_of("2026-03-15", 5))
    with pytest.raises(ConfigInvalid, match=f"found answers of {DAY} and 2026-03-15, expected those of one day"):
        convert_answers([parted, other], tmp_path / "out", to="hive")


# --- what is not there, damaged or replaced


def test_a_part_that_is_not_there_is_one_line(parted: Path, tmp_path: Path) -> None:
    shutil.rmtree(part := first_part(parted))
    with pytest.raises(InputMissing, match=f"found no part, expected one as .*manifest.json names it, at {part}"):
        convert_answers([parted], tmp_path / "out", to="conll")
    assert not (tmp_path / "out").exists()


def test_a_day_copied_without_its_parts_says_which_are_missing(parted: Path, tmp_path: Path) -> None:
    shutil.copytree(parted, tmp_path / "copy" / DAY)
    with pytest.raises(InputMissing, match="found no part, expected one as"):
        convert_answers([tmp_path / "copy" / DAY], tmp_path / "out", to="conll")


def test_a_file_of_another_size_is_one_line(parted: Path, tmp_path: Path) -> None:
    path = first_part(parted) / DOCUMENTS
    n_bytes = path.stat().st_size
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ArtifactBroken, match=f"found {n_bytes - 9} bytes, expected {n_bytes} as in part.json, at "):
        convert_answers([parted], tmp_path / "out", to="conll")


def test_another_part_under_the_same_key_is_refused(parted: Path, tmp_path: Path) -> None:
    path = first_part(parted) / "part.json"
    path.write_text(path.read_text().replace('"n"', '"m"'))
    with pytest.raises(ArtifactBroken, match=r"found SHA-256 .*, expected .*, in .*part\.json"):
        convert_answers([parted], tmp_path / "out", to="conll")


@pytest.mark.parametrize("key", ["../../etc", "/etc", "inbox/x", "parts/../inbox"])
def test_a_manifest_cannot_name_a_part_elsewhere(parted: Path, tmp_path: Path, key: str) -> None:
    manifest = json.loads((parted / "manifest.json").read_text())
    manifest["parts"][0]["key"] = key
    (parted / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ArtifactBroken, match="expected a key below parts/, in "):
        convert_answers([parted], tmp_path / "out", to="conll")


def test_a_day_replaced_while_it_is_read_is_read_again(parted: Path, tmp_path: Path) -> None:
    seen: list[list[str]] = []

    def read(parts) -> list[str]:
        seen.append([each.document for each in read_answers_of(parts)])
        if len(seen) == 1:
            store = FolderStore(parted.parents[1])
            publish_parts(store, tmp_path / "again", DAY, cut(LINES[:2], [1]))
        return seen[-1]

    assert read_parts([parted], read) == NAMES[:2]
    assert seen == [NAMES, NAMES[:2]]


def test_a_day_withdrawn_while_it_is_read_is_one_line(parted: Path) -> None:
    def read(parts) -> None:
        FolderStore(parted.parents[1]).remove(f"tagged/{DAY}", marker="manifest.json")
        list(read_answers_of(parts))

    with pytest.raises(InputMissing, match=f"found nothing, expected a folder, at {parted}"):
        read_parts([parted], read)


def test_a_day_replaced_without_end_is_given_up(parted: Path) -> None:
    def read(_) -> None:
        text = (parted / "manifest.json").read_text()
        (parted / "manifest.json").write_text(f"{text} ")

    with pytest.raises(Busy, match="replaced again and again"):
        read_parts([parted], read)


# --- PostgreSQL, up to the connection


def test_the_tables_of_all_parts_are_counted_together(day: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "_transaction", _Fake)
    copied: list[tuple[str, int]] = []
    monkeypatch.setattr(postgres.DayTable, "copy_into", lambda self, *_: copied.append((self._table, self.n_rows)))
    done = postgres.load_day([day])
    assert done == {"day": DAY, "n_documents": 5, "n_entities": 5}
    assert [table for table, _ in copied] == sorted((table for table, _ in copied), key=["documents", "entities"].index)
    assert _Fake.n_opened == 1


def test_a_day_with_other_rows_than_its_manifest_is_refused(parted: Path) -> None:
    manifest = json.loads((parted / "manifest.json").read_text())
    (parted / "manifest.json").write_text(json.dumps({**manifest, "n_tagged": 6}))
    with pytest.raises(ArtifactBroken, match="found 5 rows, expected 6 as in manifest.json"):
        postgres.load_day([parted], database="postgresql://ann@127.0.0.1:9/ner")


class _Fake:
    """A transaction that counts how often it is opened."""

    n_opened = 0

    def __init__(self, *_) -> None:
        type(self).n_opened = 1

    def __enter__(self) -> "_Fake":
        return self

    def __exit__(self, *_) -> None:
        pass

    def execute(self, *_) -> None:
        pass

    def adbc_ingest(self, *_, **__) -> None:
        pass


# --- from the store


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", ["folder", "s3"])
def test_a_day_of_the_store_is_available_locally(form: str, kind: str, tmp_path: Path, request) -> None:
    where = str(tmp_path / "store")
    if kind == "s3":
        where = f"s3://{request.getfixturevalue('s3').bucket}/ner"
    store = open_store(where, cache=tmp_path / "cache")
    publish_as(form, store, tmp_path)
    local = fetch_day(store, DAY, tmp_path / "local", (DOCUMENTS,))
    assert [each.document for each in read_answers_of(find_parts(local))] == NAMES


def test_a_part_is_fetched_once_and_only_the_files_that_are_needed(s3, tmp_path: Path, monkeypatch) -> None:
    store = S3Store(s3.bucket, "ner", cache=tmp_path / "cache")
    publish_as("three parts", store, tmp_path)
    fetched: list[str] = []
    download = store._bucket.download
    monkeypatch.setattr(
        store._bucket, "download", lambda name, path, **more: (fetched.append(name), download(name, path, **more))
    )
    for _ in range(2):
        fetch_day(store, DAY, tmp_path / "local", (DOCUMENTS,))
    assert sorted(Path(name).name for name in fetched) == 3 * ["documents.jsonl"] + 3 * ["part.json"]


def test_a_copy_of_another_size_is_fetched_again(s3, tmp_path: Path) -> None:
    store = S3Store(s3.bucket, "ner", cache=tmp_path / "cache")
    publish_as("three parts", store, tmp_path)
    part = find_parts(fetch_day(store, DAY, tmp_path / "local", (DOCUMENTS,)))[0]
    (part / DOCUMENTS).write_text("{}")
    local = fetch_day(store, DAY, tmp_path / "local", (DOCUMENTS,))
    assert [each.document for each in read_answers_of(find_parts(local))] == NAMES


@pytest.mark.parametrize("kind", ["folder", "s3"])
def test_a_part_missing_in_the_store_is_one_line(kind: str, tmp_path: Path, request) -> None:
    where = str(tmp_path / "store")
    if kind == "s3":
        where = f"s3://{request.getfixturevalue('s3').bucket}/ner"
    store = open_store(where, cache=tmp_path / "cache")
    publish_as("three parts", store, tmp_path)
    key = store.read_json(f"tagged/{DAY}/manifest.json")["parts"][1]["key"]
    store.remove(key, marker="part.json")
    with pytest.raises(InputMissing, match=f"found no part, expected one as .*manifest.json names it, at .*{key}"):
        fetch_day(store, DAY, tmp_path / "local", (DOCUMENTS,))


def test_a_day_that_was_never_published_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputMissing, match="found nothing, expected a folder, at "):
        fetch_day(FolderStore(tmp_path / "store"), DAY, tmp_path / "local", (DOCUMENTS,))

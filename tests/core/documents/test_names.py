"""Long names chosen by a sender are truncated: the file is read, names stay unique, answers stay small."""

import base64
import gzip
import io
import json
import zipfile
from collections.abc import Iterable

import pytest

from ner_tasks.bounded_names import MAX_CHARACTERS, TakenNames, bound_name
from ner_tasks.documents import Answer, CannotRead, Document, Limits, Rejected, read_documents
from ner_tasks.documents.source_map import MAX_LABEL
from ner_tasks.documents.types import ExtractBuilder
from ner_tasks.tagging.batcher import TagConfig
from ner_tasks.tagging.shard import tag_documents
from tests.formats import docx_bytes, tarred, xlsx_bytes, zipped
from tests.growth import growth
from tests.rules import RuleTagger

LONG = "x" * 50_000
SENTENCE = "Rosa Delgado of Reno."
ALIKE = (f"{LONG}a", f"{LONG}b")


def test_a_long_name_is_truncated_consistently_and_stays_unique():
    one, other = map(bound_name, ALIKE)
    assert len(one) == len(other) == MAX_CHARACTERS
    assert one != other and one[:900] == other[:900]
    assert bound_name(ALIKE[0]) == one == bound_name(one)
    assert bound_name("x" * MAX_CHARACTERS) == "x" * MAX_CHARACTERS
    assert len(bound_name("\ud800" * 2_000, 100)) == 100


def test_taken_names_get_a_plus_then_a_number():
    taken = TakenNames(["a", "a+2"])
    assert [taken.make_unique(name) for name in ("a", "a", "b", "a", "a+")] == ["a+", "a+3", "b", "a+4", "a++"]
    assert all(name in taken for name in ("a", "a+", "a+2", "a+3", "a+4", "a++", "b"))
    assert "c" not in taken


@pytest.mark.parametrize("name", ["a.txt", LONG[:2_000]])
def test_time_grows_linearly_with_files_of_one_name(name):
    def take(n: int) -> None:
        taken = TakenNames(f"{name}+{number}" for number in range(2, n))
        assert len({taken.make_unique(name) for _ in range(n)}) == n

    assert growth(take, 1_000, 8_000) < 32


def lines(names: Iterable[str]) -> bytes:
    return b"\n".join(json.dumps({"id": name, "text": SENTENCE}).encode() for name in names)


def table(names: Iterable[str]) -> bytes:
    return "\n".join(["id,text", *(f"{name},{SENTENCE}" for name in names)]).encode()


def pax(names: Iterable[str]) -> bytes:
    return tarred({f"{name}.txt": SENTENCE.encode() for name in names})


def mail(names: Iterable[str]) -> bytes:
    head = "From: h@example.org\nSubject: Claim\nContent-Type: multipart/mixed; boundary=b\n"
    part = "--b\nContent-Type: application/octet-stream\nContent-Disposition: attachment; filename={}.txt\n\n{}\n"
    return "\n".join([head, *(part.format(name, SENTENCE) for name in names), "--b--"]).encode()


def calendar(names: Iterable[str]) -> bytes:
    content = base64.b64encode(SENTENCE.encode()).decode()
    attached = "ATTACH;FILENAME={}.txt;ENCODING=BASE64;VALUE=BINARY:{}"
    events = [attached.format(name, content) for name in names]
    return "\n".join(["BEGIN:VCALENDAR", "SUMMARY:Call", *events, "END:VCALENDAR"]).encode()


def bundle(names: Iterable[str]) -> bytes:
    return b"\n".join(
        json.dumps({"resourceType": "Basic", "id": name, "text": {"div": SENTENCE}}).encode() for name in names
    )


def embedded(names: Iterable[str]) -> bytes:
    """A Word file with others in it, as long as ZIP lets a name be."""
    parts = {f"word/embeddings/{name}.docx": docx_bytes(SENTENCE) for name in names}
    file = io.BytesIO(docx_bytes("Claim"))
    with zipfile.ZipFile(file, "a") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return file.getvalue()


def packed(names: Iterable[str]) -> bytes:
    """Archives in an archive in an archive, each with a long name."""
    return zipped({f"{name}.zip": zipped({f"{name}.tar": pax([name])}) for name in names})


FILES = {
    "a.jsonl": lines,
    "a.json": lambda names: b"[" + lines(names).replace(b"\n", b",") + b"]",
    "a.csv": table,
    "a.zip": lambda names: zipped({f"{name}.txt": SENTENCE.encode() for name in names}),
    "b.zip": packed,
    "a.tar": pax,
    "a.eml": mail,
    "a.ics": calendar,
    "b.jsonl": bundle,
    "a.docx": embedded,
    "a.xlsx": lambda names: xlsx_bytes({"Calls": [["id", "text"], *([name, SENTENCE] for name in names)]}),
    "b.xlsx": lambda names: xlsx_bytes(
        {"Calls": [["id", "text"], ["1", SENTENCE]], **{name: [[SENTENCE]] for name in names}}
    ),
}


def answered(tmp_path, name: str, data: bytes) -> list[Answer]:
    path = tmp_path / "document"
    path.write_bytes(data)
    return list(read_documents(path, name, Limits()))


def test_the_stored_name_of_a_packed_file_is_cut(tmp_path):
    file = io.BytesIO()
    with gzip.GzipFile(f"{LONG}.csv", "w", fileobj=file) as archive:
        archive.write(b"text\n" + SENTENCE.encode())
    (found,) = answered(tmp_path, "a.gz", file.getvalue())
    assert isinstance(found, Document)
    assert (found.text, found.format) == (SENTENCE, "csv")
    assert len(found.name) < 2 * MAX_CHARACTERS


@pytest.mark.parametrize("name", FILES)
def test_documents_with_long_names_are_read_under_unique_names(tmp_path, name):
    found = [each for each in answered(tmp_path, name, FILES[name](ALIKE)) if isinstance(each, Document | Rejected)]
    documents = [each for each in found if isinstance(each, Document)]
    assert len(documents) == len(found)
    assert sum(SENTENCE in document.text for document in documents) >= len(ALIKE)
    names = {document.name for document in documents}
    assert len(names) == len(documents)
    assert all(len(part) <= MAX_CHARACTERS for called in names for part in called.split("#"))


@pytest.mark.parametrize("name", FILES)
def test_remarks_on_a_document_are_bounded(tmp_path, name):
    for found in answered(tmp_path, name, FILES[name](ALIKE)):
        said = [found.name, *found.notes, *found.unread] if isinstance(found, Document) else [found.document]
        said += [str(place) for place in found.sources.places] if isinstance(found, Document) else []
        assert sum(map(len, said)) < 6 * MAX_CHARACTERS


def test_a_file_with_a_long_name_is_read_by_its_suffix(tmp_path):
    (found,) = answered(tmp_path, "a.zip", zipped({f"{LONG}.csv": b"text\n" + SENTENCE.encode()}))
    assert isinstance(found, Document)
    assert (found.text, found.format) == (SENTENCE, "csv")


def test_a_long_name_of_a_sheet_labels_each_of_its_cells(tmp_path):
    (found,) = answered(tmp_path, "a.xlsx", xlsx_bytes({LONG: [["Rosa", "Delgado"], ["Reno", "Tampa"]]}))
    assert isinstance(found, Document)
    places = [found.sources.locate(found.text.index(word), len(found.text))["source"] for word in ("Rosa", "Tampa")]
    assert [place[-3:] for place in places] == ["!A1", "!B2"]
    assert all(len(place) <= MAX_LABEL for place in places)


def test_messages_and_remarks_stay_short():
    assert len(str(CannotRead("broken", LONG))) <= MAX_CHARACTERS
    builder = ExtractBuilder()
    builder.note(*(f"{LONG}{number}" for number in range(1_000)), LONG, LONG)
    builder.inventory.unread("file", LONG, "it is damaged")
    found = builder.extract()
    assert len(found.notes) == 51 and all(len(note) <= MAX_LABEL for note in found.notes)
    assert found.notes[-1] == "952 more remarks"
    assert [line.rpartition(": ")[2] for line in found.items.unread] == ["it is damaged"]


def test_a_hundred_ids_of_two_million_characters_are_answered_in_few_bytes(tmp_path):
    path, folder = tmp_path / "a.jsonl.gz", tmp_path / "tagged"
    with gzip.open(path, "wb", compresslevel=1) as file:
        for number in range(100):
            file.write(b'{"id": "%07d%s", "text": "Rosa Delgado."}\n' % (number, b"x" * 2_000_000))
        file.write(b'{"id": "%07d%s", "text": "again"}\n' % (0, b"x" * 2_000_000))
    limits = Limits(max_unpacked_bytes=2**30)
    manifest = tag_documents([("a.jsonl.gz", path)], tagger=RuleTagger(), output=folder, config=TagConfig(limits))

    assert (manifest["n_tagged"], manifest["n_rejected"]) == (100, 1)
    answers = [json.loads(line) for line in (folder / "documents.jsonl").read_text().splitlines()]
    assert len({answer["document"] for answer in answers}) == 100
    assert {mention["mention"] for answer in answers for mention in answer["entities"]} == {"Rosa Delgado"}
    assert sum(path.stat().st_size for path in folder.iterdir() if path.suffix != ".sqlite") < 300_000
    assert sum(path.stat().st_size for path in folder.iterdir()) < 600_000

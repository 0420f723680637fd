"""The content determines the format of a file; a wrong or missing suffix is only noted."""

import io
import json

import pytest

from ner_tasks.documents import CannotRead, Document, Limits, Rejected
from ner_tasks.documents.archives.archives import UnpackingBudget
from ner_tasks.documents.detection import formats, sniffing
from ner_tasks.documents.place import Place
from ner_tasks.documents.reading import iter_answers
from sample import documents as sample
from sample.compound_file import write
from tests.formats import docx_bytes, eml_bytes, pdf_bytes, tarred, xlsx_bytes, zipped

SAMPLE = sample.build()
LETTER = "Dear Rosa Delgado, we met in Tampa.\n"


def format_of(data: bytes) -> str:
    found = sniffing.sniff(data[: sniffing.HEAD_BYTES], io.BytesIO(data))
    return found.name if found else ""


def read(name: str, data: bytes):
    try:
        place = Place(name, name, Limits(), UnpackingBudget(Limits()), name)
        return list(iter_answers(place, io.BytesIO(data), len(data)))
    except CannotRead as error:
        return [Rejected(name, error.reason, str(error))]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (pdf_bytes("x"), "pdf"),
        (docx_bytes("x"), "docx"),
        (xlsx_bytes({"A": [["x"]]}), "xlsx"),
        (SAMPLE["report-08.odt"], "odt"),
        (SAMPLE["press-09.pptx"], "pptx"),
        (SAMPLE["guide-01.epub"], "epub"),
        (SAMPLE["appeal-09.msg"], "msg"),
        (SAMPLE["result-01.hl7"], "hl7"),
        (b"\x0b" + SAMPLE["result-01.hl7"] + b"\x1c\r", "hl7"),
        (SAMPLE["summary-01.xml"], "cda"),
        (SAMPLE["bundle-01.json"], "fhir"),
        (json.dumps({"id": "1", "meta": {"versionId": "2"}, "resourceType": "Patient"}).encode(), "fhir"),
        (SAMPLE["claim-07.x12"], "x12"),
        (SAMPLE["letter-13.rtf"], "rtf"),
        (zipped({"a.txt": b"x"}), "zip"),
        (tarred({"a.txt": b"x"}), "tar"),
        (tarred({"a.txt": b"x"}, mode="w:gz"), "tar.gz"),
        (b"<!DOCTYPE html><p>x", "html"),
        (b"<?xml version='1.0'?>\n<html xmlns='http://www.w3.org/1999/xhtml'><body/></html>", "html"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><text>x</text></svg>", "svg"),
        (b"<?xml version='1.0'?><letter>x</letter>", "xml"),
        (eml_bytes("x"), "eml"),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), "image"),
        (write({"WordDocument": bytes(5000)}), "doc"),
        (write({"Workbook": bytes(5000)}), "xls"),
        (write({"PowerPoint Document": bytes(5000)}), "ppt"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",  # archives hold the time at which they were made
)
def test_a_format_is_known_by_its_content(data, expected):
    assert format_of(data) == expected


@pytest.mark.parametrize(
    "data",
    [
        LETTER.encode(),
        b"From: Rosa Delgado\nTo: Member Services\nSubject: my claim\n\nDear all,\n",  # a letter, and no mail
        b"MSHA meets on Monday.\n",
        b"ISA Brown called.\n",
        b"id,text\n1,hello\n",
        b'{"id": 1, "text": "resourceType"}\n',
        b"A PDF begins with %PDF-1.7 in its first line.\n",
    ],
)
def test_a_text_is_taken_for_nothing_else(data):
    assert format_of(data) == ""


@pytest.mark.parametrize("name", ["letter.pdf", "letter", "letter.docx", "letter.2026", "LETTER.DAT"])
def test_a_file_with_a_wrong_suffix_is_read_with_a_note(name):
    (document,) = read(name, SAMPLE["letter-13.rtf"])
    assert isinstance(document, Document), document
    assert document.format == "rtf"
    assert document.notes[0].startswith("read as rtf, by its content; its name has ")


def test_a_text_without_a_known_suffix_is_read_as_text():
    (document,) = read("notes.2026", LETTER.encode())
    assert (document.text, document.format) == (LETTER, "text")
    assert document.notes == ("read as text, by its content; its name has .2026",)


def test_a_right_suffix_needs_no_note():
    (document,) = read("a.txt", LETTER.encode())
    assert document.notes == ()


def test_the_media_type_in_a_mail_decides_where_name_and_content_do_not():
    assert formats.find_by_media_type("text/csv; charset=utf-8").name == "csv"
    assert formats.find_by_media_type("text/x-unheard-of").name == "text"
    assert formats.find_by_media_type("application/octet-stream") is None


def test_every_suffix_and_media_type_stands_for_one_format():
    suffixes = [suffix for format_ in formats.FORMATS.values() for suffix in format_.suffixes]
    types = [kind for format_ in formats.FORMATS.values() for kind in format_.media_types]
    assert len(suffixes) == len(set(suffixes)) and len(types) == len(set(types))


@pytest.mark.parametrize("format_", formats.FORMATS.values(), ids=lambda format_: format_.name)
def test_every_format_has_a_reader_that_is_there(format_):
    from importlib import import_module

    if format_.shape == formats.DOCUMENT:
        assert callable(import_module(f"ner_tasks.documents.readers.{format_.reader}").read)


def test_an_office_file_with_a_password_is_encrypted_and_not_broken():
    (rejected,) = read("a.docx", write({"EncryptedPackage": bytes(5000), "EncryptionInfo": bytes(100)}))
    assert rejected.reason == "encrypted"


def test_unknown_content_is_described():
    (rejected,) = read("a.wpd", b"\xffWPC" + LETTER.encode())
    assert rejected.reason == "unknown-format"


@pytest.mark.parametrize(
    "taken",
    [formats.Format("text"), formats.Format("x", suffixes=(".pdf",)), formats.Format("x", media_types=("text/html",))],
)
def test_a_format_that_takes_anything_from_another_one_is_not_registered(taken):
    before = dict(formats.FORMATS), dict(formats.SUFFIXES), dict(formats.MEDIA_TYPES)
    with pytest.raises(ValueError, match="of another format, expected one that is free"):
        formats.register_format(taken)
    assert before == (formats.FORMATS, formats.SUFFIXES, formats.MEDIA_TYPES)

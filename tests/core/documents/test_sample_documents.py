"""The bundled inbox: small, reproducible, mostly readable, with each intended defect."""

import io
import zipfile
from collections import Counter
from email import message_from_bytes
from pathlib import Path

import pytest

from ner_tasks.documents import Answer, Document, Ignored, Rejected, read_documents
from ner_tasks.segmentation import split_sentences
from sample import documents as sample

INBOX = Path(sample.OUTPUT)
MEANT = {
    "calls-afternoon.jsonl#line-5": "bad-line",
    "empty.txt": "empty",
    "export.wpd": "unknown-format",
    "photo.txt": "needs-ocr",
    "scan.pdf": "needs-ocr",
    "upload-broken-off.docx": "broken",
    "upload-broken-off.pdf": "broken",
}


@pytest.fixture(scope="module")
def answers() -> list[Answer]:
    return [answer for path in sorted(INBOX.iterdir()) for answer in read_documents(path, path.name)]


def content(name: str, data: bytes) -> object:
    """What a file says; an archive's packed bytes depend on the zlib that packed them."""
    if name.endswith(".docx") and not name.startswith("upload"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return {member: archive.read(member) for member in archive.namelist()}
    if name.endswith(".eml"):
        return message_from_bytes(data).as_string()
    if name.endswith((".zip", ".odt", ".pptx", ".xlsx", ".epub")):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return {member: archive.read(member) for member in archive.namelist()}
    if name in ("scan.pdf", "fax-01.pdf"):  # as the installed Pillow draws letters
        return None
    return None if name.startswith("upload") else data


def test_the_inbox_is_what_its_generator_writes():
    built = sample.build()
    assert sorted(built) == sorted(path.name for path in INBOX.iterdir())
    assert [
        name for name, data in built.items() if content(name, data) != content(name, (INBOX / name).read_bytes())
    ] == []


def test_the_inbox_is_small():
    assert sum(path.stat().st_size for path in INBOX.iterdir()) < 1_000_000


def test_sixty_documents_and_more_can_be_read_and_each_bad_one_is_bad_as_meant(answers):
    assert {answer.document: answer.reason for answer in answers if isinstance(answer, Rejected)} == MEANT
    good = [answer for answer in answers if isinstance(answer, Document)]
    assert len(good) >= 80
    assert {answer.name: answer.unread for answer in good if answer.unread} == {
        "fax-01.pdf": ("page 1: a picture of 612 x 792 points; OCR is switched off",)
    }
    assert all(answer.notes == () for answer in good)


def test_technical_content_is_ignored_by_rule(answers):
    assert {(answer.document, answer.rule) for answer in answers if isinstance(answer, Ignored)} == {
        ("Thumbs.db", "windows-metadata"),
        ("appeal-10.zip#.DS_Store", "macos-metadata"),
        ("appeal-10.zip#__MACOSX/._appeal.txt", "macos-metadata"),
    }


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("form-01.pdf", ["Kevin Holloway", "Sacred Heart Regional Hospital", "child"]),
        ("scanner-01.eml#report.pdf", ["REPORT OF"]),
        ("appeal-09.msg", ["Appeal, claim "]),
        ("appeal-09.msg#note.txt", ["Call of "]),
        ("result-01.hl7", ["Cholesterol", "201"]),
        ("summary-01.xml", ["Summary of care", "Assessment", "Plan of Treatment"]),
        ("bundle-01.json#note.txt", ["Blood pressure was 126/76"]),
        ("letter-13.rtf", ["Dear "]),
        ("press-09.pptx", ["."]),
        ("claims-01.xlsx", ["Member\tProvider\tBilled\tRemark"]),
        ("guide-01.epub", ["Thank you for your call"]),
        ("appeal-10.zip#appeal.txt", ["To "]),
    ],
)
def test_what_was_filled_in_attached_and_packed_is_read(answers, name, texts):
    (document,) = [answer for answer in answers if isinstance(answer, Document) and answer.name == name]
    assert [text for text in texts if text not in document.text] == []


def test_all_formats_are_there(answers):
    kinds = Counter(
        answer.name.partition("#")[0].rpartition(".")[2] for answer in answers if isinstance(answer, Document)
    )
    assert all(kinds[kind] >= 3 for kind in ("txt", "jsonl", "html", "docx", "pdf", "eml", "md"))


def test_one_letter_is_in_an_old_encoding(answers):
    (old,) = [answer for answer in answers if isinstance(answer, Document) and answer.encoding == "cp1252"]
    assert old.name == "letter-old-01.txt"
    assert "’" in old.text


def test_no_gap_is_left_open_and_no_sentence_runs_on(answers):
    for answer in answers:
        if isinstance(answer, Document):
            assert "{" not in answer.text, answer.name
            assert max(map(len, split_sentences(answer.text))) < 80, answer.name

"""Files in files, sheets and scans: each document inside is answered on its own, and a bomb is put down."""

import gzip
import io
import os
import tarfile
import zipfile
from email.message import EmailMessage

import openpyxl
import pytest

from ner_tasks.documents import Document, Limits, read_documents, scans

SENTENCE = "Rosa Delgado was seen in Tampa."


@pytest.fixture
def read(tmp_path):
    def _read(name, data, **limits):
        (tmp_path / "file").write_bytes(data)
        return list(read_documents(tmp_path / "file", name, Limits(**limits)))

    return _read


def short(answers):
    """Each answer as its name and its text or reason."""
    return [(a.name, a.text) if isinstance(a, Document) else (a.document, a.reason) for a in answers]


def zipped(members, *, password=False):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    data = bytearray(target.getvalue())
    if password:  # the flag of the local header and of the directory's
        for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            data[data.index(mark) + at] |= 1
    return bytes(data)


def tarred(members, mode="w"):
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode=mode) as archive:
        for name, data in members:
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return target.getvalue()


MEMBERS = [("letters/a.txt", b"One."), ("b.jsonl", b'{"id": 7, "text": "Two."}\n{bad'), ("c.exe", b"MZ")]
INSIDE = [("letters/a.txt", "One."), ("b.jsonl#7", "Two."), ("b.jsonl#line-2", "bad-line"), ("c.exe", "unknown-format")]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.zip", zipped(MEMBERS)),
        ("a.tar", tarred(MEMBERS)),
        ("a.tgz", tarred(MEMBERS, "w:gz")),
        ("a.tar.gz", tarred(MEMBERS, "w:gz")),
    ],
)
def test_every_file_in_an_archive_is_answered_under_its_name(read, name, data):
    assert short(read(name, data)) == [(f"{name}#{inner}", said) for inner, said in INSIDE]


def test_a_packed_file_is_read_under_the_name_it_had(read):
    assert short(read("a.txt.gz", gzip.compress(b"One."))) == [("a.txt.gz#a.txt", "One.")]
    lines = b"".join(b'{"id": %d, "text": "Two."}\n' % number for number in range(5000))
    assert len(read("a.jsonl.gz", gzip.compress(lines), max_bytes=10_000)) == 5000


def test_an_archive_in_an_archive_is_read_and_one_too_deep_is_a_bomb(read):
    inner = zipped([("a.txt", b"One.")])
    assert short(read("o.zip", zipped([("i.zip", inner)]))) == [("o.zip#i.zip#a.txt", "One.")]
    deep = inner
    for _ in range(4):
        deep = zipped([("i.zip", deep)])
    assert short(read("o.zip", deep)) == [("o.zip", "bomb")]


def test_two_files_of_one_name_are_two_documents(read):
    answers = read("a.tar", tarred([("a.txt", b"One."), ("a.txt", b"Two.")]))
    assert short(answers) == [("a.tar#a.txt", "One."), ("a.tar#2~a.txt", "Two.")]


def test_what_unpacks_to_too_much_is_a_bomb_and_what_came_before_it_stands(read):
    data = zipped([("a.txt", b"One."), ("b.txt", bytes(30_000_000)), ("c.txt", b"Three.")])
    answers = short(read("a.zip", data, max_unpacked_bytes=1_000_000))
    assert answers == [("a.zip#a.txt", "One."), ("a.zip", "bomb")]


def test_more_members_than_allowed_are_a_bomb(read):
    data = zipped([(f"{number}.txt", b"x") for number in range(10)])
    assert short(read("a.zip", data, max_members=3))[-1] == ("a.zip", "bomb")


def test_a_member_that_cannot_be_read_hurts_no_other(read):
    assert short(read("a.zip", zipped([("a.txt", b"One.")], password=True))) == [("a.zip#a.txt", "encrypted")]
    data = zipped([("a.txt", b"One. " * 50), ("b.txt", b"Two.")])
    at = data.index(b"a.txt") + len(b"a.txt")  # where its packed bytes begin
    broken = data[:at] + bytes(4) + data[at + 4 :]
    assert [said for _, said in short(read("a.zip", broken))] == ["broken", "Two."]


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.txt.gz", "a.tgz"])
@pytest.mark.parametrize("data", [b"no archive at all", b"PK\x03\x04", b"\x1f\x8b\x08"])
def test_what_is_no_archive_is_broken_and_an_empty_one_is_empty(read, name, data):
    ((_, reason),) = short(read(name, data))
    assert reason == "broken"
    assert short(read("a.zip", zipped([]))) == [("a.zip", "empty")]


def test_links_and_names_that_climb_touch_no_other_file(read):
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        link = tarfile.TarInfo("passwd.txt")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        up = tarfile.TarInfo("../../up.txt")
        up.size = 4
        archive.addfile(up, io.BytesIO(b"One."))
    assert short(read("a.tar", target.getvalue())) == [
        ("a.tar#passwd.txt", "not-a-file"),
        ("a.tar#../../up.txt", "One."),
    ]


def mail(*attachments):
    message = EmailMessage()
    message["From"] = "a@x.org"
    message.set_content(SENTENCE)
    for data, kind, name in attachments:
        main, sub = kind.split("/")
        message.add_attachment(data, maintype=main, subtype=sub, filename=name)
    return message


def test_the_attachments_of_a_mail_are_documents_and_its_pictures_are_named(read):
    message = mail(
        (b"One.", "application/octet-stream", "a.txt"),
        (b"Two.", "application/octet-stream", "a.txt"),
        (zipped([("b.txt", b"Three.")]), "application/zip", "post.zip"),
        (b"logo", "image/png", "logo.png"),
    )
    body, *others = read("m.eml", message.as_bytes())
    assert (body.name, body.unread) == ("m.eml", ("attachment logo.png",))
    assert short(others) == [("m.eml#a.txt", "One."), ("m.eml#2~a.txt", "Two."), ("m.eml#post.zip#b.txt", "Three.")]


def test_a_mail_in_a_mail_is_read(read):
    message = mail()
    message.add_attachment(mail((b"One.", "application/octet-stream", "a.txt")))
    answers = read("m.eml", message.as_bytes())
    assert [answer.name for answer in answers] == ["m.eml", "m.eml#attachment.eml", "m.eml#attachment.eml#a.txt"]
    assert SENTENCE in answers[1].text


def workbook(*sheets):
    book, target = openpyxl.Workbook(), io.BytesIO()
    book.remove(book.active)
    for number, rows in enumerate(sheets):
        sheet = book.create_sheet(f"s{number}")
        for row in rows:
            sheet.append(row)
    book.save(target)
    return target.getvalue()


def test_a_workbook_is_its_rows_or_a_table_of_documents(read):
    data = workbook([["Member", "Rosa Delgado"], ["Amount", 12.0], ["Rate", 0.5]], [[]], [["Second"]])
    assert short(read("a.xlsx", data)) == [("a.xlsx", "Member\tRosa Delgado\nAmount\t12\nRate\t0.5\n\nSecond")]
    table = workbook([["id", "note"], ["n1", "One."], [2, "Two."]])
    assert short(read("a.xlsx", table, text_column="note")) == [("a.xlsx#n1", "One."), ("a.xlsx#2", "Two.")]
    assert [answer.reason for answer in read("a.xlsx", table[:100])] == ["broken"]


def test_the_columns_of_a_table_are_chosen(read):
    data = b"claim,note,text\n7,One.,no\n8,Two.,no\n"
    answers = read("a.csv", data, text_column="note", id_column="claim")
    assert short(answers) == [("a.csv#7", "One."), ("a.csv#8", "Two.")]
    assert [answer.reason for answer in read("a.csv", data, text_column="remark")] == ["no-text-column"]


def test_a_text_that_is_too_long_is_rejected(read):
    assert short(read("a.txt", b"One two.", max_characters=7)) == [("a.txt", "too-long")]


def test_a_file_that_is_written_to_while_it_is_read_is_rejected(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": 1, "text": "One."}\n')
    answers = read_documents(path, "a.jsonl")
    first = next(answers)
    path.write_text('{"id": 1, "text": "Other."}\n')
    os.utime(path, ns=(1, 1))
    assert short([first, *answers])[-1] == ("a.jsonl", "changed")


def test_a_picture_is_rejected_unless_it_is_asked_to_be_read(read):
    assert short(read("a.png", b"\x89PNG")) == [("a.png", "needs-ocr")]


@pytest.mark.skipif(not scans.is_installed(), reason="needs tesseract and requirements-ocr.in")
@pytest.mark.parametrize("form", ["PNG", "TIFF", "PDF"])
def test_a_scan_is_read(read, form):
    from PIL import Image, ImageDraw, ImageFont

    picture, target = Image.new("L", (1200, 200), 255), io.BytesIO()
    ImageDraw.Draw(picture).text((40, 60), SENTENCE, font=ImageFont.load_default(60), fill=0)
    picture.save(target, form)
    (document,) = read(f"a.{form.lower()}", target.getvalue(), ocr=True)
    assert document.text.split() == SENTENCE.split()
    assert document.encoding == "ocr"

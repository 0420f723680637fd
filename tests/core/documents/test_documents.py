"""Every format is read completely, and a defect in one document affects no other."""

import io
import json
import os
import random
import re
import time
import zipfile
from pathlib import Path

import pypdf
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from reportlab.pdfgen.canvas import Canvas

from ner_tasks.documents import Document, Ignored, Limits, Rejected, read_documents, reading
from ner_tasks.documents.detection.formats import SUFFIXES
from ner_tasks.errors import ConfigInvalid
from tests.formats import docx_bytes, eml_bytes, pdf_bytes

SENTENCE = "Rosa Delgado of Zürich paid $50."
DEFAULT = Limits()
SMALL = Limits(max_bytes=10_000, max_unpacked_bytes=200_000)


@pytest.fixture
def read(tmp_path):
    def _read(name: str, data: bytes, limits: Limits = DEFAULT) -> list[Document | Rejected]:
        path = tmp_path / "document"
        path.write_bytes(data)
        return list(read_documents(path, name, limits))

    return _read


@pytest.fixture
def reason(read):
    def _reason(name: str, data: bytes, limits: Limits = DEFAULT) -> str:
        (answer,) = read(name, data, limits)
        assert isinstance(answer, Rejected), answer
        assert answer.document == name
        assert "\n" not in answer.message
        assert answer.message.startswith("found ")
        assert "expected" in answer.message
        return answer.reason

    return _reason


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.txt", SENTENCE.encode()),
        ("a.md", f"# Claim\n\n{SENTENCE}\n".encode()),
        ("a.html", f"<html><head><style>p{{}}</style></head><p>{SENTENCE.replace('ü', '&uuml;')}</p>".encode()),
        ("a.eml", eml_bytes(SENTENCE)),
        ("a.docx", docx_bytes("Claim", SENTENCE)),
        ("a.pdf", pdf_bytes("Claim", SENTENCE)),
        ("A.TXT", SENTENCE.encode()),
        ("folder.x/with space/ä.txt", SENTENCE.encode()),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_format_gives_its_text(read, name, data):
    (document,) = read(name, data)
    assert isinstance(document, Document), document
    assert document.name == name
    assert SENTENCE in document.text
    assert len(document.sha256) == 64
    assert document.unread == ()


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (SENTENCE.encode(), "utf-8"),
        (SENTENCE.encode("utf-8-sig"), "utf-8-sig"),
        (SENTENCE.encode("utf-16"), "utf-16"),
        (b"\xfe\xff" + SENTENCE.encode("utf-16-be"), "utf-16"),
        (SENTENCE.encode("utf-32"), "utf-32"),
        (SENTENCE.encode("cp1252"), "cp1252"),
        ("The patient’s file.".encode("cp1252"), "cp1252"),
        ("Уважаемый господин Иванов, ваша заявка получена в Москве в понедельник.".encode("cp1251"), "cp1251"),
    ],
    ids=["utf-8", "utf-8 with mark", "utf-16", "utf-16 big endian", "utf-32", "cp1252", "short cp1252", "cp1251"],
)
def test_an_encoding_is_detected_and_reported(read, data, encoding):
    (document,) = read("a.txt", data)
    assert isinstance(document, Document), document
    assert document.encoding == encoding
    assert document.text in (SENTENCE, "The patient’s file.", data.decode("cp1251", "replace"))


def test_an_ambiguous_encoding_is_rejected(reason):
    assert reason("a.txt", "The claim of Mr. 田中太郎 was paid.".encode("euc_jp")) == "unknown-encoding"
    assert reason("a.txt", b"\xff\xfe" + b"\x00\xd8" * 40) == "not-text"


def test_a_page_is_read_in_the_encoding_that_it_declares(read):
    (document,) = read("a.html", '<meta charset="windows-1250"><p>Wójcik, łódź'.encode("cp1250"))
    assert "Wójcik, łódź" in document.text
    assert document.encoding == "cp1250"


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("a.txt", b"", "empty"),
        ("a.txt", b" \n\t ", "empty"),
        ("a.html", b"<html><script>f()</script></html>", "empty"),
        ("a.html", b"<!-- nothing -->", "empty"),
        ("a.docx", docx_bytes(), "empty"),
        ("a.jsonl", b"\n\n", "empty"),
        ("a.csv", b"id,text\n", "empty"),
        ("a.txt", random.Random(0).randbytes(5_000), "not-text"),
        ("a.txt", b"\x7fELF" + bytes(200), "unknown-format"),
        ("a.eml", b"no mail at all", "broken"),
        ("a.docx", docx_bytes(SENTENCE)[:-300], "broken"),
        ("a.docx", random.Random(0).randbytes(5_000), "broken"),
        ("a.docx", b"\xd0\xcf\x11\xe0" + bytes(500), "encrypted"),
        ("a.pdf", pdf_bytes(SENTENCE)[:300], "broken"),
        ("a.pdf", random.Random(0).randbytes(5_000), "broken"),
        ("a.pdf", pdf_bytes(""), "needs-ocr"),
        ("a.xyz", random.Random(0).randbytes(5_000), "unknown-format"),
        ("a", random.Random(0).randbytes(5_000), "unknown-format"),
        ("a.csv", b"note\nhello\n", "no-text-column"),
        ("a.txt", b"x" * 10_001, "too-large"),
    ],
)
def test_a_bad_document_is_rejected_with_its_reason(reason, name, data, expected):
    assert reason(name, data, Limits(max_bytes=10_000) if expected == "too-large" else Limits()) == expected


def test_an_encrypted_pdf_is_rejected_and_one_that_only_forbids_printing_is_read(reason, read):
    def encrypted(user: str) -> bytes:
        writer = pypdf.PdfWriter(clone_from=io.BytesIO(pdf_bytes(SENTENCE)))
        writer.encrypt(user_password=user, owner_password="owner", algorithm="AES-256")
        file = io.BytesIO()
        writer.write(file)
        return file.getvalue()

    assert reason("a.pdf", encrypted("secret")) == "encrypted"
    assert SENTENCE in read("a.pdf", encrypted(""))[0].text


def test_a_file_of_50_mb_is_rejected_without_being_read(tmp_path):
    path = tmp_path / "large.txt"
    with path.open("wb") as file:
        file.truncate(50_000_000)
    began = time.process_time()
    (answer,) = read_documents(path, "large.txt")
    assert (answer.reason, time.process_time() - began < 0.5) == ("too-large", True)


def test_a_zip_bomb_is_rejected_before_it_is_unpacked(reason):
    file = io.BytesIO(docx_bytes(SENTENCE))
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/bomb.xml", b"0" * 5_000_000)
    assert len(file.getvalue()) < 100_000
    assert reason("a.docx", file.getvalue(), Limits(max_unpacked_bytes=1_000_000)) == "too-large"


def test_entities_of_xml_are_not_expanded(read, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("top secret")
    source, target = zipfile.ZipFile(io.BytesIO(docx_bytes(SENTENCE))), io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name in source.namelist():
            data = source.read(name)
            if name == "word/document.xml":
                attack = f'<!DOCTYPE a [<!ENTITY a SYSTEM "file://{secret}">]>\n<w:document'.encode()
                data = data.replace(b"<w:document", attack, 1).replace(b"Rosa", b"Rosa &a;")
            archive.writestr(name, data)
    (answer,) = read("a.docx", target.getvalue())
    assert "secret" not in str(answer)


def test_a_word_file_is_read_with_header_tables_boxes_and_insertions(read):
    data = docx_bytes("Body one.", header="Keystone Health", table=[["Rosa Delgado", "Tampa"], ["Ann", "Reno"]])
    source, target = zipfile.ZipFile(io.BytesIO(data)), io.BytesIO()
    box = b"<w:r><w:pict><w:txbxContent><w:p><w:r><w:t>In a box</w:t></w:r></w:p></w:txbxContent></w:pict></w:r>"
    inserted = b"<w:ins><w:r><w:t>Body</w:t></w:r></w:ins><w:del><w:r><w:delText>gone</w:delText></w:r></w:del>"
    with zipfile.ZipFile(target, "w") as archive:
        for name in source.namelist():
            content = source.read(name)
            if name == "word/document.xml":
                content = content.replace(
                    b"<w:r><w:t>Body one.</w:t></w:r>", inserted + b"<w:r><w:t> one.</w:t></w:r>" + box
                )
            archive.writestr(name, content)
    (document,) = read("a.docx", target.getvalue())
    assert document.text.split("\n\n") == [
        "Keystone Health",
        "Body one.",
        "In a box",
        "Rosa Delgado\tTampa",
        "Ann\tReno",
    ]


def test_table_cells_in_a_page_are_separated(read):
    (document,) = read("a.html", b"<table><tr><td>Rosa Delgado<td>Lakeside Clinic</table>")
    assert document.text.strip() == "Rosa Delgado\tLakeside Clinic"


def test_what_is_nested_deeply_is_read_and_never_dropped(read):
    (shallow,) = read("a.html", b"seen" + b"<div>" * 300 + b"hidden" + b"</div>" * 300)
    assert "hidden" in shallow.text
    (deep,) = read("a.html", b"seen" + b"<div>" * 100_000 + b"hidden")
    assert "hidden" in deep.text
    assert "nested deeper" in deep.notes[0]


def test_a_mail_shows_its_headers_and_its_plain_text(read):
    (document,) = read("a.eml", eml_bytes(SENTENCE, html=f"<b>{SENTENCE}</b>"))
    assert document.text.startswith("From: Henry Quinn <h@x.org>\nTo: claims@x.org\nSubject: Claim of Zoë\n\n")
    assert document.text.count(SENTENCE) == 1
    assert document.unread == ()


def test_a_truncated_mail_is_reported(read):
    whole = eml_bytes(SENTENCE, attachment=bytes(3_000))
    document, bill = read("a.eml", whole[: len(whole) // 2])
    assert (bill.document, bill.reason) == ("a.eml#bill.pdf", "broken")
    assert any(note.startswith("damage: ") for note in document.unread)


def test_a_pdf_page_without_text_is_named(read):
    file = io.BytesIO()
    canvas = Canvas(file, invariant=True)
    canvas.drawString(72, 700, SENTENCE)
    canvas.showPage()
    canvas.drawInlineImage(Image.new("L", (300, 300)), 72, 72)
    canvas.showPage()
    canvas.save()
    (document,) = read("a.pdf", file.getvalue())
    assert document.unread[0].startswith("page 2: pictures, no text ")


def test_a_bad_line_is_rejected_alone_and_the_others_go_on(read):
    lines = [
        '{"id": "a", "text": "One."}',
        "{broken",
        '{"id": "b", "text": ""}',
        '{"id": 7, "text": "Two."}',
        '{"id": "a", "text": "Again."}',
        '["no", "object"]',
        '{"id": "c", "text": "half \\ud800 pair"}',
        '{"id": "d", "text": ' + '"' + "x" * 11_000 + '"}',
        "[" * 9_000,
        '{"id": "e", "text": "Last."}',
    ]
    answers = read("day/a.jsonl", ("\n".join(lines)).encode() + b"\n\xff\xfe{}\n", SMALL)
    assert [(a.name, a.text) for a in answers if isinstance(a, Document)] == [
        ("day/a.jsonl#a", "One."),
        ("day/a.jsonl#7", "Two."),
        ("day/a.jsonl#e", "Last."),
    ]
    assert [(a.document, a.reason) for a in answers if isinstance(a, Rejected)] == [
        ("day/a.jsonl#line-2", "bad-line"),
        ("day/a.jsonl#b", "empty"),
        ("day/a.jsonl#line-5", "duplicate-id"),
        ("day/a.jsonl#line-6", "bad-line"),
        ("day/a.jsonl#c", "not-text"),
        ("day/a.jsonl#line-8", "too-large"),
        ("day/a.jsonl#line-9", "bad-line"),
        ("day/a.jsonl#line-11", "bad-line"),
    ]


def test_a_file_of_many_documents_may_be_larger_than_one_document_may(read):
    lines = [json.dumps({"id": number, "text": "word " * 100}) for number in range(100)]
    answers = read("a.jsonl", "\n".join(lines).encode(), SMALL)
    assert [type(answer) for answer in answers] == [Document] * 100


def test_a_table_with_a_text_column_holds_a_document_per_row(read):
    answers = read("a.csv", b'id,text\r\nx,"One, ""two""\nlines"\r\n,Three\r\nx,Again\r\ny,a,b\r\n')
    assert [(a.name, a.text) for a in answers if isinstance(a, Document)] == [
        ("a.csv#x", 'One, "two"\nlines'),
        ("a.csv#row-2", "Three"),
    ]
    assert [(a.document, a.reason) for a in answers if isinstance(a, Rejected)] == [
        ("a.csv#row-3", "duplicate-id"),
        ("a.csv#row-4", "bad-line"),
    ]
    (document,) = read("a.tsv", b"text\nOne\n")
    assert document.text == "One"


def test_the_columns_of_a_table_can_be_chosen(read):
    chosen = Limits(text_column="note", id_column="number")
    answers = read("a.csv", b"number,note,text\n7,One,x\n", chosen)
    assert [(a.name, a.text) for a in answers if isinstance(a, Document)] == [("a.csv#7", "One")]
    assert answers[-1] == Ignored("a.csv", "other-columns", 1)
    (answer,) = read("a.csv", b"id,text\n1,One\n", chosen)
    assert (answer.reason, "expected one named 'note'" in answer.message) == ("no-text-column", True)


def test_a_table_whose_quotes_or_lines_never_end_is_answered(read):
    answers = read("a.csv", b'id,text\n1,One\n2,"' + b"x\n" * 4_000, SMALL)
    assert [a.text[:4] for a in answers] == ["One", "x\nx\n"]
    answers = read("a.csv", b"id,text\n1,One\n2," + b"x" * 9_000 + b"\r3,Three", SMALL)
    assert [a.text[:5] for a in answers] == ["One", "xxxxx", "Three"]


def test_a_text_longer_than_the_limit_is_rejected(reason, read):
    assert reason("a.txt", b"x" * 101, Limits(max_characters=100)) == "too-long"
    assert read("a.txt", b"x" * 100, Limits(max_characters=100))[0].text == "x" * 100


@pytest.mark.parametrize("how", ["grows", "is replaced", "goes away", "is touched"])
def test_a_document_that_changes_while_it_is_read_is_rejected(tmp_path, how):
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": 1, "text": "One."}\n{"id": 2, "text": "Two."}\n')
    answers = read_documents(path, "a.jsonl")
    assert next(answers).name == "a.jsonl#1"
    if how == "grows":
        with path.open("a") as file:
            file.write("{}\n")
    elif how == "is replaced":
        (tmp_path / "b").write_bytes(path.read_bytes())
        (tmp_path / "b").replace(path)
    elif how == "goes away":
        path.unlink()
    else:
        os.utime(path, (1, 1))
    (answer,) = answers
    assert (answer.document, answer.reason) == ("a.jsonl", "changed")


def test_half_a_file_that_is_still_written_is_changed_and_not_broken(tmp_path, monkeypatch):
    path = tmp_path / "a.docx"
    path.write_bytes(docx_bytes(SENTENCE)[:-300])
    whole, real = docx_bytes(SENTENCE), reading._read_content

    def slow(*args):
        data = real(*args)
        path.write_bytes(whole)
        return data

    monkeypatch.setattr(reading, "_read_content", slow)
    (answer,) = read_documents(path, "a.docx")
    assert answer.reason == "changed"


@pytest.mark.parametrize(
    "name", ["../../etc/passwd.txt", "a\nb.txt", "x" * 4_000 + ".txt", "\udcff.txt", "a\0b.txt", ".txt"]
)
def test_a_hostile_name_is_only_a_name(read, name):
    (answer,) = read(name, SENTENCE.encode())
    assert getattr(answer, "name", None) == name or answer.reason == "unknown-format"


def test_pipes_folders_and_missing_files_are_rejected_without_blocking(tmp_path):
    os.mkfifo(tmp_path / "pipe.txt")
    (tmp_path / "folder.txt").mkdir()
    found = [next(read_documents(tmp_path / name, name)).reason for name in ("pipe.txt", "folder.txt", "gone.txt")]
    assert found == ["not-a-file", "not-a-file", "missing"]


def test_limits_that_let_nothing_through_are_refused():
    with pytest.raises(ConfigInvalid, match="max_bytes=0"):
        Limits(max_bytes=0)
    with pytest.raises(ConfigInvalid, match="text_column="):
        Limits(text_column="")


VALID = {
    "a.pdf": pdf_bytes(SENTENCE, "Page two."),
    "a.docx": docx_bytes(SENTENCE, table=[["a", "b"]]),
    "a.eml": eml_bytes(SENTENCE, html="<b>x</b>", attachment=b"%PDF"),
    "a.html": f"<table><tr><td>{SENTENCE}</table>".encode(),
    "a.jsonl": b'{"id": 1, "text": "One."}\n{"id": 2, "text": "Two."}\n',
    "a.csv": b"id,text\n1,One\n",
}


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(sorted(VALID)), cut=st.floats(0, 1), at=st.floats(0, 1), junk=st.binary(max_size=8))
def test_a_damaged_file_is_answered_whatever_the_damage(read, name, cut, at, junk):
    data = VALID[name]
    place = int(at * len(data))
    damaged = (data[:place] + junk + data[place + len(junk) :])[: int(cut * len(data)) + 1]
    assert read(name, damaged, SMALL if name != "a.docx" else Limits(max_bytes=100_000))


def test_the_page_on_formats_lists_each_format_limit_and_reason():
    root = Path(reading.__file__).parents[2]
    page, _, reasons = (root / "docs" / "formats.md").read_text().partition("## Reasons")
    sources = "".join(path.read_text() for path in (root / "ner_tasks" / "documents").rglob("*.py"))
    raised = set(re.findall(r"(?:CannotRead|Exhausted)\(\s*\"([a-z-]+)\"", sources))
    ignored = set(re.findall(r"ignored\(\s*[^,()]+, \"([a-z-]+)\"", sources))
    ignored |= set(re.findall(r"Ignored\([^,()]*, \"([a-z-]+)\"", sources))
    assert len(raised) > 15
    assert set(re.findall(r"^\| `([a-z-]+)`", reasons, re.MULTILINE)) >= raised
    assert [suffix for suffix in SUFFIXES if f"`{suffix}`" not in page] == []
    assert len(ignored) > 30
    assert [rule for rule in sorted(ignored) if f"`{rule}`" not in page] == []
    assert all(f"`{name}`" in page for name in Limits.__dataclass_fields__ if name.startswith("max_"))

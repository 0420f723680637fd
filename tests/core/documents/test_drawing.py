"""Pages are drawn in a process of their own, of the document that was tagged and no other, within limits."""

import hashlib
import io
import struct
import tempfile
import zipfile
from email.message import EmailMessage

import psutil
import pytest
from PIL import Image

from ner_tasks.documents import CannotRead, Document, Limits, read_documents, read_original
from ner_tasks.documents.sandbox.drawing import PageRequest, draw_in_sandbox
from ner_tasks.files.contained import ContainedFile
from tests.pdf_objects import PdfObjects, drawn

LIMITS = Limits(seconds=300)  # on a busy machine


def pdf_of(*names: str) -> bytes:
    objects = PdfObjects()
    for name in names:
        objects.add_page(drawn(name))
    return objects.to_bytes()


def zip_of(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in members.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), data)
    return file.getvalue()


def mail_of(name: str, data: bytes, kind: str = "application/pdf") -> bytes:
    mail = EmailMessage()
    mail["Subject"] = "Claim"
    mail.set_content("See the file.")
    main, sub = kind.split("/")
    mail.add_attachment(data, maintype=main, subtype=sub, filename=name)
    return bytes(mail)


@pytest.fixture
def inbox(tmp_path):
    def put(name: str, data: bytes) -> ContainedFile:
        (tmp_path / name).write_bytes(data)
        return ContainedFile(tmp_path, name)

    return put


@pytest.fixture(autouse=True)
def nothing_stays_behind(tmp_path_factory, monkeypatch):
    """Neither a process nor a folder of one is left when a test ends."""
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield
    left = [one for one in psutil.Process().children() if "page_worker" in " ".join(one.cmdline())]
    assert (left, list(folder.iterdir())) == ([], [])


@pytest.fixture
def mischief(tmp_path, monkeypatch):
    """Lets the worker do something else instead of drawing."""

    def do(code: str) -> None:
        (tmp_path / "site").mkdir()
        lines = ["from ner_tasks.documents.rendering import page_picture", "def draw(*_):", f"    {code}"]
        (tmp_path / "site" / "sitecustomize.py").write_text("\n".join([*lines, "page_picture.draw_page = draw"]))
        monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))

    return do


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def draw(source: ContainedFile, data: bytes, document: str = "", page: int = 1, limits: Limits = LIMITS):
    return draw_in_sandbox(PageRequest(source, source.name, document or source.name, sha(data), page), limits)


def test_a_page_comes_back_with_its_size_its_text_and_its_picture(inbox):
    data = pdf_of("Anna", "Boris")
    page = draw(inbox("a.pdf", data), data, page=2)
    assert (page.width, page.height, page.n_pages, page.text) == (612, 792, 2, "Boris")
    assert Image.open(io.BytesIO(page.picture)).size == (1275, 1650)


@pytest.mark.parametrize(
    ("name", "make", "document"),
    [
        ("a.zip", lambda data: zip_of(other_txt=b"x", scans__b_pdf=data), "a.zip#scans/b.pdf"),
        ("a.zip", lambda data: zip_of(b_pdf=pdf_of("Other"), inner_zip=zip_of(b_pdf=data)), "a.zip#inner.zip#b.pdf"),
        ("a.eml", lambda data: mail_of("b.pdf", data), "a.eml#b.pdf"),
        ("a.zip", lambda data: zip_of(m_eml=mail_of("b.pdf", data)), "a.zip#m.eml#b.pdf"),
    ],
)
def test_a_document_in_an_archive_or_a_mail_is_found_by_its_name(inbox, name, make, document):
    data = pdf_of("Anna")
    source = inbox(name, make(data))
    names = {one.name: one.sha256 for one in read_documents(source, name, LIMITS) if isinstance(one, Document)}
    assert names[document] == sha(data), "that is what the answer says"
    assert draw(source, data, document).text == "Anna"


def test_a_scan_in_a_mail_is_found_without_being_recognised(inbox, monkeypatch):
    file = io.BytesIO()
    Image.new("L", (600, 400), 255).save(file, "PNG")
    source = inbox("a.eml", mail_of("scan.png", file.getvalue(), "image/png"))
    monkeypatch.setenv("PATH", "/nowhere")  # no Tesseract
    page = draw(source, file.getvalue(), "a.eml#scan.png", limits=Limits(ocr=True, seconds=300))
    assert Image.open(io.BytesIO(page.picture)).size == (600, 400)


def test_nothing_but_the_way_to_the_document_is_read(inbox, monkeypatch):
    from ner_tasks.documents import reading

    data = pdf_of("Anna")
    source = inbox("a.zip", zip_of(broken_zip=b"PK\x03\x04 no archive", wrong_docx=b"PK\x03\x04", b_pdf=data))
    monkeypatch.setattr(reading, "_extract", lambda *_: pytest.fail("read a file"))
    assert read_original(source, "a.zip", "a.zip#b.pdf", LIMITS) == ("pdf", data)


@pytest.mark.parametrize("document", ["a.zip#c.pdf", "a.zip#b.pdf#x", "other.zip", "a.zip#b"])
def test_a_document_that_the_file_does_not_have_is_missing(inbox, document):
    data = pdf_of("Anna")
    with pytest.raises(CannotRead, match="expected the document in its file") as refused:
        draw(inbox("a.zip", zip_of(b_pdf=data)), data, document)
    assert refused.value.reason == "missing"


def test_a_file_that_is_gone_is_missing(inbox, tmp_path):
    with pytest.raises(CannotRead) as refused:
        draw(ContainedFile(tmp_path, "absent.pdf"), b"")
    assert refused.value.reason == "missing"


def test_a_link_is_not_followed(inbox, tmp_path):
    data = pdf_of("Anna")
    (tmp_path / "link.pdf").symlink_to(inbox("a.pdf", data).path)
    with pytest.raises(CannotRead, match="found a link") as refused:
        draw(ContainedFile(tmp_path, "link.pdf"), data)
    assert refused.value.reason == "not-a-file"


def test_another_document_under_the_same_name_is_not_drawn(inbox):
    with pytest.raises(CannotRead, match="as when it was tagged") as refused:
        draw(inbox("a.pdf", pdf_of("Boris")), pdf_of("Anna"))
    assert refused.value.reason == "changed"


@pytest.mark.parametrize(
    ("code", "reason", "message"),
    [
        ("import time; time.sleep(60)", "too-slow", "found no page after 4 s"),
        ("bytearray(8 * 2**30)", "too-much-memory", "more than 512 MiB"),
        ("import ctypes; ctypes.string_at(0)", "reader-died", "crashed"),
        ("raise ZeroDivisionError('Anna')", "broken", "found ZeroDivisionError at"),
        ("import os, sys; os.write(3, b'x' * 100); os._exit(0)", "reader-died", "crashed"),
    ],
)
def test_a_document_that_harms_its_process_harms_nothing_else(inbox, mischief, code, reason, message):
    mischief(code)
    data = pdf_of("Anna")
    with pytest.raises(CannotRead, match=message) as refused:
        draw(inbox("a.pdf", data), data, limits=Limits(seconds=4 if reason == "too-slow" else 300, memory_mib=512))
    assert refused.value.reason == reason and "Anna" not in str(refused.value)


@pytest.mark.parametrize(
    ("width", "n_pages", "picture"),
    [("612.0", 1, b"<html>"), ("float('nan')", 1, None), ("-1.0", 1, None), ("612.0", 0, None), ("1e400", 1, None)],
)
def test_a_process_that_was_taken_over_passes_on_no_more_than_a_picture(inbox, mischief, width, n_pages, picture):
    made = repr(picture or b"RIFF\0\0\0\0WEBPVP8 ")
    mischief(f"return page_picture.DrawnPage({width}, 792.0, {n_pages}, {made}, '')")
    data = pdf_of("Anna")
    with pytest.raises(CannotRead, match="found an answer of another form"):
        draw(inbox("a.pdf", data), data)


@pytest.mark.parametrize("head", [b"null", b"{}", b"[1]", b"\xff\xfe", b'{"kind": "page"}', b'{"kind": "refused"}'])
def test_a_process_that_was_taken_over_is_not_believed(inbox, mischief, head):
    frame = struct.pack(">IQQ", len(head), 0, 0) + head
    mischief(f"import os; os.write(3, {frame!r}); os._exit(0)")
    data = pdf_of("Anna")
    with pytest.raises(CannotRead, match=r"found an answer of another form|crashed \(exit 0\)"):
        draw(inbox("a.pdf", data), data)


def test_a_picture_without_end_is_not_received(inbox, mischief, monkeypatch):
    from ner_tasks.documents.sandbox import drawing

    monkeypatch.setattr(drawing, "MAX_BYTES", 1_000)
    data = pdf_of("Anna")
    with pytest.raises(CannotRead, match="more than 1000 bytes"):
        draw(inbox("a.pdf", data), data)

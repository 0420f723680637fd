"""Pictures of text are read where Tesseract is installed, and say what is missing where it is not."""

import io

import pytest

from ner_tasks.documents import Document, Limits, Rejected, read_documents, scans

WITH_OCR = pytest.mark.skipif(bool(scans.missing()), reason="OCR is not installed")


def pictured(*lines: str) -> object:
    from PIL import Image, ImageDraw, ImageFont

    picture = Image.new("RGB", (1200, 200), "white")
    for number, line in enumerate(lines):
        ImageDraw.Draw(picture).text((40, 40 + 80 * number), line, fill="black", font=ImageFont.load_default(48))
    return picture


def picture_bytes(*pages: object, kind: str) -> bytes:
    file = io.BytesIO()
    more = {"save_all": True, "append_images": pages[1:]} if kind in ("TIFF", "PDF") else {}
    pages[0].save(file, kind, **more)
    return file.getvalue()


@pytest.fixture
def read(tmp_path):
    def _read(name: str, data: bytes, *, ocr: bool = True) -> Document | Rejected:
        (tmp_path / name).write_bytes(data)
        (answer,) = read_documents(tmp_path / name, name, Limits(ocr=ocr))
        return answer

    return _read


@WITH_OCR
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
def test_a_picture_of_text_is_read(read, kind):
    document = read(f"a.{kind.lower()}", picture_bytes(pictured("Rosa Delgado of Tampa"), kind=kind))
    assert (document.text, document.encoding) == ("Rosa Delgado of Tampa", "ocr")


@WITH_OCR
@pytest.mark.parametrize("kind", ["TIFF", "PDF"])
def test_all_pages_of_a_scan_are_read(read, kind):
    data = picture_bytes(pictured("Rosa Delgado"), pictured("Henry Quinn"), kind=kind)
    document = read(f"a.{kind.lower()}", data)
    assert (document.text, document.encoding) == ("Rosa Delgado\n\nHenry Quinn", "ocr")


@WITH_OCR
def test_a_scanned_page_among_others_is_read_in_its_place(read):
    import pypdf
    from reportlab.pdfgen.canvas import Canvas

    written, file = io.BytesIO(), io.BytesIO()
    canvas = Canvas(written, invariant=True)
    canvas.drawString(72, 700, "Written words.")
    canvas.save()
    target = pypdf.PdfWriter()
    for part in (written.getvalue(), picture_bytes(pictured("Scanned words"), kind="PDF"), written.getvalue()):
        target.append(io.BytesIO(part))
    target.write(file)
    document = read("a.pdf", file.getvalue())
    assert document.text.split() == ["Written", "words.", "Scanned", "words", "Written", "words."]


@WITH_OCR
def test_a_picture_without_a_word_is_empty_and_a_broken_one_broken(read):
    assert read("a.png", picture_bytes(pictured(), kind="PNG")).reason == "empty"
    assert read("a.png", picture_bytes(pictured("Rosa"), kind="PNG")[:500]).reason == "broken"
    assert read("a.png", b"no picture").reason == "broken"


@WITH_OCR
def test_a_picture_of_huge_dimensions_is_a_bomb(read):
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    for side in (10_000, 60_000):
        head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0))
        data = b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(1_000))) + chunk(b"IEND", b"")
        assert read("a.png", data).reason == "bomb"


def test_switched_off_a_scan_says_so_whatever_is_installed(read):
    from reportlab.pdfgen.canvas import Canvas

    file = io.BytesIO()
    canvas = Canvas(file)
    canvas.rect(72, 72, 300, 300, fill=1)
    canvas.save()
    for name, data in (("a.tif", b"II*\0"), ("a.pdf", file.getvalue())):
        answer = read(name, data, ocr=False)
        assert answer.reason == "needs-ocr"
        assert "docs/formats.md" in answer.message


def test_what_it_takes_is_named(monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    assert scans.missing().startswith("tesseract")

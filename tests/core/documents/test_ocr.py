"""Pictures of text are read completely if Tesseract is installed; otherwise the message names what is missing."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont, TiffImagePlugin

from ner_tasks.documents import Document, Limits, Rejected, read_documents
from ner_tasks.documents.ocr import ocr, ocr_layout
from ner_tasks.documents.ocr.tesseract import TesseractWord
from ner_tasks.documents.sandbox.sandbox import read_in_sandbox
from ner_tasks.segmentation import split_sentences

WITH_OCR = pytest.mark.skipif(bool(ocr.find_missing("eng")), reason="OCR is not installed")
WORDS = "Rosa Delgado of Tampa"


def pictured(*lines: str, size: int = 48) -> Image.Image:
    picture = Image.new("RGB", (1200, 200), "white")
    for number, line in enumerate(lines):
        ImageDraw.Draw(picture).text((40, 40 + 80 * number), line, fill="black", font=ImageFont.load_default(size))
    return picture


def picture_bytes(*pages: Image.Image, kind: str, **how: object) -> bytes:
    file = io.BytesIO()
    more = {"save_all": True, "append_images": pages[1:]} if len(pages) > 1 else {}
    pages[0].save(file, kind, **more, **how)
    return file.getvalue()


def page_of(text: str, dpi: int = 200) -> Image.Image:
    """A letter-sized page."""
    page = Image.new("L", (round(8.5 * dpi), 11 * dpi), 255)
    ImageDraw.Draw(page).multiline_text(
        (dpi, dpi), text, fill=0, font=ImageFont.load_default(11 * dpi // 72), spacing=dpi / 20
    )
    return page


@pytest.fixture
def read(tmp_path):
    def _read(name: str, data: bytes, **limits: object) -> Document | Rejected:
        (tmp_path / name).write_bytes(data)
        (answer,) = read_documents(tmp_path / name, name, Limits(**{"ocr": True, **limits}))
        return answer

    return _read


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """Puts a script in the place of Tesseract."""

    def put(script: str) -> None:
        (tmp_path / "bin").mkdir(exist_ok=True)
        (tmp_path / "bin" / "tesseract").write_text(f"#!/bin/sh\ncat > /dev/null\n{script}\n")
        (tmp_path / "bin" / "tesseract").chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")

    return put


def tsv(*words: tuple[str, int]) -> str:
    """A script that finds these words, each with its confidence."""
    rows = [f"5\t1\t1\t1\t1\t{n}\t{100 * n}\t50\t90\t30\t{sure}.5\t{word}" for n, (word, sure) in enumerate(words, 1)]
    return "printf '" + "\\n".join(["level", *rows]).replace("\t", "\\t") + "\\n'"


# --- pictures of every kind


@WITH_OCR
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "GIF", "BMP", "WEBP"])
def test_a_picture_of_text_is_read(read, kind):
    document = read(f"a.{kind.lower()}", picture_bytes(pictured(WORDS), kind=kind))
    assert (document.text, document.encoding, document.items.counts) == (WORDS, "ocr", {"page": {"read": 1}})


def transparent(picture: Image.Image, mode: str) -> Image.Image:
    opaque = picture.convert("L").point(lambda shade: 255 - shade)
    found = Image.new("RGBA", picture.size, "black")
    found.putalpha(opaque)
    return found.convert(mode)


def of_16_bits(picture: Image.Image) -> Image.Image:
    return Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 40 + 3_000)


@WITH_OCR
@pytest.mark.parametrize(
    ("kind", "mode", "how"),
    [
        ("PNG", lambda picture: transparent(picture, "RGBA"), {}),
        ("PNG", lambda picture: transparent(picture, "LA"), {}),
        ("PNG", lambda picture: picture.convert("P"), {}),
        ("PNG", of_16_bits, {}),
        ("PNG", lambda picture: Image.eval(picture, lambda shade: 255 - shade), {}),
        ("TIFF", lambda picture: picture.convert("1"), {"compression": "group4"}),
        ("TIFF", of_16_bits, {}),
        ("TIFF", lambda picture: Image.fromarray(np.asarray(picture.convert("L")).astype(np.float32) / 255), {}),
        ("TIFF", lambda picture: picture.convert("LAB"), {}),
        ("TIFF", lambda picture: picture.convert("CMYK"), {"compression": "tiff_lzw"}),
        ("JPEG", lambda picture: picture.convert("CMYK"), {}),
    ],
)
def test_a_picture_of_any_mode_is_read(read, kind, mode, how):
    assert read("a.tif", picture_bytes(mode(pictured(WORDS)), kind=kind, **how)).text == WORDS


@WITH_OCR
@pytest.mark.parametrize("kind", ["TIFF", "PDF"])
def test_all_pages_of_a_scan_are_read(read, kind):
    data = picture_bytes(pictured("Rosa Delgado"), pictured("Henry Quinn"), kind=kind)
    document = read(f"a.{kind.lower()}", data)
    assert document.text == "Rosa Delgado\n\nHenry Quinn"
    assert [document.sources.locate(at, at + 4)["page"] for at in (0, 14)] == [1, 2]


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
def test_previews_and_blank_pages_are_ignored(read):
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[254] = 1
    preview = pictured(WORDS).resize((300, 50))
    preview.encoderinfo = {"tiffinfo": tags}
    document = read("a.tif", picture_bytes(pictured(WORDS), preview, pictured(), kind="TIFF"))
    assert document.text == WORDS
    assert document.items.ignored == {"reduced-copy": 1, "blank-page": 1}


@WITH_OCR
def test_frames_of_an_animation_that_show_the_same_text_are_read_once(read):
    first, other = pictured("Rosa Delgado"), pictured("Henry Quinn")
    document = read("a.gif", picture_bytes(first, other, first.point(lambda shade: shade // 2), kind="GIF"))
    assert document.text == "Rosa Delgado\n\nHenry Quinn"
    assert document.items.ignored == {"repeated-frame": 1}


@WITH_OCR
def test_a_picture_is_read_as_its_camera_was_held(read):
    how = Image.Exif()
    how[0x112] = 6
    turned = pictured(WORDS).rotate(90, expand=True)
    document = read("a.jpg", picture_bytes(turned, kind="JPEG", exif=how, dpi=(200, 200)))
    assert document.text == WORDS
    left, top, right, bottom = document.sources.locate(0, len(WORDS))["boxes"][0]
    assert left < 20
    assert 190 < right < 216
    assert top < 30 < bottom < 40


@WITH_OCR
def test_a_photo_of_more_pixels_than_are_read_is_read_at_half_its_size(read):
    photo = Image.new("L", (8_000, 5_500), 255)
    ImageDraw.Draw(photo).text((400, 400), WORDS, font=ImageFont.load_default(200))
    assert read("a.jpg", picture_bytes(photo, kind="JPEG")).text == WORDS


# --- how a page lies, and where its words are


@WITH_OCR
@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_a_page_is_read_whichever_way_up_it_was_scanned_and_its_words_are_where_they_are_shown(quarters):
    text = "The member was seen in Tampa.\nThe claim was paid in March.\nNo other claim is known."
    page = page_of(text)
    shown = page.rotate(90 * quarters, expand=True)
    found = ocr.recognize(shown, 200, Limits())
    assert found.text.split() == text.split()
    first = found.words[0]
    assert found.text[first.start : first.end] == "The"
    left, top, right, bottom = (round(edge * 200 / 72) for edge in first.box)
    ink = np.asarray(shown)[top - 6 : bottom + 6, left - 6 : right + 6] < 128
    assert ink.any()
    assert not ink[[0, -1]].any() and not ink[:, [0, -1]].any()


@WITH_OCR
@pytest.mark.parametrize("angle", [2, -8, 15])
def test_a_skewed_page_is_read_whole(angle):
    text = "\n".join(f"Claim {number} of the member was paid in March." for number in range(100, 125))
    page = page_of(text).rotate(angle, Image.Resampling.BICUBIC, expand=True, fillcolor=255)
    found = ocr.recognize(page, 200, Limits())
    assert found.text.split() == text.split()
    dark = np.asarray(page) < 128
    boxes = [[round(edge * 200 / 72) for edge in word.box] for word in found.words]
    assert all(dark[top:bottom, left:right].any() for left, top, right, bottom in boxes)


@WITH_OCR
def test_a_fax_is_read_through_its_specks_and_with_half_its_lines(read):
    text = "The member was seen in Tampa.\nThe claim was paid in March."
    page = page_of(text, 204).resize((1_734, 1_078))
    bits = (np.asarray(page) > 127) ^ (np.random.default_rng(8).random((1_078, 1_734)) < 0.003)
    data = picture_bytes(Image.fromarray(bits), kind="TIFF", compression="group3", dpi=(204, 98))
    document = read("fax.tif", data)
    assert document.text.split() == text.split()
    left, top, right, bottom = document.sources.locate(0, 3)["boxes"][0]
    assert (round(left), round(top)) == (72, pytest.approx(75, abs=4))
    assert right - left > bottom - top


@WITH_OCR
@pytest.mark.parametrize("dpi", [(72, 72), (1, 1), (0, 0)])
def test_a_resolution_that_cannot_be_is_not_believed(read, dpi):
    page = page_of("The member was seen in Tampa.", 300)
    assert read("a.png", picture_bytes(page, kind="PNG", dpi=dpi)).sources.locate(0, 3)["boxes"][0][0] == pytest.approx(
        72, abs=2
    )


# --- how sure it is


@WITH_OCR
def test_each_word_carries_its_confidence(read):
    document = read("a.png", picture_bytes(pictured(WORDS), kind="PNG"))
    assert 80 < document.sources.locate(0, 4)["ocr_confidence"] <= 100


def test_a_page_of_low_confidence_is_named_and_its_text_kept(read, stand_in):
    stand_in(tsv(("Rosa", 20), ("Delgado", 40)))
    data = picture_bytes(pictured(WORDS), kind="PNG")
    document = read("a.png", data)
    assert document.text == "Rosa Delgado"
    assert document.unread == ("page 1: recognised with a confidence of 30 %, below 50 %",)
    assert document.sources.locate(0, 12)["ocr_confidence"] == 20
    assert read("a.png", data, min_ocr_confidence=30).unread == ()


def test_a_page_with_something_on_it_and_no_word_is_named(read, stand_in):
    stand_in(f'[ -e "$0.seen" ] || {tsv(("Rosa", 95))}; touch "$0.seen"')
    document = read("a.tif", picture_bytes(pictured(WORDS), pictured(WORDS), kind="TIFF"))
    assert (document.text, document.unread) == ("Rosa", ("page 2: a picture in which OCR recognised no word",))


# --- its layout


def words_at(*lines: tuple[int, int, str]) -> list[TesseractWord]:
    """Words of lines, each at a height of a block."""
    words = []
    for number, (block, top, text) in enumerate(lines):
        words += [
            TesseractWord(word, (block, number, 1), (200 * at, top, 200 * at + 150, top + 30), 90)
            for at, word in enumerate(text.split())
        ]
    return words


def test_a_sentence_runs_over_its_lines_and_a_larger_distance_ends_a_paragraph():
    words = words_at(
        (1, 0, "The member had a hip replacement in"),
        (1, 50, "Tampa. It was"),
        (1, 100, "paid in full, as the plan says it is"),
        (1, 200, "Sincerely yours"),
        (2, 250, "Rosa Delgado"),
        (3, 40, "Page one"),
    )
    text, spans = ocr_layout.lay_out(words)
    assert text == (
        "The member had a hip replacement in\nTampa. It was\npaid in full, as the plan says it is\n\n"
        "Sincerely yours\nRosa Delgado\n\nPage one"
    )
    assert [text[start:end] for start, end in spans] == [word.text for word in words]
    assert len(split_sentences(text[: text.index("\n\n")])) == 2


def test_a_word_that_a_line_end_hyphenates_is_whole_and_other_hyphens_stay():
    words = words_at(
        (1, 0, "the re-"), (1, 50, "placement of May 3-"), (1, 100, "5 by Smith-"), (1, 150, "Jones - see")
    )
    text, spans = ocr_layout.lay_out(words)
    assert text == "the replacement of May 3-\n5 by Smith-\nJones - see"
    assert [text[start:end] for start, end in spans][1:3] == ["re", "placement"]


def test_a_page_without_words_has_empty_text():
    assert ocr_layout.lay_out([]) == ("", [])


def test_control_characters_are_dropped_and_ligatures_expanded(read, stand_in):
    stand_in(tsv((" ", 95), ("e\ufb03cient", 93), ("\x07", 90)))
    assert read("a.png", picture_bytes(pictured(WORDS), kind="PNG")).text == "efficient"


# --- what goes wrong


@WITH_OCR
def test_a_picture_without_a_word_is_empty_and_a_broken_one_broken(read):
    assert read("a.png", picture_bytes(pictured(), kind="PNG")).reason == "empty"
    assert read("a.png", picture_bytes(pictured("Rosa"), kind="PNG")[:500]).reason == "broken"
    assert read("a.png", b"no picture").reason == "broken"
    assert read("a.tif", b"II*\0").reason == "broken"


@WITH_OCR
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_what_there_is_of_a_picture_that_is_cut_off_is_read_and_the_cut_named(read, kind):
    data = picture_bytes(pictured(WORDS, "and Henry Quinn of Reno"), kind=kind)
    document = read("a.png", data[: len(data) * 6 // 7])
    assert document.text.startswith(WORDS)
    assert document.unread == ("page 1: the picture is truncated; only its first part was recognised",)


@WITH_OCR
def test_pages_behind_a_broken_one_are_read(read):
    pages = [pictured("Rosa Delgado"), pictured("Henry Quinn"), pictured("Jackson Reno")]
    data = bytearray(picture_bytes(*pages, kind="TIFF", compression="tiff_lzw"))
    with Image.open(io.BytesIO(bytes(data))) as file:
        file.seek(1)
        start, length = file.tag_v2[273][0], file.tag_v2[279][0]
    data[start : start + length] = b"\xff" * length
    document = read("a.tif", bytes(data))
    assert document.text == "Rosa Delgado\n\nJackson Reno"
    (line,) = document.unread
    assert line.startswith("page 2: broken")


def png_of(side: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(1_000))) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [6_400, 10_000, 60_000])
def test_a_picture_of_huge_dimensions_is_a_bomb(read, side):
    assert read("a.png", png_of(side)).reason == "bomb"


def test_a_fax_that_would_be_huge_with_square_pixels_is_a_bomb(read):
    data = picture_bytes(Image.new("1", (6_000, 6_000), 1), kind="TIFF", compression="group4", dpi=(1200, 300))
    assert read("a.tif", data).reason == "bomb"


def tiff_of_pages(n: int, *, in_a_circle: bool = False) -> bytes:
    """Pages of one white pixel, all the same one."""
    tags = [(256, 1), (257, 1), (258, 8), (259, 1), (262, 1), (273, 0), (277, 1), (279, 1)]
    size = 2 + 12 * len(tags) + 4
    data = bytearray(struct.pack("<2sHI", b"II", 42, 8))
    for number in range(1, n + 1):
        after = 8 + number * size if number < n else 8 if in_a_circle else 0
        data += struct.pack("<H", len(tags))
        data += b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags) + struct.pack("<I", after)
    return bytes(data)


def test_a_file_of_very_many_pages_is_read_up_to_a_bound_and_the_rest_named():
    from ner_tasks.documents.readers import image

    found = image.read(tiff_of_pages(100_000), Limits(ocr=True))
    assert found.items.counts == {"page": {"ignored": 1_000, "unread": 1}}
    assert found.items.unread == ("page 1001 and all later pages: more than 1000 pages",)
    assert image.read(tiff_of_pages(3, in_a_circle=True), Limits(ocr=True)).items.counts == {"page": {"ignored": 3}}


def test_a_page_that_takes_too_long_is_named_and_after_three_the_rest(read, stand_in):
    stand_in(f'[ -e "$0.seen" ] || {{ touch "$0.seen"; {tsv(("Rosa", 95))}; exit; }}; sleep 60')
    document = read("a.tif", picture_bytes(*[pictured(WORDS)] * 6, kind="TIFF"), seconds=1.0)
    assert document.text == "Rosa"
    assert [line[:16] for line in document.unread] == [f"page {number}: too-slow" for number in (2, 3, 4)] + [
        "page 5 and all later pages"[:16]
    ]
    stand_in("sleep 60")
    assert read("a.png", picture_bytes(pictured(WORDS), kind="PNG"), seconds=1.0).reason == "too-slow"


def test_many_pages_may_take_longer_together_than_a_file_may_without_a_sign_of_life(tmp_path, stand_in):
    stand_in(f"sleep 1; {tsv(('Rosa', 95))}")
    (tmp_path / "a.tif").write_bytes(picture_bytes(*[pictured(WORDS)] * 7, kind="TIFF"))
    found = list(read_in_sandbox([("a.tif", tmp_path / "a.tif")], Limits(ocr=True, seconds=6.0), 1))
    assert [answer.text for _, answer in found if answer] == ["\n\n".join(["Rosa"] * 7)]


def test_a_page_on_which_tesseract_fails_is_broken(read, stand_in):
    stand_in("exit 3")
    answer = read("a.png", picture_bytes(pictured(WORDS), kind="PNG"))
    assert (answer.reason, "exit code 3 of tesseract" in answer.message) == ("broken", True)


def test_a_program_that_is_gone_since_the_start_is_named(read, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    answer = read("a.png", picture_bytes(pictured(WORDS), kind="PNG"))
    assert (answer.reason, "no program tesseract" in answer.message) == ("needs-ocr", True)


def test_with_ocr_off_a_scan_is_rejected_even_if_tesseract_is_installed(read):
    from reportlab.pdfgen.canvas import Canvas

    file = io.BytesIO()
    canvas = Canvas(file)
    canvas.rect(72, 72, 300, 300, fill=1)
    canvas.save()
    for name, data in (("a.tif", b"II*\0"), ("a.pdf", file.getvalue())):
        answer = read(name, data, ocr=False)
        assert answer.reason == "needs-ocr"
        assert "docs/formats.md" in answer.message


# --- what is installed


def test_a_missing_program_is_named(monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    assert ocr.find_missing("eng") == "program tesseract"


@pytest.mark.parametrize(
    ("languages", "absent"),
    [
        ("eng", ""),
        ("eng+spa", ""),
        ("eng+tlh", "language 'tlh' of tesseract"),
        ("English", "language 'English' of tesseract"),
        ("eng+", "language '' of tesseract"),
        ("--psm", "language '--psm' of tesseract"),
    ],
)
def test_a_missing_language_is_named(stand_in, languages, absent):
    stand_in("printf 'List of available languages in \"/data/\" (3):\\neng\\nosd\\nspa\\n'")
    assert ocr.find_missing(languages) == absent


# --- how well


@WITH_OCR
@pytest.mark.parametrize(("kind", "most"), [("300 dpi, clean", 0.01), ("fax, 204 x 196 dpi", 0.08)])
def test_recognition_is_as_accurate_as_in_the_benchmark(kind, most):
    from benchmarks.documents.ocr import measure

    assert measure(kind, 2, Limits(ocr=True))["word_error_rate"] <= most

"""A page is drawn as it looked, at a bounded size; the boxes of the reader lie on the words that are drawn there."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from reportlab.pdfgen.canvas import Canvas

from ner_tasks.documents import CannotRead, Limits
from ner_tasks.documents.ocr import ocr
from ner_tasks.documents.readers import image
from ner_tasks.documents.readers.pdf import pdf
from ner_tasks.documents.rendering import page_picture
from ner_tasks.documents.rendering.page_picture import draw_page
from tests.pdf_objects import PdfObjects, drawn

LIMITS = Limits()
WITH_OCR = pytest.mark.skipif(bool(ocr.find_missing("eng")), reason="OCR is not installed")
RED = b"1 0 0 rg "
NEAR = 4.0  # points: a box is that of the font, the ink that of the letters


def one_page(content: bytes, **page: bytes) -> bytes:
    objects = PdfObjects()
    objects.add_page(content, **page)
    return objects.to_bytes()


def red(*lines: str, **where: int) -> bytes:
    return b"q " + RED + drawn(*lines, **where) + b" Q "


def picture_of(page) -> Image.Image:
    return Image.open(io.BytesIO(page.picture))


def ink(page) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of what is drawn in red, in points."""
    pixels = np.asarray(picture_of(page).convert("RGB"), np.int16)
    down, across = np.nonzero((pixels[:, :, 0] > 150) & (pixels[:, :, 1] < 110) & (pixels[:, :, 2] < 110))
    scale = page.width / pixels.shape[1]
    return across.min() * scale, down.min() * scale, (across.max() + 1) * scale, (down.max() + 1) * scale


def boxes_of(extract, words: str):
    start = extract.text.index(words)
    return extract.sources.locate(start, start + len(words))


def check_on_ink(box, page) -> None:
    left, top, right, bottom = ink(page)
    assert box[0] == pytest.approx(left, abs=NEAR) and box[2] == pytest.approx(right, abs=NEAR)
    assert box[1] <= top + 1 and bottom - 1 <= box[3]
    assert box[3] - box[1] < bottom - top + 2 * NEAR


class TestPdf:
    @pytest.mark.parametrize("turn", [0, 90, 180, 270])
    @pytest.mark.parametrize("crop", [b"", b"/CropBox[50 100 500 760]", b"/CropBox[-90 -90 900 900]"])
    def test_a_box_lies_on_its_word_on_a_turned_and_cropped_page(self, turn, crop):
        data = one_page(drawn("Claim of") + red("Delgado", x=140, y=640), entries=b"/Rotate %d%s" % (turn, crop))
        page, where = draw_page("pdf", data, 1, LIMITS), boxes_of(pdf.read(data, LIMITS), "Delgado")
        (box,) = where["boxes"]
        left, top, right, bottom = ink(page)
        assert box[0] - NEAR < left < right < box[2] + NEAR and box[1] - NEAR < top < bottom < box[3] + NEAR
        assert (box[2] - box[0]) * (box[3] - box[1]) < 4 * (right - left) * (bottom - top)

    def test_the_second_of_two_columns_has_its_own_place(self):
        left = ("Rosa Delgado wrote that", "she had moved to Key-", "stone in March of last")
        right = ("Ann Baker answered from", "her office that the plan", "had paid the whole bill")
        rows = zip(left, right, strict=True)
        content = b"".join(
            drawn(one, y=700 - 14 * row) + (red if row == 0 else drawn)(other, x=330, y=700 - 14 * row)
            for row, (one, other) in enumerate(rows)
        )
        data = one_page(content)
        (box,) = boxes_of(pdf.read(data, LIMITS), right[0])["boxes"]
        check_on_ink(box, draw_page("pdf", data, 1, LIMITS))

    def test_a_word_cut_by_a_hyphen_has_a_box_on_each_line(self):
        data = one_page(drawn("lives in the town of Spring-", "field now"))
        first, second = boxes_of(pdf.read(data, LIMITS), "Springfield")["boxes"]
        page = draw_page("pdf", data, 1, LIMITS)
        for box in (first, second):
            scale = picture_of(page).width / page.width
            cut = np.asarray(picture_of(page).convert("L").crop([round(edge * scale) for edge in box]))
            assert cut.min() < 100, "there is ink in the box"
        assert first[0] > 150 and second[0] == pytest.approx(72, abs=NEAR) and second[1] > first[3] - NEAR

    def test_a_ligature_is_inside_the_box_of_its_word(self):
        ligature = b"/Encoding<</Type/Encoding/BaseEncoding/WinAnsiEncoding/Differences[1/fi]>>"
        objects = PdfObjects()
        font = objects.add(b"<</Type/Font/Subtype/Type1/BaseFont/Times-Roman%s>>" % ligature)
        content = b"q 1 0 0 rg BT /F2 14 Tf 100 600 Td (Gri\\001n) Tj ET Q"
        objects.add_page(content, resources=b"/ExtGState<<>>")
        data = objects.to_bytes().replace(b"/Font<</F1 ", b"/Font<</F2 " + font + b"/F1 ")
        data = data[: data.rindex(b"xref\n")]  # the table no longer fits; PDFium makes it anew
        extract = pdf.read(data, LIMITS)
        assert extract.text == "Grifin"
        (box,) = boxes_of(extract, "Grifin")["boxes"]
        check_on_ink(box, draw_page("pdf", data, 1, LIMITS))

    def test_each_page_is_its_own_and_has_its_text(self):
        objects = PdfObjects()
        for number, name in enumerate(("Anna", "Boris", "Carla")):
            objects.add_page(red(name, x=100, y=700 - 100 * number))
        data = objects.to_bytes()
        extract = pdf.read(data, LIMITS)
        for number, name in enumerate(("Anna", "Boris", "Carla"), start=1):
            page = draw_page("pdf", data, number, LIMITS)
            where = boxes_of(extract, name)
            assert (where["page"], page.text, page.n_pages) == (number, name, 3)
            check_on_ink(where["boxes"][0], page)

    def test_a_filled_field_is_drawn_and_its_value_lies_in_its_box(self):
        file = io.BytesIO()
        canvas = Canvas(file, invariant=True)
        canvas.drawString(72, 700, "Name of the patient:")
        canvas.acroForm.textfield(name="name", value="Delgado", x=200, y=690, width=200, height=20)
        canvas.save()
        page = draw_page("pdf", file.getvalue(), 1, LIMITS)
        (box,) = boxes_of(pdf.read(file.getvalue(), LIMITS), "Delgado")["boxes"]
        scale = picture_of(page).width / page.width
        cut = np.asarray(picture_of(page).convert("L").crop([round(edge * scale) for edge in box]))[5:-5, 5:-5]
        assert cut.min() < 100, "there is ink in the field"

    @pytest.mark.parametrize(
        ("content", "number", "reason"),
        [(drawn("Anna"), 2, "no-page"), (drawn("Anna"), 0, "no-page"), (b"", 3, "no-page")],
    )
    def test_a_page_that_is_not_there_is_not_drawn(self, content, number, reason):
        with pytest.raises(CannotRead) as refused:
            draw_page("pdf", one_page(content), number, LIMITS)
        assert refused.value.reason == reason

    def test_a_page_without_text_is_drawn(self):
        page = draw_page("pdf", one_page(b"0 0 1 rg 100 100 200 200 re f"), 1, LIMITS)
        assert (page.text, picture_of(page).convert("RGB").getpixel((300, 1300))[2] > 200) == ("", True)

    @pytest.mark.parametrize("box", [b"0 0 14400 14400", b"0 0 14400 20", b"0 0 900000 900000", b"0 0 3 3"])
    def test_a_page_of_any_size_is_a_picture_of_bounded_size(self, box):
        data = one_page(drawn("Anna"), entries=b"").replace(b"/MediaBox[0 0 612 792]", b"/MediaBox[%s]" % box)
        width, height = picture_of(draw_page("pdf", data[: data.rindex(b"xref\n")], 1, LIMITS)).size
        assert 1 <= width * height <= 1.02 * page_picture.MAX_PIXELS
        assert max(width, height) <= page_picture.MAX_SIDE + 1

    def test_a_page_that_is_drawn_at_another_size_than_it_was_read_is_refused(self):
        data = one_page(drawn("Anna")).replace(b"/MediaBox[0 0 612 792]", b"/MediaBox[0 0 2000000 2000000]")
        with pytest.raises(CannotRead, match="as it was read"):
            draw_page("pdf", data[: data.rindex(b"xref\n")], 1, LIMITS)

    def test_a_bomb_is_refused_before_it_is_drawn(self):
        objects = PdfObjects()
        content = drawn("Anna")
        objects.add_page(content + b" " * (3_000_000 + len(content) % 2))  # of an even length, so that it is packed
        with pytest.raises(CannotRead, match="unpacks to more than"):
            draw_page("pdf", objects.to_bytes(), 1, Limits(max_unpacked_bytes=1_000_000))

    @pytest.mark.parametrize("data", [b"", b"%PDF-1.7\n", b"%PDF-1.7\n" + b"\0" * 5_000])
    def test_what_is_no_pdf_is_refused(self, data):
        with pytest.raises(CannotRead):
            draw_page("pdf", data, 1, LIMITS)


def scanned(text: str, *, dpi: int = 200, at: tuple[int, int] = (300, 400)) -> Image.Image:
    page = Image.new("RGB", (round(8.5 * dpi), 11 * dpi), "white")
    ImageDraw.Draw(page).text(at, text, fill=(200, 0, 0), font=ImageFont.load_default(dpi // 5))
    return page


def file_of(*pages: Image.Image, kind: str = "TIFF", **how: object) -> bytes:
    file = io.BytesIO()
    more = {"save_all": True, "append_images": pages[1:]} if len(pages) > 1 else {}
    pages[0].save(file, kind, **more, **how)
    return file.getvalue()


class TestPicture:
    @WITH_OCR
    @pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
    def test_a_box_lies_on_its_word(self, kind):
        data = file_of(scanned("Delgado"), kind=kind, **({} if kind == "WEBP" else {"dpi": (200, 200)}))
        (box,) = boxes_of(image.read(data, Limits(ocr=True)), "Delgado")["boxes"]
        check_on_ink(box, draw_page("image", data, 1, LIMITS))

    @WITH_OCR
    def test_each_page_of_a_tiff_is_its_own_without_its_previews(self):
        names = ("Anna Quinn", "Boris Baker", "Carla Smith")
        data = file_of(*(scanned(name, at=(200, 300 + 300 * n)) for n, name in enumerate(names)), dpi=(200, 200))
        extract = image.read(data, Limits(ocr=True))
        for number, name in enumerate(names, start=1):
            where = boxes_of(extract, name)
            page = draw_page("image", data, number, LIMITS)
            assert (where["page"], page.n_pages) == (number, 3)
            check_on_ink(where["boxes"][0], page)

    @WITH_OCR
    @pytest.mark.parametrize("orientation", [3, 6, 8])
    def test_a_photo_is_drawn_upright_as_its_camera_says(self, orientation):
        turned = scanned("Delgado").rotate({3: 180, 6: 90, 8: 270}[orientation], expand=True)
        exif = Image.Exif()
        exif[0x0112] = orientation
        data = file_of(turned, kind="JPEG", exif=exif, dpi=(200, 200), quality=95)
        page = draw_page("image", data, 1, LIMITS)
        assert page.width < page.height
        (box,) = boxes_of(image.read(data, Limits(ocr=True)), "Delgado")["boxes"]
        check_on_ink(box, page)

    @WITH_OCR
    def test_a_scan_in_a_pdf_has_its_boxes_on_the_page(self):
        file = io.BytesIO()
        scanned("Delgado").save(file, "PDF", resolution=200)
        (box,) = boxes_of(pdf.read(file.getvalue(), Limits(ocr=True)), "Delgado")["boxes"]
        check_on_ink(box, draw_page("pdf", file.getvalue(), 1, LIMITS))

    def test_a_fax_with_half_as_many_rows_is_drawn_with_square_pixels(self):
        page = draw_page("image", file_of(Image.new("1", (1728, 1100), 1), dpi=(204, 98)), 1, LIMITS)
        assert (page.width, page.height) == (pytest.approx(610, abs=2), pytest.approx(808, abs=2))
        width, height = picture_of(page).size
        assert width / height == pytest.approx(page.width / page.height, rel=0.01)

    @pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "I;16", "F"])
    def test_a_picture_of_any_mode_is_drawn(self, mode):
        picture = Image.new("RGB", (40, 30), "white").convert("L" if mode in ("I;16", "F") else mode)
        picture = picture.convert("F") if mode in ("I;16", "F") else picture
        picture = picture.convert("I").convert("I;16") if mode == "I;16" else picture
        assert picture_of(draw_page("image", file_of(picture), 1, LIMITS)).size == (40, 30)

    def test_what_is_transparent_is_white_paper(self):
        page = draw_page("image", file_of(Image.new("RGBA", (40, 30), (0, 0, 0, 0)), kind="PNG"), 1, LIMITS)
        assert min(picture_of(page).convert("L").getpixel((20, 15)), 250) == 250

    def test_a_page_of_20000_pixels_is_drawn_small_enough(self):
        page = draw_page("image", file_of(Image.new("L", (1500, 20_000), 255), kind="PNG"), 1, LIMITS)
        width, height = picture_of(page).size
        assert width * height <= 1.01 * page_picture.MAX_PIXELS and height <= page_picture.MAX_SIDE
        assert width / height == pytest.approx(1500 / 20_000, rel=0.01)

    def test_a_page_of_20000_by_20000_pixels_is_refused_and_the_others_are_drawn(self):
        data = file_of(Image.new("1", (100, 100), 1), Image.new("1", (20_000, 20_000), 1), compression="group4")
        assert draw_page("image", data, 1, LIMITS).n_pages == 2
        with pytest.raises(CannotRead, match="20000 x 20000 pixels") as refused:
            draw_page("image", data, 2, LIMITS)
        assert refused.value.reason == "bomb"

    def test_a_page_that_is_not_there_is_not_drawn(self):
        with pytest.raises(CannotRead, match=r"found 1 page\(s\), expected a page 2") as refused:
            draw_page("image", file_of(scanned("x")), 2, LIMITS)
        assert refused.value.reason == "no-page"

    def test_a_picture_that_is_cut_off_is_drawn_as_far_as_it_goes(self):
        data = file_of(scanned("Delgado"), kind="JPEG")
        assert draw_page("image", data[: len(data) // 2], 1, LIMITS).n_pages == 1

    def test_a_format_without_pages_is_refused(self):
        with pytest.raises(CannotRead) as refused:
            draw_page("text", b"Anna", 1, LIMITS)
        assert refused.value.reason == "no-pages"

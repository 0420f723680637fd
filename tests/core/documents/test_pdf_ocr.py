"""With OCR on, drawn content of a PDF is read beside the text layer, and never twice."""

import pytest
from PIL import Image, ImageDraw, ImageFont
from pypdfium2 import PdfPage

from ner_tasks.documents import Limits
from ner_tasks.documents.ocr import ocr
from ner_tasks.documents.readers.pdf import pdf
from tests.pdf_objects import PdfObjects, drawn

LINES = ("Henry Quinn of Reno paid", "the bill of Rosa Delgado")
LIMITS = Limits(ocr=True)
pytestmark = pytest.mark.skipif(bool(ocr.find_missing("eng")), reason="OCR is not installed")


def scan(objects: PdfObjects, lines=LINES, size: tuple[int, int] = (1700, 2200)) -> bytes:
    image = Image.new("L", size, "white")
    for number, line in enumerate(lines):
        ImageDraw.Draw(image).text((150, 150 + 120 * number), line, font=ImageFont.load_default(56), fill="black")
    entries = b"/Type/XObject/Subtype/Image/Width %d/Height %d/BitsPerComponent 8/ColorSpace/DeviceGray" % size
    return b"/XObject<</Im %s>>" % objects.add_stream(image.tobytes(), entries, is_packed=True)


def words_of(text: str) -> list[str]:
    return text.split()


def test_a_scanned_page_is_read_in_its_place_with_boxes():
    objects = PdfObjects()
    objects.add_page(drawn("Page one"))
    objects.add_page(b"q 612 0 0 792 0 0 cm /Im Do Q", resources=scan(objects))
    found = pdf.read(objects.to_bytes(), LIMITS)
    assert words_of(found.text) == ["Page", "one", *" ".join(LINES).split()]
    start = found.text.index("Quinn")
    where = found.sources.locate(start, start + 5)
    ((left, top, right, bottom),) = where["boxes"]
    assert (where["page"], where["ocr_confidence"] > 80) == (2, True)
    assert 54 < left < right < 220
    assert 50 < top < bottom < 80
    assert found.items.counts == {"page": {"read": 2}}


def test_a_document_of_scans_is_marked_as_recognised():
    objects = PdfObjects()
    objects.add_page(b"q 612 0 0 792 0 0 cm /Im Do Q", resources=scan(objects))
    assert pdf.read(objects.to_bytes(), LIMITS).encoding == "ocr"


def test_a_stamped_scan_has_its_stamp_once_and_what_was_scanned():
    objects = PdfObjects()
    content = b"q 612 0 0 792 0 0 cm /Im Do Q " + drawn("KH-000124", x=400, y=20)
    objects.add_page(content, resources=scan(objects))
    found = pdf.read(objects.to_bytes(), LIMITS)
    assert words_of(found.text) == ["KH-000124", *" ".join(LINES).split()]
    assert found.items.counts == {"page": {"read": 1}, "picture": {"read": 1}}


def test_a_picture_on_a_page_is_read_where_it_stands():
    objects = PdfObjects()
    content = drawn("A letter") + b"q 400 0 0 150 100 200 cm /Im Do Q"
    objects.add_page(content, resources=scan(objects, size=(1600, 600)))
    found = pdf.read(objects.to_bytes(), LIMITS)
    assert words_of(found.text) == ["A", "letter", *" ".join(LINES).split()]
    start = found.text.index("Henry")
    ((left, top, right, bottom),) = found.sources.locate(start, start + 5)["boxes"]
    assert 130 < left < right < 200
    assert 792 - 350 < top < bottom < 792 - 280


def test_a_garbled_page_is_recognised_instead():
    objects = PdfObjects()
    table = b"/CIDInit/ProcSet findresource begin 12 dict begin begincmap/CMapName/X def/CMapType 2 def "
    table += b"1 begincodespacerange<00><FF>endcodespacerange 1 beginbfrange<21><7E><E021>endbfrange endcmap end end"
    reference = objects.add_stream(table)
    font = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding/ToUnicode %s>>" % reference
    content = drawn(*LINES, size=16, leading=24).replace(b"/F1", b"/F9")
    objects.add_page(content, resources=b"/Font<</F9 %s>>" % objects.add(font))
    found = pdf.read(objects.to_bytes(), LIMITS)
    assert words_of(found.text) == " ".join(LINES).split()
    assert found.items.counts == {"page": {"read": 1}}


def test_a_stamp_that_is_a_picture_is_read():
    objects = PdfObjects()
    form = objects.add_form(b"q 400 0 0 150 0 0 cm /Im Do Q", (0, 0, 400, 150), scan(objects, size=(1600, 600)))
    stamp = objects.add(b"<</Type/Annot/Subtype/Stamp/F 4/Rect[100 200 500 350]/AP<</N %s>>>>" % form)
    objects.add_page(drawn("A letter"), annotations=[stamp])
    found = pdf.read(objects.to_bytes(), LIMITS)
    assert words_of(found.text) == ["A", "letter", *" ".join(LINES).split()]
    assert found.items.counts == {"annotation": {"read": 1}, "page": {"read": 1}}


def test_a_page_is_drawn_once_for_all_its_pictures(monkeypatch):
    n_drawn = []
    render = PdfPage.render
    monkeypatch.setattr(PdfPage, "render", lambda page, **options: n_drawn.append(1) or render(page, **options))
    objects = PdfObjects()
    form = objects.add_form(b"q 300 0 0 110 0 0 cm /Im Do Q", (0, 0, 300, 110), scan(objects, size=(1600, 600)))
    stamp = b"<</Type/Annot/Subtype/Stamp/F 4/Rect[100 %d 400 %d]/AP<</N %s>>>>"
    stamps = [objects.add(stamp % (bottom, bottom + 110, form)) for bottom in (40, 160)]
    content = drawn("A letter") + b"".join(b"q 300 0 0 110 100 %d cm /Im Do Q " % y for y in (300, 450))
    objects.add_page(content, resources=scan(objects, size=(1600, 600)), annotations=stamps)
    found = pdf.read(objects.to_bytes(), LIMITS)
    assert words_of(found.text) == ["A", "letter", *" ".join(LINES).split() * 4]
    assert len(n_drawn) == 2  # without what lies on the page, and with it

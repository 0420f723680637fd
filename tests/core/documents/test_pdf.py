"""PDF is read with PDFium as displayed: text, form fields, annotations, files, XFA; the rest is listed."""

import contextlib
import io
import random
import zlib

import pypdf
import pytest
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from ner_tasks.documents import CannotRead, Limits
from ner_tasks.documents.readers.pdf import pdf
from tests.pdf_objects import PdfObjects, drawn, string

SENTENCE = "Henry Quinn of Reno paid Keystone Health"


def read(content: bytes, **page):
    """One page that draws `content`."""
    objects = PdfObjects()
    objects.add_page(content, **page)
    return pdf.read(objects.to_bytes(), Limits())


def text_of(content: bytes, **page) -> str:
    return read(content, **page).text


def canvas_bytes(draw, **options) -> bytes:
    file = io.BytesIO()
    canvas = Canvas(file, invariant=True, **options)
    draw(canvas)
    canvas.save()
    return file.getvalue()


class TestText:
    def test_pages_are_blocks_with_their_number(self):
        objects = PdfObjects()
        objects.add_page(drawn("Page one"))
        objects.add_page(drawn("Page two"))
        found = pdf.read(objects.to_bytes(), Limits())
        assert found.text == "Page one\n\nPage two"
        assert [found.sources.locate(found.text.index(word), len(found.text))["page"] for word in ("one", "two")] == [
            1,
            2,
        ]
        assert found.items.counts == {"page": {"read": 2}}

    def test_lines_end_in_one_character(self):
        assert text_of(drawn("Henry Quinn", "of Reno")) == "Henry Quinn\nof Reno"

    @pytest.mark.parametrize(
        ("lines", "expected"),
        [
            (("lives in Spring-", "field now"), "lives in Springfield now"),
            (("of Rosa Smith-", "Jones now"), "of Rosa Smith-Jones now"),
            (("a well-known case", "of a well-", "known man"), "a well-known case\nof a well-known man"),
            (("in Spring\xad", "field now"), "in Springfield now"),
            (("from 2024-", "2025 on"), "from 2024-\n2025 on"),
        ],
    )
    def test_a_hyphen_at_a_lines_end_joins_what_it_cut(self, lines, expected):
        assert text_of(drawn(*lines)) == expected

    def test_a_hyphen_far_above_the_next_line_joins_nothing(self):
        assert text_of(drawn("a pay-") + drawn("roll", y=500)) == "a pay-\nroll"

    @pytest.mark.parametrize("turn", [0, 90, 180, 270])
    def test_a_turned_page_reads_the_same(self, turn):
        assert text_of(drawn(SENTENCE), entries=b"/Rotate %d" % turn) == SENTENCE

    def test_letter_spaced_words_are_joined(self):
        spaced = b" ".join(b"(%c) -250" % letter for letter in b"Henry") + b" -600 "
        spaced += b" ".join(b"(%c) -250" % letter for letter in b"Quinn")
        assert text_of(b"BT /F1 12 Tf 72 700 Td [%s] TJ ET" % spaced) == "Henry Quinn"

    def test_words_that_are_positioned_one_by_one_are_a_line(self):
        content = b"".join(drawn(word, x=72 + 70 * number) for number, word in enumerate(SENTENCE.split()))
        assert text_of(content) == SENTENCE

    @pytest.mark.parametrize("lower", [0, 3])
    def test_columns_of_running_text_drawn_row_by_row_are_read_one_by_one(self, lower):
        left = ("Rosa Delgado wrote that", "she had moved to Key-", "stone in March of last")
        right = ("Ann Baker answered from", "her office that the plan", "had paid the whole bill")
        content = b"".join(
            drawn(one, y=700 - 14 * row) + drawn(other, x=330, y=700 - lower - 14 * row)
            for row, (one, other) in enumerate(zip(left, right, strict=True))
        )
        assert text_of(content) == "Rosa Delgado wrote that\nshe had moved to Keystone in March of last\n" + "\n".join(
            right
        )

    def test_rows_of_a_table_stay_rows(self):
        rows = [("Claimant of the bill:", "Henry James Quinn"), ("Town of the claimant:", "Reno in Nevada"),
                ("Payer of the bill:", "Keystone Health Plan")]  # fmt: skip
        content = b"".join(
            drawn(one, y=700 - 14 * row) + drawn(other, x=330, y=700 - 14 * row)
            for row, (one, other) in enumerate(rows)
        )
        assert text_of(content).split("\n") == [f"{one} {other}" for one, other in rows]

    def test_invisible_text_of_a_recognised_scan_is_read(self):
        assert text_of(b"3 Tr " + drawn(SENTENCE)) == SENTENCE


def font_with(to_unicode: bytes, objects: PdfObjects) -> bytes:
    """A font of codes 0 to 127 whose Unicode values a table gives."""
    head = b"/CIDInit/ProcSet findresource begin 12 dict begin begincmap/CMapName/X def/CMapType 2 def "
    table = head + b"1 begincodespacerange<00><FF>endcodespacerange " + to_unicode + b" endcmap end end"
    reference = objects.add_stream(table)
    entries = b"/FirstChar 0/LastChar 127/Widths[%s]/ToUnicode %s" % (b"500 " * 128, reference)
    descriptor = b"/FontDescriptor<</Type/FontDescriptor/FontName/AAAAAA+X/Flags 4>>"
    return objects.add(b"<</Type/Font/Subtype/TrueType/BaseFont/AAAAAA+X%s%s>>" % (entries, descriptor))


def with_font(to_unicode: bytes, shown: bytes, *, ocr: bool = False):
    objects = PdfObjects()
    font = font_with(to_unicode, objects)
    objects.add_page(b"BT /F9 12 Tf 72 700 Td (%s) Tj ET" % shown, resources=b"/Font<</F9 %s>>" % font)
    return pdf.read(objects.to_bytes(), Limits(ocr=ocr))


ASCII = b"1 beginbfrange<20><7E><0020>endbfrange "


class TestGlyphs:
    def test_ligatures_are_letters(self):
        table = ASCII + b"3 beginbfchar<01><FB01><02><FB03><03><D83DDE00> endbfchar"
        found = with_font(table, rb"Grif\001n of She\002eld \003 writes to Henry Quinn")
        assert found.text == "Griffin of Sheffield \U0001f600 writes to Henry Quinn"
        start = found.text.index("Quinn")
        (box,) = found.sources.locate(start, start + 5)["boxes"]
        before = len(rb"Grif1n of She2eld 3 writes to Henry ")
        assert box[0] == pytest.approx(72 + 6 * before, abs=0.2)

    def test_a_letter_without_a_unicode_value_is_named(self):
        found = with_font(ASCII, rb"Rosa Delgado met Henry Qui\005n in Reno and paid the bill")
        assert "Qui\ufffdn" in found.text
        assert found.items.unread == ("page 1: 1 letter(s) within words have no Unicode value",)

    @pytest.mark.parametrize(
        "table",
        [
            b"1 beginbfrange<21><7E><E021>endbfrange",  # private use
            b"1 beginbfrange<61><7A><0001>endbfrange",  # control codes
            b"1 beginbfrange<20><7E><0021>endbfrange",  # moved by one
            b"1 beginbfrange<3D><7E><0020>endbfrange",  # moved by 29, as of glyph numbers
        ],
    )
    def test_a_garbled_text_layer_is_named_and_left_out(self, table):
        objects = PdfObjects()
        font = font_with(table, objects)
        lines = b"(Henry Quinn of Reno paid Keystone Health) Tj T* (for the letter that Rosa Delgado wrote) Tj"
        objects.add_page(b"BT /F9 12 Tf 14 TL 72 700 Td %s ET" % lines, resources=b"/Font<</F9 %s>>" % font)
        objects.add_page(drawn("The next page"))
        found = pdf.read(objects.to_bytes(), Limits())
        assert found.text == "The next page"
        assert found.items.unread == ("page 1: its text layer is garbled; OCR is switched off",)

    @pytest.mark.parametrize(
        "lines",
        [
            ["RBC WBC HGB HCT MCV MCH MCHC RDW PLT MPV", "4.1 5.2 13.9 41 88 29 33 13 210 9"] * 12,
            ["J45.909 99213 G0438 E11.9 I10 Z23"] * 30,
            ["1,204.50 988.00 12/05/2024 77.10 0.00"] * 30,
            ["Przykro nam, szczegolnie z powodu zwloki", "W Szczebrzeszynie chrzaszcz brzmi w trzcinie"] * 8,
            ["Mae'r llythyr hwn yn ymwneud a'ch cais", "wrth y bwrdd yng Nghaerdydd ddydd Llun"] * 8,
            ["........................................ 12", "________________ Date ____________"] * 20,
            ["if (x[i] != y[j]) { z = f(&x, *y); } // ok", "<a href='x'>#{b}</a> $c = @d % e;"] * 10,
            ["MKVLAAGIVG LLLAQHSSRT PEPGKWWVKC DDFRTNNQIL"] * 20,
            ["aGVucnkgcXVpbm4gb2YgcmVubyBwYWlkIGtleXN0b25lIGhlYWx0aA=="] * 20,
            ["DFW ORD LGA BWI SFO PHX CLT MSP DTW PHL"] * 20,
            ["Henry"],
        ],
    )
    def test_unusual_text_is_not_garbled(self, lines):
        assert text_of(drawn(*lines, leading=12, y=760)).split() == "\n".join(lines).split()


class TestBoxes:
    @pytest.mark.parametrize("entries", [b"", b"/Rotate 90", b"/Rotate 180/CropBox[30 40 600 780]", b"/Rotate 270"])
    def test_a_box_is_where_the_word_is_shown(self, entries):
        found = read(drawn("Rosa Delgado met", SENTENCE, y=600, x=100), entries=entries)
        start = found.text.index("Keystone")
        boxes = found.sources.locate(start, start + len("Keystone Health"))["boxes"]
        left, top = min(box[0] for box in boxes), min(box[1] for box in boxes)
        right, bottom = max(box[2] for box in boxes), max(box[3] for box in boxes)
        x = 100 + stringWidth("Henry Quinn of Reno paid ", "Helvetica", 12)
        x_end, y, y_end = x + stringWidth("Keystone Health", "Helvetica", 12), 586 - 2, 586 + 10
        expected = {
            b"": (x, 792 - y_end, x_end, 792 - y),
            b"/Rotate 90": (y, x, y_end, x_end),
            b"/Rotate 180/CropBox[30 40 600 780]": (600 - x_end, y - 40, 600 - x, y_end - 40),
            b"/Rotate 270": (792 - y_end, 612 - x_end, 792 - y, 612 - x),
        }
        assert (left, top, right, bottom) == pytest.approx(expected[entries], abs=2)

    def test_the_letters_under_a_box_are_the_mention(self):
        rng = random.Random(5)
        words = ["Henry", "Quinn,", "Spring-", "field", "(Reno)", "Zo\xeb", "O'Brien", "M\xfcller", "42", "co-pay."]
        lines = [" ".join(rng.choices(words, k=8)) for _ in range(30)]
        data = canvas_bytes(lambda canvas: [canvas.drawString(60, 780 - 24 * n, line) for n, line in enumerate(lines)])
        found = pdf.read(data, Limits())
        with pdf.pdfium.open_document(data) as document:
            text_page = document[0].get_textpage()
            height = document[0].get_height()
            for _ in range(200):
                start = rng.randrange(len(found.text))
                end = start + rng.randint(1, 30)
                mention = found.text[start:end]
                if not (mention[0].isalnum() and mention[-1].isalnum()) or "\n" in mention:
                    continue
                if found.text[start - 1 : start].isalnum() or found.text[end : end + 1].isalnum():
                    continue
                boxes = found.sources.locate(start, end)["boxes"]
                under = "".join(
                    text_page.get_text_bounded(left - 0.3, height - bottom + 1, right + 0.3, height - top - 1)
                    for left, top, right, bottom in boxes
                )
                assert _letters(under) == _letters(mention)
            text_page.close()

    def test_a_word_cut_by_a_hyphen_has_a_box_on_each_line(self):
        found = read(drawn("lives in Spring-", "field now"))
        start = found.text.index("Springfield")
        first, second = found.sources.locate(start, start + len("Springfield"))["boxes"]
        assert first[1] < second[1]
        assert first[0] > second[0] == 72


def _letters(text: str) -> str:
    return "".join(char for char in text if char.isalnum())


def field_bytes(*fields: bytes, content: bytes = b"", acroform: bytes = b"", pages: int = 1) -> bytes:
    objects = PdfObjects()
    head = b"<</Type/Annot/Subtype/Widget/F 4/Rect[72 600 272 620]"
    references = [objects.add(head + field + b">>") for field in fields]
    for _ in range(pages):
        objects.add_page(content or drawn("Claim form"), annotations=references)
    return objects.to_bytes(b"/AcroForm<</Fields[%s]%s>>" % (b" ".join(references), acroform))


class TestFields:
    @pytest.mark.parametrize(
        ("field", "line"),
        [
            (b"/FT/Tx/T(claimant)/V(Henry Quinn)", "claimant: Henry Quinn"),
            (b"/FT/Tx/T(a)/TU(Name of claimant:)/V(Henry Quinn)", "Name of claimant: Henry Quinn"),
            (b"/FT/Tx/T(form1[0].page[0].town[0])/V(Reno)", "town: Reno"),
            (b"/FT/Tx/T(note)/Ff 4096/V(one\rtwo)", "note: one\ntwo"),
            (b"/FT/Btn/T(smoker)/V/Yes/AS/Yes", "smoker: Yes"),
            (b"/FT/Btn/Ff 32768/T(sex)/V/Female/AS/Female", "sex: Female"),
            (b"/FT/Ch/Ff 131072/T(plan)/Opt[[(1)(Gold)][(2)(Silver)]]/V(2)", "plan: Silver"),
            (b"/FT/Ch/Ff 2097152/T(towns)/Opt[(Reno)(Tampa)(York)]/V[(Reno)(York)]", "towns: Reno, York"),
        ],
    )
    def test_what_was_filled_in_is_a_line(self, field, line):
        if b"/Btn" in field:
            state = field.rpartition(b"/")[2]
            field += b"/AP<</N<</%s 5 0 R/Off 5 0 R>>>>" % state
        found = pdf.read(field_bytes(field), Limits())
        assert found.text == f"Claim form\n\n{line}"
        assert found.items.counts["form-field"] == {"read": 1}

    def test_a_value_is_located_at_its_field(self):
        found = pdf.read(field_bytes(b"/FT/Tx/T(claimant)/V(Henry Quinn)"), Limits())
        start = found.text.index("Henry")
        assert found.sources.locate(start, start + 5) == {"page": 1, "boxes": [[72.0, 172.0, 272.0, 192.0]]}

    def test_an_unticked_box_adds_no_text_and_a_button_is_ignored(self):
        found = pdf.read(
            field_bytes(b"/FT/Btn/T(smoker)/V/Off/AS/Off", b"/FT/Btn/Ff 65536/T(send)/MK<</CA(Send)>>"), Limits()
        )
        assert found.text == "Claim form"
        assert found.items.counts["form-field"] == {"read": 1, "ignored": 1}
        assert found.items.ignored == {"button": 1}

    def test_a_password_is_not_read(self):
        found = pdf.read(field_bytes(b"/FT/Tx/Ff 8192/T(pin)/V(secret)"), Limits())
        assert (found.text, found.items.ignored) == ("Claim form", {"password-field": 1})

    def test_a_field_shown_on_two_pages_is_read_once(self):
        found = pdf.read(field_bytes(b"/FT/Tx/T(claimant)/V(Henry Quinn)", pages=2), Limits())
        assert found.text.count("Henry Quinn") == 1

    def test_a_value_printed_into_the_page_is_read_once(self):
        content = drawn("Claimant:") + drawn("Henry Quinn", x=80, y=606)
        assert (
            pdf.read(field_bytes(b"/FT/Tx/T(claimant)/V(Henry Quinn)", content=content), Limits()).text.count("Quinn")
            == 1
        )
        elsewhere = drawn("Henry Quinn", x=80, y=706)
        assert (
            pdf.read(field_bytes(b"/FT/Tx/T(claimant)/V(Henry Quinn)", content=elsewhere), Limits()).text.count("Quinn")
            == 2
        )

    def test_a_form_of_ten_thousand_fields_is_read(self):
        fields = [b"/FT/Tx/T(field%d)/V(value%d)" % (number, number) for number in range(10_000)]
        found = pdf.read(field_bytes(*fields), Limits())
        assert "field9999: value9999" in found.text
        assert found.items.counts["form-field"] == {"read": 10_000}


def annotated(*annotations: bytes, content: bytes = b""):
    objects = PdfObjects()
    head = b"<</Type/Annot/Rect[300 600 500 620]"
    references = [objects.add(head + annotation + b">>") for annotation in annotations]
    objects.add_page(content or drawn("A letter"), annotations=references)
    return pdf.read(objects.to_bytes(), Limits())


class TestAnnotations:
    @pytest.mark.parametrize(
        ("annotation", "expected"),
        [
            (b"/Subtype/FreeText/Contents(Henry Quinn)", "Henry Quinn"),
            (b"/Subtype/FreeText/RC(<body><p>Henry</p><p>Quinn &amp; Co</p></body>)", "Henry Quinn & Co"),
            (b"/Subtype/Text/T(Ann Baker)/Contents(call him)", "Ann Baker: call him"),
            (b"/Subtype/Highlight/Contents(check this)", "check this"),
            (b"/Subtype/Stamp/Contents(RECEIVED)", "RECEIVED"),
            (b"/Subtype/Text/F 2/Contents(hidden note)", "hidden note"),
        ],
    )
    def test_what_was_put_on_a_page_is_read(self, annotation, expected):
        found = annotated(annotation)
        assert " ".join(found.text.split()) == f"A letter {expected}"
        assert found.items.counts["annotation"] == {"read": 1}
        assert found.sources.locate(len(found.text) - 2, len(found.text))["boxes"] == [[300.0, 172.0, 500.0, 192.0]]

    @pytest.mark.parametrize("kind", [b"Stamp", b"FreeText", b"Watermark"])
    @pytest.mark.parametrize("is_nested", [False, True])
    def test_text_that_is_only_drawn_is_read_where_it_stands(self, kind, is_nested):
        objects = PdfObjects()
        form = objects.add_form(drawn("RECEIVED by Keystone", x=2, y=4, size=10))
        if is_nested:
            form = objects.add_form(b"q /X0 Do Q", entries=b"/XObject<</X0 %s>>" % form)
        head = b"<</Type/Annot/F 4/Rect[300 600 500 620]/Subtype/" + kind
        objects.add_page(drawn("A letter"), annotations=[objects.add(head + b"/AP<</N %s>>>>" % form)])
        found = pdf.read(objects.to_bytes(), Limits())
        assert found.text == "A letter\n\nRECEIVED by Keystone"
        ((left, top, right, bottom),) = found.sources.locate(10, len(found.text))["boxes"]
        assert 295 < left < right < 505
        assert 165 < top < bottom < 195

    def test_a_signature_is_read_as_it_is_drawn(self):
        objects = PdfObjects()
        form = objects.add_form(drawn("Digitally signed by Henry Quinn", x=2, y=4, size=10))
        field = b"<</Type/Annot/Subtype/Widget/FT/Sig/T(sig)/F 4/Rect[300 600 500 620]/AP<</N %s>>>>" % form
        reference = objects.add(field)
        objects.add_page(drawn("A letter"), annotations=[reference])
        found = pdf.read(objects.to_bytes(b"/AcroForm<</Fields[%s]>>" % reference), Limits())
        assert found.text == "A letter\n\nDigitally signed by Henry Quinn"

    def test_links_popups_and_marks_without_text_are_ignored_by_name(self):
        found = annotated(b"/Subtype/Link", b"/Subtype/Popup", b"/Subtype/Ink", b"/Subtype/Highlight")
        assert found.text == "A letter"
        assert found.items.ignored == {"link": 1, "mark-without-text": 2, "popup": 1}

    def test_a_mark_that_repeats_the_text_under_it_is_read_once(self):
        assert annotated(b"/Subtype/Highlight/Contents(letter)").text == "A letter"

    def test_a_recording_is_named(self):
        assert annotated(b"/Subtype/Sound").items.unread == ("page 1: a recording, which is not read",)

    def test_a_stamp_that_is_a_picture_is_named(self):
        objects = PdfObjects()
        form = objects.add_form(b"q 200 0 0 20 0 0 cm /Im Do Q", entries=b"/XObject<</Im %s>>" % picture(objects))
        stamp = objects.add(b"<</Type/Annot/Subtype/Stamp/F 4/Rect[300 600 500 620]/AP<</N %s>>>>" % form)
        objects.add_page(drawn("A letter"), annotations=[stamp])
        found = pdf.read(objects.to_bytes(), Limits())
        assert found.items.unread == ("page 1: a stamp with a picture; OCR is switched off",)


def picture(objects: PdfObjects, width: int = 100, height: int = 100) -> bytes:
    entries = b"/Type/XObject/Subtype/Image/Width %d/Height %d/BitsPerComponent 8/ColorSpace/DeviceGray"
    return objects.add_stream(bytes(width * height), entries % (width, height), is_packed=True)


def page_with_picture(objects: PdfObjects, matrix: bytes, content: bytes) -> None:
    image = picture(objects)
    objects.add_page(b"q %s cm /Im Do Q " % matrix + content, resources=b"/XObject<</Im %s>>" % image)


class TestPictures:
    def test_a_scan_needs_ocr(self):
        objects = PdfObjects()
        page_with_picture(objects, b"612 0 0 792 0 0", b"")
        with pytest.raises(CannotRead) as error:
            pdf.read(objects.to_bytes(), Limits())
        assert error.value.reason == "needs-ocr"

    def test_a_scanned_page_among_others_is_named(self):
        objects = PdfObjects()
        objects.add_page(drawn("A letter"))
        page_with_picture(objects, b"612 0 0 792 0 0", b"")
        found = pdf.read(objects.to_bytes(), Limits())
        assert found.items.unread == ("page 2: pictures, no text layer; OCR is switched off",)
        assert found.items.counts["page"] == {"read": 1, "unread": 1}

    @pytest.mark.parametrize(
        "stamp", ["KH-000124", "FAX 12/05/2024 10:31 FROM 555-0100 TO 555-0199 P. 3/7", "a b c " * 20]
    )
    def test_a_scan_with_a_stamped_line_keeps_the_line_and_is_named(self, stamp):
        objects = PdfObjects()
        page_with_picture(objects, b"612 0 0 792 0 0", drawn(stamp, x=100, y=20, size=9))
        found = pdf.read(objects.to_bytes(), Limits())
        assert found.text == stamp.strip()
        assert found.items.unread == ("page 1: a picture of 612 x 792 points; OCR is switched off",)

    def test_a_scan_in_strips_is_one_picture(self):
        objects = PdfObjects()
        image = picture(objects)
        strips = b"".join(b"q 612 0 0 99 0 %d cm /Im Do Q " % (99 * row) for row in range(8))
        objects.add_page(strips + drawn("KH-000124", y=20), resources=b"/XObject<</Im %s>>" % image)
        found = pdf.read(objects.to_bytes(), Limits())
        assert found.items.unread == ("page 1: a picture of 612 x 792 points; OCR is switched off",)

    def test_a_picture_in_a_form_is_seen_where_the_form_lies(self):
        objects = PdfObjects()
        form = objects.add_form(
            b"q 100 0 0 100 0 0 cm /Im Do Q", (0, 0, 100, 100), b"/XObject<</Im %s>>" % picture(objects)
        )
        objects.add_page(b"q 3 0 0 4 50 50 cm /X Do Q " + drawn("A letter"), resources=b"/XObject<</X %s>>" % form)
        found = pdf.read(objects.to_bytes(), Limits())
        assert found.items.unread == ("page 1: a picture of 300 x 400 points; OCR is switched off",)

    def test_a_scan_with_a_recognised_text_layer_is_read(self):
        objects = PdfObjects()
        page_with_picture(objects, b"612 0 0 792 0 0", b"3 Tr " + drawn("Henry Quinn of Reno", "paid the bill"))
        found = pdf.read(objects.to_bytes(), Limits())
        assert (found.text, found.items.unread) == ("Henry Quinn of Reno\npaid the bill", ())
        assert found.items.counts["picture"] == {"read": 1}

    def test_a_logo_is_ignored_and_a_larger_picture_named(self):
        objects = PdfObjects()
        page_with_picture(objects, b"150 0 0 50 72 720", drawn("A letter"))
        page_with_picture(objects, b"400 0 0 15 72 720", drawn("under a ruled line"))
        page_with_picture(objects, b"200 0 0 90 72 500", drawn("and a card"))
        found = pdf.read(objects.to_bytes(), Limits())
        assert found.items.unread == ("page 3: a picture of 200 x 90 points; OCR is switched off",)
        assert found.items.ignored == {"small-picture": 2}

    def test_a_page_of_lines_and_boxes_is_empty_among_others(self):
        objects = PdfObjects()
        objects.add_page(drawn("A letter"))
        objects.add_page(b"72 72 300 300 re S 72 500 m 400 500 l S")
        objects.add_page(b"")
        found = pdf.read(objects.to_bytes(), Limits())
        assert (found.items.unread, found.items.ignored) == ((), {"blank-page": 1, "lines-only": 1})

    def test_text_as_outlines_is_named(self):
        letter = b"0 0 m 1 5 2 5 3 0 c 4 5 5 5 6 0 c 7 5 8 5 9 0 c 9 3 8 3 7 2 c 6 1 5 1 4 2 c 3 3 2 3 0 0 c "
        letter += b"1 1 2 2 3 1 c 2 0 1 0 0 0 c 1 2 2 2 0 0 c h f "
        outlines = b"".join(b"q 1 0 0 1 %d 700 cm " % (72 + 10 * n) + letter + b"Q " for n in range(30))
        objects = PdfObjects()
        objects.add_page(drawn("A letter"))
        objects.add_page(outlines)
        found = pdf.read(objects.to_bytes(), Limits())
        assert found.items.unread == ("page 2: pictures, no text layer; OCR is switched off",)


def attached(name: str, content: bytes, objects: PdfObjects) -> bytes:
    stream = objects.add_stream(content, b"/Type/EmbeddedFile/Subtype/text#2Fplain", is_packed=True)
    return objects.add(b"<</Type/Filespec/F%s/UF%s/EF<</F %s>>>>" % (string(name), string(name), stream))


class TestFiles:
    def test_attached_files_are_parts(self):
        objects = PdfObjects()
        objects.add_page(drawn("A letter"))
        names = b"(a)%s(b)%s" % (attached("a#1.txt", b"one", objects), attached("\xe9.txt", b"two", objects))
        found = pdf.read(objects.to_bytes(b"/Names<</EmbeddedFiles<</Names[%s]>>>>" % names), Limits())
        assert [(part.name, part.content, part.media_type) for part in found.parts] == [
            ("a%231.txt", b"one", "text/plain"),
            ("\xe9.txt", b"two", "text/plain"),
        ]
        assert found.items.counts["embedded-file"] == {"read": 2}

    def test_a_file_that_an_annotation_holds_is_a_part(self):
        objects = PdfObjects()
        file = attached("bill.txt", b"paid", objects)
        note = objects.add(b"<</Type/Annot/Subtype/FileAttachment/Rect[0 0 9 9]/FS %s>>" % file)
        objects.add_page(drawn("A letter"), annotations=[note])
        (part,) = pdf.read(objects.to_bytes(), Limits()).parts
        assert (part.name, part.content) == ("bill.txt", b"paid")

    def test_a_file_without_content_is_named(self):
        objects = PdfObjects()
        objects.add_page(drawn("A letter"))
        spec = objects.add(b"<</Type/Filespec/F(gone.txt)>>")
        found = pdf.read(objects.to_bytes(b"/Names<</EmbeddedFiles<</Names[(a)%s]>>>>" % spec), Limits())
        assert found.items.unread == ("gone.txt: broken, without content",)

    def test_files_that_unpack_to_too_much_are_a_bomb(self):
        objects = PdfObjects()
        objects.add_page(drawn("A letter"))
        names = b"".join(b"(%d)%s" % (n, attached(f"{n}.txt", bytes(90_000), objects)) for n in range(3))
        data = objects.to_bytes(b"/Names<</EmbeddedFiles<</Names[%s]>>>>" % names)
        found = pdf.read(data, Limits(max_unpacked_bytes=200_000))
        assert [getattr(part.content, "reason", "") for part in found.parts] == ["", "", "bomb"]

    @pytest.mark.parametrize("comments", [b"", b"%stream\n", b"%stream\n" * 100], ids=["none", "one", "many"])
    def test_a_stream_that_unpacks_to_too_much_is_a_bomb_whatever_stands_before_it(self, comments):
        packed = zlib.compress(bytes(3_000_000))
        entries = b"<</Filter/FlateDecode/Length %d>>\n" % len(packed)
        content = entries + comments + b"stream\n%s\nendstream" % packed
        objects = PdfObjects()
        objects.add_page(drawn("A letter"))
        objects.add(content)
        with pytest.raises(CannotRead) as caught:
            pdf.read(objects.to_bytes(), Limits(max_unpacked_bytes=1_000_000))
        assert caught.value.reason == "bomb"


class TestXfa:
    DATA = b"<form><name>Henry Quinn</name><town/><a><b>Reno</b></a></form>"

    def read(self, packets: list[tuple[bytes, bytes]], catalogue: bytes = b"", content: bytes = b""):
        objects = PdfObjects()
        objects.add_page(content or drawn("Please wait..."))
        streams = b"".join(b"(%s) %s " % (name, objects.add_stream(packet)) for name, packet in packets)
        return pdf.read(objects.to_bytes(b"/AcroForm<</Fields[]/XFA[%s]>>%s" % (streams, catalogue)), Limits())

    def data(self, content: bytes) -> bytes:
        space = b'xmlns:xfa="http://www.xfa.org/schema/xfa-data/1.0/"'
        return b"<xfa:datasets %s><xfa:data>%s</xfa:data></xfa:datasets>" % (space, content)

    def test_its_data_are_lines(self):
        found = self.read([(b"datasets", self.data(self.DATA))])
        assert found.text == "Please wait...\n\nname: Henry Quinn\nb: Reno"
        assert found.items.counts["xfa-form"] == {"read": 1}

    def test_texts_of_a_form_that_only_xfa_draws_are_read(self):
        template = (
            b'<template xmlns="http://www.xfa.org/schema/xfa-template/3.3/"><subform><draw><value><text>Claim of'
            b"</text></value></draw><field><caption><value><text>Name</text></value></caption></field></subform></template>"
        )
        packets = [(b"template", template), (b"datasets", self.data(self.DATA))]
        assert "Claim of\nName\nname: Henry Quinn" in self.read(packets, b"/NeedsRendering true").text

    def test_broken_xml_is_named(self):
        found = self.read([(b"datasets", b"<xfa:datasets><a>")])
        assert found.items.unread == ("XFA form: its XML is broken",)

    def test_entities_are_not_unpacked(self):
        bomb = b'<!DOCTYPE a [<!ENTITY b "%s">]>' % (b"x" * 1000) + self.data(b"<name>&b;Quinn</name>")
        assert "xxx" not in self.read([(b"datasets", bomb)]).text


class TestDocuments:
    def encrypted(self, password: str) -> bytes:
        objects = PdfObjects()
        objects.add_page(drawn(SENTENCE))
        writer = pypdf.PdfWriter(clone_from=io.BytesIO(objects.to_bytes()))
        writer.encrypt(password, "owner", algorithm="RC4-128")
        file = io.BytesIO()
        writer.write(file)
        return file.getvalue()

    def test_an_empty_password_is_tried_and_noted(self):
        found = pdf.read(self.encrypted(""), Limits())
        assert (found.text, found.notes) == (SENTENCE, ("encrypted; the empty password opens it",))

    def test_one_that_asks_for_a_password_is_encrypted(self):
        with pytest.raises(CannotRead) as error:
            pdf.read(self.encrypted("secret"), Limits())
        assert error.value.reason == "encrypted"

    def test_a_page_that_is_not_there_is_named(self):
        objects = PdfObjects()
        objects.add_page(drawn("A letter"))
        objects.pages.append(b"99 0 R")
        found = pdf.read(objects.to_bytes(), Limits())
        assert found.text == "A letter"
        assert found.items.unread == ("page 2: broken",)

    def test_what_people_call_a_document_is_read_where_its_pages_do_not_say_it(self):
        def draw(canvas):
            canvas.setTitle("MRI of Henry Quinn")
            canvas.setSubject("A letter")
            canvas.drawString(72, 700, "A letter")

        found = pdf.read(canvas_bytes(draw), Limits())
        assert found.text == "A letter\n\nTitle: MRI of Henry Quinn"
        assert found.items.counts["property"] == {"read": 1, "ignored": 1}
        assert found.items.ignored == {"said-in-the-text": 1}

    def test_bookmarks_are_read_where_the_pages_do_not_say_them(self):
        def draw(canvas):
            canvas.drawString(72, 700, "A letter")
            canvas.bookmarkPage("one")
            canvas.addOutlineEntry("Letter", "one")
            canvas.bookmarkPage("two")
            canvas.addOutlineEntry("Exhibit B, Tampa", "two", 1)

        found = pdf.read(canvas_bytes(draw), Limits())
        assert found.text == "A letter\n\nExhibit B, Tampa"
        assert found.items.counts["bookmark"] == {"read": 1, "ignored": 1}

    def test_a_very_long_bookmark_is_named(self):
        def draw(canvas):
            canvas.drawString(72, 700, "A letter")
            canvas.bookmarkPage("one")
            canvas.addOutlineEntry("x " * 40_000, "one")

        assert pdf.read(canvas_bytes(draw), Limits()).items.unread == ("1 bookmark(s): of more than 32768 characters",)

    def test_a_title_does_not_make_a_scan_a_document_with_text(self):
        def draw(canvas):
            canvas.setTitle("MRI of Henry Quinn")
            canvas.rect(72, 72, 300, 300, fill=1)

        with pytest.raises(CannotRead) as refused:
            pdf.read(canvas_bytes(draw), Limits())
        assert refused.value.reason == "needs-ocr"

    def test_hidden_layers_are_read(self):
        objects = PdfObjects()
        layer = objects.add(b"<</Type/OCG/Name(l)>>")
        objects.add_page(b"/OC /L BDC " + drawn("Hidden") + b" EMC", resources=b"/Properties<</L %s>>" % layer)
        catalogue = b"/OCProperties<</OCGs[%s]/D<</OFF[%s]>>>>" % (layer, layer)
        assert pdf.read(objects.to_bytes(catalogue), Limits()).text == "Hidden"

    def test_more_text_than_allowed_is_too_long(self):
        objects = PdfObjects()
        objects.add_page(drawn(*["words"] * 40))
        with pytest.raises(CannotRead) as error:
            pdf.read(objects.to_bytes(), Limits(max_characters=50))
        assert error.value.reason == "too-long"

    def test_damaged_files_are_answered(self):
        objects = PdfObjects()
        form = objects.add_form(drawn("RECEIVED", x=2, y=4))
        stamp = objects.add(b"<</Type/Annot/Subtype/Stamp/Rect[300 600 500 620]/AP<</N %s>>>>" % form)
        page_with_picture(objects, b"612 0 0 792 0 0", b"")
        objects.add_page(drawn(SENTENCE), annotations=[stamp])
        names = b"(a)%s" % attached("a.txt", b"one", objects)
        whole = objects.to_bytes(b"/Names<</EmbeddedFiles<</Names[%s]>>>>/AcroForm<</Fields[]>>" % names)
        rng = random.Random(7)
        for _ in range(300):
            data = bytearray(whole)
            for _ in range(rng.randint(1, 12)):
                data[rng.randrange(len(data))] = rng.randrange(256)
            with contextlib.suppress(CannotRead):
                found = pdf.read(bytes(data[: rng.choice([len(data), rng.randrange(len(data))])]), Limits())
                assert found.items.add_up()

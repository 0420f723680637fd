"""PDF files: a page of text, a filled form, a scan, a fax with a line stamped on it."""

import io
import random
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sample import document_texts as texts
from sample.document_texts import cast_of, filled, some

if TYPE_CHECKING:
    from PIL import Image

_WIDTH, _HEIGHT = 612, 792  # US Letter in points
_DPI = 150
_LINE = 24  # pixels between two lines of a scan
_FAX_SHARE = 0.002  # of the pixels of a fax that a bad line turned over


def text_pdf(lines: Sequence[str]) -> bytes:
    """Lines of text on one page."""
    from reportlab.pdfgen.canvas import Canvas

    file = io.BytesIO()
    canvas = Canvas(file, invariant=True, pageCompression=0)
    page = canvas.beginText(72, 720)
    for line in lines:
        page.textLine(line)
    canvas.drawText(page)
    canvas.save()
    return file.getvalue()


def form_pdf(rng: random.Random) -> bytes:
    """A claim form that a member filled in: text fields, boxes ticked, a choice; no word of it is in the page's text."""
    from reportlab.pdfgen.canvas import Canvas

    cast = cast_of(rng)
    file = io.BytesIO()
    canvas = Canvas(file, invariant=True, pageCompression=0)
    canvas.drawString(72, 740, filled(rng, "{insurer}: request for a review of a claim", cast))
    form = canvas.acroForm
    for number, (label, value) in enumerate(texts.CLAIM_FIELDS):
        y = 690 - 34 * number
        canvas.drawString(72, y + 6, f"{label}:")
        form.textfield(name=label, tooltip=label, value=filled(rng, value, cast), x=190, y=y, width=320, height=20)
    canvas.drawString(72, 366, "The patient was admitted:")
    form.checkbox(name="Admitted", tooltip="The patient was admitted", checked=True, x=230, y=362, size=16)
    form.choice(
        name="Relation", tooltip="Relation to the member", options=["self", "spouse", "child"], value="child",
        x=190, y=320, width=120, height=20,
    )  # fmt: skip
    canvas.save()
    return file.getvalue()


def questionnaire_pdf(title: str, fields: Sequence[tuple[str, str]]) -> bytes:
    """A form with text fields, as `form_pdf`, of these labels and values."""
    from reportlab.pdfgen.canvas import Canvas

    file = io.BytesIO()
    canvas = Canvas(file, invariant=True, pageCompression=0)
    canvas.drawString(72, 750, title)
    for number, (label, value) in enumerate(fields):
        y = 715 - 33 * number
        canvas.drawString(72, y + 6, f"{label}:")
        canvas.acroForm.textfield(name=label, tooltip=label, value=value, x=240, y=y, width=310, height=20)
    canvas.save()
    return file.getvalue()


def scan_pdf(rng: random.Random) -> bytes:
    """What a scanner makes of a letter: a picture and no text."""
    cast = cast_of(rng)
    return _pdf_of(_picture(_letter_lines(rng, cast)))


def fax_pdf(rng: random.Random) -> bytes:
    """A letter as a fax machine sent it, with the line that the receiving machine stamps on it as text."""
    cast = cast_of(rng)
    picture = _picture(_letter_lines(rng, cast))
    for _ in range(int(picture.width * picture.height * _FAX_SHARE)):
        at = rng.randrange(picture.width), rng.randrange(picture.height)
        picture.putpixel(at, 255 if picture.getpixel(at) == 0 else 0)
    stamp = filled(rng, "12 MAR 2026 09:30 FROM: {hospital} TO: CLAIMS PAGE 01/01", cast)
    return _pdf_of(picture, stamp)


def _letter_lines(rng: random.Random, cast: texts.Cast) -> list[str]:
    body = some(rng, rng.choice(texts.LETTER_BODIES), 3)
    blocks = [*filled(rng, texts.LETTER_HEAD, cast).split("\n"), ""]
    for paragraph in body:
        blocks += [*textwrap.wrap(filled(rng, paragraph, cast), 74), ""]
    return [*blocks, *filled(rng, texts.LETTER_END, cast).split("\n")]


def _picture(lines: list[str]) -> "Image.Image":
    from PIL import Image, ImageDraw, ImageFont

    page = Image.new("L", (_WIDTH * _DPI // 72, _HEIGHT * _DPI // 72), 255)
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(20)
    for number, line in enumerate(lines):
        draw.text((130, 110 + _LINE * number), line, fill=0, font=font)
    return page


def _pdf_of(picture: "Image.Image", stamp: str = "") -> bytes:
    from reportlab.lib.utils import ImageReader
    from reportlab.pdfgen.canvas import Canvas

    file = io.BytesIO()
    canvas = Canvas(file, invariant=True, pagesize=(_WIDTH, _HEIGHT))
    canvas.drawImage(ImageReader(picture.convert("1")), 0, 0, _WIDTH, _HEIGHT)
    if stamp:
        canvas.setFont("Helvetica", 8)
        canvas.drawString(40, 778, stamp)
    canvas.save()
    return file.getvalue()

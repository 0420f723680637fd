"""Draw known text as scanned and faxed pages."""

import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

_WIDTH, _HEIGHT, _MARGIN = 8.5, 11.0, 1.0  # inches, US letter
_POINTS_PER_INCH = 72
_LINE_HEIGHT = 1.25  # of the size
_COLUMNS = 84
_SKEW = 2.0  # degrees
_NOISE = 0.003  # share of inverted pixels in a fax
FAX_HEADER = "03/12/2026 09:14  FROM: 5550100 TO: 5550199  PAGE 1 OF 1"


@dataclass(frozen=True)
class Picture:
    """A scanned page.

    Attributes:
        text: the text on it.
        dpi: horizontal resolution.
        dpi_down: vertical resolution.
    """

    image: Image.Image
    text: str
    dpi: float
    dpi_down: float


def fonts() -> dict[str, Path]:
    """Return font files by name: those of reportlab and Matplotlib, and Liberation if installed."""
    import matplotlib
    import reportlab

    ours = Path(matplotlib.get_data_path()) / "fonts/ttf"
    files = {
        "Vera": Path(reportlab.__file__).parent / "fonts/Vera.ttf",
        "STIX (like Times)": ours / "STIXGeneral.ttf",
        "DejaVu Sans": ours / "DejaVuSans.ttf",
        "DejaVu Serif": ours / "DejaVuSerif.ttf",
        "DejaVu Sans Mono": ours / "DejaVuSansMono.ttf",
    }
    liberation = Path("/usr/share/fonts/truetype/liberation")
    files |= {f"Liberation {kind}": liberation / f"Liberation{kind}-Regular.ttf" for kind in ("Sans", "Serif", "Mono")}
    return {name: path for name, path in files.items() if path.is_file()}


def clean(text: str, font: Path, dpi: int) -> Picture:
    """Draw a straight page in grey levels."""
    image, lines = _drawn(text, font, dpi, "")
    return Picture(image, lines, dpi, dpi)


def skewed(text: str, font: Path, dpi: int) -> Picture:
    """Draw a skewed page."""
    page = clean(text, font, dpi)
    return Picture(page.image.rotate(_SKEW, Image.Resampling.BICUBIC, fillcolor=255), page.text, dpi, dpi)


def fax(text: str, font: Path, dpi_down: int = 196, noise: float = _NOISE) -> Picture:
    """Draw a faxed page: black and white, with specks and a header line. `dpi_down` is 196 or 98."""
    dpi = 204
    image, lines = _drawn(text, font, dpi, FAX_HEADER)
    image = image.resize((image.width, image.height * dpi_down // dpi), Image.Resampling.BOX)
    bits = np.asarray(image) > 127
    bits ^= np.random.default_rng(len(text)).random(bits.shape) < noise
    return Picture(Image.fromarray(bits), f"{FAX_HEADER}\n{lines}", dpi, dpi_down)


KINDS: Mapping[str, Callable[[str, Path], Picture]] = {
    **{f"{dpi} dpi, clean": lambda text, font, dpi=dpi: clean(text, font, dpi) for dpi in (300, 200, 150)},
    **{
        f"{dpi} dpi, skewed by 2 degrees": lambda text, font, dpi=dpi: skewed(text, font, dpi)
        for dpi in (300, 200, 150)
    },
    "fax, 204 x 196 dpi": fax,
    "fax, 204 x 98 dpi": lambda text, font: fax(text, font, 98),
}


def word_errors(expected: list[str], actual: list[str]) -> int:
    """Return the Levenshtein distance over words."""
    row = list(range(len(actual) + 1))
    for index, word in enumerate(expected, start=1):
        diagonal, row[0] = row[0], index
        for at, other in enumerate(actual, start=1):
            diagonal, row[at] = row[at], min(row[at] + 1, row[at - 1] + 1, diagonal + (word != other))
    return row[-1]


def _drawn(text: str, font: Path, dpi: int, header: str) -> tuple[Image.Image, str]:
    """Draw the first lines of the text, as many as fit on a page; return the page and those lines."""
    size, margin = 11 * dpi / _POINTS_PER_INCH, round(_MARGIN * dpi)
    face = _face(font, size)
    image = Image.new("L", (round(_WIDTH * dpi), round(_HEIGHT * dpi)), 255)
    draw = ImageDraw.Draw(image)
    if header:
        draw.text((margin, margin // 3), header, font=_face(font, 0.8 * size), fill=0)
    top, lines = margin, []
    for line in _wrapped(text, face, image.width - 2 * margin):
        if top + size > image.height - margin:
            break
        draw.text((margin, top), line, font=face, fill=0)
        lines.append(line)
        top += round(_LINE_HEIGHT * size)
    return image, "\n".join(lines)


def _wrapped(text: str, face: ImageFont.FreeTypeFont, width: int) -> list[str]:
    columns = min(_COLUMNS, int(width / face.getlength("n")))
    paragraphs = text.split("\n\n")
    wrapped = []
    for paragraph in paragraphs:
        for line in paragraph.split("\n"):
            wrapped += textwrap.wrap(line, columns, break_on_hyphens=False) or [""]
        wrapped.append("")
    return wrapped


@cache
def _face(font: Path, size: float) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(font), size)

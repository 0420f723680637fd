"""Prepare the picture of a page for Tesseract: greyscale, straight, at a suitable resolution, without specks."""

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ner_tasks.documents.ocr.ocr_skew import find_skew
from ner_tasks.documents.source_map import Box
from ner_tasks.documents.types import CannotRead

if TYPE_CHECKING:
    from PIL import Image

MAX_PIXELS = 40_000_000  # A3 at 300 dpi has 17 million
POINTS_PER_INCH = 72
WHITE = 255
# Tesseract's models were trained on letters of about this resolution.
BEST_DPI = 300
_BELOW = 250  # pictures of a lower resolution are enlarged
_SAME = 0.02  # resolutions that differ by less are the same
# Share of isolated pixels from which a page counts as speckled. Clean pages have a tenth of it.
_SPECKLED = 0.0004
_FAX_DPI = 204.0
_SPECKLED_DPI = 150  # at lower resolutions the dots of letters are single pixels
# Standard deviation in pixels: removes specks of one pixel, keeps strokes of two. Compared with a median filter, or
# with removing isolated pixels, it halves the errors (benchmarks.documents.ocr).
_BLUR = 1.3
# Minimum contrast with the paper, in 256 shades at 75 dpi: for a page to be recognised, and for a page without
# recognised words not to count as blank.
_FAINT, _VISIBLE = 24, 64
_COARSE_DPI = 75
_N_QUARTERS = 4
_SKEWED = 2.5  # degrees; Tesseract corrects less by itself


@dataclass(frozen=True)
class PageImage:
    """A page image prepared for OCR.

    Attributes:
        image: image of mode L.
        dpi: resolution in pixels per inch.
        quarters: counterclockwise quarter turns relative to the prepared page.
        skew: degrees by which it was rotated counterclockwise before that, to straighten it.
        shown: width and height of the displayed page, in pixels at this resolution.
    """

    image: "Image.Image"
    dpi: float
    quarters: int = 0
    skew: float = 0.0
    shown: tuple[float, float] = (0.0, 0.0)

    def rotate(self, quarters: int) -> "PageImage":
        """Return the page rotated counterclockwise by quarter turns."""
        from PIL import Image

        turn = {1: Image.Transpose.ROTATE_90, 2: Image.Transpose.ROTATE_180, 3: Image.Transpose.ROTATE_270}
        return replace(
            self, image=self.image.transpose(turn[quarters]), quarters=(self.quarters + quarters) % _N_QUARTERS
        )

    def to_page_box(self, box: Box) -> Box:
        """Convert a box in pixels to points on the displayed page."""
        left, top, right, bottom = box
        width, height = self.image.size
        for _ in range(self.quarters):  # rotate back clockwise
            left, top, right, bottom = height - bottom, left, height - top, right
            width, height = height, width
        if self.skew:
            left, top, right, bottom = self._undo_skew((left, top, right, bottom), (width, height))
        scale = POINTS_PER_INCH / self.dpi
        return left * scale, top * scale, right * scale, bottom * scale

    def _undo_skew(self, box: Box, straight: tuple[int, int]) -> Box:
        """Move a box of the straightened page back to the skewed one, keeping its size."""
        turn = math.radians(self.skew)
        across, down = (box[0] + box[2] - straight[0]) / 2, (box[1] + box[3] - straight[1]) / 2
        middle_x = self.shown[0] / 2 + across * math.cos(turn) - down * math.sin(turn)
        middle_y = self.shown[1] / 2 + across * math.sin(turn) + down * math.cos(turn)
        half_width, half_height = (box[2] - box[0]) / 2, (box[3] - box[1]) / 2
        return middle_x - half_width, middle_y - half_height, middle_x + half_width, middle_y + half_height


def check_size(size: tuple[int, int]) -> None:
    """Check the number of pixels of a picture before decoding it.

    Raises:
        CannotRead: `bomb`.
    """
    if size[0] * size[1] > MAX_PIXELS:
        raise CannotRead("bomb", f"found {size[0]} x {size[1]} pixels, expected at most {MAX_PIXELS:,}")


def prepare(image: "Image.Image", dpi: float) -> PageImage | None:
    """Prepare a picture for Tesseract; return None if it is blank."""
    check_size(image.size)
    grey, is_speckled = to_grey(image), False
    if dpi >= _SPECKLED_DPI:
        grey, is_speckled = _remove_specks(grey, dpi)
    # Remains of specks look like faint text, which a black-and-white picture cannot have.
    if is_blank(grey, dpi, _VISIBLE if is_speckled else _FAINT):
        return None
    skew = find_skew(grey, dpi)
    return _straighten(grey, dpi, skew if abs(skew) >= _SKEWED else 0.0)


def _straighten(grey: "Image.Image", dpi: float, skew: float) -> PageImage:
    """Straighten a picture, and enlarge it to Tesseract's best resolution if it is lower and the result not too large."""
    from PIL import Image

    width, height = grey.size
    if skew:
        paper = int(np.median(np.asarray(grey)))
        grey = grey.rotate(skew, Image.Resampling.BICUBIC, expand=True, fillcolor=paper)
    factor = min(BEST_DPI / dpi, (MAX_PIXELS / (grey.width * grey.height)) ** 0.5) if dpi < _BELOW else 1.0
    if factor <= 1:
        return PageImage(grey, dpi, skew=skew, shown=(width, height))
    grey = grey.resize((round(grey.width * factor), round(grey.height * factor)))
    return PageImage(grey, dpi * factor, skew=skew, shown=(width * factor, height * factor))


def make_pixels_square(image: "Image.Image", dpi: float, dpi_down: float) -> "tuple[Image.Image, float]":
    """Resample a picture to square pixels; return it with its resolution. A fax may have half as many rows."""
    best = max(dpi, dpi_down)
    if abs(dpi - dpi_down) <= _SAME * best:
        return image, dpi
    size = (round(image.width * best / dpi), round(image.height * best / dpi_down))
    check_size(size)
    grey = to_grey(image)
    return _remove_specks(grey, min(dpi, dpi_down), size)[0], best


def to_grey(image: "Image.Image") -> "Image.Image":
    """Convert a picture of any mode to 8-bit greyscale, with transparency on white."""
    image = to_opaque(image)
    if image.mode.startswith("I") or image.mode == "F":
        return _to_8_bits(image)
    return image.convert("L") if image.mode in ("L", "1", "P", "RGB", "RGBX") else image.convert("RGB").convert("L")


def to_opaque(image: "Image.Image") -> "Image.Image":
    """Put a picture with transparency on white; others are returned unchanged."""
    from PIL import Image

    if image.mode not in ("LA", "La", "RGBA", "RGBa", "PA") and "transparency" not in image.info:
        return image
    opaque = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", opaque.size, "white"), opaque)


def is_blank(grey: "Image.Image", dpi: float = BEST_DPI, darker: int = _VISIBLE) -> bool:
    """Whether nothing but single specks stands out from the paper."""
    coarse = np.asarray(grey.reduce(max(round(dpi / _COARSE_DPI), 1)), np.int16)
    paper = int(np.median(coarse))
    return bool(np.abs(coarse - paper).max() < darker)


def _to_8_bits(image: "Image.Image") -> "Image.Image":
    from PIL import Image

    values = np.nan_to_num(np.asarray(image, np.float32))
    darkest, lightest = float(values.min()), float(values.max())
    values = (values - darkest) * (WHITE / max(lightest - darkest, 1e-6))
    return Image.fromarray(values.astype(np.uint8))


def _remove_specks(grey: "Image.Image", dpi: float, size: tuple[int, int] | None = None) -> "tuple[Image.Image, bool]":
    """Blur a picture that is full of isolated pixels and resize it; return it and whether it was blurred."""
    from PIL import Image, ImageFilter

    radius = _BLUR if _measure_specks(grey) > _SPECKLED else 0.0
    if not radius:  # it may be an enlarged fax, perhaps one with half as many rows
        factor = _FAX_DPI / dpi if dpi > _BELOW else 1.0
        fax = grey.resize((round(grey.width * factor), round(grey.height * factor)), Image.Resampling.BOX)
        if any(_measure_specks(seen) > _SPECKLED for seen in (fax, fax.reduce((1, 2)))):
            radius = _BLUR / factor
    resized = grey.resize(size) if size else grey
    return (resized.filter(ImageFilter.GaussianBlur(radius)) if radius else resized), bool(radius)


def _measure_specks(grey: "Image.Image") -> float:
    """Return the share of pixels that are dark among eight light neighbours, or light among eight dark ones."""
    dark = np.asarray(grey) < (WHITE + 1) // 2
    rows = dark[:-2].astype(np.uint8) + dark[1:-1] + dark[2:]
    around = rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]
    if not around.size:
        return 0.0
    return float(((around == 1) & dark[1:-1, 1:-1] | (around == 8) & ~dark[1:-1, 1:-1]).mean())

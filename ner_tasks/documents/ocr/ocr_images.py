"""Makes any picture of a page one that Tesseract reads well: grey, straight, of a fitting resolution, without specks."""

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
# Share of the pixels that are unlike all around them, from which on a page has specks. Clean pages have a tenth of it.
_SPECKLED = 0.0004
_FAX_DPI = 204.0
_SPECKLED_DPI = 150  # below it dots of letters are single pixels
# Standard deviation in pixels: specks of one pixel vanish, strokes of two do not. Measured by benchmarks.documents.ocr:
# against a median filter, or to take single pixels out, it halves the errors.
_BLUR = 1.3
# How much darker than the paper something must be, in 256 shades and a 75th of an inch, that the page is recognised;
# and that it is no blank page where no word was recognised.
_FAINT, _VISIBLE = 24, 64
_COARSE_DPI = 75
_N_QUARTERS = 4
_SKEWED = 2.5  # degrees; less is left to Tesseract


@dataclass(frozen=True)
class PageImage:
    """A picture as it is recognised.

    Attributes:
        image: of mode L.
        dpi: its resolution.
        quarters: by how many quarters it is turned to the left, against the page as it was prepared.
        skew: by how many degrees it was turned to the left before, to be straight.
        shown: width and height of the page as it is shown, in pixels of this resolution.
    """

    image: "Image.Image"
    dpi: float
    quarters: int = 0
    skew: float = 0.0
    shown: tuple[float, float] = (0.0, 0.0)

    def rotate(self, quarters: int) -> "PageImage":
        """The page turned to the left by quarters of a full turn."""
        from PIL import Image

        turn = {1: Image.Transpose.ROTATE_90, 2: Image.Transpose.ROTATE_180, 3: Image.Transpose.ROTATE_270}
        return replace(
            self, image=self.image.transpose(turn[quarters]), quarters=(self.quarters + quarters) % _N_QUARTERS
        )

    def to_page_box(self, box: Box) -> Box:
        """Where a box of pixels lies on the page as it is shown, in points."""
        left, top, right, bottom = box
        width, height = self.image.size
        for _ in range(self.quarters):  # each turns it back to the right
            left, top, right, bottom = height - bottom, left, height - top, right
            width, height = height, width
        if self.skew:
            left, top, right, bottom = self._undo_skew((left, top, right, bottom), (width, height))
        scale = POINTS_PER_INCH / self.dpi
        return left * scale, top * scale, right * scale, bottom * scale

    def _undo_skew(self, box: Box, straight: tuple[int, int]) -> Box:
        """Where a box of the straight page lay before: as wide and as high, around the same middle."""
        turn = math.radians(self.skew)
        across, down = (box[0] + box[2] - straight[0]) / 2, (box[1] + box[3] - straight[1]) / 2
        middle_x = self.shown[0] / 2 + across * math.cos(turn) - down * math.sin(turn)
        middle_y = self.shown[1] / 2 + across * math.sin(turn) + down * math.cos(turn)
        half_width, half_height = (box[2] - box[0]) / 2, (box[3] - box[1]) / 2
        return middle_x - half_width, middle_y - half_height, middle_x + half_width, middle_y + half_height


def check_size(size: tuple[int, int]) -> None:
    """Refuse a picture of too many pixels, before they are unpacked.

    Raises:
        CannotRead: `bomb`.
    """
    if size[0] * size[1] > MAX_PIXELS:
        raise CannotRead("bomb", f"found {size[0]} x {size[1]} pixels, expected at most {MAX_PIXELS:,}")


def prepare(image: "Image.Image", dpi: float) -> PageImage | None:
    """The picture as Tesseract should get it; None for one on which nothing is drawn."""
    check_size(image.size)
    grey, is_speckled = to_grey(image), False
    if dpi >= _SPECKLED_DPI:
        grey, is_speckled = _remove_specks(grey, dpi)
    # What is left of specks looks like faint text, and a picture in black and white holds none.
    if is_blank(grey, dpi, _VISIBLE if is_speckled else _FAINT):
        return None
    skew = find_skew(grey, dpi)
    return _straighten(grey, dpi, skew if abs(skew) >= _SKEWED else 0.0)


def _straighten(grey: "Image.Image", dpi: float, skew: float) -> PageImage:
    """The picture straight, in the resolution that Tesseract reads best, if that is higher and not too large."""
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
    """The picture with pixels as high as they are wide, and its resolution; a fax may have half as many lines."""
    best = max(dpi, dpi_down)
    if abs(dpi - dpi_down) <= _SAME * best:
        return image, dpi
    size = (round(image.width * best / dpi), round(image.height * best / dpi_down))
    check_size(size)
    grey = to_grey(image)
    return _remove_specks(grey, min(dpi, dpi_down), size)[0], best


def to_grey(image: "Image.Image") -> "Image.Image":
    """A picture of any mode in 256 shades of grey, on white where it is transparent."""
    from PIL import Image

    if image.mode in ("LA", "La", "RGBA", "RGBa", "PA") or "transparency" in image.info:
        opaque = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", opaque.size, "white"), opaque).convert("L")
    if image.mode.startswith("I") or image.mode == "F":
        return _to_8_bits(image)
    return image.convert("L") if image.mode in ("L", "1", "P", "RGB", "RGBX") else image.convert("RGB").convert("L")


def is_blank(grey: "Image.Image", dpi: float = BEST_DPI, darker: int = _VISIBLE) -> bool:
    """Whether nothing stands out from the paper; single specks do not."""
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
    """The picture in another size; blurred where it is full of single dark and white pixels, and whether it was."""
    from PIL import Image, ImageFilter

    radius = _BLUR if _measure_specks(grey) > _SPECKLED else 0.0
    if not radius:  # it may be a fax that a program has enlarged, perhaps one of half as many lines
        factor = _FAX_DPI / dpi if dpi > _BELOW else 1.0
        fax = grey.resize((round(grey.width * factor), round(grey.height * factor)), Image.Resampling.BOX)
        if any(_measure_specks(seen) > _SPECKLED for seen in (fax, fax.reduce((1, 2)))):
            radius = _BLUR / factor
    resized = grey.resize(size) if size else grey
    return (resized.filter(ImageFilter.GaussianBlur(radius)) if radius else resized), bool(radius)


def _measure_specks(grey: "Image.Image") -> float:
    """Share of the pixels that are dark where all eight around them are light, or the other way round."""
    dark = np.asarray(grey) < (WHITE + 1) // 2
    rows = dark[:-2].astype(np.uint8) + dark[1:-1] + dark[2:]
    around = rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]
    if not around.size:
        return 0.0
    return float(((around == 1) & dark[1:-1, 1:-1] | (around == 8) & ~dark[1:-1, 1:-1]).mean())

"""Makes any picture of a page one that Tesseract reads well: grey, upright, of a fitting resolution."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ner_tasks.documents.source_map import Box
from ner_tasks.documents.types import CannotRead

if TYPE_CHECKING:
    from PIL import Image

MAX_PIXELS = 40_000_000  # A3 at 300 dpi has 17 million
POINTS_PER_INCH = 72
# Tesseract's models were trained on letters of about this resolution.
_BEST_DPI = 300
_BELOW = 250  # pictures of a lower resolution are enlarged


@dataclass(frozen=True)
class Page:
    """A picture as it is recognised.

    Attributes:
        image: of mode L.
        dpi: its resolution.
    """

    image: "Image.Image"
    dpi: float

    def box_of(self, box: Box) -> Box:
        """Where a box of pixels lies on the page as it is shown, in points."""
        scale = POINTS_PER_INCH / self.dpi
        left, top, right, bottom = box
        return left * scale, top * scale, right * scale, bottom * scale


def check_size(size: tuple[int, int]) -> None:
    """Refuse a picture of too many pixels, before they are unpacked.

    Raises:
        CannotRead: `bomb`.
    """
    if size[0] * size[1] > MAX_PIXELS:
        raise CannotRead("bomb", f"found {size[0]} x {size[1]} pixels, expected at most {MAX_PIXELS:,}")


def prepare(image: "Image.Image", dpi: float) -> Page | None:
    """The picture as Tesseract should get it; None for one on which nothing is drawn."""
    check_size(image.size)
    grey = in_grey(image)
    darkest, lightest = grey.getextrema()
    if darkest == lightest:
        return None
    if dpi < _BELOW:
        factor = min(_BEST_DPI / dpi, (MAX_PIXELS / (grey.width * grey.height)) ** 0.5)
        if factor > 1:
            grey = grey.resize((round(grey.width * factor), round(grey.height * factor)))
            dpi *= factor
    return Page(grey, dpi)


def in_grey(image: "Image.Image") -> "Image.Image":
    """A picture of any mode in 256 shades of grey, on white where it is transparent."""
    from PIL import Image

    if image.mode == "L" and "transparency" not in image.info:
        return image
    if image.mode.startswith("I") or image.mode == "F":
        darkest, lightest = image.getextrema()
        scale = 255 / max(float(lightest) - float(darkest), 1.0)
        return image.convert("F").point(lambda value: (value - float(darkest)) * scale).convert("L")
    if image.mode in ("LA", "La", "RGBA", "RGBa", "PA") or "transparency" in image.info:
        opaque = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", opaque.size, "white"), opaque).convert("L")
    return image.convert("L") if image.mode in ("1", "P", "RGB", "RGBX") else image.convert("RGB").convert("L")

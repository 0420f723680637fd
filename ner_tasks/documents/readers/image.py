"""Read pictures of text (PNG, JPEG, TIFF, GIF, BMP, WebP) by OCR, all their pages.

Sources: TIFF 6.0 (Adobe, 1992), tags 254 and 282; ITU-T T.4, lines and dots of a fax; ISO/IEC 29170 and CIPA DC-007 for
pictures of several frames.
"""

import io
import math
import warnings
from typing import TYPE_CHECKING

from ner_tasks.documents.ocr import ocr, ocr_images
from ner_tasks.documents.types import CannotRead, Extract, ExtractBuilder, Limits

if TYPE_CHECKING:
    from PIL import Image
    from PIL.ImageFile import ImageFile as File

_FORMATS = ("PNG", "JPEG", "TIFF", "GIF", "BMP", "DIB", "WEBP")
_MAX_PAGES = 1_000
# Formats whose further frames are an animation, which mostly repeats the same text.
_ANIMATED, _MAX_FRAMES = ("GIF", "WEBP", "PNG"), 50
# After this many pages that take too long, the rest is skipped.
_MAX_SLOW = 3
_SUBFILE_TYPE, _REDUCED, _DESCRIPTION = 254, 1, 270
_LEAST_DPI, _MOST_DPI, _MOST_INCHES = 50.0, 1200.0, 24.0
_FAX_WIDTHS, _FAX_DPI, _FINE_LINES, _STANDARD_LINES = (1728, 2048, 2432), 204.0, 196.0, 98.0
_SCAN_PIXELS, _SCAN_DPI, _SCREEN_DPI = 2_800, 300.0, 96.0
_PAGE_INCHES = 11.0
# What Pillow raises for damaged files.
_DAMAGED = (OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, OverflowError, ArithmeticError, EOFError)


def read(data: bytes, limits: Limits, _declared: str = "") -> Extract:
    """Read all pages of a picture, separated by blank lines.

    Raises:
        CannotRead: `needs-ocr` if OCR is off; if no page can be read, the error of the first page: `bomb` for more
            than 40 million pixels, `too-slow`, `broken`.
    """
    if not limits.ocr:
        raise ocr.needs_ocr("a picture")
    pages = _Pages(data, limits)
    pages.read()
    if not pages.builder.length and pages.error:
        raise pages.error
    return pages.builder.extract(ocr.ENCODING)


def load_page(data: bytes, number: int) -> "tuple[Image.Image, float, int]":
    """Load one page, counted as `read` counts.

    Args:
        data: the file.
        number: page number, from 1.

    Returns:
        The page as displayed, with square pixels; its resolution in pixels per inch, to which boxes refer; the number of
        pages.

    Raises:
        CannotRead: `no-page`, `bomb`, `broken`.
    """
    file = _open(data)
    if file.format in _ANIMATED:  # whose frames are decoded one after another to find a later one
        ocr_images.check_size(file.size)
    frames = _find_pages(file)
    if not 1 <= number <= len(frames):
        raise CannotRead("no-page", f"found {len(frames)} page(s), expected a page {number}")
    try:
        file.seek(frames[number - 1])
    except _DAMAGED:
        raise CannotRead("broken", f"found damage before page {number}, expected a whole picture") from None
    image, _ = _load(file, data, is_first=number == 1)
    return *_set_upright(image), len(frames)


def _find_pages(file: "File") -> list[int]:
    """Return the index of each page among the frames of a file, without previews and further exposures."""
    most = _MAX_FRAMES if file.format in _ANIMATED else _MAX_PAGES
    pages: list[int] = []
    index = 0
    while len(pages) < most:
        try:
            file.seek(index)
        except _DAMAGED:  # among them EOFError, behind the last frame
            break
        index += 1
        if not _is_copy(file, index):
            pages.append(index - 1)
    return pages


class _Pages:
    """The pages of one file, read one after another."""

    def __init__(self, data: bytes, limits: Limits):
        self.builder = ExtractBuilder()
        self.error: CannotRead | None = None
        self._data, self._limits = data, limits
        self._n_slow = 0
        self._texts: set[str] = set()

    def read(self) -> None:
        """Read all pages, and list those that cannot be read.

        Raises:
            CannotRead: `bomb`; `broken` if it is not a picture.
        """
        file = _open(self._data)
        inventory = self.builder.inventory
        inventory.ignored("metadata", "picture-metadata", _count_metadata(file))
        is_animated = file.format in _ANIMATED
        most = _MAX_FRAMES if is_animated else _MAX_PAGES
        number, index = 0, 0
        while self._seek(file, index, number + 1):
            index += 1
            if _is_copy(file, index):
                inventory.ignored("page", "reduced-copy")
                continue
            number += 1
            if number > most or self._n_slow >= _MAX_SLOW:
                why = f"more than {most} pages" if number > most else f"{_MAX_SLOW} pages took too long"
                inventory.unread("page", f"page {number} and all later pages", why)
                break
            self._read_page(file, number, is_animated=is_animated)

    def _seek(self, file: "File", index: int, number: int) -> bool:
        try:
            file.seek(index)
        except EOFError:
            return False
        except _DAMAGED:
            self.builder.inventory.unread("page", f"page {number} and all later pages", "the file is damaged there")
            return False
        return True

    def _read_page(self, file: "File", number: int, *, is_animated: bool) -> None:
        inventory = self.builder.inventory
        try:
            image, is_whole = _load(file, self._data, is_first=number == 1)
            recognized = ocr.recognize(*_set_upright(image), self._limits)
        except CannotRead as error:
            self.error = self.error or error
            self._n_slow += error.reason == "too-slow"
            inventory.unread("page", f"page {number}", f"{error.reason}: {error}")
            return
        if is_animated and number > 1 and recognized.text in self._texts:
            inventory.ignored("page", "repeated-frame")
            return
        self._texts.add(recognized.text)
        if is_whole:
            ocr.add_page(self.builder, recognized, number, self._limits)
            return
        ocr.add_text(self.builder, recognized, number)
        self.error = self.error or CannotRead("broken", "found a truncated picture, expected a whole one")
        inventory.unread("page", f"page {number}", "the picture is truncated; only its first part was recognised")


def _open(data: bytes) -> "File":
    from PIL import Image

    try:
        with warnings.catch_warnings(action="ignore"):  # about many pixels; `check_size` counts them before decoding
            return Image.open(io.BytesIO(data), formats=_FORMATS)
    except Image.DecompressionBombError:
        raise CannotRead(
            "bomb", f"found a picture of too many pixels, expected at most {ocr_images.MAX_PIXELS:,}"
        ) from None
    except _DAMAGED:
        raise CannotRead("broken", "found a picture that does not open, expected a whole one") from None


def _load(file: "File", data: bytes, *, is_first: bool) -> "tuple[Image.Image, bool]":
    """Decode the current page; return it and whether it is whole. A photo that is too large is decoded at half its size.

    Raises:
        CannotRead: `bomb`, `broken`.
    """
    from PIL import ImageFile

    if file.format in ("JPEG", "MPO") and is_first:
        while file.width * file.height > ocr_images.MAX_PIXELS and file.draft(
            None, (file.width // 2, file.height // 2)
        ):
            continue
    ocr_images.check_size(file.size)
    try:
        file.load()
    except _DAMAGED:
        if not is_first or file.format == "TIFF":
            raise CannotRead("broken", "found a page that cannot be decoded, expected a whole one") from None
    else:
        return file, True
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        again = _open(data)
        again.load()
    except _DAMAGED:
        raise CannotRead("broken", "found a picture that cannot be decoded, expected a whole one") from None
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = False
    return again, False


def _set_upright(image: "Image.Image") -> "tuple[Image.Image, float]":
    """Return a page as displayed, with square pixels, and its resolution."""
    from PIL import ImageOps

    across, down = _find_resolution(image)
    shown = ImageOps.exif_transpose(image)
    is_sideways = shown.size != image.size
    return ocr_images.make_pixels_square(shown, *((down, across) if is_sideways else (across, down)))


def _find_resolution(image: "Image.Image") -> tuple[float, float]:
    """Return horizontal and vertical resolution in pixels per inch: as declared, or as typical for such a picture."""
    try:
        across, down = (float(value) for value in image.info["dpi"])
    except (KeyError, TypeError, ValueError, ArithmeticError):
        across = down = 0.0
    declared = (across, down)
    is_known = all(math.isfinite(dpi) and _LEAST_DPI <= dpi <= _MOST_DPI for dpi in declared)
    if is_known and max(image.width / across, image.height / down) <= _MOST_INCHES:
        return declared
    if image.mode == "1" and image.width in _FAX_WIDTHS:
        return _FAX_DPI, _STANDARD_LINES if image.height < image.width else _FINE_LINES
    longest = max(image.size)
    dpi = _SCAN_DPI if longest >= _SCAN_PIXELS else max(longest / _PAGE_INCHES, _SCREEN_DPI)
    return dpi, dpi


def _is_copy(file: "File", index: int) -> bool:
    """Whether a page repeats another one: a preview in a TIFF, further exposures of a photo."""
    if file.format == "MPO":
        return index > 1
    kind = getattr(file, "tag_v2", {}).get(_SUBFILE_TYPE, 0)
    return index > 1 and isinstance(kind, int) and bool(kind & _REDUCED)


def _count_metadata(file: "File") -> int:
    """Count the texts in the metadata of a picture."""
    texts = sum(isinstance(value, str) for name, value in file.info.items() if name != "compression")
    try:
        return texts + ("comment" in file.info) + (_DESCRIPTION in file.getexif())
    except _DAMAGED:
        return texts

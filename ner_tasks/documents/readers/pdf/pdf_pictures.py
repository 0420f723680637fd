"""Find pictures on a PDF page that may hold text, and text drawn as outlines.

A picture with words of the text layer over it, as in a scan with OCR text, is already read; any other needs OCR.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from itertools import repeat
from typing import Any

import numpy as np

from ner_tasks.documents.readers.pdf import pdfium
from ner_tasks.documents.readers.pdf.pdf_geometry import Frame
from ner_tasks.documents.readers.pdf.pdf_words import Integers, PdfWords
from ner_tasks.documents.source_map import Box, around

_MAX_OBJECTS = 200_000  # of one page
_MAX_DEPTH = 6
_MAX_PICTURES = 2_000
# A picture of smaller height or width, or of a smaller share of the page, is a logo, a bullet or a line.
_MIN_SIDE = 20.0
_MIN_PIXELS = 16
_MIN_SHARE = 0.03
# Minimum number of words over a picture that fills the page; proportionally fewer over a smaller one.
_MIN_WORDS = 50
_LEAST_WORDS = 3
_BANDS, _MIN_BANDS = 16, 3
_GRID = 16  # cells per side in which the pictures of a page are added up
# Maximum number of segments of lines and boxes; outlines of letters have more.
_SEGMENTS_OF_LINES = 8
_MIN_OUTLINES = 10
_MANY_OUTLINES = 150
_MANY_SEGMENTS = 200
_FEW_WORDS = 20
_INVISIBLE = 3
Matrix = tuple[float, ...]
_IDENTITY = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


@dataclass
class Drawn:
    """Pictures and outlines on a page.

    Attributes:
        pictures: boxes, on the displayed page, of pictures that may hold text and have no text layer.
        n_small: number of pictures too small for text.
        n_under_text: number of pictures with a text layer.
        page: box of the whole page.
        has_outlines: whether there are enough outlines to be letters.
        is_empty: whether nothing is drawn.
    """

    pictures: list[Box]
    n_small: int = 0
    n_under_text: int = 0
    page: Box = (0.0, 0.0, 0.0, 0.0)
    has_outlines: bool = False
    is_empty: bool = True


def find_pictures(page: Any, frame: Frame, words: PdfWords) -> Drawn:
    """Find pictures and outlines on a page."""
    top = _top_objects(page)
    pictures: list[tuple[Box, tuple[int, int]]] = []
    n_outlines = n_segments = 0
    for kind, address, within in _objects(top):
        if kind == pdfium.IMAGE and len(pictures) < _MAX_PICTURES:
            box = _find_shown_box(address, within, frame)
            if box:
                pictures.append((box, pdfium.read_pixel_size(address)))
        elif kind == pdfium.PATH:
            n = pdfium.count_segments(address)
            if n > _SEGMENTS_OF_LINES:
                n_outlines, n_segments = n_outlines + 1, max(n_segments, n)
    few = len(words) < _FEW_WORDS
    outlines = n_outlines >= (_MANY_OUTLINES if len(words) else _MIN_OUTLINES) or n_segments >= _MANY_SEGMENTS
    drawn = Drawn([], page=(0.0, 0.0, *frame.size), has_outlines=few and outlines, is_empty=not top)
    if pictures:
        is_invisible = any(
            kind == pdfium.TEXT and pdfium.render_mode(address) == _INVISIBLE
            for kind, address, _ in _objects(top, with_texts=True)
        )
        _sort_pictures(pictures, frame, words, drawn, is_invisible=is_invisible)
    return drawn


def _top_objects(page: Any) -> list[tuple[int, int]]:
    """Return kind and address of each object of a page, without those inside forms."""
    at = pdfium.get_address(page)
    n_objects = min(pdfium.count_objects(at), _MAX_OBJECTS)
    addresses = list(map(pdfium.page_object, repeat(at), range(n_objects)))
    return list(zip(map(pdfium.object_kind, addresses), addresses, strict=True))


def _objects(top: list[tuple[int, int]], *, with_texts: bool = False) -> Iterator[tuple[int, int, Matrix]]:
    """Yield kind, address and enclosing matrix of each object other than a form, including objects inside forms."""
    left_out = (0, pdfium.FORM) if with_texts else (0, pdfium.FORM, pdfium.TEXT)
    yield from ((kind, address, _IDENTITY) for kind, address in top if kind not in left_out)
    forms = [(address, pdfium.read_matrix(address), 1) for kind, address in top if kind == pdfium.FORM]
    n_left = _MAX_OBJECTS
    while forms and n_left > 0:
        form, within, depth = forms.pop()
        for number in range(min(pdfium.count_in_form(form), n_left)):
            n_left -= 1
            address = pdfium.object_in_form(form, number)
            kind = pdfium.object_kind(address)
            if kind == pdfium.FORM and depth < _MAX_DEPTH:
                forms.append((address, _multiply(pdfium.read_matrix(address), within), depth + 1))
            elif kind not in left_out:
                yield kind, address, within


def _multiply(inner: Matrix, outer: Matrix) -> Matrix:
    a, b, c, d, e, f = inner
    g, h, i, j, k, m = outer
    return a * g + b * i, a * h + b * j, c * g + d * i, c * h + d * j, e * g + f * i + k, e * h + f * j + m


def _find_shown_box(address: int, within: Matrix, frame: Frame) -> Box | None:
    box = pdfium.read_bounds(address)
    if box is None:
        return None
    a, b, c, d, e, f = within
    corners = [(a * x + c * y + e, b * x + d * y + f) for x in (box[0], box[2]) for y in (box[1], box[3])]
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    return frame.clip(frame.to_shown(min(xs), min(ys), max(xs), max(ys)))


def _sort_pictures(
    pictures: list[tuple[Box, tuple[int, int]]], frame: Frame, words: PdfWords, drawn: Drawn, *, is_invisible: bool
) -> None:
    """Sort pictures into those that need OCR, small ones and those under text; strips of a scan count as one."""
    width, height = frame.size
    area = max(width * height, 1.0)
    boxes = [box for box, pixels in pictures if pixels == (0, 0) or min(pixels) >= _MIN_PIXELS or _is_wide(box)]
    whole = reduce(around, boxes) if boxes else None
    if (
        len(boxes) > 1
        and whole
        and _measure_cover(boxes, frame) * area >= 0.7 * _area(whole)
        and _area(whole) > area / 4
    ):
        boxes = [whole]
        drawn.n_small += len(pictures) - 1
    else:
        drawn.n_small += len(pictures) - len(boxes)
    for box in boxes:
        share = _area(box) / area
        if min(box[2] - box[0], box[3] - box[1]) < _MIN_SIDE or share < _MIN_SHARE:
            drawn.n_small += 1
            continue
        over = words.within(box)
        if len(over) >= _LEAST_WORDS if is_invisible else _is_spread(words, over, box, share):
            drawn.n_under_text += 1
        else:
            drawn.pictures.append(box)


def _is_spread(words: PdfWords, over: Integers, box: Box, share: float) -> bool:
    """Whether the words over a picture are numerous, and spread over more than a line at its edge."""
    if len(over) < max(_MIN_WORDS * share, _LEAST_WORDS):
        return False
    bands = (words.boxes[over, 1] - box[1]) * (_BANDS / max(box[3] - box[1], 1.0))
    return len(np.unique(np.floor(bands))) >= _MIN_BANDS


def _is_wide(box: Box) -> bool:
    """Whether a picture is a strip of a page, as some scanners produce."""
    return box[2] - box[0] > 10 * (box[3] - box[1])


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _measure_cover(boxes: list[Box], frame: Frame) -> float:
    """Return the share of the page that boxes cover, overlaps counted once."""
    width, height = frame.size
    cells: set[tuple[int, int]] = set()
    for left, top, right, bottom in boxes:
        columns = range(int(_GRID * left / max(width, 1)), -int(-_GRID * right // max(width, 1)))
        rows = range(int(_GRID * top / max(height, 1)), -int(-_GRID * bottom // max(height, 1)))
        cells.update((column, row) for column in columns for row in rows)
    return len(cells) / (_GRID * _GRID)

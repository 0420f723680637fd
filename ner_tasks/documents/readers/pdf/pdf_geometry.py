"""Convert PDF page coordinates to points on the displayed page, with the origin at the top left.

Source: PDF 32000-1, 14.11.2 (page boundaries), table 30 (Rotate).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from pypdfium2 import raw

from ner_tasks.documents.readers.pdf.pdf_words import Floats
from ner_tasks.documents.source_map import Box

_LETTER = (0.0, 0.0, 612.0, 792.0)
_LARGEST = 1e6  # points, 350 m; larger coordinates are invalid


@dataclass(frozen=True)
class Frame:
    """Visible part of a page and its rotation.

    Attributes:
        left, bottom, right, top: crop box within the media box, in page coordinates.
        n_turns: clockwise quarter turns.
    """

    left: float
    bottom: float
    right: float
    top: float
    n_turns: int = 0

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of the displayed page in points."""
        width, height = self.right - self.left, self.top - self.bottom
        return (height, width) if self.n_turns % 2 else (width, height)

    def to_shown(self, left: float, bottom: float, right: float, top: float) -> Box:
        """Convert a box in page coordinates to the displayed page: left, top, right, bottom."""
        x0, y0, x1, y1 = self.left, self.bottom, self.right, self.top
        if self.n_turns == 0:
            return left - x0, y1 - top, right - x0, y1 - bottom
        if self.n_turns == 1:
            return bottom - y0, left - x0, top - y0, right - x0
        if self.n_turns == 2:
            return x1 - right, bottom - y0, x1 - left, top - y0
        return y1 - top, x1 - right, y1 - bottom, x1 - left

    def to_shown_all(self, boxes: Floats) -> Floats:
        """Convert many boxes: left, bottom, right, top in; left, top, right, bottom out [n_boxes, 4]."""
        return np.stack(self.to_shown(*boxes.T), axis=1).astype(np.float32)

    def clip(self, box: Box) -> Box:
        """Clip a box on the displayed page to the page; the result has no area if it is outside."""
        width, height = self.size
        left, top = min(max(box[0], 0.0), width), min(max(box[1], 0.0), height)
        return left, top, min(max(box[2], left), width), min(max(box[3], top), height)


def read_frame(page: Any) -> Frame:
    """Return the geometry of a page."""
    turns = int(raw.FPDFPage_GetRotation(page)) % 4
    edges = raw.FS_RECTF()
    if not raw.FPDF_GetPageBoundingBox(page, edges):
        return Frame(*_LETTER, turns)
    left, bottom, right, top = edges.left, edges.bottom, edges.right, edges.top
    if not all(abs(edge) < _LARGEST for edge in (left, bottom, right, top)):
        return Frame(*_LETTER, turns)
    return Frame(min(left, right), min(bottom, top), max(left, right), max(bottom, top), turns)


def read_drawn_size(page: Any) -> tuple[float, float]:
    """Return width and height at which PDFium draws a page, in points."""
    return float(raw.FPDF_GetPageWidthF(page)), float(raw.FPDF_GetPageHeightF(page))

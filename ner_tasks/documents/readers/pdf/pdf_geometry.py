"""From the units of a PDF page to points on the page as it is shown.

Source: PDF 32000-1, 14.11.2 (page boundaries), table 30 (Rotate); origin at the top left, as of a picture.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from pypdfium2 import raw

from ner_tasks.documents.readers.pdf.pdf_words import Floats
from ner_tasks.documents.source_map import Box

_LETTER = (0.0, 0.0, 612.0, 792.0)
_LARGEST = 1e6  # a page of 350 m; whatever lies farther away is nowhere


@dataclass(frozen=True)
class Frame:
    """What of a page is shown, and how it is turned.

    Attributes:
        left, bottom, right, top: the crop box within the media box.
        n_turns: quarters that it is turned clockwise.
    """

    left: float
    bottom: float
    right: float
    top: float
    n_turns: int = 0

    @property
    def size(self) -> tuple[float, float]:
        """Width and height as shown."""
        width, height = self.right - self.left, self.top - self.bottom
        return (height, width) if self.n_turns % 2 else (width, height)

    def to_shown(self, left: float, bottom: float, right: float, top: float) -> Box:
        """Where a box of the page's own units is on the page as shown: left, top, right, bottom."""
        x0, y0, x1, y1 = self.left, self.bottom, self.right, self.top
        if self.n_turns == 0:
            return left - x0, y1 - top, right - x0, y1 - bottom
        if self.n_turns == 1:
            return bottom - y0, left - x0, top - y0, right - x0
        if self.n_turns == 2:
            return x1 - right, bottom - y0, x1 - left, top - y0
        return y1 - top, x1 - right, y1 - bottom, x1 - left

    def to_shown_all(self, boxes: Floats) -> Floats:
        """The same of many boxes: left, bottom, right, top in, left, top, right, bottom out [n_boxes, 4]."""
        return np.stack(self.to_shown(*boxes.T), axis=1).astype(np.float32)

    def clip(self, box: Box) -> Box:
        """The part of a shown box that lies on the page; without area if none does."""
        width, height = self.size
        left, top = min(max(box[0], 0.0), width), min(max(box[1], 0.0), height)
        return left, top, min(max(box[2], left), width), min(max(box[3], top), height)


def read_frame(page: Any) -> Frame:
    """How a page is shown."""
    turns = int(raw.FPDFPage_GetRotation(page)) % 4
    edges = raw.FS_RECTF()
    if not raw.FPDF_GetPageBoundingBox(page, edges):
        return Frame(*_LETTER, turns)
    left, bottom, right, top = edges.left, edges.bottom, edges.right, edges.top
    if not all(abs(edge) < _LARGEST for edge in (left, bottom, right, top)):
        return Frame(*_LETTER, turns)
    return Frame(min(left, right), min(bottom, top), max(left, right), max(bottom, top), turns)

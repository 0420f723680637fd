"""From the units of a PDF page to points on the page as it is shown.

Source: PDF 32000-1, 14.11.2 (page boundaries), table 30 (Rotate); origin at the top left, as of a picture.
"""

from array import array
from dataclasses import dataclass
from typing import Any, TypeAlias

from pypdfium2 import raw

from ner_tasks.documents.source_map import Box

Edges: TypeAlias = "array[float]"
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

    def shown(self, left: float, bottom: float, right: float, top: float) -> Box:
        """Where a box of the page's own units is on the page as shown: left, top, right, bottom."""
        one, two, three, four = self.all_shown(*(array("f", [edge]) for edge in (left, bottom, right, top)))
        return one[0], two[0], three[0], four[0]

    def all_shown(self, left: Edges, bottom: Edges, right: Edges, top: Edges) -> tuple[Edges, Edges, Edges, Edges]:
        """The same of many boxes: all lefts, tops, rights and bottoms."""
        if self.n_turns == 0:
            return _from(left, self.left), _to(self.top, top), _from(right, self.left), _to(self.top, bottom)
        if self.n_turns == 1:
            return _from(bottom, self.bottom), _from(left, self.left), _from(top, self.bottom), _from(right, self.left)
        if self.n_turns == 2:
            return _to(self.right, right), _from(bottom, self.bottom), _to(self.right, left), _from(top, self.bottom)
        return _to(self.top, top), _to(self.right, right), _to(self.top, bottom), _to(self.right, left)

    def clipped(self, box: Box) -> Box:
        """The part of a shown box that lies on the page; without area if none does."""
        width, height = self.size
        left, top = min(max(box[0], 0.0), width), min(max(box[1], 0.0), height)
        return left, top, min(max(box[2], left), width), min(max(box[3], top), height)


def _from(values: Edges, origin: float) -> Edges:
    return array("f", [value - origin for value in values]) if origin else values


def _to(origin: float, values: Edges) -> Edges:
    return array("f", [origin - value for value in values])


def frame_of(page: Any) -> Frame:
    """How a page is shown."""
    left, bottom, right, top = page.get_bbox()
    turns = int(raw.FPDFPage_GetRotation(page)) % 4
    if not (abs(left) < _LARGEST and abs(top) < _LARGEST and abs(right) < _LARGEST and abs(bottom) < _LARGEST):
        return Frame(0.0, 0.0, 612.0, 792.0, turns)
    return Frame(min(left, right), min(bottom, top), max(left, right), max(bottom, top), turns)

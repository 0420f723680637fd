"""Source map of a document: page and boxes, sheet and cell, or part of a package or message, for each character.

A map has runs and boxes. A run extends from its start to the start of the next run and gives the source of its
characters as a page number or a label. A box gives the position of a span of characters without spaces on its page.

Source of the units: PDF 32000-1, 8.3.2.3: a point is 1/72 inch.
"""

import json
import struct
from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ner_tasks.bounded_names import bound_name

# Fields that `SourceMap.locate` returns.
PLACE_FIELDS = ("page", "boxes", "ocr_confidence", "source")
# Bounds on the size of a map: further runs are dropped, and the last label applies to the end of the text.
MAX_RUNS = 200_000
MAX_BOXES = 2_000_000
# A label is repeated for each entity in its run, so a long one, such as a long part name, is truncated.
MAX_LABEL = 300
NO_CONFIDENCE = 255  # confidence of a box whose text does not come from OCR
_HEAD = struct.Struct(">QQ")
_EDGES = 4  # left, top, right, bottom
# Boxes are on one line if their vertical overlap is at least this share of the lower height.
_SAME_LINE = 0.5

Box = tuple[float, float, float, float]


def around(one: Box, other: Box) -> Box:
    """Return the smallest box that contains both."""
    return min(one[0], other[0]), min(one[1], other[1]), max(one[2], other[2]), max(one[3], other[3])


@dataclass
class SourceMap:
    """Sources of the characters of one text.

    Attributes:
        run_starts: offset of the first character of each run, ascending [n_runs].
        places: page number (from 1) or label of each run [n_runs]; "" for text without a source.
        starts, ends: characters `[start, end)` of each box, ascending and disjoint [n_boxes].
        edges: left, top, right, bottom of each box in points, origin at the top left of the displayed page
            [n_boxes * 4].
        confidences: OCR confidence of each box in percent [n_boxes]; 255 for text that does not come from OCR.
    """

    run_starts: list[int] = field(default_factory=list)
    places: list[int | str] = field(default_factory=list)
    starts: "array[int]" = field(default_factory=lambda: array("I"))
    ends: "array[int]" = field(default_factory=lambda: array("I"))
    edges: "array[float]" = field(default_factory=lambda: array("f"))
    confidences: "array[int]" = field(default_factory=lambda: array("B"))
    _last: int | str | None = field(default=None, repr=False, compare=False)  # place of the last run, not truncated

    def add_run(self, start: int, place: int | str) -> None:
        """Set the source of the text from `start` on; starts must ascend."""
        if place == self._last or len(self.places) >= MAX_RUNS:
            return
        self._last = place
        if self.run_starts and self.run_starts[-1] == start:
            self.run_starts.pop()
            self.places.pop()
        self.run_starts.append(start)
        self.places.append(bound_name(place, MAX_LABEL) if isinstance(place, str) else place)

    def add_box(self, start: int, end: int, box: Box, confidence: int = NO_CONFIDENCE) -> None:
        """Set the box of the characters `[start, end)` on their page; starts must ascend."""
        if len(self.starts) < MAX_BOXES:
            self.starts.append(start)
            self.ends.append(end)
            self.edges.extend(box)
            self.confidences.append(confidence)

    def add_boxes(self, starts: Sequence[int], ends: Sequence[int], edges: "array[float]") -> None:
        """Set the boxes of many spans that do not come from OCR; starts must ascend.

        Args:
            starts, ends: characters `[start, end)` of each span.
            edges: left, top, right, bottom of each box in points, concatenated [n_boxes * 4].
        """
        n_boxes = min(len(starts), max(MAX_BOXES - len(self.starts), 0))
        self.starts.extend(starts[:n_boxes])
        self.ends.extend(ends[:n_boxes])
        self.edges.extend(edges[: _EDGES * n_boxes])
        self.confidences.extend([NO_CONFIDENCE] * n_boxes)

    def locate(self, start: int, end: int) -> dict[str, Any]:
        """Return the source of the characters `[start, end)`.

        Returns:
            `page` and `boxes` (points, one box per line) for text on a page, and `ocr_confidence` (percent, minimum
            over its words) where OCR recognised it; `source` for text with a label; empty for text without a source.
        """
        at = bisect_right(self.run_starts, start) - 1
        place = self.places[at] if at >= 0 else ""
        if isinstance(place, str):
            return {"source": place} if place else {}
        run_end = self.run_starts[at + 1] if at + 1 < len(self.run_starts) else end
        return {"page": place, **self._boxes(start, min(end, run_end))}

    def _boxes(self, start: int, end: int) -> dict[str, Any]:
        first = bisect_right(self.ends, start)
        lines: list[Box] = []
        confidence = NO_CONFIDENCE
        for index in range(first, len(self.starts)):
            if self.starts[index] >= end:
                break
            left, top, right, bottom = self.edges[_EDGES * index : _EDGES * (index + 1)]
            box = left, top, right, bottom
            confidence = min(confidence, self.confidences[index])
            if lines and _on_one_line(lines[-1], box):
                lines[-1] = around(lines[-1], box)
            else:
                lines.append(box)
        boxes = [[round(edge, 1) for edge in line] for line in lines]
        return {"boxes": boxes, **({"ocr_confidence": confidence} if confidence != NO_CONFIDENCE else {})}

    def to_bytes(self) -> bytes:
        """Serialize the map, for another process on the same machine."""
        if not self.places and not self.starts:
            return b""
        runs = json.dumps([self.run_starts, self.places]).encode()
        arrays = (self.starts, self.ends, self.edges, self.confidences)
        return b"".join((_HEAD.pack(len(runs), len(self.starts)), runs, *(values.tobytes() for values in arrays)))

    @classmethod
    def from_bytes(cls, data: bytes) -> "SourceMap":
        """Deserialize what `to_bytes` wrote.

        Raises:
            ValueError: the data is not a serialized map.
        """
        sources = cls()
        if not data:
            return sources
        n_runs, n_boxes = _HEAD.unpack_from(data)
        position, view = _HEAD.size + n_runs, memoryview(data)
        sources.run_starts, sources.places = json.loads(data[_HEAD.size : position])
        for values, per_box in (
            (sources.starts, 1),
            (sources.ends, 1),
            (sources.edges, _EDGES),
            (sources.confidences, 1),
        ):
            n_bytes = n_boxes * per_box * values.itemsize
            values.frombytes(view[position : position + n_bytes])
            position += n_bytes
        if position != len(data) or len(sources.run_starts) != len(sources.places):
            raise ValueError("found a source map of the wrong length, expected the length in its header")
        return sources


def _on_one_line(line: Box, box: Box) -> bool:
    overlap = min(line[3], box[3]) - max(line[1], box[1])
    lower = min(line[3] - line[1], box[3] - box[1])
    return overlap > 0 and overlap >= _SAME_LINE * lower and box[0] >= line[0]

"""Where each character of a document comes from: page and boxes, sheet and cell, part of a package or message.

A map has runs and boxes. A run says of the characters from its start to the next run's start where they come from, by a
page number or by a label. A box says where a stretch of characters without spaces stands on its page.

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

# What `SourceMap.locate` says of an entity.
PLACE_FIELDS = ("page", "boxes", "ocr_confidence", "source")
# A longer map costs more than it tells: further runs are dropped, the last label holds to the end.
MAX_RUNS = 200_000
MAX_BOXES = 2_000_000
# A label is said again of each entity of its run: a longer one, such as that of a part with a long name, is cut.
MAX_LABEL = 300
NO_CONFIDENCE = 255  # of a box whose text was not recognised in a picture
_HEAD = struct.Struct(">QQ")
_EDGES = 4  # left, top, right, bottom
# Boxes whose vertical overlap is at least this share of the lower one's height stand on one line.
_SAME_LINE = 0.5

Box = tuple[float, float, float, float]


def around(one: Box, other: Box) -> Box:
    """The smallest box that holds both."""
    return min(one[0], other[0]), min(one[1], other[1]), max(one[2], other[2]), max(one[3], other[3])


@dataclass
class SourceMap:
    """Sources of the characters of one text.

    Attributes:
        run_starts: first character of each run, ascending [n_runs].
        places: page number, counted from 1, or label of each run [n_runs]; "" for text that has no place of its own.
        starts, ends: characters `[start, end)` of each box, ascending and apart [n_boxes].
        edges: left, top, right, bottom of each box in points, origin at the top left of the page as it is shown
            [n_boxes * 4].
        confidences: confidence of OCR in percent [n_boxes], 255 where the text was not recognised.
    """

    run_starts: list[int] = field(default_factory=list)
    places: list[int | str] = field(default_factory=list)
    starts: "array[int]" = field(default_factory=lambda: array("I"))
    ends: "array[int]" = field(default_factory=lambda: array("I"))
    edges: "array[float]" = field(default_factory=lambda: array("f"))
    confidences: "array[int]" = field(default_factory=lambda: array("B"))
    _last: int | str | None = field(default=None, repr=False, compare=False)  # place of the last run, not cut

    def add_run(self, start: int, place: int | str) -> None:
        """Say where the text from `start` on comes from; starts ascend."""
        if place == self._last or len(self.places) >= MAX_RUNS:
            return
        self._last = place
        if self.run_starts and self.run_starts[-1] == start:
            self.run_starts.pop()
            self.places.pop()
        self.run_starts.append(start)
        self.places.append(bound_name(place, MAX_LABEL) if isinstance(place, str) else place)

    def add_box(self, start: int, end: int, box: Box, confidence: int = NO_CONFIDENCE) -> None:
        """Say where the characters `[start, end)` stand on their page; starts ascend."""
        if len(self.starts) < MAX_BOXES:
            self.starts.append(start)
            self.ends.append(end)
            self.edges.extend(box)
            self.confidences.append(confidence)

    def add_boxes(self, starts: Sequence[int], ends: Sequence[int], edges: "array[float]") -> None:
        """Say where many stretches of characters stand, which were not recognised by OCR; starts ascend.

        Args:
            starts, ends: characters `[start, end)` of each.
            edges: left, top, right, bottom of each, one after the other [n_boxes * 4].
        """
        n_boxes = min(len(starts), max(MAX_BOXES - len(self.starts), 0))
        self.starts.extend(starts[:n_boxes])
        self.ends.extend(ends[:n_boxes])
        self.edges.extend(edges[: _EDGES * n_boxes])
        self.confidences.extend([NO_CONFIDENCE] * n_boxes)

    def locate(self, start: int, end: int) -> dict[str, Any]:
        """Where the characters `[start, end)` come from.

        Returns:
            `page` and `boxes` (points, one box per line) for text on a page, with `ocr_confidence` (percent, of the
            least sure word) where it was recognised; `source` for text with a label; nothing for text without a place.
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
        """The map as it travels between two processes of one machine."""
        if not self.places and not self.starts:
            return b""
        runs = json.dumps([self.run_starts, self.places]).encode()
        arrays = (self.starts, self.ends, self.edges, self.confidences)
        return b"".join((_HEAD.pack(len(runs), len(self.starts)), runs, *(values.tobytes() for values in arrays)))

    @classmethod
    def from_bytes(cls, data: bytes) -> "SourceMap":
        """Read what `to_bytes` wrote.

        Raises:
            ValueError: something else.
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
            raise ValueError("found a source map of another length than it says of itself")
        return sources


def _on_one_line(line: Box, box: Box) -> bool:
    overlap = min(line[3], box[3]) - max(line[1], box[1])
    lower = min(line[3] - line[1], box[3] - box[1])
    return overlap > 0 and overlap >= _SAME_LINE * lower and box[0] >= line[0]

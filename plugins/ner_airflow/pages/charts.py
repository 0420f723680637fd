"""Lays out charts as SVG: where bars, lines, bands and ticks are. The template `charts.html.jinja` writes them.

Shapes differ by more than their colour. All text is text of the template, which escapes it.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from ner_airflow.pages.axis import Axis, format_value
from ner_airflow.pages.templates import to_line
from ner_tasks.dashboard.charts import Chart, Series

# user units of the SVG, about pixels; the plot lies between LEFT and RIGHT, TOP and BOTTOM
WIDTH, HEIGHT = 320, 150
LEFT, RIGHT, TOP, BOTTOM = 44, 314, 12, 128
_CHARACTER = 6.2  # width of a character of a tick
_GAP = 14  # least space between two ticks
MAX_MARKED = 62  # lines of more places have no marks
_BAR_SHARE = 0.72  # of the width of a place
_LEAST_BAR = 1.0  # height of a bar of zero, which a missing value does not have
# characters of a tick and of a name; values and lines named in the description
_MAX_TICK, _MAX_NAME, _MAX_NAMED = 10, 60, 3


@dataclass(frozen=True)
class Mark:
    """A mark on a line, or on top of a bar that is cut.

    Attributes:
        x, y: its centre.
        shape: `first` or `second` series, `unusual`, or `beyond` the axis.
        text: place and value, for people.
    """

    x: float
    y: float
    shape: str
    text: str


@dataclass(frozen=True)
class Bar:
    """A bar from zero, with place and value for people."""

    x: float
    y: float
    width: float
    height: float
    text: str


@dataclass(frozen=True)
class Tick:
    """A tick of an axis: where it is, its text, and the text's anchor."""

    at: float
    text: str
    anchor: str = "middle"


@dataclass(frozen=True)
class Drawing:
    """A chart laid out.

    Attributes:
        chart: what is drawn.
        frame: width and height of the drawing, and the left, right and lower end of the plot.
        y_ticks, x_ticks: ticks.
        bands: points of each polygon of the band.
        bars: bars of the first series.
        lines: for each series the points of each unbroken line.
        marks: marks.
        rules: position and name of each vertical line.
        newest: place and value of the newest value of the first series, for people; None without values.
        beyond: places and values that are cut at the axis, for people; at most 3.
        description: the chart in sentences, for those who do not see it.
    """

    chart: Chart
    frame: Mapping[str, int]
    y_ticks: Sequence[Tick]
    x_ticks: Sequence[Tick]
    bands: Sequence[str]
    bars: Sequence[Bar]
    lines: Sequence[Sequence[str]]
    marks: Sequence[Mark]
    rules: Sequence[tuple[float, str]]
    newest: tuple[str, str] | None
    beyond: Sequence[str]
    description: str


def draw_charts(charts: Sequence[Chart]) -> list[Drawing]:
    """Lay out charts, each with an axis of its own."""
    return [_ChartLayout(chart).draw() for chart in charts]


class _ChartLayout:
    def __init__(self, chart: Chart) -> None:
        self.chart, self.axis = chart, Axis.fit(chart)
        self.slot = (RIGHT - LEFT) / max(len(chart.places), 1)

    def draw(self) -> Drawing:
        chart = self.chart
        first = chart.series[0]
        is_marked = not chart.is_bars and len(chart.places) <= MAX_MARKED
        known = [(place, value) for place, value in zip(chart.places, first.values, strict=True) if value is not None]
        return Drawing(
            chart=chart,
            frame={"width": WIDTH, "height": HEIGHT, "left": LEFT, "right": RIGHT, "bottom": BOTTOM},
            y_ticks=[Tick(self.y(value), text, "end") for value, text in self.axis.ticks],
            x_ticks=list(self._x_ticks()),
            bands=self._bands(),
            bars=list(self._bars(first)) if chart.is_bars else [],
            lines=[] if chart.is_bars else [self._lines(series.values) for series in chart.series],
            marks=list(self._marks(is_marked=is_marked)),
            rules=[(self.x(rule.at), rule.name) for rule in chart.rules],
            newest=(to_line(known[-1][0], _MAX_NAME), self.format(known[-1][1])) if known else None,
            beyond=[
                f"{to_line(place, _MAX_NAME)} {self.format(value)}"
                for place, value in known
                if self.axis.is_beyond(value)
            ][-_MAX_NAMED:],
            description=" ".join(self._describe()),
        )

    def x(self, place: float) -> float:
        """Return the horizontal centre of a place."""
        return round(LEFT + (place + 0.5) * self.slot, 1)

    def y(self, value: float) -> float:
        """Return the vertical position of a value; one beyond the axis is at its end."""
        return round(BOTTOM - self.axis.share(value) * (BOTTOM - TOP), 1)

    def format(self, value: float) -> str:
        return format_value(value, self.chart.digits)

    def _bars(self, series: Series) -> Iterator[Bar]:
        width, zero = max(self.slot * _BAR_SHARE, 0.4), self.y(0.0)
        for index, value in enumerate(series.values):
            if value is not None:
                top, bottom = min(self.y(value), zero - _LEAST_BAR), max(self.y(value), zero)
                height = round(bottom - top, 1)
                yield Bar(round(self.x(index) - width / 2, 1), top, round(width, 2), height, self._text(series, index))

    def _lines(self, values: Sequence[float | None]) -> list[str]:
        """Return the points of each stretch without a missing value; a single point needs no line."""
        stretches = _list_stretches(values)
        return [self._points(values, stretch) for stretch in stretches if len(stretch) > 1]

    def _points(self, values: Sequence[float | None], stretch: Sequence[int]) -> str:
        return " ".join(f"{self.x(index)},{self.y(values[index] or 0.0)}" for index in stretch)

    def _bands(self) -> list[str]:
        band = self.chart.band
        if not band:
            return []
        both = [None if None in pair else 1.0 for pair in zip(band.lowest, band.highest, strict=True)]
        polygons = []
        for stretch in _list_stretches(both):
            # half a place more at both ends, so that one night has a band as well
            ends = [stretch[0] - 0.4, *stretch, stretch[-1] + 0.4]
            held = [stretch[0], *stretch, stretch[-1]]
            upper = [f"{self.x(at)},{self.y(band.highest[index] or 0.0)}" for at, index in zip(ends, held, strict=True)]
            lower = [f"{self.x(at)},{self.y(band.lowest[index] or 0.0)}" for at, index in zip(ends, held, strict=True)]
            polygons.append(" ".join([*upper, *reversed(lower)]))
        return polygons

    def _marks(self, *, is_marked: bool) -> Iterator[Mark]:
        # the first series comes last, on top
        for series, name in list(zip(self.chart.series, ("first", "second"), strict=False))[::-1]:
            is_alone = _list_alone(series.values)
            for index, value in enumerate(series.values):
                if value is None:
                    continue
                shape = "beyond" if self.axis.is_beyond(value) else "unusual" if index in series.unusual else name
                is_due = is_marked and series.is_marked
                if shape != name or is_due or (not self.chart.is_bars and index in is_alone):
                    yield Mark(self.x(index), self.y(value), shape, self._text(series, index))

    def _x_ticks(self) -> Iterator[Tick]:
        texts = [to_line(text, _MAX_TICK) for text in self.chart.ticks or self.chart.places]
        if not texts:
            return
        width = _CHARACTER * max(map(len, texts))
        n_fit = max(1, min(len(texts), int((RIGHT - LEFT + _GAP) / (width + _GAP))))
        # evenly spread, with the newest
        for index in range(len(texts) - 1, -1, -math.ceil(len(texts) / n_fit)):
            at, half = self.x(index), _CHARACTER * len(texts[index]) / 2
            if at + half > WIDTH:
                yield Tick(WIDTH - 1.0, texts[index], "end")
            else:
                yield Tick(max(at, half + 1), texts[index])

    def _text(self, series: Series, index: int) -> str:
        """Return place, value and, beside a band, what was expected."""
        chart, value = self.chart, series.values[index]
        text = (
            f"{to_line(chart.places[index], _MAX_NAME)}: {to_line(series.name, _MAX_NAME)} {self.format(value or 0.0)}"
        )
        if chart.band and series is chart.series[0]:
            low, high = chart.band.lowest[index], chart.band.highest[index]
            if low is not None and high is not None:
                text += f", expected {self.format(low)} to {self.format(high)}"
            if index in series.unusual:
                text += ", unusual"
        return text

    def _describe(self) -> Iterator[str]:
        chart = self.chart
        if not chart.places:
            yield "No values."
            return
        yield f"{len(chart.places)} places from {to_line(chart.places[0], _MAX_NAME)} to {to_line(chart.places[-1], _MAX_NAME)}."
        for series in chart.series:
            name = to_line(series.name, _MAX_NAME)
            known = [(value, index) for index, value in enumerate(series.values) if value is not None]
            if not known:
                yield f"No values of {name}."
                continue
            (low, lowest), (high, highest), newest = min(known), max(known), known[-1]
            yield (
                f"{name}: lowest {self.format(low)} at {to_line(chart.places[lowest], _MAX_NAME)}, highest "
                f"{self.format(high)} at {to_line(chart.places[highest], _MAX_NAME)}, newest {self.format(newest[0])}."
            )
            if len(known) < len(series.values):
                yield f"{len(series.values) - len(known)} missing."
        unusual = [to_line(chart.places[index], _MAX_NAME) for index in sorted(chart.series[0].unusual)]
        if unusual:
            more = f" and {len(unusual) - _MAX_NAMED} before" if len(unusual) > _MAX_NAMED else ""
            yield f"Unusual: {', '.join(unusual[-_MAX_NAMED:])}{more}."
        for rule in chart.rules[-_MAX_NAMED:]:
            yield f"Vertical line: {to_line(rule.name, _MAX_NAME)}."


def _list_stretches(values: Sequence[float | None]) -> list[list[int]]:
    """Return the indexes of each stretch without a missing value."""
    groups = groupby(range(len(values)), key=lambda index: values[index] is not None)
    return [list(indexes) for is_known, indexes in groups if is_known]


def _list_alone(values: Sequence[float | None]) -> frozenset[int]:
    """Return the indexes of values between missing ones, which no line shows."""
    return frozenset(stretch[0] for stretch in _list_stretches(values) if len(stretch) == 1)

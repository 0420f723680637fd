"""The vertical axis of a chart: its range, round ticks, and values as text."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ner_tasks.dashboard.charts import Chart
from ner_tasks.display import format_number

_N_TICKS = 4  # about
# values this many times the upper quartile are cut: beside them the others would be less than 1/20 of the height
OUTLIER = 20.0
# least height relative to the greatest value, so that ticks differ in their first digits
_LEAST_RELATIVE = 1e-3
_SCALES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_MIN_SCALED = 1e4  # smaller values are written out
_NOTHING = 1e-12
_TINY = 1e-4  # axes below are written with an exponent


@dataclass(frozen=True)
class Axis:
    """A vertical axis.

    Attributes:
        low, high: its ends, `low < high`.
        ticks: value and text of each tick, ascending.
        is_cut: whether there are values above `high`.
    """

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    is_cut: bool

    @classmethod
    def fit(cls, chart: Chart) -> "Axis":
        """Choose the axis of a chart.

        Bars begin at zero. A line does, unless its least value is above half of the greatest. Outliers do not count.
        """
        values = sorted(_list_values(chart))
        if chart.bounds and chart.least_span is None:
            is_cut = bool(values) and values[-1] > chart.bounds[1]
            return cls._with_ticks(*chart.bounds, *chart.bounds, is_cut=is_cut)
        kept = _drop_outliers(values)
        low, high = (kept[0], kept[-1]) if kept else (0.0, 0.0)
        if chart.is_bars or 0 < low < high / 2:
            low, high = min(low, 0.0), max(high, 0.0)
        least, most = chart.bounds or (-math.inf, math.inf)
        least, most = min(least, low), max(most, high)
        greatest = max(abs(low), abs(high))
        span = max(chart.least_span or 0.0, _LEAST_RELATIVE * greatest)
        if greatest < _NOTHING:  # all are zero
            low, high = 0.0, 1.0
        elif high - low < span:
            middle = (low + high) / 2
            low, high = middle - span / 2, middle + span / 2
        is_whole = chart.digits == 0
        return cls._with_ticks(low, high, least, most, is_whole=is_whole, is_cut=len(kept) < len(values))

    @classmethod
    def _with_ticks(
        cls, low: float, high: float, least: float, most: float, *, is_cut: bool, is_whole: bool = False
    ) -> "Axis":
        step = _round_step((high - low) / _N_TICKS)
        step = max(step, 1.0) if is_whole else step
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        values = [number * step for number in range(first, max(last, first + 1) + 1)]
        values = [value for value in values if least - 1e-9 <= value <= most + 1e-9]
        low, high = max(min(low, values[0]), least), min(max(high, values[-1]), most)
        return cls(low, high, tuple((value, _format_tick(value, step, values)) for value in values), is_cut)

    def share(self, value: float) -> float:
        """Return how far up the axis a value is, 0 to 1; one beyond the axis is at its end."""
        return min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))

    def is_beyond(self, value: float) -> bool:
        """Return whether a value lies above the axis."""
        return self.is_cut and value > self.high


def _list_values(chart: Chart) -> Iterator[float]:
    band = (chart.band.lowest, chart.band.highest) if chart.band else ()
    for values in (*(series.values for series in chart.series), *band):
        yield from (value for value in values if value is not None)


def _drop_outliers(values: Sequence[float]) -> Sequence[float]:
    """Return sorted values without those far above the others."""
    positive = [value for value in values if value > 0]
    if len(positive) < 4:
        return values
    limit = OUTLIER * positive[(3 * len(positive) - 1) // 4]
    return [value for value in values if value <= limit]


def _round_step(step: float) -> float:
    """Return the next greater step of 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= step * (1 - 1e-9))


def _format_tick(value: float, step: float, values: Sequence[float]) -> str:
    greatest = max(abs(values[0]), abs(values[-1]))
    if greatest < _TINY:
        return f"{value:.4e}" if abs(value) > step / 2 else "0"
    scale, suffix = next((one for one in _SCALES if greatest >= max(one[0], _MIN_SCALED)), (1.0, ""))
    decimals = max(0, -math.floor(math.log10(step / scale) + 1e-9))
    if abs(value) < step / 2:  # no -0 and no 0k
        return f"{0:.{0 if suffix else decimals}f}"
    return f"{value / scale:.{decimals}f}{suffix}"


def format_value(value: float, digits: int) -> str:
    """Return a value for people: a count in groups of digits, or a number of `digits` decimals."""
    if not digits:
        return format_number(round(value))
    if value and (abs(value) < 10**-digits or abs(value) >= 1e6):
        return f"{value:.3g}"
    return f"{value:.{digits}f}"

"""Charts as data: values over nights, versions or thresholds. The pages draw them and write them as tables."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

LIMIT = 1e15  # larger values are no measurements; beyond this bound, sums and divisions of floats fail

Values = tuple[float | None, ...]


@dataclass(frozen=True)
class Series:
    """Values over the places of a chart.

    Attributes:
        name: what the values are, such as `precision`.
        values: one for each place; None where there is none.
        unusual: indexes of the places whose value is unusual.
        is_marked: whether a line has a mark at each value.
    """

    name: str
    values: Values
    unusual: frozenset[int] = frozenset()
    is_marked: bool = True


@dataclass(frozen=True)
class Band:
    """A range over the places of a chart in which values are expected.

    Attributes:
        name: what the range is.
        lowest, highest: its bounds for each place; None where there is no range.
    """

    name: str
    lowest: Values
    highest: Values


@dataclass(frozen=True)
class VerticalLine:
    """A vertical line in a chart.

    Attributes:
        at: where it is, in places from 0; 1.5 lies between the second and the third place.
        name: what it means.
    """

    at: float
    name: str


@dataclass(frozen=True)
class Chart:
    """Series over the same places, such as days.

    Attributes:
        name: title of the chart.
        places: name of each place, in order.
        series: one or two series.
        ticks: short names of the places for the axis; empty: `places`.
        band: range in which the values of the first series are expected; the second is then what is usual. None without one.
        rules: vertical lines.
        is_bars: whether values are bars from zero; otherwise a line.
        is_label: whether `name` is a label of the model.
        unit: unit of the values, for people.
        digits: decimals of a value, for people; 0 for counts.
        bounds: least and greatest possible value; None if they are unknown.
        least_span: least height of the vertical axis, so that noise stays small; None: the axis spans `bounds`.
    """

    name: str
    places: tuple[str, ...]
    series: tuple[Series, ...]
    ticks: tuple[str, ...] = ()
    band: Band | None = None
    rules: tuple[VerticalLine, ...] = ()
    is_bars: bool = False
    is_label: bool = False
    unit: str = ""
    digits: int = 0
    bounds: tuple[float, float] | None = None
    least_span: float | None = 0.0


def clean_values(values: Iterable[float | None]) -> Values:
    """Return the values with None for each that is not a finite number within `LIMIT`."""
    return tuple(None if value is None or not _is_sound(value) else float(value) for value in values)


def _is_sound(value: float) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and abs(value) <= LIMIT and not math.isnan(value)


def find_changes(names: Sequence[str | None], describe: str) -> tuple[VerticalLine, ...]:
    """Return a rule before each place whose name differs from that of the place before, without those of None.

    Args:
        names: a name for each place, such as the version of the model; None where it is unknown.
        describe: description of a rule, with `{}` for the new name.
    """
    rules, last = list[VerticalLine](), None
    for index, name in enumerate(names):
        if name is None:
            continue
        if last is not None and name != last:
            rules.append(VerticalLine(index - 0.5, describe.format(name)))
        last = name
    return tuple(rules)

"""Move written dates by one number of weeks, in the form in which they are written."""

import re
from collections.abc import Mapping
from datetime import date, timedelta

from ner_tasks.enrichment.personal_data import date_forms
from ner_tasks.enrichment.personal_data.lexicon import PersonalDataLexicon
from ner_tasks.enrichment.personal_data.words import normalize

_WORD = re.compile(r"[^\W\d_]+")
_YEAR = re.compile(r"(?:1[89]|2[01])[0-9]{2}")
_NUMBERS = re.compile("[0-9]+")
_ANY_YEAR = 2001  # for dates without one
_MIDDLE = 15  # day of dates without one


class DateShifter:
    """Moves dates of a document."""

    def __init__(self, lexicon: PersonalDataLexicon) -> None:
        self._months = {normalize(name): number for name, number in lexicon.months.items()}
        self._names = list(self._months)
        self._weekdays = frozenset(map(normalize, (*lexicon.weekdays, *lexicon.short_weekdays)))

    def shift(self, written: str, by: timedelta) -> str | None:
        """Return a date moved, in the form of the original; None if its form is unknown or cannot hold the new date.

        Weekdays and times stay: `by` is a number of weeks. A date without year, month or day moves as one in the middle
        of what it leaves open does, so that it may be a day or a month off.

        Args:
            written: a date as it stands in a text.
            by: whole weeks.
        """
        try:
            moved = self._shift_named(written, by) or self._shift_numeric(written, by)
        except (OverflowError, ValueError):
            return None  # a year outside the calendar, a day that the month does not have
        if moved is None and normalize(written).strip(" .,") in self._weekdays:
            return written
        return moved

    def _shift_numeric(self, written: str, by: timedelta) -> str | None:
        for form in (date_forms.ISO, date_forms.NUMERIC, date_forms.MONTH_YEAR, date_forms.SHORT, date_forms.COMPACT):
            if match := form.search(written):
                parts = match.groupdict()
                if "a" in parts:
                    first_is_month = _is_month_first(parts)
                    day, month = ("b", "a") if first_is_month else ("a", "b")
                else:
                    day, month = "d", "m"
                year = date_forms.full_year(parts["y"]) if parts.get("y") else _ANY_YEAR
                moved = date(year, int(parts[month]), int(parts.get(day) or _MIDDLE)) + by
                return _write(written, match, {day: moved.day, month: moved.month, "y": moved.year})
        years = list(_YEAR.finditer(written))
        if len(years) == 1 and len(_NUMBERS.findall(written)) == 1:
            year = (date(int(years[0].group()), 7, 1) + by).year
            return written[: years[0].start()] + str(year) + written[years[0].end() :]
        return None

    def _shift_named(self, written: str, by: timedelta) -> str | None:
        """Move a date with the name of a month, such as 3 March 2020, March 2020 or March."""
        names = [match for match in _WORD.finditer(written) if normalize(match.group()) in self._months]
        if len(names) != 1:
            return None
        name = names[0]
        month = self._months[normalize(name.group())]
        before = date_forms.BEFORE_MONTH.search(written[: name.start()])
        after = None if before else date_forms.AFTER_MONTH.match(written, name.end())
        year = after if after and after["y"] else date_forms.YEAR_AFTER_MONTH.match(written, name.end())
        year = year or (date_forms.SHORT_YEAR_AFTER_MONTH.match(written, name.end()) if before else None)
        of_day = before or after
        full_year = date_forms.full_year(year["y"].lstrip("'’")) if year else _ANY_YEAR
        moved = date(full_year, month, int(of_day["d"]) if of_day else _MIDDLE) + by
        edits = [(*name.span(), _copy_case(name.group(), self._name_month(normalize(name.group()), moved.month)))]
        if of_day:
            edits.append((*of_day.span("d"), _pad(of_day["d"], moved.day)))
        if of_day and of_day["d2"]:
            last = date(full_year, month, int(of_day["d2"])) + by
            if last.month != moved.month:
                return None
            edits.append((*of_day.span("d2"), _pad(of_day["d2"], last.day)))
        if year:
            edits.append((*year.span("y"), _write_year(year["y"], moved.year)))
        return _edit(written, edits)

    def _name_month(self, like: str, month: int) -> str:
        """Return the name of a month in the language and length of another name: of its run in the list of months."""
        at = self._names.index(like)
        first = last = at
        while first and self._number(first - 1) <= self._number(first):
            first -= 1
        while last + 1 < len(self._names) and self._number(last + 1) >= self._number(last):
            last += 1
        run = self._names[first : last + 1]
        return next(name for name in (*run, *self._names) if self._months[name] == month)

    def _number(self, index: int) -> int:
        return self._months[self._names[index]]


def _is_month_first(parts: Mapping[str, str]) -> bool:
    """Whether the first of two numbers is the month, as `date_forms.read_numeric` reads it."""
    a, b = int(parts["a"]), int(parts["b"])
    return a <= 12 and ("." not in parts["s"] or b > 12)


def _write(written: str, match: "re.Match[str]", numbers: Mapping[str, int]) -> str:
    """Write numbers in the places of the groups of a match, as wide as before."""
    edits = []
    for group, number in numbers.items():
        if (old := match.groupdict().get(group)) is not None:
            new = _write_year(old, number) if group == "y" else _pad(old, number)
            edits.append((*match.span(group), new))
    return _edit(written, edits)


def _edit(written: str, edits: list[tuple[int, int, str]]) -> str:
    for start, end, new in sorted(edits, reverse=True):
        written = written[:start] + new + written[end:]
    return written


def _pad(old: str, number: int) -> str:
    return f"{number:02}" if len(old) == 2 else str(number)


def _write_year(old: str, year: int) -> str:
    digits = old.lstrip("'’")
    return old[: len(old) - len(digits)] + (str(year) if len(digits) == 4 else f"{year % 100:02}")


def _copy_case(old: str, new: str) -> str:
    return new.upper() if old.isupper() and len(old) > 1 else new.capitalize() if old[0].isupper() else new

"""Forms in which dates are written, with the places of day, month and year in them."""

import re
from collections.abc import Iterator
from datetime import date

from ner_tasks.enrichment.personal_data.lexicon import PersonalDataLexicon
from ner_tasks.enrichment.personal_data.words import TextMark

ISO = re.compile(
    r"(?P<y>(?:1[89]|2[01])[0-9]{2})(?<!\w....)(?P<s>[-/.])(?P<m>[0-9]{1,2})(?P=s)(?P<d>[0-9]{1,2})(?![0-9])"
)
NUMERIC = re.compile(
    r"(?P<a>[0-9](?<!\w.)[0-9]?)(?P<s>\s?[-/.]\s?)(?P<b>[0-9]{1,2})(?P=s)"
    r"(?P<y>(?:1[89]|2[01])[0-9]{2}|[0-9]{2})(?![\w]|[-/.][0-9])"
)
MONTH_YEAR = re.compile(r"(?P<m>[0-9](?<!\w.)[0-9]?)/(?P<y>(?:19|20)[0-9]{2})(?![\w/]|[.,-][0-9])")
SHORT = re.compile(r"(?P<m>[0-9](?<!\w.)[0-9]?)/(?P<d>[0-9]{1,2})(?![\w/%]|[.,-][0-9])")
COMPACT = re.compile(r"(?P<y>(?:19|20)[0-9]{2})(?P<m>0[1-9]|1[0-2])(?P<d>0[1-9]|[12][0-9]|3[01])(?:[0-9]{4}|[0-9]{6})?")
_TIME = re.compile(
    r"(?:,?\s{0,2}(?:at\s)?|T)[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,6})?)?"
    r"(?:\s?(?:[AaPp][Mm]\b|[AaPp]\.[Mm]\.))?"
    r"(?:\s?(?:Z|UTC|GMT|[A-Z]{1,2}[SD]T|[+-][0-9]{2}:?[0-9]{2})(?!\w))?"
)
_DAY = r"(?P<d>[0-9]{1,2})(?:st|nd|rd|th)?(?:\s?(?:[-–&]|to|and|through)\s?(?P<d2>[0-9]{1,2})(?:st|nd|rd|th)?)?"
_YEAR = r"(?P<y>(?:19|20)[0-9]{2}|['’][0-9]{2})(?!\w)"
AFTER_MONTH = re.compile(
    rf"\.?[ \t-]{{1,3}}\n?(?:the\s)?{_DAY}(?![\w:%]|[.,/][0-9])(?:,?\s{{1,3}}(?:of\s)?{_YEAR})?", re.IGNORECASE
)
YEAR_AFTER_MONTH = re.compile(rf"\.?(?:[,/-]?\s{{0,3}}|\s(?:of|de)\s){_YEAR}", re.IGNORECASE)
SHORT_YEAR_AFTER_MONTH = re.compile(r"-(?P<y>[0-9]{2})(?![\w-])")
BEFORE_MONTH = re.compile(
    r"(?<![\w.,/:-])(?P<d>[0-9]{1,2})(?:st|nd|rd|th|er|º|\.)?"
    r"(?:\s?(?:[-–&]|to|and)\s?(?P<d2>[0-9]{1,2})(?:st|nd|rd|th|\.)?)?"
    r"[\s/-]{0,3}(?:(?:of|de)\s{1,2})?$",
    re.IGNORECASE,
)
_PIVOT = 2000


def full_year(digits: str) -> int:
    """Return a year; two digits are one from 1950 to 2049."""
    year = int(digits)
    return year if len(digits) == 4 else year + (_PIVOT - 100 if year >= 50 else _PIVOT)


def is_date(year: int, month: int, day: int) -> bool:
    """Whether there is such a day."""
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


class DateForms:
    """Finds written dates, and reads them."""

    def __init__(self, lexicon: PersonalDataLexicon) -> None:
        self.months = {name.lower(): number for name, number in lexicon.months.items()}
        weekdays = sorted((*lexicon.weekdays, *lexicon.short_weekdays), key=len, reverse=True)
        self._weekday_before = re.compile(
            rf"(?<!\w)(?:{'|'.join(map(re.escape, weekdays))})\.?,?\s+(?:(?:the|den)\s+)?$", re.IGNORECASE
        )

    def find_numeric(self, text: str) -> Iterator[tuple[int, int]]:
        """Find dates of digits alone that have a year, with the time and weekday beside them."""
        for form in (ISO, NUMERIC, MONTH_YEAR):
            for match in form.finditer(text):
                if _read_numeric(match) and not _is_inside_number(text, match.start()):
                    yield self._widen(text, *match.span())

    def find_short(self, text: str) -> Iterator[tuple[int, int]]:
        """Find a month and day such as 3/14, which may as well be a fraction."""
        for match in SHORT.finditer(text):
            if is_date(2000, int(match["m"]), int(match["d"])) and not _is_inside_number(text, match.start()):
                yield self._widen(text, *match.span())

    def match_around(self, text: str, month: TextMark) -> tuple[int, int] | None:
        """Return the date around the name of a month, None if neither day nor year stand beside it."""
        start, end = month.start, month.end
        offset = max(0, start - 16)
        before = BEFORE_MONTH.search(text[offset:start])
        if before and 1 <= int(before["d"]) <= 31:
            start = offset + before.start()
        after = None if start < month.start else AFTER_MONTH.match(text, end)
        if after and not 1 <= int(after["d"]) <= 31:
            after = None
        after = after or YEAR_AFTER_MONTH.match(text, end)
        if after is None and start < month.start:
            after = SHORT_YEAR_AFTER_MONTH.match(text, end)
        end = after.end() if after else end
        return self._widen(text, start, end) if (start, end) != (month.start, month.end) else None

    def _widen(self, text: str, start: int, end: int) -> tuple[int, int]:
        """Take in the weekday before a date and the time behind it."""
        offset = max(0, start - 24)
        if weekday := self._weekday_before.search(text[offset:start]):
            start = offset + weekday.start()
        time = _TIME.match(text, end)
        return start, time.end() if time else end


def _is_inside_number(text: str, start: int) -> bool:
    """Whether what begins at `start` continues a number or a code."""
    before = text[max(0, start - 2) : start]
    return bool(before) and before[-1] in ".,/:-_" and (len(before) < 2 or before[0].isalnum())


def _read_numeric(match: "re.Match[str]") -> date | None:
    """Read a date of digits; in doubt the month comes first, unless points separate them."""
    parts = match.groupdict()
    year = full_year(parts["y"])
    if "m" in parts:
        orders = [(int(parts["m"]), int(parts.get("d") or 1))]
    else:
        a, b = int(parts["a"]), int(parts["b"])
        orders = [(b, a), (a, b)] if "." in parts["s"] else [(a, b), (b, a)]
    return next((date(year, month, day) for month, day in orders if is_date(year, month, day)), None)

"""Recognize dates, and ages above a bound."""

import re
from collections.abc import Iterator, Mapping, Sequence

from ner_tasks.enrichment.personal_data.date_forms import DateForms
from ner_tasks.enrichment.personal_data.lexicon import PersonalDataLexicon
from ner_tasks.enrichment.personal_data.spans import Evidence, SpanCandidate
from ner_tasks.enrichment.personal_data.words import TextMark, normalize, words_before

_YEAR = re.compile(r"(?:19|20)[0-9]{2}(?<!\w....)(?:s\b)?(?!\w|[.,:/-][0-9]|\s?%)")
_NEXT_WORD = re.compile(r"\s([^\W\d_]{1,12})")
_ORDER_SIGN = frozenset("$€£#.,-/:")
_AGE = re.compile(r"[0-9](?<!\w.)[0-9]{1,2}(?![\w%]|[.,:/][0-9])")
_AGE_BEFORE = re.compile(
    r"\b(?:aged?|age\s?(?:is|of|:|=)|aged\s?:|turn(?:s|ed|ing)?|at the age of)\s{0,3}$", re.IGNORECASE
)
_AGE_AFTER = re.compile(
    r"[\s-]{0,2}(?:years?[\s-]{1,2}olds?|years? of age|y\.?/?o\.?(?!\w)|yrs?\.?[\s-]{1,2}olds?|-?year-olds?|jahre)",
    re.IGNORECASE,
)
_OLDEST = 130
_TENS = {"ninety": 90, "hundred": 100}


class DateRecognizer:
    """Recognizes dates, months and years alone, weekdays, and ages above a bound."""

    def __init__(self, lexicon: PersonalDataLexicon) -> None:
        self._forms = DateForms(lexicon)
        self._ambiguous = frozenset(map(normalize, lexicon.ambiguous_months))
        self._month_leads = frozenset(map(normalize, lexicon.month_leads))
        self._year_leads = frozenset(map(normalize, (*lexicon.year_leads, *lexicon.months)))
        self._year_units = frozenset(map(normalize, lexicon.year_units))
        self._day_leads = frozenset(map(normalize, lexicon.day_leads))
        self._age_over = lexicon.age_over

    def find(self, text: str, marks: Mapping[str, Sequence[TextMark]]) -> Iterator[SpanCandidate]:
        """Find dates and ages.

        Args:
            text: any text.
            marks: places of the sets `month` and `weekday` in it.
        """
        for start, end in self._forms.find_numeric(text):
            yield SpanCandidate(start, end, "date", "pattern:date", Evidence.CHECKSUM)
        for start, end in self._forms.find_short(text):
            if _word_before(text, start) in self._day_leads:
                yield SpanCandidate(start, end, "date", "context:date", Evidence.PATTERN)
        for word in marks["month"]:
            yield from self._find_at_month(text, word)
        for word in marks["weekday"]:
            yield SpanCandidate(word.start, word.end, "date", "pattern:weekday", Evidence.PATTERN)
        yield from self._find_years(text)
        yield from self._find_ages(text)

    def _find_at_month(self, text: str, month: TextMark) -> Iterator[SpanCandidate]:
        if span := self._forms.match_around(text, month):
            yield SpanCandidate(*span, "date", "pattern:date", Evidence.CHECKSUM)
        elif (text[month.start].isupper() and _word_before(text, month.start) in self._month_leads) or (
            text[month.start].isupper() and month.text not in self._ambiguous and len(month.text) > 3
        ):
            yield SpanCandidate(month.start, month.end, "date", "pattern:month", Evidence.PATTERN)

    def _find_years(self, text: str) -> Iterator[SpanCandidate]:
        for match in _YEAR.finditer(text):
            start, end = match.span()
            if text[start - 1 : start] in _ORDER_SIGN and start:
                continue
            unit = _NEXT_WORD.match(text, end)
            if unit and unit.group(1).lower() in self._year_units:
                continue
            if _word_before(text, start) in self._year_leads:
                yield SpanCandidate(start, end, "date", "pattern:year", Evidence.PATTERN)

    def _find_ages(self, text: str) -> Iterator[SpanCandidate]:
        for match in _AGE.finditer(text):
            if self._age_over < int(match.group()) <= _OLDEST and (
                _AGE_AFTER.match(text, match.end())
                or _AGE_BEFORE.search(text[max(0, match.start() - 20) : match.start()])
            ):
                yield SpanCandidate(*match.span(), "age", "pattern:age", Evidence.CONTEXT)


def _word_before(text: str, start: int) -> str:
    """Return the word directly before, with at most a bracket or quotation mark between."""
    words = words_before(text, start, 1)
    return words[0].text if words and len(text[words[0].end : start].strip("(\"'“‘[ \t\n")) == 0 else ""

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
_DATE_WORD = re.compile(r"(?:[0-9]+(?P<suffix>st|nd|rd|th|s)?(?![^\W_])|[0-9][^\W_]*|[^\W\d_]+)", re.IGNORECASE)
_YEAR_OR_DATE = re.compile(r"(?<![0-9])(?:1[89]|2[01])[0-9]{2}(?![0-9])|[0-9][/.-][0-9]|[0-9]{8}|[0-9][A-Za-z]{3}[0-9]")
# A rule of the calendar is no date: every Monday, the last Sunday before Labor Day.
_EVERY = re.compile(r"\b(?:every|each)(?:\s(?:other|second|third))?\s{1,3}$", re.IGNORECASE)
_ORDINAL = re.compile(r"\bthe\s(?:first|second|third|fourth|fifth|last)\s{1,3}$", re.IGNORECASE)
_AFTER_ORDINAL = re.compile(r"\s{1,3}(?:before|after|of|in)\b", re.IGNORECASE)
_TENS = {"ninety": 90, "hundred": 100}


class DateRecognizer:
    """Recognizes dates, months and years alone, weekdays, and ages above a bound."""

    def __init__(self, lexicon: PersonalDataLexicon) -> None:
        self._forms = DateForms(lexicon)
        self._ambiguous = frozenset(map(normalize, lexicon.ambiguous_months))
        self._month_leads = frozenset(map(normalize, lexicon.month_leads))
        self._weekdays = frozenset(map(normalize, lexicon.weekdays))
        self._calendar = frozenset(map(normalize, lexicon.months)) | self._weekdays
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
            if not _is_recurring(text, word):
                yield SpanCandidate(word.start, word.end, "date", "pattern:weekday", Evidence.PATTERN)
        yield from self._find_years(text)
        yield from self._find_ages(text)

    def find_date_words(self, text: str, start: int, end: int) -> tuple[int, int] | None:
        """Return the characters from the first to the last word of a date in an expression of time; None if it names none.

        "last week", "3 days", "the 60s" and "her 10th year" name none; of "Sunday morning", "Sunday" is returned.

        Args:
            text: any text.
            start, end: the expression, such as an entity of the tagger.
        """
        words = list(_DATE_WORD.finditer(text, start, end))
        named = [word for word in words if self._is_date_word(word)]
        has_name = any(normalize(word.group()) in self._calendar for word in named)
        if not named or not (has_name or _YEAR_OR_DATE.search(text, start, end)):
            return None
        marked = [word for word in words if word in named or (word["suffix"] or "s").lower() != "s"]
        only = TextMark(named[0].start(), named[0].end(), normalize(named[0].group()))
        if len(marked) == 1 and (
            (only.text in self._ambiguous and _word_before(text, only.start) not in self._month_leads)
            or (only.text in self._weekdays and _is_recurring(text, only))
        ):
            return None
        return marked[0].start(), marked[-1].end()

    def _is_date_word(self, word: "re.Match[str]") -> bool:
        """Whether it is a month, a weekday or a number, but no ordinal and no decade."""
        return normalize(word.group()) in self._calendar or (word.group()[0].isdigit() and not word["suffix"])

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


def _is_recurring(text: str, weekday: TextMark) -> bool:
    """Whether a weekday belongs to a rule of the calendar."""
    before = text[max(0, weekday.start - 20) : weekday.start]
    return _EVERY.search(before) is not None or (
        _ORDINAL.search(before) is not None and _AFTER_ORDINAL.match(text, weekday.end) is not None
    )


def _word_before(text: str, start: int) -> str:
    """Return the word directly before, with at most a bracket or quotation mark between."""
    words = words_before(text, start, 1)
    return words[0].text if words and len(text[words[0].end : start].strip("(\"'“‘[ \t\n")) == 0 else ""

"""Recognize telephone and fax numbers: forms that nothing else has, and others beside a word of calling."""

import re
from collections.abc import Iterator

from ner_tasks.enrichment.personal_data.identifiers import DASHES, PLAIN_DASHES
from ner_tasks.enrichment.personal_data.lexicon import PersonalDataLexicon
from ner_tasks.enrichment.personal_data.spans import Evidence, SpanCandidate
from ner_tasks.enrichment.personal_data.words import Phrases, TextMark, normalize

_S = rf"[ \u00a0.{DASHES}-]"
_EXTENSION = r"(?:[ ,]{0,2}(?:[xX]|[eE]xt\.?|[eE]xtension)[ .]{0,2}[0-9]{1,6}(?!\w))?"
_FIRST_DIGIT = re.compile(r"[0-9](?<!\w.)")
# Forms that are telephone numbers without a word that says so.
_UNMISTAKABLE = re.compile(
    # +41 (0)44 123 45 67
    rf"(?:\(?\+[0-9]{{1,3}}\)?{_S}?(?:\([0-9]{{1,5}}\){_S}?)?[0-9]{{1,10}}(?:{_S}[0-9]{{2,8}}){{0,5}}"
    # 0041 44 123 45 67
    rf"|00{_S}?[1-9][0-9]{{0,2}}(?:{_S}\(?[0-9]{{2,8}}\)?){{2,5}}"
    # 505-555-0123
    rf"|(?:\(?00?1\)?{_S}|1{_S}?)?(?:\([2-9][0-9]{{2}}\) ?-?|[2-9][0-9]{{2}}{_S})[2-9][0-9]{{2}}{_S}[0-9]{{4}}"
    # (37) 788-063
    rf"|\([0-9]{{2,5}}\) ?[0-9]{{2,4}}(?:[ {DASHES}-][0-9]{{2,4}}){{1,3}}"
    # 0490 75 40 81, 030/123456
    rf"|0[0-9]{{1,4}}(?:{_S}[0-9]{{2,4}}){{2,4}}|0[1-9][0-9]{{1,3}}[ /-][0-9]{{5,8}})"
    rf"{_EXTENSION}(?![\w%]|[.,:/{DASHES}-][0-9])"
)
# Groups of digits with one separator or two between them, brackets around any.
_NUMBER = re.compile(rf"\(?\+?\(?[0-9]{{1,20}}+(?:\)?{_S}{{0,2}}\(?[0-9]{{1,20}}+){{0,8}}+{_EXTENSION}")
EXTENSION_END = re.compile(r"[ ,]{0,2}(?:x|ext\.?|extension)[ .]{0,2}[0-9]{1,6}$", re.IGNORECASE)
_DATE_LIKE = re.compile(
    r"(?:19|20)[0-9]{2}([./ -])[0-9]{1,2}\1[0-9]{1,2}|[0-9]{1,2}([./-])[0-9]{1,2}\2(?:[0-9]{2}|[0-9]{4})"
)
_SSN_LIKE = re.compile("[0-9]{3}[ -][0-9]{2}[ -][0-9]{4}")
_SENTENCE_END = re.compile(r"[.;!?]\s|\n\s*\n")
_NEAR = 40  # characters before a number in which a word of calling may stand
_AFTER = re.compile(r"\s{0,2}[-–,(\\/]{0,2}\s?([^\W\d_]{1,12})(?!\w|\.?\s{0,2}[:#=]|[ \t][0-9(+])")
_FEWEST, _MOST = 7, 15
_KINDS = {"phone", "fax"}


class PhoneRecognizer:
    """Recognizes telephone and fax numbers of any country."""

    def __init__(self, lexicon: PersonalDataLexicon) -> None:
        self._phrases = Phrases(lexicon.context)
        self._connectors = frozenset(
            map(normalize, (*lexicon.connectors, "at", "on", "in", "to", "me", "us", "him", "her"))
        )
        self._after = {normalize(word): kind for kind, words in lexicon.after.items() for word in words}

    def find(self, text: str, near: list[TextMark]) -> Iterator[SpanCandidate]:
        """Find telephone and fax numbers.

        Args:
            text: any text.
            near: places of the lexicon's words `near` in it, in order.
        """
        n_passed = done = 0
        for match in _FIRST_DIGIT.finditer(text):
            start = _take_in_plus(text, match.start(), done)
            if start < done:
                continue
            while n_passed < len(near) and near[n_passed].end <= start:
                n_passed += 1
            if _continues(text, start):
                continue
            if number := _UNMISTAKABLE.match(text, start):
                candidate = self._recognize(text, *number.span(), is_unmistakable=_has_digits(number.group(), 8))
            elif number := _NUMBER.match(text, start):
                candidate = None
                if _has_digits(number.group()) and not _goes_on(text, number.end()):
                    nearest = near[n_passed - 1].end if n_passed else -1
                    candidate = self._recognize(text, *number.span(), is_near=_is_near(text, nearest, start))
                elif not _has_digits(number.group(), 0):
                    done = number.end()  # too long, and so are its parts
            if candidate:
                done = candidate.end
                yield candidate

    def _recognize(
        self, text: str, start: int, end: int, *, is_unmistakable: bool = False, is_near: bool = False
    ) -> SpanCandidate | None:
        number = EXTENSION_END.sub("", text[start:end]).translate(PLAIN_DASHES).replace("\u00a0", " ")
        found = self._phrases.before(text, start, self._connectors)
        before = found.meaning if found else None
        after = _AFTER.match(text, end)
        kind_after = self._after.get(after.group(1).lower()) if after else None
        is_date = _DATE_LIKE.fullmatch(number) is not None
        if kind_after == "fax" or before in _KINDS or kind_after:
            kind = "fax" if "fax" in {kind_after, before} else "phone"
            return (
                None
                if is_date and before is None
                else SpanCandidate(start, end, kind, f"context:{kind}", Evidence.CONTEXT)
            )
        if before or is_date or _SSN_LIKE.fullmatch(number):
            return None
        if is_unmistakable:
            return SpanCandidate(start, end, "phone", "pattern:phone", Evidence.PATTERN)
        return SpanCandidate(start, end, "phone", "context:phone", Evidence.PATTERN) if is_near else None


def _take_in_plus(text: str, start: int, done: int) -> int:
    """Take in a plus sign and a bracket before the first digit."""
    if start > done and text[start - 1] == "(":
        start -= 1
    if start > done and text[start - 1] == "+":
        start -= 1
        if start > done and text[start - 1] == "(":
            start -= 1
    return start


def _has_digits(number: str, fewest: int = _FEWEST) -> bool:
    """Whether it has at least `fewest` digits and no more than a telephone number may have; an extension apart."""
    return fewest <= sum(map(str.isdigit, EXTENSION_END.sub("", number))) <= _MOST


def _is_near(text: str, nearest: int, start: int) -> bool:
    """Whether the word of calling that ends at `nearest` is close, and in the same sentence."""
    return nearest >= 0 and start - nearest <= _NEAR and not _SENTENCE_END.search(text, nearest, start)


def _continues(text: str, start: int) -> bool:
    """Whether what begins at `start` continues a number, a code or an amount."""
    before = text[start - 1 : start]
    if before in {".", "-", "/", ":", *DASHES}:
        return text[max(0, start - 2) : start - 1].isalnum() and not (before == ":" and text[start - 2].isalpha())
    return before.isalnum() or before in {"_", "$", "€", "£", "="}


def _goes_on(text: str, end: int) -> bool:
    """Whether a number goes on at `end`: a unit, a decimal fraction, a time."""
    return text[end : end + 1].isalnum() or (
        text[end : end + 1] in set("-./_%:,") and text[end + 1 : end + 2].isdigit()
    )

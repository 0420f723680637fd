"""Recognize numbers that identify a person, by the words before them, check digits and forms."""

import re
from collections.abc import Iterator

from ner_tasks.enrichment.personal_data import checksums
from ner_tasks.enrichment.personal_data.lexicon import PersonalDataLexicon
from ner_tasks.enrichment.personal_data.spans import Evidence, SpanCandidate
from ner_tasks.enrichment.personal_data.words import Found, Phrases, normalize

DASHES = "‐‑‒–—−"
PLAIN_DASHES = str.maketrans(dict.fromkeys(DASHES, "-"))
# A run of letters and digits, joined by single separators, with a digit in one of its first parts. The groups are
# possessive, so that a run without a digit is given up at once.
_VALUE = re.compile(
    rf"(?<!\w)(?:[A-Za-z]{{1,8}}+[-_/.{DASHES}]?+){{0,2}}+[0-9][A-Za-z0-9]*+(?:[-_/.{DASHES}][A-Za-z0-9]++)*+"
)
_LONGEST = 40
_GROUPS = re.compile(r"(?:[ \u00a0][0-9]{2,6}(?![\w/]|[.,-][0-9])){1,5}")
_CARD_GROUPS = re.compile(
    r"[0-9]{4}([ -])(?:[0-9]{4}\1[0-9]{4}\1[0-9]{4}(?:\1?[0-9]{1,3})?|[0-9]{6}\1[0-9]{4,5})(?![\w])"
)
_IBAN_GROUPS = re.compile(r"(?:[ \u00a0][A-Za-z0-9]{1,4}(?!\w)){2,8}")
_DATE_LIKE = re.compile(r"[0-9]{1,4}([/.-])[0-9]{1,2}\1[0-9]{2,4}|[0-9]{1,3}/[0-9]{1,4}|[0-9]+\.[0-9]+")
_YEAR = re.compile(r"(?:19|20)[0-9]{2}")
_PLATE_START = re.compile(r"(?<!\w)[A-Z]{1,3}[ -]$")
_PLATE_END = re.compile(r"[ -][A-Z]{1,3}(?!\w)")

_SSN = re.compile(r"(?!000|666)(?:[0-9]{3}|[Xx]{3})-(?!00)(?:[0-9]{2}|[Xx]{2})-(?!0000)[0-9]{4}")
_LETTER, _ANY = "[AC-HJKMNP-RT-Y]", "[AC-HJKMNP-RT-Y0-9]"
MBI = re.compile(rf"[1-9]{_LETTER}{_ANY}[0-9]-?{_LETTER}{_ANY}[0-9]-?{_LETTER}{{2}}[0-9]{{2}}")
_CARD = re.compile(r"(?=[0-9]{12,19}$)(?:4|5[0-8]|6|3[0-9]|2[2-7]|1800|2131)[0-9]+")
IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
VIN = re.compile(r"(?=.*[A-Z])(?=.*[0-9])[A-HJ-NPR-Z0-9]{17}")
_DEA = re.compile(r"[ABCDEFGHJKLMPRSTUX][A-Z9][0-9]{7}")

# Forms of the values that follow a phrase of their kind.
_FORMS = {
    "ssn": re.compile(r"[0-9Xx]{3}-?[0-9Xx]{2}-?[0-9]{4}|[0-9]{4}"),
    "npi": re.compile(r"[0-9]{10}"),
    "mbi": re.compile(r"(?=.*[0-9])[A-Za-z0-9-]{9,14}"),
    "vehicle": re.compile(r"(?=.*[0-9])(?:[A-Za-z0-9]{17}|[A-Za-z0-9]{1,4}-?[A-Za-z0-9]{1,5})"),
    "place": re.compile(r"[A-Za-z0-9]{3,6}(?:-[A-Za-z0-9]{3,4})?"),
    "date": re.compile(r"(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])(?:[0-9]{4}|[0-9]{6})?"),
}
_IDENTIFIER = re.compile(r"(?=(?:[^0-9]*[0-9]){3})[A-Za-z0-9][A-Za-z0-9_/.-]{2,39}")
# What makes clear that a number follows; without it only longer numbers are identifiers.
_INTRODUCED = re.compile(r"[:#=|]|\b(?:no|nr|num|number|numbers|id|code|is|plate|plates|vin)\b", re.IGNORECASE)
_FEWEST_DIGITS = 5
_BY_OTHERS = {"phone", "fax"}


class IdentifierRecognizer:
    """Recognizes numbers of people, accounts, licences, vehicles, devices, providers and postcodes."""

    def __init__(self, lexicon: PersonalDataLexicon) -> None:
        self._phrases = Phrases(lexicon.context)
        self._connectors = frozenset(map(normalize, lexicon.connectors))

    def find(self, text: str) -> Iterator[SpanCandidate]:
        """Find identifiers, in the order of the text."""
        done = 0
        for match in _VALUE.finditer(text):
            start, end = match.span()
            if start < done:
                continue  # a group of the number before
            if end - start <= _LONGEST:
                for candidate in self._recognize(text, start, end):
                    done = max(done, candidate.end)
                    yield candidate

    def _recognize(self, text: str, start: int, end: int) -> Iterator[SpanCandidate]:
        plain = text[start:end].translate(PLAIN_DASHES)
        found = self._phrases.before(text, start, self._connectors)
        kind = found.meaning if found else None
        proved = _check(text, start, end, plain)
        if proved and (kind is None or kind == proved.kind):
            yield proved._replace(evidence=Evidence.CONTEXT) if kind else proved
        elif found and kind not in _BY_OTHERS:
            yield from _read_labelled(text, start, end, plain, found)
        elif not found:
            yield from self._read_plate(text, start, end)

    def _read_plate(self, text: str, start: int, end: int) -> Iterator[SpanCandidate]:
        """A number plate whose letters are a word of their own."""
        letters = _PLATE_START.search(text[max(0, start - 5) : start])
        if letters and end - start <= 5:
            begin = start - len(letters.group())
            found = self._phrases.before(text, begin, self._connectors)
            if found and found.meaning == "vehicle":
                yield SpanCandidate(begin, end, "vehicle", "context:vehicle", Evidence.CONTEXT)


def _read_labelled(text: str, start: int, end: int, plain: str, found: Found) -> Iterator[SpanCandidate]:
    """Value after a phrase, if it has the form of the phrase's kind."""
    kind = found.meaning
    between = text[found.start : start]
    if kind != "date" and _DATE_LIKE.fullmatch(plain):
        return
    if not _INTRODUCED.search(between) and (_YEAR.fullmatch(plain) or sum(map(str.isdigit, plain)) < _FEWEST_DIGITS):
        return  # "card 2020", "group 120"
    if plain.isdigit() and (groups := _GROUPS.match(text, end)) and kind not in {"date", "vehicle"}:
        end = groups.end()
        plain += "".join(groups.group().split())
    if kind == "vehicle" and end - start <= 5 and (letters := _PLATE_END.match(text, end)):
        end = letters.end()
    if _FORMS.get(kind, _IDENTIFIER).fullmatch(plain):
        yield SpanCandidate(start, end, kind, f"context:{kind}", Evidence.CONTEXT)


def _check(text: str, start: int, end: int, plain: str) -> SpanCandidate | None:
    """Identifier that its form or check digits prove."""
    upper = plain.upper()
    if _SSN.fullmatch(plain):
        return SpanCandidate(start, end, "ssn", "pattern:ssn", Evidence.PATTERN)
    if MBI.fullmatch(plain):
        return SpanCandidate(start, end, "mbi", "pattern:mbi", Evidence.PATTERN)
    if VIN.fullmatch(plain) and checksums.vin(plain):
        return SpanCandidate(start, end, "vehicle", "checksum:vin", Evidence.CHECKSUM)
    if _DEA.fullmatch(plain) and checksums.dea(plain):
        return SpanCandidate(start, end, "licence", "checksum:dea", Evidence.CHECKSUM)
    if plain.isdigit() and checksums.npi(plain):
        return SpanCandidate(start, end, "npi", "checksum:npi", Evidence.CHECKSUM)
    if (card_end := _end_of_card(text, start, end, plain)) is not None:
        return SpanCandidate(start, card_end, "account", "checksum:card", Evidence.CHECKSUM)
    if upper[:2].isalpha() and (iban_end := _end_of_iban(text, end, upper)) is not None:
        return SpanCandidate(start, iban_end, "account", "checksum:iban", Evidence.CHECKSUM)
    return None


def _end_of_card(text: str, start: int, end: int, plain: str) -> int | None:
    """Where a card number ends that is written in one piece, with hyphens or with spaces; None if it is none."""
    grouped = _CARD_GROUPS.match(text, start)
    for digits, stop in ((plain, end), (re.sub("[ -]", "", grouped.group()), grouped.end()) if grouped else ("", end)):
        if _CARD.fullmatch(digits) and checksums.luhn(digits):
            return stop
    return None


def _end_of_iban(text: str, end: int, upper: str) -> int | None:
    """Where an account number ends that may be written in groups of four; None if its check digits are wrong."""
    groups = _IBAN_GROUPS.match(text, end) if len(upper) == 4 else None
    parts = groups.group().split() if groups else []
    for n in range(len(parts), -1, -1):
        if IBAN.fullmatch(joined := (upper + "".join(parts[:n])).upper()) and checksums.iban(joined):
            return end + sum(len(part) + 1 for part in parts[:n])
    return None

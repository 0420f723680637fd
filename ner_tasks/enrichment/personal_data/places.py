"""Recognize postal addresses by their form and by the words before them; a tagger finds the names of places."""

import re
from collections.abc import Iterator, Mapping, Sequence

from ner_tasks.enrichment.personal_data import address_forms as forms
from ner_tasks.enrichment.personal_data.lexicon import PersonalDataLexicon
from ner_tasks.enrichment.personal_data.spans import Evidence, SpanCandidate
from ner_tasks.enrichment.personal_data.words import TextMark, normalize, starts_line, words_before

_AFTER_LABEL = re.compile(r"[ \t]{0,3}[:=|][ \t*]{0,20}\n?[ \t]{0,8}")
_AFTER_LEAD = re.compile(
    r"[:?,.]?\s{1,4}(?:(?:it's|is|are|in|at|to|user|the corner of)[: \t]{1,2}){0,2}(?=[0-9])", re.IGNORECASE
)
_LINE = re.compile(r"[^\n;|\[\]]{1,120}")
_SENTENCE_END = re.compile(r"[.?!](?=\s+[A-Z]|\s*$)|[?!](?=\s)")
_WORD = re.compile(r"[^\W\d_]+")
_NEXT_LABEL = re.compile(r"[ \t]{0,3}(?:([^\W\d_]+)|[:=_])")
_REACH = 100
_FEWEST_LETTERS = 4  # of a type of street without a house number before


class PlaceRecognizer:
    """Recognizes streets, units, post boxes, postcodes beside a state, and what follows an address label."""

    def __init__(self, lexicon: PersonalDataLexicon) -> None:
        self._states = frozenset(lexicon.state_codes)
        self._regions = frozenset(normalize(name) for names in lexicon.regions for name in names)
        self._stops = frozenset(map(normalize, lexicon.not_names))
        self._form_words = frozenset(map(normalize, lexicon.form_words)) | self._stops
        self._endings = tuple(map(normalize, lexicon.street_endings))
        self.sets: dict[str, Sequence[str]] = {
            "street": lexicon.street_types,
            "street_beginning": lexicon.street_beginnings,
            "unit": lexicon.unit_types,
            "box": ["box", "postbox", "postfach", "apartado"],
            "corner": ["corner"],
            "military": ["apo", "fpo", "dpo"],
            "address_label": lexicon.address_labels,
            "address_lead": lexicon.address_leads,
        }

    def is_region(self, name: str) -> bool:
        """Whether a name is that of a state or of something larger, or of its people."""
        plain = " ".join(normalize(name).split()).removeprefix("the ").removesuffix("'s").rstrip(".")
        return plain in self._regions or name.strip() in self._states

    def find(self, text: str, marks: Mapping[str, Sequence[TextMark]]) -> Iterator[SpanCandidate]:
        """Find addresses and their parts.

        Args:
            text: any text.
            marks: places of the words of `sets` in it.
        """
        for street in marks["street"]:
            yield from self._find_at_type(text, street)
        for word in marks["street_beginning"]:
            match = forms.WORDS_AND_HOUSE.match(text, word.end)
            if match and text[word.start].isupper():
                yield self._address(text, _take_in_house(text, word.start), match.end(), "pattern:street")
        yield from self._find_endings(text)
        for unit in marks["unit"]:
            number = forms.UNIT_NUMBER.match(text, unit.end)
            if number and (text[unit.start].isupper() or number.group().strip(" .#")[0].isdigit()):
                yield self._address(text, _take_in_street(text, unit.start), number.end(), "pattern:unit")
        yield from self._find_boxes(text, marks)
        yield from self._find_postcodes(text)
        yield from self._find_labelled(text, marks)
        for corner in marks["corner"]:
            yield from _find_crossing(text, corner)

    def _find_at_type(self, text: str, street: TextMark) -> Iterator[SpanCandidate]:
        """A street with its type behind its name: 12 Main St, High Street."""
        is_capital = text[street.start].isupper()
        offset = max(0, street.start - _REACH)
        window = text[offset : street.start]
        house = forms.HOUSE_AND_WORDS.search(window) if is_capital or len(street.text) > _FEWEST_LETTERS else None
        if house and "\n" not in house.group() and _is_street_name(house.group().split()[-1]):
            direction = forms.DIRECTION.match(text, street.end)
            end = direction.end() if direction else street.end
            yield self._address(text, offset + house.start(), end, "pattern:street")
        elif is_capital and len(street.text) >= _FEWEST_LETTERS and (name := forms.CAPITALIZED_WORDS.search(window)):
            number = forms.HOUSE_AFTER.match(text, street.end)
            if number or not (self._is_blank(name.group()) and self._meets_label(text, street.end)):
                yield self._address(
                    text, offset + name.start(), number.end() if number else street.end, "pattern:street"
                )

    def _find_endings(self, text: str) -> Iterator[SpanCandidate]:
        """A street with its type at the end of its name and the house number behind: Hauptstraße 5."""
        for match in forms.HOUSE_NUMBER.finditer(text):
            at = match.start() - 1
            if text[max(0, at - 10) : at].lower().endswith(self._endings):
                words = words_before(text, at, 1)
                yield self._address(text, _take_in_house(text, words[0].start), match.end(), "pattern:street")

    def _find_boxes(self, text: str, marks: Mapping[str, Sequence[TextMark]]) -> Iterator[SpanCandidate]:
        """Post boxes, and addresses of the armed forces."""
        for box in marks["box"]:
            before = forms.BEFORE_BOX.search(text[max(0, box.start - 20) : box.start])
            number = forms.BOX_NUMBER.match(text, box.end)
            if number and (before or len(box.text) > len("box")):
                start = box.start - len(before.group()) if before else box.start
                yield self._address(text, start, number.end(), "pattern:post-box")
        for office in marks["military"]:
            if code := forms.MILITARY.match(text, office.end):
                before = forms.BEFORE_MILITARY.search(text[max(0, office.start - 40) : office.start])
                start = office.start - len(before.group()) if before else office.start
                yield SpanCandidate(start, code.end(), "place", "pattern:post-box", Evidence.CHECKSUM)

    def _find_postcodes(self, text: str) -> Iterator[SpanCandidate]:
        """A postcode after the code of a state, with the city before it."""
        for match in forms.POSTCODE.finditer(text):
            words = words_before(text, match.start())[:1]
            if not words or text[words[0].end : match.start()].strip(" ,.\t\n>"):
                continue
            code = text[words[0].start : words[0].end]
            if code not in self._states and not self.is_region(code):
                continue
            yield SpanCandidate(
                _take_in_city(text, words[0].start), match.end(), "place", "pattern:postcode", Evidence.CHECKSUM
            )

    def _find_labelled(self, text: str, marks: Mapping[str, Sequence[TextMark]]) -> Iterator[SpanCandidate]:
        for label in marks["address_label"]:
            match = _AFTER_LABEL.match(text, label.end)
            line = _LINE.match(text, match.end()) if match and starts_line(text, label.start) else None
            if line and not self._is_blank(line.group()):
                yield self._address(text, line.start(), _end_of_sentence(text, *line.span()), "context:address")
        for lead in marks["address_lead"]:
            match = _AFTER_LEAD.match(text, lead.end)
            part = forms.LEAD_PART.match(text, match.end()) if match else None
            if part and _looks_like_house(text[part.start() : (end := _end_of_sentence(text, *part.span()))]):
                yield self._address(text, part.start(), end, "context:address")

    def _is_blank(self, words: str) -> bool:
        """Whether it holds nothing but words of a blank form, such as `City: State: Zip:`."""
        return not any(map(str.isdigit, words)) and self._form_words.issuperset(map(normalize, _WORD.findall(words)))

    def _meets_label(self, text: str, end: int) -> bool:
        """Whether words of a form go on at `end`, or leave room for a value there."""
        match = _NEXT_LABEL.match(text, end)
        return match is not None and (match[1] is None or normalize(match[1]) in self._form_words)

    def _address(self, text: str, start: int, end: int, source: str) -> SpanCandidate:
        """Address that begins with a recognized part, with the town and postcode behind it."""
        if tail := forms.TAIL_WITH_POSTCODE.match(text, end):
            end = tail.end()
        elif tail := forms.TAIL_OF_CAPITALS.match(text, end):
            first = normalize(tail.group().strip(" \t\n>,(").split(" ")[0].split("\n")[0].strip(".,"))
            end = end if first in self._stops else tail.end()
        evidence = Evidence.CONTEXT if source.startswith("context") else Evidence.CHECKSUM
        return SpanCandidate(start, end, "place", source, evidence)


def _find_crossing(text: str, corner: TextMark) -> Iterator[SpanCandidate]:
    """Two streets after "the corner of"."""
    streets = forms.CORNER.match(text, corner.end)
    if streets and " and " in streets.group() and _looks_like_house(streets.group()):
        article = forms.BEFORE_CORNER.search(text[max(0, corner.start - 5) : corner.start])
        start = corner.start - len(article.group()) if article else corner.start
        end = _end_of_sentence(text, *streets.span())
        yield SpanCandidate(start, end, "place", "context:address", Evidence.CONTEXT)


def _take_in_city(text: str, state: int) -> int:
    """Return where the capitalized words before a state begin, or the state."""
    before = text[max(0, state - _REACH) : state]
    gap = forms.BEFORE_STATE.search(before)
    city = forms.CITY.search(before[: gap.start()]) if gap else None
    start = state - len(before) + city.start() if city else state
    while start < state and not text[start].isupper():
        space = text.find(" ", start, state)
        start = state if space < 0 else space + 1
    return start


def _take_in_house(text: str, start: int) -> int:
    """Return where the house number before a street begins, or the street."""
    house = forms.HOUSE_BEFORE.search(text[max(0, start - 8) : start])
    return start - len(house.group()) if house else start


def _take_in_street(text: str, start: int) -> int:
    """Return where the house number and street before a unit begin, or the unit."""
    window = text[max(0, start - _REACH) : start]
    house = forms.HOUSE_AND_WORDS.search(window)
    return start - len(window) + house.start() if house and _looks_like_house(house.group()) else start


def _looks_like_house(words: str) -> bool:
    """Whether one of the words begins with a capital, or the number has three digits or more."""
    return any(word[0].isupper() for word in words.split()) or words[:3].isdigit()


def _is_street_name(word: str) -> bool:
    """Whether the word before the type of a street may be its name: a capital or a number, and no end of a sentence."""
    return (word[0].isupper() or word[0].isdigit()) and not (word.endswith(".") and len(word) > _FEWEST_LETTERS)


def _end_of_sentence(text: str, start: int, end: int) -> int:
    match = _SENTENCE_END.search(text, start, end)
    return match.start() if match else end

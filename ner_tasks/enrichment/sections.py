"""Sections of a clinical note: its headings, in the forms in which people write them, and the kind of each.

A heading is a line, or the beginning of one, that has the form of a heading and a name of the lexicon. An ambiguous
name needs company: letters and forms have fields such as `Plan:` as well.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ner_tasks.enrichment.heading_lexicon import HeadingForm, Standing
from ner_tasks.enrichment.heading_lines import HeadingLine, Line, find_field, iter_lines, iter_within, read_heading
from ner_tasks.enrichment.heading_names import HeadingNames, Meaning
from ner_tasks.fingerprint import make_version

_MIN_COMPANY = (
    3  # kinds of ambiguous headings that are as good as a heading that is certain; initials of SOAP that count
)
_EVIDENT = {HeadingForm.MARKDOWN, HeadingForm.UNDERLINED, HeadingForm.MARKED}
_WHOLE_LINE = {
    HeadingForm.MARKDOWN,
    HeadingForm.UNDERLINED,
    HeadingForm.MARKED,
    HeadingForm.NUMBERED,
    HeadingForm.UPPER_CASE,
    HeadingForm.ALONE,
    HeadingForm.COLON,
}
_SENTENCE_END = ".!?:;"
_SHORT_LINE = 50  # characters; prose that goes on in the next line fills more
_WORD = re.compile(r"[\w@]+")
_N_WORDS_AFTER = 6
_LIST_REACH = 4_000  # characters back in which the item before is looked for


class Section(NamedTuple):
    """A section of a text.

    Args:
        start: first character of its heading, with marks such as `##` or `1.`.
        end: first character of the next heading, or the end of the text.
        kind: kind of the section, such as `family-history`.
        heading_start: first character of the heading's name.
        heading_end: end of the heading's name.
    """

    start: int
    end: int
    kind: str
    heading_start: int
    heading_end: int


class _Candidate(NamedTuple):
    """A line that may be a heading, with what is known of it before the rest of the text is."""

    read_as: HeadingLine
    name: str
    words: tuple[str, ...]
    meaning: Meaning | None
    is_initial: bool
    line: Line
    before: Line | None
    after: Line | None


class _Heading(NamedTuple):
    read_as: HeadingLine
    kind: str
    is_certain: bool
    is_part: bool


@dataclass(frozen=True)
class SectionRules:
    """The rules that find the sections of a text.

    Args:
        names: names of headings.
        version: hash of the names and everything that goes with them.
    """

    names: HeadingNames
    version: str

    @classmethod
    def load(cls, path: Path | None = None) -> "SectionRules":
        """Read the lexicon of headings.

        Args:
            path: a YAML that extends or replaces ours, of the shape of `lexicons/sections.yaml`; None for ours alone.

        Raises:
            InputMissing: `path` does not exist.
            ConfigInvalid: not YAML, an unknown key, a wrong value, or one name with two meanings.
        """
        names = HeadingNames.read(path)
        return cls(names, make_version(names.content))

    def find(self, text: str) -> list[Section]:
        """Return the sections of a text, in its order; they do not overlap.

        Text before the first heading belongs to no section. The time is proportional to the length of the text.

        Args:
            text: any text, also one with NULs and lone surrogates.

        Returns:
            For each heading the section from its first character to the character before the next heading.
        """
        candidates = list(self._iter_candidates(text))
        headings = self._choose(text, candidates, has_company=False)
        if any(each.is_certain for each in headings) or len({each.kind for each in headings}) >= _MIN_COMPANY:
            headings = self._choose(text, candidates, has_company=True)
        ends = [*(each.read_as.start for each in headings[1:]), len(text)]
        return [
            Section(each.read_as.start, end, each.kind, each.read_as.name_start, each.read_as.name_end)
            for each, end in zip(headings, ends, strict=False)
        ]

    def _iter_candidates(self, text: str) -> Iterator[_Candidate]:
        """Yield what is written like a heading and has a name of the lexicon, at most one heading for each place."""
        before: Line | None = None
        for line, after in _with_next(iter_lines(text)):
            for read_as in read_heading(text, line, after):
                if known := self._know(text, read_as, line, before, after):
                    yield known
                    break
            for read_as in iter_within(text, line):
                known = self._know(text, read_as, line, before, after)
                if known and known.meaning:
                    yield known
            before = line

    def _know(
        self, text: str, read_as: HeadingLine, line: Line, before: Line | None, after: Line | None
    ) -> _Candidate | None:
        name = text[read_as.name_start : read_as.name_end]
        words = self.names.split(name)
        is_initial = name in self.names.initials and (read_as.has_colon or read_as.form in _EVIDENT)
        if is_initial:
            meaning: Meaning | None = Meaning(self.names.initials[name], Standing.AMBIGUOUS, 1)
        else:
            meaning = self.names.look_up(words)
        if meaning and not self.names.allows(meaning.kind, read_as.form):
            meaning = None
        if meaning is None and not (read_as.form in _WHOLE_LINE and self.names.may_be_part(words)):
            return None
        return _Candidate(read_as, name, words, meaning, is_initial, line, before, after)

    def _choose(self, text: str, candidates: Sequence[_Candidate], *, has_company: bool) -> list[_Heading]:
        """Choose the headings among the candidates, each in the light of those before it."""
        has_initials = len({each.name for each in candidates if each.is_initial}) >= _MIN_COMPANY
        chosen: list[_Heading] = []
        parent = ""
        for each in candidates:
            if chosen and each.read_as.start < chosen[-1].read_as.name_end:
                continue
            if (part := self._find_part(text, each, parent, chosen)) is not None:
                chosen.append(_Heading(each.read_as, part, is_certain=False, is_part=True))
                continue
            meaning = each.meaning
            if meaning is None or (each.is_initial and not has_initials):
                continue
            if each.is_initial or self._counts(text, each, meaning, chosen, has_company=has_company):
                is_certain = not _is_ambiguous(each, meaning)
                chosen.append(_Heading(each.read_as, meaning.kind, is_certain, is_part=False))
                parent = meaning.kind
        return chosen

    def _find_part(self, text: str, each: _Candidate, parent: str, chosen: Sequence[_Heading]) -> str | None:
        if each.read_as.form not in _WHOLE_LINE or each.read_as.number is not None or not each.name[:1].isupper():
            return None
        if not (each.line.begins_paragraph or _follows(each, chosen) or _is_ended(text, each.before)):
            return None
        kind = self.names.find_part(each.words, parent)
        return kind if kind and self.names.allows(kind, each.read_as.form) else None

    def _counts(
        self, text: str, each: _Candidate, meaning: Meaning, chosen: Sequence[_Heading], *, has_company: bool
    ) -> bool:
        """Whether a name that is known is a heading where it stands."""
        if meaning.standing is Standing.ABBREVIATION and not _is_written_short(each):
            return False
        is_ambiguous = _is_ambiguous(each, meaning)
        if is_ambiguous and not (has_company or self._stands_alone(text, each)):
            return False
        if is_ambiguous and self._means_else(text, each, meaning):
            return False
        is_free = each.line.begins_paragraph or _follows(each, chosen)
        is_weak = is_ambiguous or meaning.n_words == 1
        is_title = not each.name[:1].islower()
        match each.read_as.form:
            case HeadingForm.MARKDOWN | HeadingForm.UNDERLINED | HeadingForm.MARKED:
                return not is_weak or each.read_as.number is None or _continues_numbers(text, each, chosen)
            case HeadingForm.NUMBERED:
                return is_title and (not is_weak or _continues_numbers(text, each, chosen))
            case HeadingForm.BULLETED:
                are_bulleted = (
                    not chosen or chosen[-1].read_as.form is HeadingForm.BULLETED
                )  # not a list inside a section
                return each.read_as.has_colon and is_title and are_bulleted
            case HeadingForm.UPPER_CASE:
                return not is_ambiguous or is_free or _is_ended(text, each.before) or not _is_upper(text, each.before)
            case HeadingForm.ALONE if not is_title:
                ends_paragraph = each.after is None or each.after.begins_paragraph
                return not is_ambiguous and is_free and ends_paragraph
            case HeadingForm.ALONE:
                return is_free or not is_weak or (not is_ambiguous and _is_ended(text, each.before))
            case HeadingForm.DASH:
                return each.name.isupper() or (not is_ambiguous and is_title and is_free)
            case HeadingForm.WITHIN_LINE:
                return True
        return is_title or is_free or _is_ended(text, each.before) or _is_short(each.before)

    def _stands_alone(self, text: str, each: _Candidate) -> bool:
        """Whether a heading begins a paragraph, and no neighbour of it is a field that means nothing to us."""
        if each.read_as.form is HeadingForm.WITHIN_LINE or not each.line.begins_paragraph:
            return False
        fields = [find_field(text, line) for line in (each.before, each.after)]
        return all(field is None or self.names.look_up(self.names.split(field)) is not None for field in fields)

    def _means_else(self, text: str, each: _Candidate, meaning: Meaning) -> bool:
        """Whether the words behind an ambiguous name say that it is no heading."""
        unless = self.names.unless.get(meaning.kind, frozenset())
        behind = text[each.read_as.after : min(each.line.end, each.read_as.after + 100)]
        words = _WORD.findall(behind.casefold())[:_N_WORDS_AFTER]
        return any("@" in word or word in unless for word in words)


def _with_next(lines: Iterator[Line]) -> Iterator[tuple[Line, Line | None]]:
    """Yield each line with the one after it."""
    current = next(lines, None)
    while current is not None:
        after = next(lines, None)
        yield current, after
        current = after


def _is_ambiguous(each: _Candidate, meaning: Meaning) -> bool:
    if meaning.standing is Standing.ABBREVIATION:
        return sum(map(str.isalnum, each.name)) <= 2
    return meaning.standing is Standing.AMBIGUOUS


def _is_written_short(each: _Candidate) -> bool:
    """Whether an abbreviation is written like one: with two capitals, or with three letters and a colon."""
    if each.name[0].isupper() and sum(map(str.isupper, each.name)) >= 2:
        return True
    return each.read_as.has_colon and sum(map(str.isalnum, each.name)) > 2


def _continues_numbers(text: str, each: _Candidate, chosen: Sequence[_Heading]) -> bool:
    """Whether a number is that of a heading; "2. Allergies" may also be an item of a list inside a section."""
    number = each.read_as.number or 0
    if not chosen:
        return True
    last = chosen[-1].read_as
    begin = max(last.name_end, each.read_as.start - _LIST_REACH)
    if number > 1 and re.search(rf"(?m)^[ \t]*+\(?{number - 1}[.)]", text[begin : each.read_as.start]):
        return False
    return number == len(chosen) + 1 or (
        last.number is not None and (number > last.number or number == last.number == 0)
    )


def _follows(each: _Candidate, chosen: Sequence[_Heading]) -> bool:
    """Whether the line before is a heading itself."""
    before = each.before
    return bool(chosen) and before is not None and before.start <= chosen[-1].read_as.start < before.end


def _is_ended(text: str, line: Line | None) -> bool:
    """Whether a line ends a sentence."""
    return line is None or text[line.end - 1 - _blanks_at_end(text, line)] in _SENTENCE_END


def _blanks_at_end(text: str, line: Line) -> int:
    tail = text[max(line.start, line.end - 20) : line.end]
    return min(len(tail) - len(tail.rstrip()), len(tail) - 1)


def _is_upper(text: str, line: Line | None) -> bool:
    return line is not None and text[line.start : min(line.end, line.start + 200)].isupper()


def _is_short(line: Line | None) -> bool:
    return line is None or line.end - line.start < _SHORT_LINE

"""Lines that are written like a heading, whatever they say; the look-up of the name decides whether they are one."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from ner_tasks.enrichment.heading_lexicon import MAX_NAME, HeadingForm

# Every quantifier here is possessive or has a small bound: no text makes these patterns go back far.
_LINE = re.compile("[^\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]++")
_LEAD = re.compile(
    r"""[^\S\n]*+(?:>[^\S\n]*+)*+(?P<marks>                # indentation, quotation marks of mail
        (?P<hashes>\#{1,6}+[^\S\n]*+)?+
        (?P<bullet>[*+•·▪◦‣●○■□►➢–—][^\S\n]++|-(?!-)[^\S\n]*+)?+
        (?P<mark>[*_=~\[-]{1,40}+[^\S\n]*+)?+
        (?P<number>\(?+(?:(?P<digits>\d{1,2}+)(?:[.)\]]|(?:\.\d{1,2}+){1,3}+[.)\]]?+)(?:[^\S\n]++|(?=[A-Z*_]))
                       |(?:[IVX]{1,4}+|[A-Za-z])[.)][^\S\n]++))?+
        (?P<bold>[*_]{1,3}+)?+)""",
    re.VERBOSE,
)
_COLON = re.compile("[:：]")
_ASIDE = re.compile(r"\([^()]{0,60}+\)")
_DASH = re.compile(r"[^\S\n]{1,4}[-–—]{1,2}[^\S\n]|[–—]|\t")
_RULE = re.compile(r"[^\S\n]*+(?:-{3,}+|={3,}+|_{3,}+|~{3,}+|\*{3,}+|\^{3,}+)[^\S\n]*+")
_WITHIN = re.compile(r"(?:(?<=[.;,!?)]\s)|(?<=[.;,!?)])|(?<=\s\s))(?P<name>[A-Z][A-Z&/'() -]{1,60}+):")
_FIELD = re.compile(r"\s*+(?P<name>[^\W\d_][^:：\n]{0,40}+)[:：]")
_CLOSE = str.maketrans("[", "]")
_MARKS = "*_=~]# \t\xa0"
_MAX_WORDS = 12  # of a name on a line of its own
_HEAD = 3 * MAX_NAME  # characters of a line that are looked at


class Line(NamedTuple):
    """A line that is not blank, by its first character and its end, and whether it begins a paragraph."""

    start: int
    end: int
    begins_paragraph: bool


class HeadingLine(NamedTuple):
    """One way to read a line, or a stretch of it, as a heading."""

    start: int  # first character of the heading, marks included
    name_start: int
    name_end: int
    after: int  # where the text behind the name and its colon begins
    form: HeadingForm
    has_colon: bool
    number: int | None  # None: no number; 0: a letter or a Roman number


def iter_lines(text: str) -> Iterator[Line]:
    """Yield the lines of a text that are not blank."""
    end, blank = 0, True
    for match in _LINE.finditer(text):
        gap = text[end : match.start()]
        end = match.end()
        blank = blank or len(gap.replace("\r\n", "\n")) > 1 or gap in {"\x0c", "\u2029"}
        if match[0].isspace():
            blank = True
        else:
            yield Line(match.start(), end, blank)
            blank = False


def read_heading(text: str, line: Line, after: Line | None) -> Iterator[HeadingLine]:
    """Yield the ways to read a line as a heading, the likeliest first.

    Args:
        text: the whole text.
        line: the line.
        after: the next line that is not blank, None if there is none.
    """
    stop = min(line.end, line.start + _HEAD)
    if not line.begins_paragraph and text[line.start].islower() and not _COLON.search(text, line.start, stop):
        return  # prose that goes on, as most lines of most texts do
    lead = _LEAD.match(text, line.start, stop)
    if not lead or lead.end() == stop:
        return
    start, begin = lead.start("marks"), lead.end()
    number = int(lead["digits"] or 0) if lead["number"] else None
    for end, behind, plain in _iter_names(text, begin, stop, line.end):
        name = _without_aside(text[begin:end].rstrip(_MARKS))
        if name and len(name) <= MAX_NAME:
            closing = text[begin + len(name) : min(behind + 3, line.end)]
            is_underlined = plain is not HeadingForm.INLINE and _is_rule(text, after)
            form = HeadingForm.UNDERLINED if is_underlined else _find_form(lead, name, closing, plain)
            has_colon = plain in {HeadingForm.COLON, HeadingForm.INLINE}
            yield HeadingLine(start, begin, begin + len(name), behind, form, has_colon, number)


def _find_form(lead: re.Match[str], name: str, closing: str, plain: HeadingForm) -> HeadingForm:
    """The form of a heading: that of its marks, if there are any, otherwise what is left without them."""
    marks = f"{lead['mark'] or ''}{lead['bold'] or ''}"
    if lead["hashes"]:
        return HeadingForm.MARKDOWN
    if marks and any(mark.translate(_CLOSE) in closing for mark in marks.strip()):
        return HeadingForm.MARKED
    if lead["number"]:
        return HeadingForm.NUMBERED
    if lead["bullet"] or marks:
        return HeadingForm.BULLETED
    return HeadingForm.UPPER_CASE if plain is HeadingForm.ALONE and name.isupper() else plain


def _without_aside(name: str) -> str:
    """Leave out what stands in parentheses at the end of a name."""
    aside = _ASIDE.search(name)
    return name[: aside.start()].rstrip(_MARKS) if aside and aside.end() == len(name) else name


def iter_within(text: str, line: Line) -> Iterator[HeadingLine]:
    """Yield upper-case names with a colon that stand in a line behind the end of a sentence, a comma or spaces."""
    if text.find(":", line.start + 2, line.end) < 0:
        return
    for match in _WITHIN.finditer(text, line.start + 1, line.end):
        start, end = match.span("name")
        if text[line.start : min(start, line.start + _HEAD)].strip(" \t>"):
            yield HeadingLine(
                start, start, start + len(match["name"].rstrip()), end + 1, HeadingForm.WITHIN_LINE, True, None
            )


def find_field(text: str, line: Line | None) -> str | None:
    """Return the name of the field that a line begins with, such as `Member ID: 7`; None if it begins with none."""
    match = _FIELD.match(text, line.start, line.end) if line else None
    return match["name"] if match else None


def _iter_names(text: str, begin: int, stop: int, end: int) -> Iterator[tuple[int, int, HeadingForm]]:
    """Yield the ends of what may be a name, where the text behind it begins, and the plain form of the heading."""
    colon = _COLON.search(text, begin, stop)
    if colon and text.count("(", begin, colon.start()) > text.count(")", begin, colon.start()):
        closing = text.find(")", colon.end(), stop)
        colon = _COLON.search(text, closing, stop) if closing >= 0 else None
    if colon:
        is_alone = not text[colon.end() : stop].strip(_MARKS) and stop == end
        yield colon.start(), colon.end(), HeadingForm.COLON if is_alone else HeadingForm.INLINE
    elif end - begin <= MAX_NAME and text[end - 1] not in ".,;!?" and text.count(" ", begin, end) < _MAX_WORDS:
        yield end, end, HeadingForm.ALONE
    if dash := _DASH.search(text, begin, stop):
        yield dash.start(), dash.end(), HeadingForm.DASH


def _is_rule(text: str, line: Line | None) -> bool:
    """Whether a line underlines the one right before it."""
    if line is None or line.begins_paragraph:
        return False
    return bool(_RULE.fullmatch(text, line.start, min(line.end, line.start + _HEAD)))

"""Parse the syntax of X12 interchanges: separators, segments, and binary segments with a declared length.

Source: ANSI ASC X12.5 (interchange control structures), X12.6 (application control structure), segments BIN and BDS.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

_N_ISA = 16  # elements of the ISA segment
_MAX_ISA = 1_000
_ISA = re.compile(r"(?<![A-Za-z0-9])ISA([^\w\s])")
_GUESSED_BY = 4_000  # characters from which invalid separators are guessed
# Binary segments: the element with the number of bytes, and the element with the bytes.
BINARY = {"BIN": (1, 2), "BDS": (2, 3)}
_LENGTH = re.compile(r"\d{1,10}")


@dataclass(frozen=True)
class X12Separators:
    """The separators of one interchange.

    Attributes:
        fault: error in the declared separators, "" if none.
    """

    element: str = "*"
    component: str = ":"
    repetition: str = "^"
    terminator: str = "~"
    fault: str = ""


@dataclass(frozen=True)
class X12Segment:
    """One segment.

    Attributes:
        name: its two- or three-letter name, "" for text that is not a segment.
        elements: raw elements; `elements[0]` is the name and `elements[1]` the first element.
        separators: separators of its interchange.
        content: content of a binary segment.
        fault: error in the segment, "" if none.
    """

    name: str
    elements: tuple[str, ...]
    separators: X12Separators
    content: str = ""
    fault: str = ""

    def element(self, number: int) -> str:
        """Return a raw element, "" if it is missing."""
        return self.elements[number].strip() if number < len(self.elements) else ""


def iter_segments(text: str) -> Iterator[X12Segment]:
    """Yield the segments of all interchanges in a file.

    Args:
        text: the file, one character per byte.
    """
    match = _ISA.search(text)
    separators = parse_separators(text, match.start()) if match else _guess(text[:_GUESSED_BY])
    at = match.start() if match else 0
    if before := text[:at].strip():
        yield X12Segment("", (before,), separators)
    while at < len(text):
        while at < len(text) and (text[at].isspace() or text[at] in separators.terminator + "\0\x1a"):
            at += 1
        if at >= len(text):
            return
        if text.startswith("ISA", at) and _ISA.match(text, at):
            separators = parse_separators(text, at)
        name = text[at : at + 4].partition(separators.element)[0]
        if name in BINARY:
            segment, at = _read_binary(text, at, name, separators)
        else:
            segment, at = _read_plain(text, at, separators)
        yield segment


def parse_separators(text: str, at: int) -> X12Separators:
    """Parse the separators of the interchange whose ISA segment begins at `at`, even if its elements vary in length."""
    element = text[at + 3]
    position = at + 3
    for _ in range(_N_ISA - 1):
        position = text.find(element, position + 1, at + _MAX_ISA)
        if position < 0:
            return replace(
                _guess(text[at : at + _GUESSED_BY]), element=element, fault="an ISA segment of fewer than 16 elements"
            )
    component, terminator = text[position + 1 : position + 2], text[position + 2 : position + 3]
    elements = text[at:position].split(element)
    declared = elements[11].strip()
    repetition = declared if len(declared) == 1 and not declared.isalnum() else "^"
    if terminator in ("\r", "\n"):
        terminator = "\n" if "\n" in text[position : position + 5] else "\r"
    if not terminator or terminator.isalnum() or terminator in (element, component):
        guessed = _guess(text[at : at + _GUESSED_BY]).terminator
        return X12Separators(
            element, component or ":", repetition, guessed, "no segment terminator after the ISA segment"
        )
    return X12Separators(element, component, repetition, terminator)


def _guess(text: str) -> X12Separators:
    """Guess the element separator and the terminator from the text; the other separators are the defaults."""
    element = next((sign for sign in "*|^" if re.search(rf"(?:ISA|GS|ST){re.escape(sign)}", text[:_MAX_ISA])), "*")
    begins = re.compile(rf"([^\w\s]|[\r\n])\s*(?:GS|ST|BHT|HL|NM1|N[34]|REF|SE|IEA|B[A-Z]{{2}}){re.escape(element)}")
    counts = Counter(match[1] for match in begins.finditer(text) if match[1] != element)
    return X12Separators(element, terminator=counts.most_common(1)[0][0] if counts else "~")


def _read_plain(text: str, at: int, separators: X12Separators) -> tuple[X12Segment, int]:
    end = text.find(separators.terminator, at)
    is_cut = end < 0
    end = len(text) if is_cut else end
    raw = text[at:end].strip("\r\n")
    elements = tuple(raw.split(separators.element))
    name = elements[0].strip()
    if not re.fullmatch(r"[A-Z][A-Z0-9]{1,2}", name) or len(elements) < 2:
        return X12Segment("", (raw,), separators), end + 1
    # A complete interchange ends with IEA, whose terminator may be missing.
    fault = "truncated at the end of the file" if is_cut and name != "IEA" else ""
    return X12Segment(name, elements, separators, fault=fault), end + 1


def _read_binary(text: str, at: int, name: str, separators: X12Separators) -> tuple[X12Segment, int]:
    """Read a segment whose last element has a declared length and may hold any byte."""
    length_at, _ = BINARY[name]
    start, elements = at, []
    for _ in range(length_at + 1):
        end = text.find(separators.element, start, start + 200)
        if end < 0:
            return _read_plain(text, at, separators)
        elements.append(text[start:end])
        start = end + 1
    declared = elements[length_at].strip()
    n_bytes = int(declared) if _LENGTH.fullmatch(declared) else -1
    if n_bytes >= 0 and _has_terminator(text, start + n_bytes, separators):
        content, end = text[start : start + n_bytes], start + n_bytes
        return X12Segment(name, tuple(elements), separators, content), _skip_terminator(text, end, separators)
    terminator = re.escape(separators.terminator)
    following = re.compile(rf"{terminator}(?=\s*(?:[A-Z][A-Z0-9]{{1,2}}{re.escape(separators.element)}|\Z))")
    match = following.search(text, start)
    end = match.start() if match else len(text)
    fault = f"found {end - start} bytes, expected {declared[:20] or 'a number'}, its declared length"
    return X12Segment(name, tuple(elements), separators, text[start:end], fault), end + len(separators.terminator)


def _has_terminator(text: str, at: int, separators: X12Separators) -> bool:
    """Whether a terminator is at `at`, or after a line end there."""
    behind = text[at : at + 3]
    return (
        at <= len(text) and separators.terminator in behind and not behind.partition(separators.terminator)[0].strip()
    )


def _skip_terminator(text: str, at: int, separators: X12Separators) -> int:
    return text.find(separators.terminator, at) + len(separators.terminator)

"""Entities shown in the text they were found in: on a terminal, in a log, on a page. Hostile text stays text."""

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.text import Text

# What steers a terminal or turns the direction of writing would act instead of being shown.
_ACTIVE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_SHOWN_INSTEAD = "\ufffd"
_SPACES = re.compile(r"\s+")
_LONG_WORD = 40
_COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "red", "bright_cyan", "bright_magenta")

# An entity as it lies in documents.jsonl: {"start", "end", "label", ...}
Entities = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Excerpt:
    """A stretch of text with its entities, cut into pieces; `label` is "" between entities.

    Prints on a rich console in colours where there are any, and as `[John Smith|per]` elsewhere; `str` gives the latter.
    """

    pieces: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return "".join(f"[{text}|{label}]" if label else text for text, label in self.pieces)

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        from rich.text import Text

        yield self.styled() if console.is_terminal and console.color_system else Text(str(self))

    def styled(self) -> "Text":
        """The same in colours, a colour per label."""
        from rich.text import Text

        shown = Text()
        for text, label in self.pieces:
            if label:
                colour = _COLOURS[sum(label.encode()) % len(_COLOURS)]
                shown.append(text, style=f"bold {colour}").append(f" {label}", style=f"italic {colour}")
            else:
                shown.append(text)
        return shown


def excerpt(text: str, entities: Entities, *, n_characters: int = 300) -> Excerpt:
    """About three lines of a document, where its entities are densest.

    Args:
        text: the document.
        entities: its entities with `start`, `end` and `label`.
        n_characters: length, give or take a word.
    """
    start, end = densest(text, entities, n_characters=n_characters)
    inside = [entity for entity in entities if start <= entity["start"] and entity["end"] <= end]
    pieces = [(_SPACES.sub(" ", _inert(piece)), label) for piece, label in _pieces(text, inside, start, end)]
    before, after = "… " if start > 0 else "", " …" if end < len(text.rstrip()) else ""
    return Excerpt(tuple(piece for piece in ((before, ""), *pieces, (after, "")) if piece[0]))


def densest(text: str, entities: Entities, *, n_characters: int) -> tuple[int, int]:
    """Bounds of the stretch of about `n_characters` that holds most entities, the first of several; never inside a word."""
    ordered = sorted(entities, key=lambda entity: (entity["start"], entity["end"]))
    best, first = (0, 0, 0), 0  # number of entities, start of the first, end of the last
    for last, entity in enumerate(ordered):
        while entity["end"] - ordered[first]["start"] > n_characters and first < last:
            first += 1
        if last - first + 1 > best[0]:
            best = (last - first + 1, ordered[first]["start"], entity["end"])
    _, start, end = best
    spare = max(n_characters - (end - start), 0)
    start = max(start - spare // 2, 0)
    end = min(max(end, start + n_characters), len(text))
    return _word_start(text, max(min(start, end - n_characters), 0)), _word_end(text, end)


def html_fragment(text: str, entities: Entities) -> str:
    """A whole document as HTML, each entity in a `<mark>` with its label; to be shown with `white-space: pre-wrap`.

    Everything that comes from the document is escaped, so that it can only ever be read.
    """
    parts = []
    for piece, label in _pieces(text, entities, 0, len(text)):
        shown = html.escape(_inert(piece))
        name = html.escape(label)
        parts.append(f'<mark class="ner" data-label="{name}">{shown}<small>{name}</small></mark>' if label else shown)
    return "".join(parts)


def _pieces(text: str, entities: Entities, start: int, end: int) -> Iterator[tuple[str, str]]:
    """The text `[start, end)` cut at its entities; one that overlaps the entity before it is left out."""
    position = start
    for entity in sorted(entities, key=lambda entity: (entity["start"], entity["end"])):
        if entity["start"] < position:
            continue
        yield text[position : entity["start"]], ""
        yield text[entity["start"] : entity["end"]], str(entity["label"])
        position = entity["end"]
    yield text[position:end], ""


def _inert(text: str) -> str:
    return _ACTIVE.sub(_SHOWN_INSTEAD, text.replace("\r\n", "\n"))


def _word_start(text: str, position: int) -> int:
    """Start of the word around `position`, unless it is a very long one."""
    space = max(text.rfind(char, max(position - _LONG_WORD, 0), position) for char in " \n")
    return space + 1 if space >= 0 or position <= _LONG_WORD else position


def _word_end(text: str, position: int) -> int:
    """End of the word around `position`, unless it is a very long one."""
    if space := re.compile(r"\s|\Z").search(text, position, position + _LONG_WORD):
        return space.start()
    return position

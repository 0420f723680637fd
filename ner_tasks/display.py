"""Show entities in their text on a terminal, in a log or on a page, without letting hostile text act."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.text import Text

# Characters that control a terminal or change the direction of writing.
_ACTIVE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_REPLACEMENT = "\ufffd"
_SPACES = re.compile(r"\s+")
_LONG_WORD = 40
_COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "red", "bright_cyan", "bright_magenta")

# An entity as it lies in documents.jsonl: {"start", "end", "label", ...}
Entities = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Excerpt:
    """An excerpt of a text, as pieces with a label; the label is "" between entities.

    A rich console shows it in colours if it supports them, otherwise as `[John Smith|per]`, which is also the result of
    `str`.
    """

    pieces: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return "".join(f"[{text}|{label}]" if label else text for text, label in self.pieces)

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        from rich.text import Text

        yield self.styled() if console.is_terminal and console.color_system else Text(str(self))

    def styled(self) -> "Text":
        """Return the excerpt as rich text with one colour per label."""
        from rich.text import Text

        shown = Text()
        for text, label in self.pieces:
            if label:
                colour = _COLOURS[sum(label.encode()) % len(_COLOURS)]
                shown.append(text, style=f"bold {colour}").append(f" {label}", style=f"italic {colour}")
            else:
                shown.append(text)
        return shown


def make_excerpt(text: str, entities: Entities, *, n_characters: int = 300) -> Excerpt:
    """Return an excerpt of a document where its entities are densest.

    Args:
        text: text of the document.
        entities: its entities with `start`, `end`, `label` and, if it was assessed, `assertion`.
        n_characters: approximate length, to the next word.
    """
    start, end = find_densest(text, entities, n_characters=n_characters)
    inside = [entity for entity in entities if start <= entity["start"] and entity["end"] <= end]
    pieces = split_pieces(text, inside, start, end)
    shown = [(_SPACES.sub(" ", piece), _describe(entity) if entity else "") for piece, entity in pieces]
    before, after = "… " if start > 0 else "", " …" if end < len(text.rstrip()) else ""
    return Excerpt(tuple(piece for piece in ((before, ""), *shown, (after, "")) if piece[0]))


def _describe(entity: Mapping[str, Any]) -> str:
    """Return the label of an entity, with the statuses of its assertion."""
    return " ".join([str(entity["label"]), *map(str, entity.get("assertion") or ())])


def find_densest(text: str, entities: Entities, *, n_characters: int) -> tuple[int, int]:
    """Return the bounds of the stretch of about `n_characters` with most entities, at word boundaries."""
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


def find_stretches(
    text: str, entities: Entities, *, context: int = 120, longest: int = 600, most: int = 6
) -> list[tuple[int, int]]:
    """Return the bounds of stretches of a document around its entities, in order and without overlaps.

    Args:
        text: text of the document.
        entities: its entities.
        context: approximate number of characters before and after an entity.
        longest: approximate maximum length of a stretch; a longer entity is cut.
        most: maximum number of stretches; if there are more, evenly spread ones are returned.

    Returns:
        At least one stretch: the start of the text if there are no entities.
    """
    stretches: list[tuple[int, int]] = []
    for entity in sorted(entities, key=lambda entity: (entity["start"], entity["end"])):
        start = _word_start(text, max(entity["start"] - context, 0))
        end = _word_end(text, min(entity["end"] + context, len(text)))
        if stretches and start <= stretches[-1][1]:
            first, last = stretches[-1]
            if end - first <= longest:
                stretches[-1] = first, max(end, last)
                continue
            # Do not split an entity: the second of two adjacent stretches has the whole entity.
            start = min(max(last, start), entity["start"]) if entity["start"] > first else last
            stretches[-1] = first, start
        stretches.append((start, min(end, start + longest)))
    stretches = [(start, end) for start, end in stretches if start < end]
    return spread_items(stretches, most) or [(0, _word_end(text, min(longest, len(text))))]


def spread_items(items: Sequence[Any], most: int) -> list[Any]:
    """Return at most `most` of the items, evenly spread."""
    return [items[index] for index in spread_indexes(len(items), most)]


def spread_indexes(n_items: int, most: int) -> list[int]:
    """Return at most `most` of the indexes `[0, n_items)`, evenly spread, ascending."""
    n_taken = min(n_items, most)
    return [(2 * index + 1) * n_items // (2 * n_taken) for index in range(n_taken)]


def split_pieces(text: str, entities: Entities, start: int, end: int) -> Iterator[tuple[str, Mapping[str, Any] | None]]:
    """Split the text `[start, end)` at its entities and neutralize each piece; entities are cut at the bounds.

    Returns:
        Non-empty pieces, each with its entity or None. Of overlapping entities only the first is returned.
    """
    position = start
    for entity in sorted(entities, key=lambda entity: (entity["start"], entity["end"])):
        first, last = max(entity["start"], start), min(entity["end"], end)
        if first < position or first >= last:
            continue
        if position < first:
            yield neutralize(text[position:first]), None
        yield neutralize(text[first:last]), entity
        position = last
    if position < end:
        yield neutralize(text[position:end]), None


def neutralize(text: str) -> str:
    """Replace characters that control a terminal or change the direction of writing."""
    return _ACTIVE.sub(_REPLACEMENT, text.replace("\r\n", "\n"))


def _word_start(text: str, position: int) -> int:
    """Return the start of the word at `position`, or `position` in a very long word."""
    space = max(text.rfind(char, max(position - _LONG_WORD, 0), position) for char in " \n")
    return space + 1 if space >= 0 or position <= _LONG_WORD else position


def _word_end(text: str, position: int) -> int:
    """Return the end of the word at `position`, or `position` in a very long word."""
    if space := re.compile(r"\s|\Z").search(text, position, position + _LONG_WORD):
        return space.start()
    return position


def format_location(entity: Mapping[str, Any]) -> str:
    """Return the location of an entity as a suffix, `, page 3` or `, Claims!B7`; "" if the format has none."""
    if entity.get("page"):
        return f", page {entity['page']}"
    return f", {entity['source']}" if entity.get("source") else ""


def make_template_environment(folder: Path) -> "Environment":
    """Return the Jinja environment of a folder of HTML templates.

    It escapes every value and fails on an undefined one. Filters: `number` (`format_number`), `inert` (`neutralize`).
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = format_number
    environment.filters["inert"] = neutralize
    return environment


def format_number(value: float) -> str:
    """Return a number with its digits grouped by narrow no-break spaces."""
    return f"{value:,}".replace(",", "\u202f")

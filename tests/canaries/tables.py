"""CSV as spreadsheets write it: any delimiter, encoding and line end; blank rows, short rows, quotes without an end."""

import random
from collections.abc import Mapping

from tests.canaries.words import new_word

NAME, SUFFIX = "csv", ".csv"


def make(rng: random.Random) -> tuple[bytes, Mapping[str, str]]:
    canaries: dict[str, str] = {}
    delimiter, end = rng.choice(",;\t|"), rng.choice(("\n", "\r\n", "\r"))
    columns = rng.choice((["id", "text"], ["text", "id"], ["text"], ["id", "note", "text"], ["text", "note", ""]))
    lines = [delimiter.join(_header(rng, name) for name in columns)]
    if rng.random() < 0.2:
        lines.insert(0, f"sep={delimiter}")
    for number in range(rng.randint(1, 12)):
        word, other = new_word(rng), new_word(rng)
        canaries |= {word: "a row", other: "a row"}
        values = {"id": str(number), "text": _text(rng, word, other, delimiter), "note": "seen", "": ""}
        has_open_quote = columns[-1] == "text" and rng.random() < 0.1
        line = delimiter.join(
            _field(rng, values[name], delimiter, has_open_quote=has_open_quote and name == "text") for name in columns
        )
        lines.append(line + delimiter * rng.choice((0, 0, 1, 3)) * (len(columns) > 1))
        if rng.random() < 0.2:
            lines.append(rng.choice(("", delimiter * (len(columns) - 1), " ")))
    data = end.join(lines) + rng.choice(("", end))
    return data.encode(rng.choice(("utf-8", "utf-8-sig", "utf-16", "utf-16-le"))), canaries


def _header(rng: random.Random, name: str) -> str:
    return rng.choice((name, name, f'"{name}"', name.upper(), f" {name}")) if name else name


def _text(rng: random.Random, word: str, other: str, delimiter: str) -> str:
    between = rng.choice((" ", ", ", "; ", ' "', "\n", "\r\n", "\t", " | ", f"{delimiter} "))
    return f"Paid by {word}{between}{other} in Zürich."


def _field(rng: random.Random, value: str, delimiter: str, *, has_open_quote: bool) -> str:
    """A value as it is, in quotes where it has to be, or behind a quote that has no end."""
    if any(mark in value for mark in (delimiter, "\n", "\r", '"')):
        return '"' + value.replace('"', '""') + '"'
    return f'"{value}' if has_open_quote else rng.choice((value, value, f'"{value}"'))

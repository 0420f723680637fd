"""HTML of the pages; everything that a document brought is escaped and made inert."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ner_tasks import display

_HERE = Path(__file__).parent / "html"
N_HUES = 10  # of pages.css
UNSURE = 0.6  # an entity with a lower score shows it
RECEIPT = {
    "n_characters": "Characters",
    "n_sentences": "Sentences",
    "n_words": "Words",
    "n_pieces": "Pieces",
    "n_windows": "Windows",
    "n_unknown": "Unknown pieces",
    "n_characters_extracted": "Characters extracted, without spaces",
    "n_characters_tagged": "Characters tagged, without spaces",
    "format": "Format",
    "read_share": "Items read",
    "model_version": "Model",
    "config": "Configuration",
    "tagged_at": "Tagged at",
    "encoding": "Encoding",
    "encoding_guessed": "Encoding detected, not declared",
    "items": "Items",
    "unread": "Not read",
    "ignored": "Ignored by rule",
    "notes": "Notes",
}
# of a name in a link, as a URL writes it; a document of a longer one is linked by its handle
MAX_LINKED = 600


def render(template: str, **values: Any) -> str:
    """A page; `root` is where the app is mounted, `api` where Airflow's own API is."""
    return _environment().get_template(f"{template}.html.jinja").render(page=template, **values)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["line"] = _line
    environment.filters["number"] = lambda value: f"{value:,}".replace(",", "\u202f")
    environment.filters["share"] = lambda value: "" if value is None else f"{value:.4f}"
    environment.filters["minutes"] = _minutes
    environment.filters["moment"] = lambda text: str(text)[:16].replace("T", " ")
    environment.filters["figure_of"] = lambda value: f"{value:.4g}" if isinstance(value, float) else value
    environment.filters["hue"] = lambda label, labels: labels.index(label) % N_HUES if label in labels else 0
    environment.filters["linked"] = _linked
    environment.filters["points"] = _points
    environment.filters["place"] = display.format_location
    environment.filters["counted"] = _counted
    environment.filters["joined"] = _joined
    environment.globals["pieces"] = display.split_pieces
    environment.globals["unsure"] = UNSURE
    environment.globals["receipt_names"] = RECEIPT
    return environment


def _line(text: object, most: int = 160) -> str:
    """Something that a document brought, such as its name, as one inert line of bounded length."""
    line = " ".join(display.neutralize(str(text)[: 2 * most]).split())
    return line if len(line) <= most else line[: most - 1] + "…"


def _minutes(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{seconds:.0f} s" if seconds < 90 else f"{minutes} min" if minutes < 90 else f"{minutes / 60:.1f} h"


def _linked(entry: Any) -> str:
    """The query of a link to a document."""
    name = quote(entry.name, safe="/")
    return f"name={name}" if len(name) <= MAX_LINKED else f"handle={entry.handle}"


def _counted(counts: Mapping[str, Any]) -> str:
    """Counts by name, or by kind and fate, as one line: `page: 3 read, 1 unread; form-field: 12 read`."""
    told = (
        ", ".join(f"{n} {fate}" for fate, n in value.items()) if isinstance(value, Mapping) else value
        for value in counts.values()
    )
    return "; ".join(f"{name}: {text}" for name, text in zip(counts, told, strict=True))


def _joined(lines: Sequence[Any], most: int = 20) -> str:
    """Lines as one, each cut: `a; b; and 3 more`."""
    more = [f"and {len(lines) - most:,} more"] if len(lines) > most else []
    return "; ".join([*(_line(line, 80) for line in lines[:most]), *more])


def _points(values: list[float], width: int, height: int) -> str:
    """Points of a line over `values` [n], for an SVG of this size; the axis goes from the least to the most."""
    low, high = min(values), max(values)
    across, up = max(len(values) - 1, 1), (high - low) or 1.0
    return " ".join(
        f"{width * index / across:.1f},{height - height * (value - low) / up:.1f}" for index, value in enumerate(values)
    )

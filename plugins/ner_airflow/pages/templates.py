"""Renders the pages' templates; all text from documents is escaped and neutralized."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment

from ner_airflow.pages import pictures
from ner_airflow.pages.axis import format_value
from ner_tasks import display
from ner_tasks.dashboard.page_boxes import PageEntity, first_page
from ner_tasks.dashboard.page_pictures import has_pages

_HERE = Path(__file__).parent / "html"
N_HUES = 10  # defined in pages.css
UNSURE = 0.6  # entities with a lower score are shown with it
RECEIPT = {
    "n_characters": "Characters",
    "n_sentences": "Sentences",
    "n_words": "Words",
    "n_pieces": "Word pieces",
    "n_windows": "Windows",
    "n_unknown": "Unknown word pieces",
    "n_characters_extracted": "Characters extracted, without spaces",
    "n_characters_tagged": "Characters tagged, without spaces",
    "dropped": "Entities not given",
    "review": "Entities to review",
    "format": "Format",
    "read_share": "Items read",
    "model_version": "Model",
    "config": "Configuration",
    "rules": "Rules",
    "tagged_at": "Tagged at",
    "encoding": "Encoding",
    "encoding_guessed": "Encoding detected, not declared",
    "items": "Items",
    "unread": "Not read",
    "ignored": "Ignored by rule",
    "notes": "Notes",
}
# characters of a percent-encoded name in a link; documents with longer names are linked by handle
MAX_LINKED = 600


def render(template: str, **values: Any) -> str:
    """Render a template.

    Args:
        template: its name, without `.html.jinja`.
        **values: its variables, among them `root`, the path of the app, and `api`, the path of Airflow's API.
    """
    return _environment().get_template(f"{template}.html.jinja").render(page=template, **values)


@cache
def _environment() -> Environment:
    environment = display.make_template_environment(_HERE)
    environment.filters["line"] = to_line
    environment.filters["share"] = lambda value: "" if value is None else f"{value:.4f}"
    environment.filters["minutes"] = _format_duration
    environment.filters["moment"] = lambda text: str(text)[:16].replace("T", " ")
    environment.filters["rounded"] = lambda value: f"{value:.4g}" if isinstance(value, float) else value
    environment.filters["hue"] = lambda label, labels: labels.index(label) % N_HUES if label in labels else 0
    environment.filters["linked"] = _make_link_query
    environment.filters["measured"] = format_value
    environment.filters["is_plainly_named"] = _is_plainly_named
    environment.filters["numbered"] = _number_entities
    environment.filters["has_pages"] = lambda answer: has_pages(answer) and pictures.open_pictures() is not None
    environment.filters["first_page"] = first_page
    environment.filters["place"] = display.format_location
    environment.filters["counted"] = _format_counts
    environment.filters["joined"] = _join_lines
    environment.globals["pieces"] = display.split_pieces
    environment.globals["unsure"] = UNSURE
    environment.globals["receipt_names"] = RECEIPT
    return environment


def to_line(text: object, most: int = 160) -> str:
    """Neutralize untrusted text, such as a document's name, and shorten it to one line."""
    line = " ".join(display.neutralize(str(text)[: 2 * most]).split())
    return line if len(line) <= most else line[: most - 1] + "…"


def _format_duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{seconds:.0f} s" if seconds < 90 else f"{minutes} min" if minutes < 90 else f"{minutes / 60:.1f} h"


def _make_link_query(entry: Any) -> str:
    """Return the query string of a link to a document."""
    name = quote(entry.name, safe="/")
    return f"name={name}" if len(name) <= MAX_LINKED else f"handle={entry.handle}"


def _is_plainly_named(entry: Any) -> bool:
    """Return whether the name of a document can stand in a form as it is; others are asked for by handle."""
    return _make_link_query(entry).startswith("name=") and display.neutralize(entry.name) == entry.name


def _number_entities(entities: Sequence[PageEntity]) -> dict[tuple[int, int, str], int]:
    """Return the number of each entity by its place and label, by which its piece of the text is found."""
    return {(one.entity["start"], one.entity["end"], one.entity["label"]): one.number for one in entities}


def _format_counts(counts: Mapping[str, Any]) -> str:
    """Format counts by name, or by kind and fate: `page: 3 read, 1 unread; form-field: 12 read`."""
    formatted = (
        ", ".join(f"{n} {fate}" for fate, n in value.items()) if isinstance(value, Mapping) else value
        for value in counts.values()
    )
    return "; ".join(f"{name}: {text}" for name, text in zip(counts, formatted, strict=True))


def _join_lines(lines: Sequence[Any], most: int = 20) -> str:
    """Join lines, each shortened: `a; b; and 3 more`."""
    more = [f"and {len(lines) - most:,} more"] if len(lines) > most else []
    return "; ".join([*(to_line(line, 80) for line in lines[:most]), *more])

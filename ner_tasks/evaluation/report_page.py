"""One static page for a model: what it is good at, what it takes for what, and where it fails, for a person to judge."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment

from ner_tasks import display
from ner_tasks.evaluation.error_analysis import MISSED, SPURIOUS
from ner_tasks.files import atomic

_HERE = Path(__file__).parent
_CSS = _HERE.parent / "tagging" / "exports" / "page.css"  # one look for all pages
_N_HUES = 10


def write_report_page(report: Mapping[str, Any], target: Path) -> None:
    """Write a report's page; it loads nothing, holds no script, and shows the sentences as text.

    Raises:
        StorageFull: no room; nothing is left behind.
    """
    css = _CSS.read_text(encoding="utf-8")
    labels = sorted({*report["labels"], *report["confusion"]} - {SPURIOUS})
    hues = {label: index % _N_HUES for index, label in enumerate(labels)}
    text = (
        _environment()
        .get_template("page.html.jinja")
        .render(
            report=report,
            css=css,
            # the one style that may apply
            css_hash=base64.b64encode(hashlib.sha256(css.encode()).digest()).decode("ascii"),
            labels=labels,
            said=[*labels, MISSED],
            gold=[*labels, SPURIOUS],
            hue_of=lambda label: hues.get(label, 0),
            pieces=_pieces,
        )
    )
    atomic.write_text(target, text)


def _environment() -> Environment:
    environment = display.make_template_environment(_HERE)
    environment.filters["figure"] = lambda value: "–" if value is None else f"{value:.3f}"
    return environment


def _pieces(words: Sequence[str], spans: Sequence[Sequence[Any]]) -> list[tuple[str, str | None]]:
    """A sentence in order, as texts with the label of the entity that each is, or None."""
    pieces, at = list[tuple[str, str | None]](), 0
    for start, end, label in spans:
        pieces += [(" ".join(words[at:start]), None)] if at < start else []
        pieces.append((" ".join(words[start:end]), label))
        at = end
    return pieces + ([(" ".join(words[at:]), None)] if at < len(words) else [])

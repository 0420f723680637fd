"""Evaluation report as one static HTML page."""

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
_CSS = _HERE.parent / "tagging" / "exports" / "page.css"  # shared by all pages
_N_HUES = 10


def write_report_page(report: Mapping[str, Any], target: Path) -> None:
    """Write a report as an HTML page without scripts and external resources; all text is escaped.

    Args:
        report: report from `evaluate_model`, with the `version` of the model.
        target: file to write.

    Raises:
        StorageFull: no space left; nothing is written.
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
            # for the Content-Security-Policy, which allows only this style
            css_hash=base64.b64encode(hashlib.sha256(css.encode()).digest()).decode("ascii"),
            labels=labels,
            predicted_labels=[*labels, MISSED],
            gold_labels=[*labels, SPURIOUS],
            hue_of=lambda label: hues.get(label, 0),
            pieces=_split_at_entities,
        )
    )
    atomic.write_text(target, text)


def _environment() -> Environment:
    environment = display.make_template_environment(_HERE)
    environment.filters["figure"] = lambda value: "–" if value is None else f"{value:.3f}"
    return environment


def _split_at_entities(words: Sequence[str], spans: Sequence[Sequence[Any]]) -> list[tuple[str, str | None]]:
    """Split a sentence into texts, each with the label of its entity, or None between entities."""
    pieces, at = list[tuple[str, str | None]](), 0
    for start, end, label in spans:
        pieces += [(" ".join(words[at:start]), None)] if at < start else []
        pieces.append((" ".join(words[start:end]), label))
        at = end
    return pieces + ([(" ".join(words[at:]), None)] if at < len(words) else [])

"""Renders the runbook of this release as a page, next to the failed tasks it is about."""

import re
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

PATH = Path(__file__).parents[3] / "docs" / "runbook.md"
# section of each DAG; the DAG's docstring links to the same one
SECTIONS = {
    "ner_retrain": "retraining",
    "ner_quantize": "quantization",
    "ner_promote": "promoting-and-rolling-back",
    "ner_maintain": "clearing-away",
    "ner_tag_nightly": "nightly-tagging",
    "ner_retag": "tagging-past-days-again",
    "ner_review": "review",
    "ner_withdraw": "withdrawing-a-day",
    "ner_tune": "tuning",
    "ner_benchmark": "benchmark",
}


@cache
def render_runbook() -> str:
    """Render docs/runbook.md as HTML, with linkable headings and embedded HTML escaped."""
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(PATH.read_text(encoding="utf-8"))
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        if token.type == "heading_open" and following:
            token.attrSet("id", make_anchor(following.content))
        for inner in token.children or []:
            _remove_external_link(inner)
    # skip the title: the page has its own
    first = next(index for index, token in enumerate(tokens) if token.type == "heading_close") + 1
    return str(parser.renderer.render(tokens[first:], parser.options, {}))


def make_anchor(heading: str) -> str:
    """Convert a heading to its anchor, as GitHub does: lower case, hyphens, no punctuation."""
    return re.sub(r"[^\w-]", "", heading.lower().replace(" ", "-"))


def _remove_external_link(token: Token) -> None:
    # other files of docs/ are not served
    if token.type == "link_open" and not str(token.attrGet("href")).startswith("#"):
        token.attrs.pop("href")

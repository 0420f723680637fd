"""Renders the runbook of this release as a page, next to the failed tasks it is about."""

import re
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

FOLDER = Path(__file__).parents[3] / "docs" / "runbook"
PAGES = ("index", "nights", "training", "models", "platform")
# section of each DAG; the DAG's docstring links to the same one
SECTIONS = {
    "ner_retrain": "retraining",
    "ner_quantize": "quantization",
    "ner_promote": "promoting-and-rolling-back",
    "ner_maintain": "maintenance",
    "ner_tag_nightly": "nightly-tagging",
    "ner_retag": "retagging",
    "ner_review": "review",
    "ner_decide": "decisions",
    "ner_withdraw": "withdrawing-a-day",
    "ner_tune": "tuning",
    "ner_benchmark": "benchmark",
}


@cache
def render_runbook() -> str:
    """Render the pages of docs/runbook as one HTML page, with linkable headings and embedded HTML escaped."""
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    return "".join(_render(parser, (FOLDER / f"{page}.md").read_text(encoding="utf-8")) for page in PAGES)


def make_anchor(heading: str) -> str:
    """Convert a heading to its anchor, as GitHub does: lower case, hyphens, no punctuation."""
    return re.sub(r"[^\w-]", "", heading.lower().replace(" ", "-"))


def _render(parser: MarkdownIt, text: str) -> str:
    tokens = parser.parse(text)
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        if token.type == "heading_open" and following:
            token.attrSet("id", make_anchor(following.content))
        for inner in token.children or []:
            _rewrite_link(inner)
    # skip the title: the page has its own
    first = next(index for index, token in enumerate(tokens) if token.type == "heading_close") + 1
    return str(parser.renderer.render(tokens[first:], parser.options, {}))


def _rewrite_link(token: Token) -> None:
    """Link to the sections of this page; other pages of docs/ are not served."""
    if token.type != "link_open":
        return
    page, separator, section = str(token.attrGet("href")).partition("#")
    if separator and (not page or page.removesuffix(".md") in PAGES):
        token.attrSet("href", f"#{section}")
    else:
        token.attrs.pop("href")

"""The runbook of this release as a page, so that whoever looks at a failed task has it at hand."""

import re
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

PATH = Path(__file__).parents[3] / "docs" / "runbook.md"
# the part of each DAG, as its own docstring names it too
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
def html() -> str:
    """The text of docs/runbook.md; its headings can be linked to, HTML in it is shown as text."""
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(PATH.read_text(encoding="utf-8"))
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        if token.type == "heading_open" and following:
            token.attrSet("id", anchor(following.content))
        for inner in token.children or []:
            _keep_within(inner)
    # the page has a heading of its own
    first = next(index for index, token in enumerate(tokens) if token.type == "heading_close") + 1
    return str(parser.renderer.render(tokens[first:], parser.options, {}))


def anchor(heading: str) -> str:
    """What a heading is linked to by, as on the pages of a code host."""
    return re.sub(r"[^\w-]", "", heading.lower().replace(" ", "-"))


def _keep_within(token: Token) -> None:
    # other files of docs/ are no pages here
    if token.type == "link_open" and not str(token.attrGet("href")).startswith("#"):
        token.attrs.pop("href")

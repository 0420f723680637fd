"""HTML as a reader sees it: no markup, no scripts, table cells apart."""

import re

from ner_tasks.documents import text_encoding
from ner_tasks.documents.types import Extract, ExtractBuilder, Limits

_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?([\w.:-]{2,40})", re.IGNORECASE)
_HEAD_BYTES = 4096


def read(data: bytes, _limits: Limits, declared: str = "") -> Extract:
    """An HTML file, in the encoding that the mail around it or itself declares or that `text_encoding.decode` finds."""
    if not declared and (found := _CHARSET.search(data[:_HEAD_BYTES])):
        declared = found.group(1).decode()
    text, encoding = text_encoding.decode(data, declared)
    builder = ExtractBuilder()
    builder.inventory.read("text")
    builder.append(text_of(text))
    return builder.extract(encoding)


def text_of(html: str) -> str:
    """Visible text of an HTML page or fragment."""
    from inscriptis.css_profiles import CSS_PROFILES
    from inscriptis.html_engine import Inscriptis
    from inscriptis.model.config import ParserConfig
    from lxml.etree import ParserError
    from lxml.html import HTMLParser, document_fromstring

    # Without huge_tree, what is nested deeper than 256 elements would vanish without a word. Bytes, since a str may
    # not declare an encoding.
    parser = HTMLParser(huge_tree=True, no_network=True, encoding="utf-8")
    try:
        page = document_fromstring(html.encode("utf-8", "replace"), parser=parser)
    except ParserError:  # nothing in it but comments
        return ""
    # The strict profile does not indent what is nested.
    config = ParserConfig(css=CSS_PROFILES["strict"].copy(), table_cell_separator="\t")
    return str(Inscriptis(page, config).get_text())

"""HTML as a reader sees it: no markup, no scripts, table cells apart."""

import re

from ner_tasks.documents import plain
from ner_tasks.documents.extract import Extract, Limits

_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?([\w.:-]{2,40})", re.IGNORECASE)
_HEAD_BYTES = 4096


def read(data: bytes, _limits: Limits) -> Extract:
    """An HTML file, in the encoding that it declares or that `plain.decode` finds."""
    declared = _CHARSET.search(data[:_HEAD_BYTES])
    text, encoding = plain.decode(data, declared.group(1).decode() if declared else "")
    return Extract(text_of(text), encoding)


def text_of(html: str) -> str:
    """Visible text of an HTML page or fragment."""
    from inscriptis import get_text
    from inscriptis.model.config import ParserConfig

    return str(get_text(html, ParserConfig(table_cell_separator="\t")))

"""Read HTML as displayed: without markup, scripts and hidden elements, with table cells separated."""

import re

from ner_tasks.documents.encodings import text_encoding
from ner_tasks.documents.readers.markup import data_links
from ner_tasks.documents.readers.markup.html_tokens import MAX_NESTED, Tokens
from ner_tasks.documents.readers.markup.html_walk import HtmlPage, Walk
from ner_tasks.documents.types import Extract, ExtractBuilder, Limits

_META = re.compile(
    rb"<meta\b[^>]{0,400}?charset\s*=\s*[\"']?\s*([\w.:+-]{2,40})|<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([\w.:-]{2,40})[\"']",
    re.IGNORECASE,
)
_HEAD_BYTES = 16_384
_MAX_INNER = 3


def read(data: bytes, limits: Limits, declared: str = "") -> Extract:
    """Read an HTML or XHTML file in its declared or detected encoding."""
    decoded = decode(data, declared)
    builder = ExtractBuilder()
    decoded.name_damage(builder)
    add_page(builder, decoded.text, limits)
    return builder.extract(decoded.encoding, is_guessed=decoded.is_guessed)


def decode(data: bytes, declared: str = "") -> text_encoding.Decoded:
    """Decode a page; the encoding declared by the enclosing file takes precedence over that in the page.

    Raises:
        CannotRead: `not-text`, `unknown-encoding`.
    """
    return text_encoding.decode_with_guess(data, declared, find_declared(data))


def find_declared(data: bytes) -> str:
    """Return the encoding declared in the XML declaration or a `<meta>` of a page; "" if there is none."""
    match = _META.search(data[:_HEAD_BYTES])
    label = (match[1] or match[2]).decode("ascii", "replace") if match else ""
    # The declaration was readable as ASCII, so the encoding cannot be UTF-16 or UTF-32.
    return "utf-8" if label.lower().startswith(("utf-16", "utf-32", "ucs-")) else label


def extract_text(html: str) -> str:
    """Return the visible text of an HTML page or fragment."""
    return parse(html).text


def add_page(builder: ExtractBuilder, html: str, limits: Limits, place: str | None = None) -> None:
    """Add a page to a document: its text, its embedded files and its ignored items.

    Args:
        builder: builder of the document.
        html: markup of a page or fragment.
        limits: `ocr` decides whether pictures are added.
        place: label of the text in the source map.
    """
    page = parse(html)
    builder.inventory.read("text")
    builder.block(page.text, place)
    add_findings(page, builder, limits)


def add_findings(page: HtmlPage, builder: ExtractBuilder, limits: Limits, within: str = "") -> None:
    """Count the items of a page other than its text; files in `data:` links are added or listed as unread.

    Args:
        page: the parsed page.
        builder: builder of the document.
        limits: `ocr` decides whether pictures are added.
        within: name of the page in a file with several pages.
    """
    inventory = builder.inventory
    inventory.read("form-field", page.n_fields)
    for (kind, rule), n in page.ignored.items():
        inventory.ignored(kind, rule, n)
    builder.note(*page.notes)
    for where, link, title in page.files:
        data_links.add_link(builder, link, f"{within}/{where}".lstrip("/"), limits, title)


def parse(html: str) -> HtmlPage:
    """Parse a page or fragment."""
    page = HtmlPage()
    page.text = "\n".join(_read_lines(html, page, 0)).strip("\n")
    title = page.title
    if title and title not in " ".join(page.text.split()):
        page.text = f"{title}\n\n{page.text}".strip("\n")
    return page


def _read_lines(html: str, page: HtmlPage, depth: int) -> list[str]:
    from selectolax.lexbor import LexborHTMLParser

    if not html.strip():
        return []
    if depth > _MAX_INNER:
        page.notes.append(f"inner pages nested deeper than {_MAX_INNER} are kept as markup")
        return html.splitlines()
    tokens = Tokens(html)
    safe = tokens.make_safe().encode("utf-8", "replace")
    for rule, n in tokens.ignored.items():
        page.ignored["element", rule] += n
    if tokens.n_flattened:
        page.notes.append(f"{tokens.n_flattened} elements nested deeper than {MAX_NESTED} were read as plain blocks")
    root = LexborHTMLParser(safe).root
    if root is None:
        return []
    return Walk(page, lambda inner: _read_lines(inner, page, depth + 1)).lines(root)

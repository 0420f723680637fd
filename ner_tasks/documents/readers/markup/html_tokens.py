"""Make HTML safe to parse: one linear pass over its tags before the parser builds the tree.

The parser implements the HTML standard, in which 100,000 nested elements or unclosed `<b>` take quadratic time, an
unclosed comment or `<title>` swallows the rest of the page, and `</html>` joins the text before and after it.

Source: https://html.spec.whatwg.org/multipage/parsing.html#tokenization
"""

import re
from collections import Counter
from collections.abc import Iterator
from html import escape
from itertools import islice

MAX_NESTED = 200
# Names of replacement elements in the parser's input.
BREAK, FORMAT = "x-break", "x-format"
# Renamed, since the parser takes quadratic time for options, and moves `<noscript>` at the beginning of a page.
RENAMED = {"select": "x-select", "option": "x-option", "optgroup": "x-optgroup", "noscript": "x-noscript"}
_NAME = re.compile(r"<(/?)([a-zA-Z][^\s/>]*)")
# Up to the end of a tag; quotes count only after an equals sign. Possessive, so that there is no backtracking.
_REST = re.compile(r"(?:[^>=]++|=\s*+(?:\"[^\"]*+\"|'[^']*+'|[^\s\"'>][^\s>]*+)?+)*+>")
_ONE = re.compile(r"[^\s=>]++\s*+(?:=\s*+(?:\"[^\"]*+\"|'[^']*+'|[^\s\"'>][^\s>]*+))?+")
MAX_ATTRIBUTES, _LONG = 100, 1_000
_COMMENT_END = re.compile(r"--!?>")
_ATTRIBUTE = re.compile(r"\b(?:style|hidden|href|dir|title)\b", re.IGNORECASE)
_RAW = frozenset({"script", "style", "textarea", "title", "xmp", "iframe", "noembed", "noframes"})
_END_OF = {tag: re.compile(rf"</{tag}(?=[\s/>])", re.IGNORECASE) for tag in _RAW}
_VOID = frozenset(
    {"area", "base", "basefont", "bgsound", "br", "col", "embed", "frame", "hr", "img", "image", "input", "keygen"}
    | {"link", "meta", "param", "source", "track", "wbr"}
)
_FORMATTING = frozenset(
    {"a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"}
)
_TABLE = frozenset({"table", "caption", "colgroup", "col", "tbody", "thead", "tfoot", "tr", "td", "th"})
_PAGE = frozenset({"html", "body", "frameset"})
# Elements that a start tag closes, and elements that bound the search for them.
_CELLS, _ITEMS = frozenset({"td", "th"}), frozenset({"dt", "dd"})
_GROUPS, _TABLES = frozenset({"tbody", "thead", "tfoot"}), frozenset({"table"})
_CLOSES = {
    "li": (frozenset({"li"}), frozenset({"ul", "ol", "menu", "dir", "table"})),
    **dict.fromkeys(_ITEMS, (_ITEMS, frozenset({"dl", "table"}))),
    **dict.fromkeys(_CELLS, (_CELLS, _TABLES)),
    "tr": (frozenset({"tr"}), _TABLES),
    **dict.fromkeys(_GROUPS, (_GROUPS, _TABLES)),
    "option": (frozenset({"option"}), frozenset({"select", "datalist"})),
    "optgroup": (frozenset({"optgroup", "option"}), frozenset({"select"})),
}
_CLOSE_P = (
    frozenset({"p"}),
    frozenset({"td", "th", "table", "button", "object", "caption", "div", "li", "svg", "math"}),
)
_INLINE = frozenset(
    {"span", "label", "sub", "sup", "abbr", "q", "cite", "ins", "del", "kbd", "var", "ruby", "rt", "rp", "bdo"}
)
_MAX_SEARCHED = 64
_XHTML = re.compile(
    r"\s*(?:<\?xml\b|<!DOCTYPE[^>]{0,200}XHTML|(?:<!--.{0,2000}?-->\s*)?<html\b[^>]{0,400}xmlns=)",
    re.IGNORECASE | re.DOTALL,
)
_CDATA, _CDATA_END = "<![CDATA[", "]]>"


class Tokens:
    """Rewrites the tags of one page for the parser."""

    def __init__(self, html: str):
        self._html = html
        self._is_xhtml = bool(_XHTML.match(html[:4096]))
        self._open: list[tuple[str, bool]] = []
        self._formats: dict[str, list[bool]] = {}
        self._n_page = 0
        self._never_end: set[str] = set()
        self.ignored: Counter[str] = Counter()
        self.n_flattened = 0

    def make_safe(self) -> str:
        """Return a page with the same text that can be parsed in linear time."""
        return "".join(self._pieces())

    def _pieces(self) -> Iterator[str]:
        html, position = self._html, 0
        while (start := html.find("<", position)) >= 0:
            if start > position:
                yield html[position:start]
            piece, position = self._markup(start)
            if piece:
                yield piece
        yield html[position:]

    def _markup(self, start: int) -> tuple[str, int]:
        """Return the replacement for the markup at `start`, and the offset of its end."""
        html = self._html
        if html.startswith("<!--", start):
            return self._comment(start)
        if html.startswith(_CDATA, start):
            end = html.find(_CDATA_END, start)
            text = html[start + len(_CDATA) : end if end >= 0 else len(html)]
            return escape(text, quote=False), end + len(_CDATA_END) if end >= 0 else len(html)
        if not (name := _NAME.match(html, start)):
            return self._bogus(start)
        rest = _REST.match(html, name.end())
        if rest is None:  # unclosed: not a tag
            return escape(html[start:], quote=False), len(html)
        is_end, tag = name[1] == "/", name[2].lower()
        if is_end:
            return self._end_tag(tag), rest.end()
        return self._start_tag(tag, _limit_attributes(rest.group()[:-1]), rest.end())

    def _comment(self, start: int) -> tuple[str, int]:
        html = self._html
        if html.startswith(("<!-->", "<!--->"), start):
            return "", html.index(">", start) + 1
        end = None if "!" in self._never_end else _COMMENT_END.search(html, start + 4)
        if end is None:  # a browser drops the rest; here it is read, since the file may be truncated
            self._never_end.add("!")
            return "", start + 4
        content = html[start + 4 : end.start()]
        is_conditional = content.lstrip()[:3].lower() == "[if" and not content.endswith("<!")
        self.ignored["mso-conditional" if is_conditional else "comment"] += 1
        return "", end.end()

    def _bogus(self, start: int) -> tuple[str, int]:
        html = self._html
        if html[start + 1 : start + 2] not in ("!", "?", "/") or (end := html.find(">", start)) < 0:
            return "&lt;", start + 1
        piece = html[start : end + 1]
        return (piece if piece[:9].lower() == "<!doctype" else ""), end + 1

    def _start_tag(self, tag: str, attributes: str, end: int) -> tuple[str, int]:
        if tag in _PAGE:
            self._n_page += 1
            if tag != "html" or self._n_page > 1:
                return (f"<{tag}{attributes}>" if tag == "body" and self._n_page <= 2 else "") + _break_line(), end
        if tag in _FORMATTING:
            is_kept = bool(_ATTRIBUTE.search(attributes)) and len(self._open) < MAX_NESTED
            self._formats.setdefault(tag, []).append(is_kept)
            if is_kept:
                self._push(FORMAT)
            return f"<{FORMAT}{attributes.rstrip('/')}>" if is_kept else "", end
        if tag in _RAW:
            return self._raw(tag, attributes, end)
        if tag == "plaintext":
            return f"{_break_line()}<pre>{escape(self._html[end:], quote=False)}", len(self._html)
        apart = "\n" if tag in _TABLE else ""
        if tag in _VOID:
            return f"{apart}<{tag}{attributes}>", end
        known = RENAMED.get(tag, tag)
        if self._is_xhtml and attributes.endswith("/"):
            return f"{apart}<{known}{attributes[:-1]}></{known}>", end
        if (closed := self._close_before(tag)) in RENAMED:
            apart = f"</{RENAMED[closed]}>"
        if len(self._open) >= MAX_NESTED:
            self._open.append((tag, False))
            self.n_flattened += 1
            return _break_line() if tag not in _INLINE else " ", end
        self._open.append((tag, True))
        return f"{apart}<{known}{attributes}>", end

    def _raw(self, tag: str, attributes: str, end: int) -> tuple[str, int]:
        """Handle an element with raw content; if it is unclosed, only its tag is dropped."""
        html = self._html
        if self._is_xhtml and attributes.endswith("/"):
            return "", end
        closing = None if tag in self._never_end else _END_OF[tag].search(html, end)
        if closing is None:
            self._never_end.add(tag)
            return _break_line(), end
        content = html[end : closing.start()]
        if tag in ("script", "style"):
            self.ignored[tag] += 1
            content = ""
        rest = _REST.match(html, closing.end())
        if tag in ("noframes", "noembed"):
            return f"<{tag}>{content}</{tag}>", rest.end() if rest else len(html)
        return f"<{tag}{attributes}>{content}</{tag}>", rest.end() if rest else len(html)

    def _end_tag(self, tag: str) -> str:
        if tag in _PAGE:
            return _break_line()
        if tag in _FORMATTING:
            kept = self._formats.get(tag)
            if not kept or not kept.pop():
                return ""
            self._pop(FORMAT)
            return f"</{FORMAT}>"
        if tag in _VOID or (tag == "p" and not self._open):
            return f"</{tag}>" if tag in ("br", "p") else ""
        apart = "\n" if tag in _TABLE else ""
        is_known = self._pop(tag)
        if is_known is False:
            return _break_line() if tag not in _INLINE else " "
        return f"{apart}</{RENAMED.get(tag, tag)}>"

    def _push(self, tag: str) -> None:
        self._open.append((tag, True))

    def _pop(self, tag: str) -> bool | None:
        """Close the innermost element with a name and everything in it.

        Returns:
            Whether the element is in the parser's input; None if none is open.
        """
        stack = self._open
        for at in range(len(stack) - 1, max(-1, len(stack) - 1 - _MAX_SEARCHED), -1):
            if stack[at][0] == tag:
                is_known = stack[at][1]
                del stack[at:]
                return is_known
        return None

    def _close_before(self, tag: str) -> str:
        """Close the element that a start tag closes implicitly; return its name, "" if there is none."""
        if tag in _INLINE:
            return ""
        names, bounds = _CLOSES.get(tag, _CLOSE_P)
        stack = self._open
        for at in range(len(stack) - 1, max(-1, len(stack) - 1 - _MAX_SEARCHED), -1):
            name, is_known = stack[at]
            if name in names:
                del stack[at:]
                return name if is_known else ""
            if name in bounds:
                break
        return ""


def _limit_attributes(attributes: str) -> str:
    """Limit the number of attributes of a tag, since the parser takes quadratic time for them."""
    if len(attributes) < _LONG:
        return attributes
    ends = [attribute.end() for attribute in islice(_ONE.finditer(attributes), MAX_ATTRIBUTES)]
    return attributes[: ends[-1]] if ends else ""


def _break_line() -> str:
    return f"<{BREAK}></{BREAK}>"

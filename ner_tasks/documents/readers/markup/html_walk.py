"""Walk a parsed page: collect its text in the order and layout of a browser, and count ignored elements."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ner_tasks.documents.readers.markup.html_forms import Forms, find_value
from ner_tasks.documents.readers.markup.html_layout import Flow, is_hidden, lay_out_row, parse_style
from ner_tasks.documents.readers.markup.html_tokens import BREAK, FORMAT

# Blocks that are preceded by a blank line, and blocks that only begin on a new line.
_FAR = (
    "p h1 h2 h3 h4 h5 h6 blockquote ul ol dl pre figure table hr menu fieldset form article section xmp listing"
    " plaintext svg iframe object noframes"
)
_NEAR = (
    "div li dt dd address aside center details summary dialog figcaption footer header hgroup legend main nav search"
    " caption tr tbody thead tfoot x-option x-optgroup body html x-noscript marquee textarea foreignobject text desc mtr"
    f" video audio canvas noembed applet {BREAK}"
)
_BLOCKS = {**dict.fromkeys(_FAR.split(), 2), **dict.fromkeys(_NEAR.split(), 1)}
_APART = frozenset(
    {"button", "select", "meter", "progress", "output", "img", "input", "math", "td", "th", "rtc", "mtd"}
)
_SKIPPED = {
    "template": "template",
    "rp": "",
    "script": "",
    "style": "",
    "head": "",
    "datalist": "unselected-option",
    "xml": "xml-island",
    "annotation": "math-annotation",
    "annotation-xml": "math-annotation",
    "defs": "",
    "symbol": "",
    "metadata": "",
}
_BLOCK_DISPLAYS = re.compile(r"(?:block|flex|grid|table|list-item|flow-root|table-row|table-caption)\b")
_APART_DISPLAYS = re.compile(r"(?:inline-|table-cell)")
_PRE = frozenset({"pre", "listing", "xmp", "plaintext"})
_SHIFTED = re.compile(r"[^\W\d_]{3}")


@dataclass
class HtmlPage:
    """Contents of one page.

    Attributes:
        text: text as displayed by a browser.
        title: title of the page; "" without one.
        ignored: number of ignored items by kind and rule.
        files: files in `data:` links: location, link and name of each.
        n_fields: number of form fields read.
        notes: remarks on the extraction.
    """

    text: str = ""
    title: str = ""
    ignored: Counter[tuple[str, str]] = field(default_factory=Counter)
    files: list[tuple[str, str, str]] = field(default_factory=list)
    n_fields: int = 0
    notes: list[str] = field(default_factory=list)


class Walk:
    """Walks a parsed page once, without recursion."""

    def __init__(self, page: HtmlPage, read_inner: Callable[[str], list[str]]):
        """Args:
        page: receives the contents.
        read_inner: returns the lines of a page inside this one.
        """
        self._page, self._read_inner = page, read_inner
        self._flows = [Flow()]
        self._rows: list[list[list[str]]] = []
        self._n_pre = 0
        self._visible = [True]
        self._titles: list[str] = []
        self._forms = Forms()

    def lines(self, root: Any) -> list[str]:
        """Return the lines of text of a tree."""
        leaving: list[Callable[[], None] | None] = []
        node = root
        while True:
            leave = self._enter(node)
            child = node.child if leave else None
            if child is not None:
                leaving.append(leave)
                node = child
                continue
            if leave:
                leave()
            while node.next is None or not leaving:
                if not leaving:
                    self._page.title = " ".join(" ".join(self._titles).split())
                    return self._flows[0].finish()
                node = node.parent
                (leaving.pop() or _nothing)()
            node = node.next

    @property
    def _flow(self) -> Flow:
        return self._flows[-1]

    def _enter(self, node: Any) -> Callable[[], None] | None:
        """Enter an element; return the function that leaves it, None if its content is skipped."""
        tag = node.tag
        if tag == "-text":
            self._text(node.text_content or "")
            return None
        if tag in ("html", "-document") or tag[0] in "-!#":
            return _nothing
        if tag == "head":
            self._head(node)
            return None
        if tag == "title" and node.parent.tag in ("body", "x-noscript"):
            self._titles.append(node.text(deep=True) or "")
            return None
        if tag in _SKIPPED:
            if rule := _SKIPPED[tag]:
                self._page.ignored["element", rule] += 1
            return None
        attributes = node.attributes
        style = parse_style(attributes.get("style")) if "style" in attributes else {}
        if is_hidden(attributes, style):
            self._page.ignored["element", "hidden-element"] += 1
            return None
        self._files(tag, attributes)
        return self._element(node, tag, attributes, style)

    def _element(self, node: Any, tag: str, attributes: Any, style: dict[str, str]) -> Callable[[], None] | None:
        if tag in ("td", "th") and self._rows:
            return self._cell()
        if tag == "br":
            self._flow.end_line(keep_empty=self._n_pre > 0)
            return None
        if tag in ("input", "img", "image", "x-option", "iframe", "noframes", "noembed", "textarea"):
            return self._replaced(node, tag, attributes)
        before, after = self._around(tag, style)
        before()
        if tag == "x-optgroup":
            self._text(f"{attributes.get('label') or ''} ")
        if tag == "tr":
            self._rows.append([])
        ends = [after]
        if "visibility" in style:
            self._show(is_visible=style["visibility"] not in ("hidden", "collapse"))
            ends.append(self._end_show)
        if tag in _PRE or style.get("white-space", "").startswith(("pre", "break-sp")):
            self._n_pre += 1
            ends.append(self._end_pre)
        return after if len(ends) == 1 else partial(_call, ends[::-1])

    def _around(self, tag: str, style: dict[str, str]) -> tuple[Callable[[], None], Callable[[], None]]:
        """Return the functions to call before and after an element."""
        if tag == "tr":
            return self._near, self._end_row
        display = style.get("display", "")
        gap = _BLOCKS.get(tag, 0) or int(bool(_BLOCK_DISPLAYS.match(display)))
        if gap:
            return (self._far, self._far) if gap > 1 else (self._near, self._near)
        if tag in _APART or _APART_DISPLAYS.match(display):
            return self._space, self._space
        if tag == "q":
            return partial(self._text, "“"), partial(self._text, "”")
        if tag == "rt":
            return self._begin_ruby, self._end_ruby
        if tag in ("sup", "sub") and _SHIFTED.match(self._flow.last(3)):
            return self._space, _nothing
        return _nothing, _nothing

    def _far(self) -> None:
        self._flow.end_block(2)

    def _near(self) -> None:
        self._flow.end_block(1)

    def _space(self) -> None:
        self._flow.add_space()

    def _show(self, *, is_visible: bool) -> None:
        if self._visible[-1] and not is_visible:
            self._page.ignored["element", "hidden-element"] += 1
        self._visible.append(is_visible)

    def _end_show(self) -> None:
        self._visible.pop()

    def _text(self, text: str) -> None:
        if not self._visible[-1]:
            return
        text = text.replace("\u00ad", "")
        if self._n_pre:
            self._flow.add_preformatted(text)
        else:
            self._flow.text(text)

    def _head(self, head: Any) -> None:
        node = head.child
        while node is not None:
            if node.tag == "title":
                self._titles.append(node.text(deep=True) or "")
            node = node.next

    def _cell(self) -> Callable[[], None]:
        self._flows.append(Flow())
        return self._end_cell

    def _end_cell(self) -> None:
        cell = self._flows.pop().finish()
        self._rows[-1].append(cell)

    def _end_row(self) -> None:
        self._flow.add_lines(lay_out_row(self._rows.pop()))
        self._flow.end_block(1)

    def _end_pre(self) -> None:
        self._n_pre -= 1

    def _begin_ruby(self) -> None:
        if not self._flow.last(1).endswith(("(", "（")):
            self._flow.text("(")

    def _end_ruby(self) -> None:
        self._flow.text(")")

    def _replaced(self, node: Any, tag: str, attributes: Any) -> Callable[[], None] | None:
        if tag == "x-option":
            return self._option(node, attributes)
        if tag == "textarea":
            self._page.n_fields += 1
            self._flow.end_block(1)
            self._flow.add_preformatted((node.text(deep=True) or "").removeprefix("\n"))
            self._flow.end_block(1)
            return None
        if tag in ("iframe", "noframes", "noembed"):
            self._flow.end_block(2)
            for inner in (attributes.get("srcdoc") or "", node.text(deep=True) or ""):
                self._flow.add_lines(self._read_inner(inner))
            self._flow.end_block(2)
            return None
        self._flow.add_space()
        self._text((attributes.get("alt") or "") if tag in ("img", "image") else self._value(attributes))
        self._flow.add_space()
        return None

    def _value(self, attributes: Any) -> str:
        value = find_value(attributes)
        if value is None:
            self._page.ignored["form-field", "hidden-input"] += 1
            return ""
        self._page.n_fields += 1
        return value

    def _option(self, node: Any, attributes: Any) -> Callable[[], None] | None:
        if not self._forms.is_shown(node):
            self._page.ignored["form-field", "unselected-option"] += 1
            return None
        self._page.n_fields += 1
        self._near()
        if not (node.text(deep=True) or "").strip():
            self._text(attributes.get("label") or "")
        return self._near

    def _files(self, tag: str, attributes: Any) -> None:
        for name in ("src", "data", "href", "xlink:href", "poster"):
            link = attributes.get(name) or ""
            if not link:
                continue
            where = f"{'link' if tag == FORMAT else tag} {len(self._page.files) + 1}"
            if link.lstrip()[:5].lower() == "data:":
                self._page.files.append((where, link, attributes.get("download") or attributes.get("title") or ""))
            elif tag in ("img", "image", "input"):
                self._page.ignored["picture", "linked-picture"] += 1
            elif tag in ("iframe", "frame", "object", "embed"):
                self._page.ignored["file", "linked-file"] += 1


def _call(ends: list[Callable[[], None]]) -> None:
    for end in ends:
        end()


def _nothing() -> None:
    return None

"""HTML: words in blocks, tables, forms, links, frames, drawings, odd and broken markup, behind the end of the page."""

import random
from collections.abc import Callable, Mapping
from html import escape
from urllib.parse import quote

from tests.canaries.words import new_word

NAME, SUFFIX = "html", ".html"
_MAX_DEPTH = 4
_BLOCKS = ("div", "p", "section", "h2", "blockquote", "center", "details", "fieldset", "article", "x-own", "form", "li")
_INLINE = ("b", "i", "span", "font", "a", "u", "em", "o:p", "label", "small", "abbr", "bdo", "ins", "button", "q")


class _Page:
    def __init__(self, rng: random.Random):
        self.rng, self.words = rng, dict[str, str]()

    def word(self, holder: str) -> str:
        word = new_word(self.rng)
        self.words[word] = holder
        return word

    def node(self, depth: int = 0) -> str:
        kinds: list[Callable[[int], str]] = [self.inline, self.block, self.field, self.odd, self.link]
        if depth < _MAX_DEPTH:
            kinds += [self.block, self.table, self.listed, self.frame, self.drawing]
        return self.rng.choice(kinds)(depth + 1)

    def nodes(self, depth: int) -> str:
        if depth >= _MAX_DEPTH:
            return self.word("text")
        between = self.rng.choice(["", " ", "\n", "<!-- a remark -->"])
        return between.join(self.node(depth) for _ in range(self.rng.randint(1, 3)))

    def inline(self, _depth: int) -> str:
        tag = self.rng.choice(_INLINE)
        style = self.rng.choice(["", " style='color:red'", " class=x", " style='display:block'"])
        end = self.rng.choice([f"</{tag}>", f"</{tag}>", ""]) if tag not in ("button", "q") else f"</{tag}>"
        return f" <{tag}{style}>{self.word('inline text')}{end} "

    def block(self, depth: int) -> str:
        tag = self.rng.choice(_BLOCKS)
        end = self.rng.choice([f"</{tag}>", f"</{tag}>", ""]) if tag in ("p", "li", "div") else f"</{tag}>"
        inner = self.nodes(depth)
        start = f"<{tag}>" if tag != "x-own" else "\n<x-own style='display: block'>"
        return f"{start}{self.word('block')} {inner} {end}" if tag == "x-own" else f"{start}{inner}{end}"

    def table(self, depth: int) -> str:
        rows = []
        for _ in range(self.rng.randint(1, 3)):
            cells = []
            for _ in range(self.rng.randint(0, 3)):
                tag = self.rng.choice(["td", "th", "td colspan=2", "td rowspan=2"])
                end = f"</{tag.split()[0]}>" if self.rng.random() < 0.7 else ""
                inner = self.nodes(depth) if self.rng.random() < 0.3 else self.word("cell")
                cells.append(f"<{tag}>{inner}{end}")
            stray = self.word("text in a row") if self.rng.random() < 0.1 else ""
            rows.append(f"<tr>{stray}{''.join(cells)}" + self.rng.choice(["</tr>", "</tr>", ""]))
        caption = f"<caption>{self.word('caption')}</caption>" if self.rng.random() < 0.3 else ""
        stray = self.word("text in a table") if self.rng.random() < 0.1 else ""
        return f"<table>{stray}{caption}{''.join(rows)}</table>"

    def listed(self, depth: int) -> str:
        tag, item = self.rng.choice([("ul", "li"), ("ol", "li"), ("dl", "dt"), ("dl", "dd"), ("menu", "li")])
        items = "".join(f"<{item}>{self.nodes(depth)}" for _ in range(self.rng.randint(1, 3)))
        return f"<{tag}>{items}</{tag}>"

    def field(self, _depth: int) -> str:
        word = self.word("form field")
        return self.rng.choice(
            [
                f'<input value="{word}">',
                f"<input type=submit value={word}>",
                f'<input type=email placeholder="{word}">',
                f"<textarea>{word}</textarea>",
                f"<select><option>{word}</select>",
                f"<select><option>one<option selected>{word}<option>two</select>",
                f"<select multiple><option>one</option><option>{word}</option></select>",
                f'<input type=image alt="{word}" src=x.png>',
                f"<button>{word}</button>",
            ]
        )

    def link(self, _depth: int) -> str:
        word = self.word("file in a link")
        return self.rng.choice(
            [
                f' <a href="data:text/plain,{word}">a file</a> ',
                f'<iframe srcdoc="{escape(f"<p>{word}</p>")}"></iframe>',
                f'<object data="data:text/html,{quote(f"<p>{word}</p>")}"></object>',
                f'<img src="x.png" alt="{word}">',
                f'<img src="data:image/svg+xml,{quote(_drawing(word))}">',
            ]
        )

    def frame(self, depth: int) -> str:
        tag = self.rng.choice(["noscript", "noframes", "object", "video", "canvas", "iframe"])
        return f"<{tag}>{self.nodes(_MAX_DEPTH) if tag == 'iframe' else self.nodes(depth)}</{tag}>"

    def drawing(self, _depth: int) -> str:
        texts = "".join(f"<text><tspan>{self.word('drawing')}</tspan></text>" for _ in range(2))
        return f"<svg><title>{self.word('title of a drawing')}</title>{texts}</svg>"

    def odd(self, _depth: int) -> str:
        word = self.word("odd markup")
        return self.rng.choice(
            [
                f"<![CDATA[ {word} ]]>",
                f"<!--[if mso]><p>other</p><![endif]--><![if !mso]><p>{word}</p><![endif]>",
                f"<p>{word}<br>next",
                f"<pre>\n  {word}\n</pre>",
                f"<xmp>{word}</xmp>",
                f" <ruby>base<rt>{word}</rt></ruby> ",
                f" <math><mi>x</mi><mo>=</mo><mtext> {word} </mtext></math> ",
                f" a &lt; {word} &amp;c ",
                f" 1 < 2 {word} > 1 ",
                f"<div style='visibility:hidden'>no<span style='visibility:visible'> {word} </span></div>",
                f"<p>left<hr>{word}<hr>",
                f" <td>{word}</td><td>cell</td> ",
                f"</div></p></b> {word} ",
                f"<p {word}x='</p>'>{word}</p>",
            ]
        )


def _drawing(word: str) -> str:
    return f'<svg xmlns="http://www.w3.org/2000/svg"><text>{word}</text></svg>'


def make(rng: random.Random) -> tuple[bytes, Mapping[str, str]]:
    page = _Page(rng)
    head = ""
    if rng.random() < 0.7:
        head = f"<head><title>{page.word('title')}</title><style>p {{}}</style><script>f('<p>')</script></head>"
    body = "".join(page.node() for _ in range(rng.randint(1, 8)))
    behind = ""
    if rng.random() < 0.4:
        behind = f"</body></html>{page.word('behind the end')}<html><body>{page.word('second page')}"
    if rng.random() < 0.1:
        behind += f"<plaintext>{page.word('plaintext')} <b>"
    doctype = rng.choice(["<!doctype html>", "", '<!DOCTYPE html PUBLIC "-//W3C//DTD HTML 4.01//EN">'])
    html = f"{doctype}<html>{head}<body>{body}{behind}"
    encoding = rng.choice(["utf-8", "utf-8-sig", "utf-16"])
    return html.encode(encoding), page.words

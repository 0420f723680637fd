"""SVG: words in texts, spans, paths, titles, descriptions, pages and pictures inside."""

import random
from collections.abc import Callable, Mapping
from urllib.parse import quote

from tests.canaries.words import new_word

NAME, SUFFIX = "svg", ".svg"
_MAX_DEPTH = 4
_SPACES = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'


class _Drawing:
    def __init__(self, rng: random.Random):
        self.rng, self.words = rng, dict[str, str]()

    def word(self, holder: str) -> str:
        word = new_word(self.rng)
        self.words[word] = holder
        return word

    def node(self, depth: int = 0) -> str:
        kinds: list[Callable[[int], str]] = [self.text, self.text, self.told, self.page, self.picture]
        if depth < _MAX_DEPTH:
            kinds.append(self.group)
        return self.rng.choice(kinds)(depth + 1)

    def group(self, depth: int) -> str:
        tag = self.rng.choice(["g", "a", "defs", "symbol", "switch", "svg", "clipPath", "pattern", "marker"])
        return f"<{tag}>{''.join(self.node(depth) for _ in range(self.rng.randint(1, 3)))}</{tag}>"

    def text(self, _depth: int) -> str:
        spans = []
        for _ in range(self.rng.randint(0, 3)):
            tag = self.rng.choice(["tspan", "textPath", "a"])
            moved = self.rng.choice([' x="0" y="20"', ' dy="1.2em"', ' dy="-3"']) if tag == "tspan" else ""
            spans.append(f"<{tag}{moved}> {self.word('span')} </{tag}>")
        return f'<text x="1" y="2">{self.word("text")} {"".join(spans)}</text>'

    def told(self, _depth: int) -> str:
        tag = self.rng.choice(["title", "desc"])
        return f"<{tag}>{self.word(tag)}</{tag}>"

    def page(self, _depth: int) -> str:
        first, second = self.word("page inside"), self.word("page inside")
        return f'<foreignObject><div xmlns="http://www.w3.org/1999/xhtml"><p>{first}</p><p>{second}</p></div></foreignObject>'

    def picture(self, _depth: int) -> str:
        word = self.word("picture")
        inner = f'<svg xmlns="http://www.w3.org/2000/svg"><text>{word}</text></svg>'
        return f'<image {self.rng.choice(["href", "xlink:href"])}="data:image/svg+xml,{quote(inner)}"/>'


def make(rng: random.Random) -> tuple[bytes, Mapping[str, str]]:
    drawing = _Drawing(rng)
    inner = "".join(drawing.node() for _ in range(rng.randint(1, 8)))
    encoding = rng.choice(["utf-8", "utf-16", "iso-8859-1"])
    declaration = f'<?xml version="1.0" encoding="{encoding}"?>' if encoding != "utf-8" or rng.random() < 0.5 else ""
    return f"{declaration}<svg {_SPACES}>{inner}<text>end</text></svg>".encode(encoding), drawing.words

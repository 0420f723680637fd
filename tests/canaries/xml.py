"""XML without a format of its own: words in elements, sentences, attributes, character data, files in base64."""

import base64
import random
from collections.abc import Mapping

from tests.canaries.words import new_word

NAME, SUFFIX = "xml", ".xml"
_MAX_DEPTH = 5


class _Tree:
    def __init__(self, rng: random.Random):
        self.rng, self.words = rng, dict[str, str]()

    def word(self, holder: str) -> str:
        word = new_word(self.rng)
        self.words[word] = holder
        return word

    def element(self, depth: int) -> str:
        name = self.rng.choice(["claim", "patient", "note", "h:town", "Line", "text", "b"])
        attributes = f' name="{self.word("attribute")}"' if self.rng.random() < 0.3 and name != "b" else ""
        return f"<{name}{attributes}>{self.content(depth + 1)}</{name}>"

    def content(self, depth: int) -> str:
        kind = self.rng.choice(["text", "sentence", "structure", "data", "file"])
        if kind == "text" or depth >= _MAX_DEPTH:
            return self.word("text")
        if kind == "data":
            return f"<![CDATA[ {self.word('character data')} <b> ]]>"
        if kind == "sentence":
            return f"{self.word('sentence')} <i>{self.word('emphasis')}</i> and <br/>{self.word('next line')}"
        if kind == "file":
            word = self.word("file in base64")
            return base64.b64encode(
                f"MSH|{word} ".encode() + b"in a text that is long enough to be a file. " * 8
            ).decode()
        between = self.rng.choice(["", "\n  ", "<!-- c -->"])
        return between.join(self.element(depth) for _ in range(self.rng.randint(1, 4)))


def make(rng: random.Random) -> tuple[bytes, Mapping[str, str]]:
    tree = _Tree(rng)
    encoding = rng.choice(["utf-8", "utf-16", "iso-8859-2"])
    inner = "".join(tree.element(0) for _ in range(rng.randint(1, 4)))
    xml = f'<?xml version="1.0" encoding="{encoding}"?><claims xmlns:h="urn:x">{inner}</claims>'
    return xml.encode(encoding), tree.words

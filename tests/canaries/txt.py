"""Plain text: words in lines, paragraphs and odd spaces, in any encoding with a mark."""

import random
from collections.abc import Mapping

from tests.canaries.words import new_word

NAME, SUFFIX = "txt", ".txt"


def make(rng: random.Random) -> tuple[bytes, Mapping[str, str]]:
    words = [new_word(rng) for _ in range(rng.randint(1, 40))]
    text = "".join(word + rng.choice([" ", "\n", "\r\n", "\t", "\n\n", " - ", "\u2028", "\x0c"]) for word in words)
    encoding = rng.choice(["utf-8", "utf-8-sig", "utf-16", "utf-32"])
    return text.encode(encoding), dict.fromkeys(words, "text")

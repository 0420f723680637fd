"""Canaries: words that occur once, put at every place of a file that can hold text."""

import random
import string


def new_word(rng: random.Random) -> str:
    """A word that no other text holds, such as `Qxkdjehwma`."""
    return "Qx" + "".join(rng.choices(string.ascii_lowercase, k=8))

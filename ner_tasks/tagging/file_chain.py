"""Digest of the names of a shard's files in order: by it a plan and its answers are compared without reading either.

It is a chain of hashes: each link covers a name and all names before it. Unlike the state of a hash function, a link fits
into a checkpoint, so that a killed shard continues its chain.
"""

import hashlib
from collections.abc import Iterable

START = ""


def extend_chain(link: str, name: str) -> str:
    """Return the link that follows `link` by one name.

    Args:
        link: the link before, of 64 hexadecimal digits; `START` for the first name.
        name: name of a file, any text.
    """
    return hashlib.sha256(f"{link}/{name}".encode("utf-8", "surrogatepass")).hexdigest()


def chain_names(names: Iterable[str]) -> str:
    """Return the last link of a chain over names; `START` without any."""
    link = START
    for name in names:
        link = extend_chain(link, name)
    return link

"""Lone surrogates: JSON and UTF-16 can hold half of a surrogate pair; UTF-8 and most libraries cannot."""

import re

_SURROGATE = re.compile("[\ud800-\udfff]")


def find_surrogate(text: str) -> int | None:
    """Index of the first surrogate in `text`, None if there is none."""
    match = _SURROGATE.search(text)
    return match.start() if match else None


def replace_surrogates(text: str) -> str:
    """Replace each surrogate by U+FFFD; offsets stay."""
    return _SURROGATE.sub("\ufffd", text)


def join_surrogates(text: str) -> str:
    """Join surrogate pairs to the characters that they stand for, and replace lone ones by U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def escape_surrogates(text: str) -> str:
    r"""Write each surrogate as Python's escape, such as `\ud83d`."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")

"""Decode structured messages in which single bytes are damaged, and report the damage."""

from ner_tasks.documents.encodings import text_encoding
from ner_tasks.documents.types import CannotRead

_MAX_DAMAGED_SHARE = 0.02
_MIN_DAMAGED = 3  # damaged characters allowed in a short message
_WIDE = ("utf-16", "utf-32")
_UTF16 = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}


def decode(data: bytes, declared: str = "") -> tuple[str, str, int]:
    """Decode a message that its syntax shows to be text.

    Args:
        data: a whole message.
        declared: encoding declared in the message.

    Returns:
        The text, its encoding, and the number of damaged characters, each U+FFFD in the text.

    Raises:
        CannotRead: `not-text`, `unknown-encoding` if more than a few characters are damaged.
    """
    try:
        decoded = text_encoding.decode_with_guess(data, declared)
        refused = None
    except CannotRead as error:
        refused = error
    if refused is None and (b"\0" not in data or decoded.encoding.startswith(_WIDE)):
        return decoded.text, decoded.encoding, decoded.n_replaced
    encoding = _UTF16.get(data[:2], "utf-8")
    text = data.decode(encoding, "replace").removeprefix("\ufeff").replace("\0", "\ufffd")
    n_damaged = text.count("\ufffd")
    if n_damaged <= max(_MIN_DAMAGED, _MAX_DAMAGED_SHARE * len(text)):
        return text, encoding, n_damaged
    if refused:
        raise refused
    return decoded.text, decoded.encoding, decoded.n_replaced


def describe_damage(n: int) -> str:
    """Describe damaged characters for the inventory."""
    return f"{n} damaged character(s), each U+FFFD in the text"

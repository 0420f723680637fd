"""Parse JSON that may be damaged; errors are one line and do not quote the content."""

import json
from typing import Any

from ner_tasks.errors import ArtifactBroken, redact_error
from ner_tasks.surrogates import find_surrogate

# far larger than any record; parsing takes many times its size in memory
MAX_BYTES = 64 * 2**20
MAX_DEPTH = 50


def parse_json(text: str | bytes, where: str, *, expected: str = "JSON", is_ours: bool = True) -> Any:
    """Parse a JSON text.

    Args:
        text: a whole file, or one line of it.
        where: location of the file, for the message.
        expected: description of the expected content, for the message.
        is_ours: whether it contains no text and names of documents. Only those may have lone surrogates, which cannot be
            written to files and pages.

    Raises:
        ArtifactBroken: it is not JSON, larger than `MAX_BYTES`, nested deeper than `MAX_DEPTH`, or has a lone surrogate.
    """
    if len(text) > MAX_BYTES:
        raise size_error(len(text), where, expected=expected)
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        found = f"a syntax error at line {error.lineno}, column {error.colno}"
        raise ArtifactBroken(f"found {found}, expected {expected}, in {where}") from None
    except (ValueError, RecursionError) as error:
        raise ArtifactBroken(f"found {redact_error(error)}, expected {expected}, in {where}") from None
    check_depth(value, where, expected=expected)
    if is_ours and not _is_whole(text, value):
        raise ArtifactBroken(f"found half a surrogate pair, expected {expected}, in {where}")
    return value


def _is_whole(text: str | bytes, value: Any) -> bool:
    """Whether a value can be written as UTF-8."""
    if (b"\\u" if isinstance(text, bytes) else "\\u") not in text:  # type: ignore[operator]
        return True
    return find_surrogate(json.dumps(value, ensure_ascii=False)) is None


def size_error(n_bytes: int, where: str, *, expected: str = "JSON") -> ArtifactBroken:
    """Return the error for a file of more than `MAX_BYTES`."""
    return ArtifactBroken(f"found {n_bytes:,} bytes, expected {expected} of at most {MAX_BYTES:,}, in {where}")


def check_depth(value: Any, where: str, *, expected: str = "JSON") -> None:
    """Check that a value is not nested so deeply that recursive code would fail.

    Raises:
        ArtifactBroken: it is nested deeper than `MAX_DEPTH`.
    """
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [inner for one in level if isinstance(one, dict | list) for inner in _inner(one)]
        if not level:
            return
    raise ArtifactBroken(f"found values nested deeper than {MAX_DEPTH}, expected {expected}, in {where}")


def _inner(value: dict[str, Any] | list[Any]) -> list[Any]:
    found = value.values() if isinstance(value, dict) else value
    return [one for one in found if isinstance(one, dict | list)]

"""Limit the number of encoding detections per file: each takes a millisecond or more, however short the text."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from ner_tasks.documents.encodings import encoding_detection
from ner_tasks.documents.types import CannotRead

# Of short texts, such as values of header fields, only the first ones of a file are detected individually.
_SHORT_BYTES, _MAX_SHORT = 1_000, 200


class _Guesses:
    """Encodings detected in the short texts of one file."""

    def __init__(self) -> None:
        self._n_short = 0
        self._found: Counter[str] = Counter()

    def detect(self, data: bytes) -> str:
        if len(data) >= _SHORT_BYTES:
            return encoding_detection.detect(data)
        self._n_short += 1
        if self._n_short > _MAX_SHORT:
            return self._pick_usual(data)
        codec = encoding_detection.detect(data)
        self._found[codec] += 1
        return codec

    def _pick_usual(self, data: bytes) -> str:
        """Return the most frequent encoding of the file so far that can decode the bytes."""
        for codec, _ in self._found.most_common():
            try:
                data.decode(codec)
            except UnicodeDecodeError:
                continue
            return codec
        raise CannotRead("unknown-encoding", "found bytes in none of the file's encodings so far, expected UTF-8")


_of_file: ContextVar[_Guesses | None] = ContextVar("guesses", default=None)


@contextmanager
def share_guesses() -> Iterator[None]:
    """Share the detections within the block, for one file."""
    before = _of_file.get()
    _of_file.set(_Guesses())
    try:
        yield
    finally:
        _of_file.set(before)  # not by its token: a generator may end in another context


def detect(data: bytes) -> str:
    """Return the most plausible encoding of bytes that are not UTF-8, see `encoding_detection.detect`.

    After the first 200 short texts of a file, the most frequent of their encodings is used.

    Raises:
        CannotRead: `unknown-encoding`.
    """
    of_file = _of_file.get()
    return of_file.detect(data) if of_file else encoding_detection.detect(data)

"""Guesses of encodings, of which one file gets so many: each takes a millisecond and more, however short the text is."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from ner_tasks.documents.encodings import encoding_detection
from ner_tasks.documents.types import CannotRead

# Of texts so short, such as values of header fields, only the first ones of a file are judged each for itself.
_SHORT_BYTES, _MAX_SHORT = 1_000, 200


class _Guesses:
    """What the short texts of one file were found to be."""

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
        """The encoding that most texts of the file were found to be in, of those that the bytes can be in."""
        for codec, _ in self._found.most_common():
            try:
                data.decode(codec)
            except UnicodeDecodeError:
                continue
            return codec
        raise CannotRead("unknown-encoding", "found bytes in none of the encodings before them, expected UTF-8")


_of_file: ContextVar[_Guesses | None] = ContextVar("guesses", default=None)


@contextmanager
def share_guesses() -> Iterator[None]:
    """What is guessed until the end of the block is guessed of one file."""
    before = _of_file.get()
    _of_file.set(_Guesses())
    try:
        yield
    finally:
        _of_file.set(before)  # not by its token: a generator may end in another context


def detect(data: bytes) -> str:
    """Most plausible encoding of bytes that are not UTF-8, see `encoding_detection.detect`.

    Behind the first 200 short texts of a file, that of most of them.

    Raises:
        CannotRead: `unknown-encoding`.
    """
    of_file = _of_file.get()
    return of_file.detect(data) if of_file else encoding_detection.detect(data)

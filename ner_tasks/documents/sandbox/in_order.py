"""Bounded buffer that passes answers from the readers to the consumer in the order of the files.

Readers work on several files at once. The answers of a file are held until all files before it have ended. The buffer
is bounded by bytes and by number of answers. The first unfinished file may always add answers, so a buffer full of
later files' answers cannot deadlock.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from time import monotonic

from ner_tasks.documents.types import Answer

Found = tuple[int, Answer | None]
_Next = Answer | BaseException | None
# Bounds of the buffer: bytes of texts and source maps, and number of answers.
_MAX_BYTES, _MAX_ANSWERS = 32 * 2**20, 2_000
# Share that later files may fill, so that the first file need not wait until each of its answers is taken.
_LATER_SHARE = 0.75
# A refused reader tries again only when no more than this share is filled, not after each answer.
_RETRY_SHARE = 0.5


class Closed(Exception):
    """The consumer has stopped."""


class OrderedAnswers:
    """Answers in the order of their files; one thread puts them in, another iterates over them.

    Attributes:
        wake: called by the consumer when there is room again after a refusal, and when it stops.
        read_s: gets the seconds of CPU for reading each file, by its index, before its end.
    """

    def __init__(self, wake: Callable[[], None], read_s: dict[int, float] | None = None) -> None:
        self.wake, self.read_s = wake, {} if read_s is None else read_s
        self._changed = threading.Condition()
        self._ready: deque[tuple[int, _Next, int | None]] = deque()
        self._later: dict[int, list[tuple[_Next, int | None]]] = {}
        self._first = 0  # index of the first unfinished file
        self._n_bytes = self._n_answers = 0
        self._refused = self._ended = self._closed = False
        self._error: BaseException | None = None
        self._waited_s, self._waits_since = 0.0, 0.0

    def reserve(self, index: int, n_bytes: int) -> bool:
        """Reserve room for one answer of a file; return False if there is none now.

        Raises:
            Closed: the consumer has stopped.
        """
        with self._changed:
            self._check_open()
            is_first = index == self._first
            share = 1.0 if is_first else _LATER_SHARE
            fits = self._n_bytes + n_bytes <= share * _MAX_BYTES and self._n_answers < share * _MAX_ANSWERS
            if not fits and not (is_first and not self._ready):
                self._refused = True
                return False
            self._n_bytes += n_bytes
            self._n_answers += 1
            return True

    def release(self, n_bytes: int) -> None:
        """Release room that was reserved for an answer that will not come."""
        with self._changed:
            self._n_bytes -= n_bytes
            self._n_answers -= 1

    def put(self, index: int, answer: _Next, reserved: int | None = None) -> None:
        """Add an answer of a file, None at its end, or an exception to raise in the consumer; never waits.

        Args:
            index: index of the file.
            answer: the answer, None, or an exception.
            reserved: bytes reserved for it; None if none were.

        Raises:
            Closed: the consumer has stopped.
        """
        with self._changed:
            self._check_open()
            if index != self._first:
                self._later.setdefault(index, []).append((answer, reserved))
                return
            self._ready.append((index, answer, reserved))
            if answer is None:
                self._move_up()
            self._changed.notify_all()

    def _move_up(self) -> None:
        """Advance to the next unfinished file, releasing the held answers on the way."""
        has_ended = True
        while has_ended:
            self._first += 1
            waiting = self._later.pop(self._first, [])
            self._ready.extend((self._first, *one) for one in waiting)
            has_ended = bool(waiting) and waiting[-1][0] is None

    def end(self, error: BaseException | None = None) -> None:
        """Mark the end of the answers; `error` is raised in the consumer after them."""
        with self._changed:
            self._ended, self._error = True, error
            self._changed.notify_all()

    def close(self) -> None:
        """Stop accepting answers: the consumer has stopped."""
        with self._changed:
            self._closed = True
        self.wake()

    def check_open(self) -> None:
        """Raise `Closed` if the consumer has stopped."""
        with self._changed:
            self._check_open()

    def waited_s(self) -> float:
        """Return the seconds that the consumer has waited for answers so far."""
        with self._changed:
            return self._waited_s + (monotonic() - self._waits_since if self._waits_since else 0.0)

    def __iter__(self) -> Iterator[Found]:
        while (taken := self._take()) is not None:
            index, answer = taken
            if isinstance(answer, BaseException):
                raise answer
            yield index, answer
        if self._error:
            raise self._error

    def _take(self) -> tuple[int, _Next] | None:
        with self._changed:
            if not self._ready and not self._ended:
                self._waits_since = monotonic()
                while not self._ready and not self._ended:
                    self._changed.wait()
                self._waited_s += monotonic() - self._waits_since
                self._waits_since = 0.0
            if not self._ready:
                return None
            index, answer, reserved = self._ready.popleft()
            if reserved is not None:
                self._n_bytes -= reserved
                self._n_answers -= 1
            has_room = self._n_bytes <= _RETRY_SHARE * _MAX_BYTES and self._n_answers <= _RETRY_SHARE * _MAX_ANSWERS
            wakes = self._refused and (has_room or not self._ready)
            self._refused = self._refused and not wakes
        if wakes:
            self.wake()
        return index, answer

    def _check_open(self) -> None:
        if self._closed:
            raise Closed

"""A reader with its assigned files: passes on its answers in order, and restarts its process after a crash or timeout."""

import json
import time
from collections import deque
from dataclasses import dataclass, field
from math import inf
from typing import Any

from ner_tasks.documents.inventory import Items
from ner_tasks.documents.sandbox.in_order import OrderedAnswers
from ner_tasks.documents.sandbox.sandbox_process import Header, ReaderProcess
from ner_tasks.documents.source_map import SourceMap
from ner_tasks.documents.types import Answer, Document, Ignored, Limits, Rejected
from ner_tasks.files.contained import Source, encode_source

# Files assigned to a reader: the one being read, and the next.
_N_REQUESTS = 2
# More bytes could fill the pipe to a reader that is itself blocked on writing answers.
_MAX_REQUESTED_BYTES = 32 * 1024
_START_S, _EXIT_S = 60.0, 5.0
_MAX_DEATHS = 2


@dataclass
class Request:
    """A file to be read.

    Attributes:
        index: index of the file in the order of reading.
        name: name of the file in the answers.
        line: request as sent to the reader process.
        n_answers: number of answers passed on.
        is_answered: whether one of them is a document with the file's own name.
        n_deaths: number of reader crashes while reading the file.
        seconds_left: remaining time for the file, excluding time spent waiting for the consumer.
    """

    index: int
    name: str
    line: bytes = field(repr=False)
    n_answers: int = 0
    is_answered: bool = False
    n_deaths: int = 0
    seconds_left: float = inf

    @classmethod
    def of(cls, index: int, name: str, path: Source) -> "Request":
        """Create a request; its line is ASCII, so that a name that is not UTF-8 survives as an escape."""
        return cls(index, name, json.dumps({"name": name, **encode_source(path)}).encode("ascii") + b"\n")


class SandboxReader:
    """A reader process, restarted when needed, with its pending requests.

    Attributes:
        process: the current process.
        requests: unfinished files in order; the first is being read.
        is_ready: whether the process has started up.
        is_paused: whether an answer is waiting for room in the buffer.
        has_failed: whether a file failed with a transient error, which the consumer gets in its place.
    """

    def __init__(self, answers: OrderedAnswers, limits: Limits) -> None:
        self._answers, self._limits = answers, limits
        self.requests: deque[Request] = deque()
        self.has_failed = False
        self.is_paused = self._is_admitted = False
        self._reserved: int | None = None  # bytes reserved for the answer being received
        self._n_killed_starts = 0
        self._start()

    def has_room(self, request: Request) -> bool:
        """Whether the reader can take one more file."""
        n_bytes = sum(len(one.line) for one in self.requests) + len(request.line)
        is_short = len(self.requests) < _N_REQUESTS and n_bytes <= _MAX_REQUESTED_BYTES
        return self.is_ready and (is_short or not self.requests)

    def submit(self, request: Request) -> None:
        """Assign one more file to the reader."""
        request.seconds_left = self._limits.file_seconds
        self.requests.append(request)
        if len(self.requests) == 1:
            self._watched_from = time.monotonic()
            self._allow_time()
        self.process.send([request.line])

    def receive(self) -> None:
        """Receive from the process; waits until there is something.

        Raises:
            ChildProcessError: the process ended before it was ready.
        """
        try:
            self.process.receive()
        except EOFError:
            self._handle_exit()
        else:
            self.resume()

    def resume(self) -> None:
        """Pass on the complete answers, as long as there is room."""
        if self.is_paused:
            self.is_paused = False
            self._watched_from = time.monotonic()
        while header := self.process.read_header():
            if not self._is_admitted and not self._admit(header):
                self._spend_time()
                self.is_paused, self._deadline = True, inf
                return
            if (body := self.process.read_body()) is None:
                return
            self._handle_frame(header, *body)
            self._is_admitted, self._reserved = False, None
            self._allow_time()

    def check_time(self) -> None:
        """Reject the current file if its time is over.

        Raises:
            ChildProcessError: the process did not start in time.
        """
        if time.monotonic() < self._deadline:
            return
        if not self.is_ready:
            raise ChildProcessError(f"found no reader process after {_START_S:g} s, expected one to start")
        self._spend_time()
        is_long = self.requests[0].seconds_left <= 0
        seconds = self._limits.file_seconds if is_long else self._limits.seconds
        what = "end of the file" if is_long else "next document"
        self._reject_current("too-slow", f"found no {what} after {seconds:g} s, expected it by then")
        self._restart()

    def stop(self) -> None:
        """End the process."""
        self.process.stop()

    def _start(self) -> None:
        self.process = ReaderProcess(self._limits)
        self.is_ready = self.is_paused = self._is_admitted = False
        self._n_seen = 0  # answers of the first request from this process
        self._watched_from = time.monotonic()
        self._deadline = self._watched_from + _START_S

    def _restart(self) -> None:
        self.process.stop()
        self._start()

    def _allow_time(self) -> None:
        """Extend the deadline of the current file to that of its next answer, within its total time."""
        self._spend_time()
        left = min(self._limits.seconds, self.requests[0].seconds_left) if self.requests else inf
        self._deadline = self._watched_from + left

    def _spend_time(self) -> None:
        now = time.monotonic()
        if self.requests and not self.is_paused:
            self.requests[0].seconds_left -= now - self._watched_from
        self._watched_from = now

    def _admit(self, header: Header) -> bool:
        """Reserve room for a new answer; other frames need none."""
        is_answer = header["kind"] in ("document", "rejected", "ignored")
        if is_answer and self._n_seen >= self.requests[0].n_answers:
            if not self._answers.reserve(self.requests[0].index, self.process.n_bytes):
                return False
            self._reserved = self.process.n_bytes
        self._is_admitted = True
        self._allow_time()
        return True

    def _handle_frame(self, header: Header, text: bytes, sources: bytes) -> None:
        if header["kind"] == "ready":
            self.is_ready, self._n_killed_starts = True, 0
            self._watched_from = time.monotonic()
            self.process.send(request.line for request in self.requests)
            return
        if header["kind"] == "progress":  # a page is done, which has extended the deadline
            return
        request = self.requests[0]
        if header["kind"] == "end":
            self._end_request(header["read_s"])
        elif header["kind"] == "error":
            self.has_failed = True
            message = f"found {header['message']}, expected to read {request.name[:200]!r}"
            self._answers.put(request.index, OSError(header["errno"], message))
        else:
            self._n_seen += 1
            if self._n_seen > request.n_answers:  # else passed on before a crash
                request.n_answers += 1
                answer = _parse_answer(header, text, sources)
                request.is_answered |= isinstance(answer, Document) and answer.name == request.name
                self._answers.put(request.index, answer, self._reserved)

    def _end_request(self, read_s: float) -> None:
        self._spend_time()
        self._n_seen = 0
        index = self.requests.popleft().index
        self._answers.read_s[index] = read_s
        self._answers.put(index, None)

    def _handle_exit(self) -> None:
        code = self.process.stop(_EXIT_S)
        if not self.is_ready:
            self._n_killed_starts += 1
            if code is None or code >= 0 or self._n_killed_starts > _MAX_DEATHS:
                raise ChildProcessError(f"found no reader process (exit {code}), expected one to start")
        elif self.requests:
            self.requests[0].n_deaths += 1
            if self.requests[0].n_deaths == _MAX_DEATHS:
                message = f"found a reader that crashed twice (exit {code}), expected it to finish the file"
                self._reject_current("reader-died", message)
        self._release()
        self._start()  # reads the file again: the system may have killed the reader for lack of memory

    def _reject_current(self, reason: str, message: str) -> None:
        """Reject the current file."""
        request = self.requests[0]
        name = f"{request.name}#rest" if request.is_answered else request.name
        self._answers.put(request.index, Rejected(name, reason, message))
        self._release()
        self._end_request(self._limits.file_seconds - request.seconds_left)

    def _release(self) -> None:
        if self._reserved is not None:
            self._answers.release(self._reserved)
            self._reserved = None


def _parse_answer(header: dict[str, Any], text: bytes, sources: bytes) -> Answer:
    values = header["values"]
    if header["kind"] != "document":
        return (Rejected if header["kind"] == "rejected" else Ignored)(**values)
    items = values.pop("items")
    items = Items(items["counts"], tuple(items["unread"]), items["ignored"])
    notes = tuple(values.pop("notes"))
    return Document(**values, text=text.decode(), items=items, notes=notes, sources=SourceMap.from_bytes(sources))

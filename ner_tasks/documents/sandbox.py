"""Reading in a process of its own, ahead of whoever takes the documents.

A file that makes its reader hang, crash or eat memory costs itself and nothing else. The reader goes on while the
model is at work, as far ahead as a bounded buffer lets it.
"""

import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import ner_tasks
from ner_tasks.documents import Answer, Document, Ignored, Limits, Rejected
from ner_tasks.documents.inventory import Items
from ner_tasks.documents.sandbox_worker import LENGTHS
from ner_tasks.documents.source_map import SourceMap

_AHEAD_CHARACTERS, _AHEAD_DOCUMENTS = 8_000_000, 2_000
# Files that the reader knows of: the one that it reads, and the next. More could fill the pipe both ways.
_N_REQUESTED = 2
_START_S, _TICK_S = 60.0, 0.2

Found = tuple[int, Answer | None]


def read_apart(files: Iterable[tuple[str, Path]], limits: Limits) -> Iterator[Found]:
    """Read files in another process.

    Args:
        files: name and place of each; taken as they are needed, from another thread.
        limits: how much of a file is read, for how long, with how much memory.

    Returns:
        `(index, answer)` for each document of a file, then `(index, None)`, in the order of `files`.

    Raises:
        OSError: a file cannot be read for a reason that may pass, or there is no process to read it.
    """
    ahead = _Ahead()
    thread = threading.Thread(target=_Reading(files, limits, ahead).run, name="reading", daemon=True)
    thread.start()
    try:
        yield from ahead
    finally:
        ahead.close()
        thread.join()


class _Closed(Exception):
    """Nobody takes documents any more."""


class _Ahead:
    """What has been read and not been taken: as much as its bounds allow, who puts more waits."""

    def __init__(self) -> None:
        self._found: deque[tuple[Found, int]] = deque()
        self._n_characters = 0
        self._changed = threading.Condition()
        self._error: BaseException | None = None
        self._ended = self.closed = False

    def put(self, index: int, answer: Answer | None) -> None:
        weight = len(answer.text) if isinstance(answer, Document) else 0
        with self._changed:
            while not self.closed and self._found and self._is_full(weight):
                self._changed.wait()
            if self.closed:
                raise _Closed
            self._found.append(((index, answer), weight))
            self._n_characters += weight
            self._changed.notify_all()

    def _is_full(self, weight: int) -> bool:
        return self._n_characters + weight > _AHEAD_CHARACTERS or len(self._found) >= _AHEAD_DOCUMENTS

    def end(self, error: BaseException | None = None) -> None:
        with self._changed:
            self._ended, self._error = True, error
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self.closed = True
            self._changed.notify_all()

    def __iter__(self) -> Iterator[Found]:
        while True:
            with self._changed:
                while not self._found and not self._ended:
                    self._changed.wait()
                if not self._found:
                    break
                found, weight = self._found.popleft()
                self._n_characters -= weight
                self._changed.notify_all()
            yield found
        if self._error:
            raise self._error


@dataclass
class _Request:
    """A file that the reader has been told of.

    Attributes:
        n_answers: its documents that have been handed on.
        is_answered: whether one of them has the file's own name.
        n_deaths: how often a reader died over it.
    """

    index: int
    name: str
    path: Path
    n_answers: int = 0
    is_answered: bool = False
    n_deaths: int = 0


class _Reading:
    """The reader process, and what has been asked of it."""

    def __init__(self, files: Iterable[tuple[str, Path]], limits: Limits, ahead: _Ahead):
        self._files, self._limits, self._ahead = enumerate(files), limits, ahead
        self._requests: deque[_Request] = deque()
        self._n_seen = 0  # answers of the first request, in this try

    def run(self) -> None:
        error: BaseException | None = None
        try:
            self._process = self._start()
            try:
                self._read()
            finally:
                self._stop()
        except _Closed:
            pass  # the one who would be told has gone
        except BaseException as raised:  # noqa: BLE001 - whatever it is, it belongs to the thread that takes
            error = raised
        self._ahead.end(error)

    def _read(self) -> None:
        while self._fill():
            try:
                header, text, sources = self._receive(self._limits.seconds)
            except TimeoutError:
                self._lose("too-slow", f"found no end after {self._limits.seconds:g} s, expected one")
            except EOFError:
                request = self._requests[0]
                request.n_deaths += 1
                if request.n_deaths > 1:
                    code = self._process.wait()
                    self._lose("reader-died", f"found that reading it ends the reader, twice, last with {code}")
                else:  # it may have been killed for another's sake
                    self._restart()
            else:
                self._take(header, text, sources)

    def _fill(self) -> bool:
        """Tell the reader of the next files; False when there is nothing left to wait for."""
        while len(self._requests) < _N_REQUESTED and (file := next(self._files, None)):
            index, (name, path) = file
            self._requests.append(_Request(index, name, path))
            self._send(self._requests[-1])
        return bool(self._requests)

    def _take(self, header: dict[str, Any], text: bytes, sources: bytes) -> None:
        request = self._requests[0]
        if header["kind"] == "end":
            self._end_request()
        elif header["kind"] == "error":
            raise OSError(header["errno"], f"found {header['message']}, expected to read {request.name[:200]!r}")
        else:
            self._n_seen += 1
            if self._n_seen > request.n_answers:  # else handed on before the reader died
                request.n_answers += 1
                values = header["values"]
                if header["kind"] == "document":
                    request.is_answered |= values["name"] == request.name
                    self._ahead.put(request.index, _document(values, text, sources))
                else:
                    kind = Rejected if header["kind"] == "rejected" else Ignored
                    self._ahead.put(request.index, kind(**values))

    def _end_request(self) -> None:
        request = self._requests.popleft()
        self._n_seen = 0
        self._ahead.put(request.index, None)

    def _lose(self, reason: str, message: str) -> None:
        """Give up the file that is being read."""
        request = self._requests[0]
        name = f"{request.name}#rest" if request.is_answered else request.name
        self._ahead.put(request.index, Rejected(name, reason, message))
        self._end_request()
        self._restart()

    def _start(self) -> "subprocess.Popen[bytes]":
        root = str(Path(ner_tasks.__file__).parent.parent)
        path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
        process = subprocess.Popen(
            [sys.executable, "-m", "ner_tasks.documents.sandbox_worker", json.dumps(asdict(self._limits))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # what a library starts besides, such as tesseract, ends with the reader, and takes one core
            process_group=0,
            env={**os.environ, "PYTHONPATH": path, "OMP_THREAD_LIMIT": "1"},
        )
        self._process = process
        try:
            self._receive(_START_S)
        except (EOFError, TimeoutError) as error:
            self._stop()
            raise ChildProcessError(f"found no reader process ({error!r}), expected one to start") from None
        return process

    def _restart(self) -> None:
        self._stop()
        self._n_seen = 0
        self._process = self._start()
        for request in self._requests:
            self._send(request)

    def _stop(self) -> None:
        with suppress(ProcessLookupError):  # it may have ended, and been waited for, already
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            try:
                pipe.close()
            except BrokenPipeError:
                continue  # a request that the reader did not live to take

    def _send(self, request: _Request) -> None:
        assert self._process.stdin is not None
        line = json.dumps({"name": request.name, "path": str(request.path)}) + "\n"
        try:
            self._process.stdin.write(line.encode("ascii"))
            self._process.stdin.flush()
        except BrokenPipeError:
            return  # its death shows where its answer is waited for

    def _receive(self, seconds: float) -> tuple[dict[str, Any], bytes, bytes]:
        """The worker's next frame: header, text, source map.

        Raises:
            TimeoutError: it made no progress for so long, while somebody was there to take what it made.
            EOFError: it has died.
        """
        deadline = time.monotonic() + seconds
        head_length, *lengths = LENGTHS.unpack(self._exactly(LENGTHS.size, deadline))
        head = self._exactly(head_length, deadline)
        text, sources = (self._exactly(length, deadline) for length in lengths)
        return json.loads(head), text, sources

    def _exactly(self, n_bytes: int, deadline: float) -> bytes:
        assert self._process.stdout is not None
        descriptor, parts, left = self._process.stdout.fileno(), [], n_bytes
        while left:
            ready, _, _ = select.select([descriptor], [], [], _TICK_S)
            if self._ahead.closed:
                raise _Closed
            if ready:
                part = os.read(descriptor, min(left, 2**20))
                if not part:
                    raise EOFError
                parts.append(part)
                left -= len(part)
            elif time.monotonic() > deadline:
                raise TimeoutError
        return b"".join(parts)


def _document(values: dict[str, Any], text: bytes, sources: bytes) -> Document:
    items = values.pop("items")
    items = Items(items["counts"], tuple(items["unread"]), items["ignored"])
    notes = tuple(values.pop("notes"))
    return Document(**values, text=text.decode(), items=items, notes=notes, sources=SourceMap.from_bytes(sources))

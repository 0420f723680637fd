"""Parent side of a reader process: its pipes, the frames it writes, and its folder for temporary files."""

import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import ner_tasks
from ner_tasks import child_environment, held_stderr
from ner_tasks.documents.sandbox.confinement import LENGTHS
from ner_tasks.documents.sandbox.worker_folder import WorkerFolder
from ner_tasks.documents.types import Limits

READER = "ner_tasks.documents.sandbox.sandbox_worker"
_READ_BYTES = 2**18
# Capacity of the pipe from a worker; Linux's default is 64 KiB.
_PIPE_BYTES = 2**20

Header = dict[str, Any]


class ReaderProcess:
    """A running worker process.

    Args:
        limits: limits on what it reads.
        worker: module that it runs.

    Attributes:
        output: descriptor to poll for frames.
    """

    def __init__(self, limits: Limits, worker: str = READER) -> None:
        root = str(Path(ner_tasks.__file__).parent.parent)
        path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
        self._folder = WorkerFolder()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", worker, json.dumps(asdict(limits))],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                # Holds the traceback of a crash only.
                stderr=held_stderr.visible_descriptor(),
                # Child processes of a library, such as tesseract, end with the reader and use one core.
                process_group=0,
                env={
                    **child_environment.reader_environment(),
                    "PYTHONPATH": path,
                    "OMP_THREAD_LIMIT": "1",
                    "TMPDIR": str(self._folder.path),
                },
            )
        except BaseException:
            self._folder.remove()
            raise
        assert self._process.stdout is not None
        self.output = self._process.stdout.fileno()
        with suppress(OSError, AttributeError):  # a smaller pipe is only slower
            fcntl.fcntl(self.output, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self._buffer = bytearray()
        self._header: Header | None = None
        self._n_text = self._n_sources = 0
        self._is_stopped = False

    def send(self, lines: Iterable[bytes]) -> None:
        """Send requests; if the process has ended, `receive` reports it."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(b"".join(lines))
            self._process.stdin.flush()
        except BrokenPipeError:
            return

    def receive(self) -> None:
        """Read from the process; waits until there is something.

        Raises:
            EOFError: the process has ended.
        """
        data = os.read(self.output, _READ_BYTES)
        if not data:
            raise EOFError
        self._buffer += data

    def read_header(self) -> Header | None:
        """Return the header of the next frame, or None if it is incomplete."""
        if self._header is None and len(self._buffer) >= LENGTHS.size:
            n_head, n_text, n_sources = LENGTHS.unpack_from(self._buffer)
            end = LENGTHS.size + n_head
            if len(self._buffer) >= end:
                self._header = json.loads(self._buffer[LENGTHS.size : end])
                self._n_text, self._n_sources = n_text, n_sources
                del self._buffer[:end]
        return self._header

    @property
    def n_bytes(self) -> int:
        """Length of the frame's body in bytes."""
        return self._n_text + self._n_sources

    @property
    def n_buffered(self) -> int:
        """Number of bytes received that belong to no frame yet."""
        return len(self._buffer)

    def read_body(self) -> tuple[bytes, bytes] | None:
        """Return text and source map of the current frame and advance to the next one, or None if they are incomplete."""
        if len(self._buffer) < self.n_bytes:
            return None
        with memoryview(self._buffer) as view:
            text, sources = bytes(view[: self._n_text]), bytes(view[self._n_text : self.n_bytes])
        del self._buffer[: self.n_bytes]
        self._header = None
        return text, sources

    def stop(self, wait_s: float = 0.0) -> int | None:
        """End the process with its children, and remove its temporary files.

        Args:
            wait_s: seconds to wait for it to end by itself.

        Returns:
            Its exit code, negative for the signal that ended it.
        """
        if self._is_stopped:
            return self._process.returncode
        self._is_stopped = True
        if wait_s:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(wait_s)
        with suppress(ProcessLookupError):  # no process is left in its group
            os.killpg(self._process.pid, signal.SIGKILL)
        code = self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with suppress(BrokenPipeError):  # a request that it never read
                pipe.close()
        self._folder.remove()
        return code

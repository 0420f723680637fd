"""Both ends of a worker process that answers requests: a line of JSON in, a line of JSON out.

An answer is `{"answer": ...}` or `{"error": "found ..."}`. The first one, sent before any request, tells whether the
worker has started. Documents are read by `documents.sandbox`, whose frames are binary and whose peer is not trusted.
"""

import json
import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, Self

from ner_tasks.errors import NerTasksError

# Answers one request.
Answerer = Callable[[Mapping[str, Any]], Mapping[str, Any]]
_N_LAST_LINES = 3
_MAX_LINE_BYTES = 1000
_MAX_MESSAGE = 300


class WorkerFailed(NerTasksError):
    """A worker did not start, could not answer, or died."""


class WorkerProcess:
    """The parent's end of a worker.

    Args:
        name: the worker's name in errors.
        command: program and arguments.
        env: its environment.
        log: file for its standard error, which is appended to; by default it shares the parent's.
    """

    def __init__(self, name: str, command: Sequence[str], *, env: Mapping[str, str], log: Path | None = None) -> None:
        self.name, self._log = name, log
        with ExitStack() as stack:
            stderr = None
            if log:
                log.parent.mkdir(parents=True, exist_ok=True)
                stderr = stack.enter_context(log.open("a", encoding="utf-8"))
            try:
                self._process = subprocess.Popen(
                    command, env=dict(env), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, text=True
                )
            except OSError as error:
                raise WorkerFailed(f"found {error.strerror}, expected a program, at {command[0]}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def hello(self) -> dict[str, Any]:
        """Wait until the worker has started and return its first answer.

        Raises:
            WorkerFailed: it could not start.
        """
        return self._read()

    def ask(self, **request: Any) -> dict[str, Any]:
        """Send a request and return its answer.

        Raises:
            WorkerFailed: it could not answer, or died.
        """
        assert self._process.stdin
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._died() from None
        return self._read()

    def close(self) -> None:
        """Kill the worker."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                stream.close()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise self._died()
        message: dict[str, Any] = json.loads(line)
        if "error" in message:
            raise WorkerFailed(str(message["error"]))
        answer: dict[str, Any] = message["answer"]
        return answer

    def _died(self) -> WorkerFailed:
        reason = f"found exit {self._process.wait()} of the process of {self.name}, expected an answer"
        return WorkerFailed(f"{reason}; {describe_end(self._log)}" if self._log else reason)


def serve(start: Callable[[], tuple[Mapping[str, Any], Answerer]], requests: IO[str], answers: IO[str]) -> int:
    """Answer requests until there are no more.

    Args:
        start: loads what the worker needs. Returns the first answer, and a function that answers requests.
        requests: one request per line.
        answers: where the answers go.

    Returns:
        The exit code.
    """

    def send(**message: Any) -> None:
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    try:
        hello, answer = start()
        send(answer=hello)
        for line in requests:
            send(answer=answer(json.loads(line)))
    except ImportError as error:
        send(error=f"found no {error.name or error}, expected it installed, in {sys.prefix}")
        return 1
    except NerTasksError as error:
        send(error=str(error))
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - libraries raise anything, and the parent goes on with its other workers
        traceback.print_exc()
        message = " ".join(str(error).split())[:_MAX_MESSAGE]
        send(error=f"found {type(error).__name__}: {message}, expected an answer")
        return 1
    return 0


def reserve_stdout(mode: str = "w") -> IO[Any]:
    """Return a file of the original standard output, and redirect standard output to standard error.

    Libraries print to standard output; without this, their lines would come between the answers.
    """
    answers = os.fdopen(os.dup(1), mode)
    os.dup2(2, 1)
    return answers


def last_lines(path: Path, n: int) -> list[str]:
    """Return the last `n` lines of a text file; none if it does not exist. Reads about 1,000 bytes per line."""
    if not path.is_file():
        return []
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - n * _MAX_LINE_BYTES))
        return file.read().decode("utf-8", errors="replace").splitlines()[-n:]


def describe_end(log: Path) -> str:
    """Return the end of a log as one line, with its path."""
    lines = [line.strip() for line in last_lines(log, 4 * _N_LAST_LINES) if line.strip()]
    return f"{' | '.join(lines[-_N_LAST_LINES:]) or 'nothing'}, in {log}"

"""Both ends of the lines between the bench and the process of one engine: JSON in, JSON out.

An answer is `{"answer": ...}` or `{"error": "found ..."}`. A process that cannot start says so in its first answer.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from ner_tasks.errors import NerTasksError

# A request -> its answer
Answerer = Callable[[Mapping[str, Any]], Mapping[str, Any]]
_LAST_LINES = 3


class EngineFailed(NerTasksError):
    """An engine that cannot be started, or ended; the others go on."""


class Worker:
    """A process that answers one request after the other.

    Args:
        name: what its errors are about.
        command: program and arguments.
        env: its whole environment.
        log: where its stderr goes.
    """

    def __init__(self, name: str, command: Sequence[str], *, env: Mapping[str, str], log: Path):
        self.name, self._log = name, log
        log.parent.mkdir(parents=True, exist_ok=True)
        try:
            with log.open("a", encoding="utf-8") as errors:
                self._process = subprocess.Popen(
                    command, env=dict(env), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
                )
        except OSError as error:
            raise EngineFailed(f"found {error.strerror}, expected a program, at {command[0]}") from None

    def hello(self) -> dict[str, Any]:
        """What it says once its model is loaded.

        Raises:
            EngineFailed: it could not load it.
        """
        return self._read()

    def ask(self, **request: Any) -> dict[str, Any]:
        """The answer to one request.

        Raises:
            EngineFailed: it could not answer, or died.
        """
        assert self._process.stdin
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._died() from None
        return self._read()

    def close(self) -> None:
        """End it."""
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
        said: dict[str, Any] = json.loads(line)
        if "error" in said:
            raise EngineFailed(str(said["error"]))
        answer: dict[str, Any] = said["answer"]
        return answer

    def _died(self) -> EngineFailed:
        code = self._process.wait()
        return EngineFailed(f"found exit {code} of its process, expected an answer; {last_lines(self._log)}")


def last_lines(log: Path) -> str:
    """The end of a log, in one line."""
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return f"{' | '.join(lines[-_LAST_LINES:]) or 'nothing'}, in {log}"


def serve(start: Callable[[], tuple[Mapping[str, Any], Answerer]], asked: IO[str], answers: IO[str]) -> int:
    """Answer lines until there are no more; the exit code.

    Args:
        start: loads the model; gives the first answer and what answers all later ones.
        asked: requests, a line each.
        answers: where the answers go.
    """

    def say(**said: Any) -> None:
        answers.write(json.dumps(said) + "\n")
        answers.flush()

    try:
        hello, answer = start()
        say(answer=hello)
        for line in asked:
            say(answer=answer(json.loads(line)))
    except ImportError as error:
        say(error=f"found no {error.name or error}, expected it installed, in {sys.prefix}")
        return 1
    except NerTasksError as error:
        say(error=str(error))
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - whatever a library raises is this engine's end, and no other's
        say(error=f"found {type(error).__name__}: {' '.join(str(error).split())[:300]}, expected an answer")
        return 1
    return 0


def own_stdout() -> IO[str]:
    """A descriptor of our own for answers: libraries write to stdout at times, which goes to stderr from now on."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return answers

"""Run a heavy step as a child process of the task: stream its output, and end it with the task."""

import signal
import subprocess
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress

import psutil

from ner_tasks import held_stderr

GRACE_S = 3.0
N_LAST_LINES = 20


def show_lines(output: Iterable[str], show: Callable[[str], None], last_lines: deque[str]) -> None:
    """Pass each line of output to `show`, and keep it in `last_lines` unless it is of a held standard error."""
    for line in output:
        if not line.startswith(held_stderr.PREFIX):
            last_lines.append(line.rstrip())
        show(line.rstrip())


class ChildProcess:
    """A child process in the task's process group, so that a signal to the group reaches it.

    Airflow kills a task's group 5 s after SIGTERM; the child's grace period is shorter.

    Attributes:
        last_lines: the last lines of its output, without the held standard error of `held_stderr`.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            list(command),
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self.last_lines: deque[str] = deque(maxlen=N_LAST_LINES)

    def follow(self, show: Callable[[str], None]) -> int:
        """Pass each line of output to `show` until the child ends, and return its exit code, negative for a signal.

        Ends the child if it is interrupted, as by the task's timeout.
        """
        try:
            show_lines(self._process.stdout or (), show, self.last_lines)
            return self._process.wait()
        except BaseException:
            self.end()
            raise

    def end(self) -> None:
        """End the child and its descendants by SIGTERM, then SIGKILL. Does nothing if the child has ended."""
        if self._process.poll() is not None:
            return
        try:
            family = psutil.Process(self._process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            self._process.send_signal(number)
            for process in family:
                with suppress(psutil.NoSuchProcess):
                    process.send_signal(number)
            if self._gone(family):
                return

    def _gone(self, family: list[psutil.Process]) -> bool:
        """Return whether all have ended within the grace period. Waits for the child itself: psutil would reap its code."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE_S)
        _, left = psutil.wait_procs(family, timeout=0.1)
        return not left and self._process.poll() is not None

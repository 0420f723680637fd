"""One heavy step as a child process of the task: streamed, and ended together with the task."""

import signal
import subprocess
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

import psutil

from ner_tasks import held_stderr

GRACE_S = 3.0
N_LAST_LINES = 20


class ChildProcess:
    """A child in the task's own process group, so that whatever kills the group reaches it as well.

    Airflow kills a task's group 5 s after asking; the grace given to the child is shorter than that.

    Attributes:
        last_lines: the end of its output, without what it held of its libraries' and printed when it failed.
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
        """Hand every line of output to `show` until the child ends; its exit code, negative for a signal.

        Whatever interrupts this, a task's timeout included, ends the child first.
        """
        try:
            for line in self._process.stdout or ():
                if not line.startswith(held_stderr.PREFIX):
                    self.last_lines.append(line.rstrip())
                show(line.rstrip())
            return self._process.wait()
        except BaseException:
            self.end()
            raise

    def end(self) -> None:
        """End the child and all that it has started: politely, then not. Does nothing once it has ended."""
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
        """Whether all have ended within the grace; the child is waited for here alone, psutil would take its code."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE_S)
        _, left = psutil.wait_procs(family, timeout=0.1)
        return not left and self._process.poll() is not None

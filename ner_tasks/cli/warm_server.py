"""`python -m ner_tasks.cli.warm_server`: a process that has loaded what `tag` needs, and forks one process per command.

It loads Python's modules and TensorFlow's library, but no model, starts no thread and reads no document: what a command
does lives and dies with the process of that command. `ner_airflow.warm_process` is the other end; see decision 0027.

One message per packet. A client sends `{"argv": [...], "worker": PID}` with two descriptors, the pipe for the output and
a pidfd of the executor's process; the answers are `{"pid": PID}` with a pidfd of the command's process, and, when that
has ended, `{"code": N}`. A connection that closes before that ends its command.
"""

import argparse
import gc
import json
import os
import select
import signal
import socket
import struct
import sys
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from ner_tasks.cli.loaded_code import LoadedCode
from ner_tasks.documents.sandbox.confinement import end_with_parent
from ner_tasks.errors import ConfigInvalid

MAX_MESSAGE = 64 * 1024
# Between SIGTERM and SIGKILL for a command whose task is gone; Airflow's own is 5 s.
_GRACE_S = 3.0
# How often it looks whether its socket is still in place.
_TICK_S = 5.0


@dataclass
class _Job:
    """A command's process. `killed_from`: when it gets SIGKILL; None as long as its task wants it."""

    pid: int
    pidfd: int
    connection: socket.socket
    killed_from: float | None = None


class WarmServer:
    """Forks a process per command until it has been idle, is too large, or the executor's processes are gone.

    Args:
        listener: a listening UNIX socket of sequenced packets.
        path: where that socket lies; it is removed at the end.
        idle_s: seconds without a command after which the server ends, above 0.
        max_mib: private memory in MiB above which it takes no more commands.
    """

    def __init__(self, listener: socket.socket, path: Path, *, idle_s: float, max_mib: float) -> None:
        self._listener, self._path, self._idle_s, self._max_mib = listener, path, idle_s, max_mib
        self._inode = path.stat().st_ino
        self._waiting: dict[int, socket.socket] = {}  # connections without a command yet, by descriptor
        self._jobs: dict[int, _Job] = {}  # by pidfd
        self._workers: dict[int, int] = {}  # pidfd by pid
        self._used = time.monotonic()
        self._is_open = True
        listener.setblocking(False)

    def serve(self) -> None:
        """Serve until there is a reason to end, and the last command has ended."""
        self._loaded = LoadedCode()
        while self._is_open or self._jobs:
            ready = self._poll()
            for pid, pidfd in list(self._workers.items()):
                if pidfd in ready:
                    os.close(self._workers.pop(pid))
                    if not self._workers:
                        self._retire()
            for pidfd in [pidfd for pidfd in self._jobs if pidfd in ready]:
                self._finish(self._jobs.pop(pidfd))
            for job in self._jobs.values():
                self._stop_abandoned(job, job.connection.fileno() in ready)
            for number in [number for number in self._waiting if number in ready]:
                self._take(self._waiting.pop(number))
            if self._is_open and self._listener.fileno() in ready:
                self._accept()
            if self._is_open and self._is_over():
                self._retire()

    def _poll(self) -> set[int]:
        poll = select.poll()
        listening = [self._listener.fileno()] if self._is_open else []
        of_jobs = [job.connection.fileno() for job in self._jobs.values() if job.killed_from is None]
        for number in (*listening, *self._waiting, *self._jobs, *of_jobs, *self._workers.values()):
            poll.register(number, select.POLLIN)
        is_ending = any(job.killed_from is not None for job in self._jobs.values())
        wait_s = 0.1 if is_ending else min(_TICK_S, self._idle_s / 4)
        return {number for number, _ in poll.poll(1000 * wait_s)}

    def _accept(self) -> None:
        with suppress(OSError):  # among them: its client is gone, too many open files
            connection, _ = self._listener.accept()
            credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
            if struct.unpack("3i", credentials)[1] != os.getuid():
                connection.close()
                return
            self._waiting[connection.fileno()] = connection

    def _take(self, connection: socket.socket) -> None:
        """Read a command and start it, unless its client is gone."""
        numbers: list[int] = []
        try:
            data, numbers, _, _ = socket.recv_fds(connection, MAX_MESSAGE, 2)
            if not data or len(numbers) != 2 or _has_hung_up(connection):
                connection.close()
                return
            if self._loaded.has_changed():  # a command would mix it with what it loads itself
                self._retire()
                connection.close()  # afterwards: its client starts the next server
                return
            request = json.loads(data)
            output, worker = numbers
            if request["worker"] not in self._workers:
                self._workers[request["worker"]] = os.dup(worker)
            self._start([str(word) for word in request["argv"]], output, connection)
        except (OSError, ValueError, KeyError):
            traceback.print_exc()
            connection.close()
        finally:
            for number in numbers:
                os.close(number)

    def _start(self, argv: list[str], output: int, connection: socket.socket) -> None:
        server = os.getpid()
        pid = os.fork()
        if pid == 0:
            _run_command(argv, output, server)
        try:
            pidfd = os.pidfd_open(pid)
        except OSError:  # too many open files: its client starts a process of its own, so this one must not go on
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise
        self._jobs[pidfd] = _Job(pid, pidfd, connection)
        with suppress(OSError):  # a client that is gone is noticed at its connection
            socket.send_fds(connection, [json.dumps({"pid": pid}).encode()], [pidfd])

    def _stop_abandoned(self, job: _Job, is_ready: bool) -> None:
        if job.killed_from is None and is_ready:  # clients send one message: this is the end of the connection
            job.killed_from = time.monotonic() + _GRACE_S
            self._signal(job, signal.SIGTERM)
        elif job.killed_from is not None and time.monotonic() > job.killed_from:
            self._signal(job, signal.SIGKILL)

    def _signal(self, job: _Job, number: signal.Signals) -> None:
        # its group as well: it is not reaped yet, so the number is still its own
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(job.pid, number)
        with suppress(ProcessLookupError):
            os.kill(job.pid, number)

    def _finish(self, job: _Job) -> None:
        _, status = os.waitpid(job.pid, 0)
        with suppress(OSError):
            job.connection.send(json.dumps({"code": os.waitstatus_to_exitcode(status)}).encode())
        job.connection.close()
        os.close(job.pidfd)
        self._used = time.monotonic()
        if self._is_open and private_mib() > self._max_mib:
            self._retire()

    def _is_over(self) -> bool:
        """Whether to take no more commands: idle, or its socket is gone, or another server's is in its place."""
        is_idle = not self._jobs and not self._waiting and time.monotonic() - self._used > self._idle_s
        return is_idle or not self._has_place()

    def _has_place(self) -> bool:
        try:
            return self._path.stat().st_ino == self._inode
        except OSError:
            return False

    def _retire(self) -> None:
        """Take no more commands. A client whose connection is closed unanswered starts another server."""
        if not self._is_open:  # what lies at the path may be the next server's by now
            return
        self._is_open = False
        with suppress(OSError):
            if self._has_place():
                self._path.unlink()
        self._listener.close()
        for connection in self._waiting.values():
            connection.close()
        self._waiting.clear()


def preload() -> None:
    """Load what `tag` needs and every command shares: modules, and TensorFlow's library without a session.

    Raises:
        ConfigInvalid: a library has started a thread, so that a fork of this process would be no sound process.
    """
    # loaded for their side effect: they are in memory when `tag` imports them
    import ner_tasks.documents.ocr.ocr
    import ner_tasks.documents.sandbox.sandbox
    import ner_tasks.enrichment.rules
    import ner_tasks.inference.tagger
    import ner_tasks.segmentation.sentences
    import ner_tasks.tagging.batcher
    import ner_tasks.tagging.shard  # noqa: F401
    from ner_tasks import fingerprint
    from ner_tasks.cli import app
    from ner_tasks.inference import tensorflow_c
    from ner_tasks.tagging import planning

    app.parser()
    tensorflow_c.load_library()
    app.keep_parsed_source()
    for name in planning.CODE:  # parses the package, which takes longer than all imports
        fingerprint.code_version(name)
    n_threads = len(list(Path("/proc/self/task").iterdir()))
    if n_threads != 1:
        raise ConfigInvalid(f"found {n_threads} threads after loading the libraries, expected 1, to fork from")
    gc.collect()
    gc.freeze()  # a collection in a forked process would copy the pages of what is loaded here


def private_mib() -> float:
    """Return the memory in MiB of this process that it shares with no file."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("RssAnon:")), 0.0)


def _has_hung_up(connection: socket.socket) -> bool:
    poll = select.poll()
    poll.register(connection, select.POLLRDHUP)
    return bool(poll.poll(0))


def _run_command(argv: list[str], output: int, server: int) -> NoReturn:
    """Run a command in this forked process, with a process group, output and standard input of its own, and exit."""
    code = 1
    try:
        os.setsid()
        end_with_parent()
        if os.getppid() != server:  # it died before that took effect
            os._exit(1)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.closerange(3, 1 + max(int(path.name) for path in Path("/proc/self/fd").iterdir()))
        from ner_tasks.cli import app

        sys.argv = ["ner_tasks", *argv]
        code = app.main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - as Python itself ends
        traceback.print_exc()
    finally:
        with suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def main(argv: Sequence[str] | None = None) -> int:
    """Serve the socket that this process was given."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    kinds: dict[str, Any] = {"socket": int, "path": Path, "idle_s": float, "max_mib": float}
    for name, kind in kinds.items():
        parser.add_argument(f"--{name}", required=True, type=kind)
    args = parser.parse_args(argv)
    with socket.socket(fileno=args.socket) as listener:
        server = WarmServer(listener, args.path, idle_s=args.idle_s, max_mib=args.max_mib)
        preload()
        server.serve()
    return 0


if __name__ == "__main__":
    sys.exit(main())

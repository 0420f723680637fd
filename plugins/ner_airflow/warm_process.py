"""Run a command in a process forked from a warm one, see `ner_tasks.cli.warm_server`, and end it with the task."""

import hashlib
import json
import os
import platform
import resource
import select
import signal
import socket
import stat
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import ner_tasks
from ner_airflow.subprocess_runner import GRACE_S, N_LAST_LINES, show_lines
from ner_tasks.errors import Busy, NerTasksError
from ner_tasks.files import atomic

FOLDER = ".warm"  # in the scratch folder
MAX_MIB = 512.0
_SERVER = "ner_tasks.cli.warm_server"
# A server loads its libraries first, on a machine that may be busy; after that it answers at once, or hangs.
_START_S, _ANSWER_S = 60.0, 10.0
# How long the log of a dead server is kept, for the person who looks into it.
_LOG_S = 7 * 24 * 3600.0
_NAMESPACES = ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts")
_LIMITS = ("RLIMIT_AS", "RLIMIT_CORE", "RLIMIT_CPU", "RLIMIT_DATA", "RLIMIT_FSIZE", "RLIMIT_NOFILE", "RLIMIT_NPROC")


class WarmUnavailable(NerTasksError):
    """No warm process can be had here; the command has to start a process of its own."""


class WarmProcess:
    """A command's process that a warm server has forked; used as `ChildProcess` is.

    Attributes:
        pid: its number.
        last_lines: the last lines of its output, without the held standard error of `held_stderr`.
    """

    def __init__(self, connection: socket.socket, pid: int, pidfd: int, output: int) -> None:
        self.pid, self._pidfd = pid, pidfd
        self._connection, self._output = connection, os.fdopen(output, encoding="utf-8", errors="replace")
        self.last_lines: deque[str] = deque(maxlen=N_LAST_LINES)

    @classmethod
    def start(
        cls,
        command: Sequence[str],
        environment: Mapping[str, str],
        scratch: Path,
        *,
        idle_s: float,
        max_mib: float = MAX_MIB,
    ) -> Self:
        """Start a command in the warm server for it, which is started if there is none.

        Args:
            command: interpreter, `-m`, `ner_tasks`, and the words of the command.
            environment: of the command; a server serves one environment.
            scratch: folder of this machine in which the server's socket lies.
            idle_s: seconds without a command after which a new server ends.
            max_mib: private memory in MiB above which a new server takes no more commands.

        Raises:
            WarmUnavailable: the system or the folder does not allow it, or the server did not start or does not answer.
        """
        try:
            with ExitStack() as stack:
                worker = _open_pidfd(stack, os.getppid())
                environment = {**environment, "OPENBLAS_NUM_THREADS": "1"}  # a thread of it would forbid to fork
                path = _make_place(scratch) / f"{_describe_server(command[:3], environment)}.sock"
                options = {"idle_s": idle_s, "max_mib": max_mib}
                for _ in range(2):  # a server may end while it is asked
                    connection = _connect(path, [command[0]], environment, options)
                    with _replace_if_hung(path, connection):
                        if started := cls._ask(connection, command[3:], worker):
                            return started
        except (OSError, AttributeError, Busy) as error:
            raise WarmUnavailable(f"found {error}, expected a UNIX socket, in {scratch / FOLDER}") from None
        raise WarmUnavailable(f"found no answer, expected a warm server, see {path.with_suffix('.log')}")

    @classmethod
    def _ask(cls, connection: socket.socket, argv: Sequence[str], worker: int) -> Self | None:
        """Hand a command over; return None if the server ended instead."""
        output, write_end = os.pipe()
        try:
            request = json.dumps({"argv": list(argv), "worker": os.getppid()}).encode()
            socket.send_fds(connection, [request], [write_end, worker])
            answer, numbers, _, _ = socket.recv_fds(connection, 1000, 1)
        except TimeoutError:
            connection.close()
            os.close(output)
            raise
        except OSError:
            answer, numbers = b"", []
        finally:
            os.close(write_end)
        if not answer or not numbers:
            connection.close()
            os.close(output)
            return None
        connection.settimeout(None)
        return cls(connection, json.loads(answer)["pid"], numbers[0], output)

    def follow(self, show: Callable[[str], None]) -> int:
        """Pass each line of output to `show` until the command ends, and return its exit code, negative for a signal.

        Ends the command if it is interrupted, as by the task's timeout.
        """
        try:
            show_lines(self._output, show, self.last_lines)
            select.select([self._pidfd], [], [])
            return self._read_code(show)
        except BaseException:
            self.end()
            raise

    def _read_code(self, show: Callable[[str], None]) -> int:
        """Return the exit code of the ended command; that of a kill if its server cannot tell, so that it is retried."""
        self._connection.settimeout(_ANSWER_S)
        try:
            answer = self._connection.recv(1000)
        except TimeoutError:
            show(f"notice: found no exit code of this process, expected its warm server to answer in {_ANSWER_S:.0f} s")
            return -signal.SIGKILL
        if not answer:  # the kernel kills a command with its server
            show("notice: the server of warm processes was killed, and this process with it")
        return int(json.loads(answer)["code"]) if answer else -signal.SIGKILL

    def end(self) -> None:
        """End the command by SIGTERM, then SIGKILL. Does nothing if it has ended."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, number)
            if select.select([self._pidfd], [], [], GRACE_S)[0]:
                return


def _open_pidfd(stack: ExitStack, pid: int) -> int:
    pidfd = os.pidfd_open(pid)
    stack.callback(os.close, pidfd)
    return pidfd


def _make_place(scratch: Path) -> Path:
    folder = scratch / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.stat()
    if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
        mode = f"{stat.S_IMODE(found.st_mode):o} of user {found.st_uid}"
        raise WarmUnavailable(f"found mode {mode}, expected a folder of this user alone, at {folder}")
    return folder


def _describe_server(program: Sequence[str], environment: Mapping[str, str]) -> str:
    """Return a hash of all that a command inherits from its server, so that each finds what it would have had itself."""
    status = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    facts: dict[str, Any] = {
        "program": list(program),
        "environment": dict(sorted(environment.items())),
        "code": _describe_code(),
        "user": [os.getuid(), os.getgid(), sorted(os.getgroups())],
        # another container may see the same folder
        "machine": [platform.node(), Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")],
        "container": [str(Path(f"/proc/self/ns/{name}").readlink()) for name in _NAMESPACES],
        "group": Path("/proc/self/cgroup").read_text(encoding="utf-8"),
        "folder": str(Path.cwd()),
        "umask": [line for line in status if line.startswith("Umask:")],
        "limits": [resource.getrlimit(getattr(resource, name)) for name in _LIMITS],
        "cpus": [sorted(os.sched_getaffinity(0)), os.getpriority(os.PRIO_PROCESS, 0)],
    }
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


def _describe_code() -> str:
    """Return a hash of the sizes and times of the package's files: a changed release gets another server."""
    root, digest = Path(ner_tasks.__file__).parent, hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        found = path.stat()
        digest.update(f"{path}\0{found.st_size}\0{found.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _connect(
    path: Path, python: list[str], environment: Mapping[str, str], options: Mapping[str, float]
) -> socket.socket:
    """Return a connection to the server at `path`; start one if there is none, or a dead one's socket."""
    with atomic.exclusive(path.parent / "lock", patience_s=_ANSWER_S), _open_address(path) as address:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        connection.settimeout(_ANSWER_S)
        try:
            connection.connect(address)
        except (FileNotFoundError, ConnectionRefusedError):
            try:
                _start_server(path, address, python, environment, options)
                connection.connect(address)
            except OSError:
                connection.close()
                raise
        return connection


@contextmanager
def _open_address(path: Path) -> Iterator[str]:
    """Yield an address of the socket at `path` that fits into the 108 bytes of `sun_path`, however long the path is."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def _start_server(
    path: Path, address: str, python: list[str], environment: Mapping[str, str], options: Mapping[str, float]
) -> None:
    """Start a server that outlives this task. Its socket listens at once; it answers when it has loaded its libraries."""
    path.unlink(missing_ok=True)
    _sweep(path.parent)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener, path.with_suffix(".log").open("wb") as log:
        listener.bind(address)
        path.chmod(0o600)
        listener.listen()
        flags = [f"--{name}={value}" for name, value in options.items()]
        subprocess.Popen(
            [*python, "-m", _SERVER, f"--socket={listener.fileno()}", f"--path={path}", *flags],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(listener.fileno(),),
            start_new_session=True,  # the task's process group ends with the task
        )


def _sweep(folder: Path) -> None:
    """Remove the sockets of dead servers, and their logs after a week. The caller holds the folder's lock."""
    for path in folder.glob("*.sock"):
        with _open_address(path) as address, socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as probe:
            probe.setblocking(False)
            try:
                probe.connect(address)
            except ConnectionRefusedError:
                path.unlink(missing_ok=True)
            except OSError:  # a busy server's; or it has just gone
                continue
    for path in folder.glob("*.log"):
        with suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime > _LOG_S and not path.with_suffix(".sock").exists():
                path.unlink()


@contextmanager
def _replace_if_hung(path: Path, connection: socket.socket) -> Iterator[None]:
    """Give the server at `path` the time to answer on `connection`; if it does not, take its socket away.

    The next task then starts another server, and this one ends if it ever goes on.
    """
    try:
        found = path.stat()
    except FileNotFoundError:  # it ends
        yield
        return
    age_s = max(time.time() - found.st_mtime, 0)
    patience_s = max(_ANSWER_S, _START_S - age_s)
    connection.settimeout(patience_s)
    try:
        yield
    except TimeoutError:
        with suppress(FileNotFoundError):
            if path.stat().st_ino == found.st_ino:  # else another task was faster
                path.unlink()
        raise WarmUnavailable(
            f"found a server that does not answer in {patience_s:.0f} s, expected it at once, see "
            f"{path.with_suffix('.log')}"
        ) from None

"""Find, start, supervise and kill the programs of a cluster, and see that nothing is left of them."""

import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

# `make test-distributed` sets it: there nothing is skipped
REQUIRED = "NIGHTLY_DRILLS_REQUIRED"
POSTGRES_PROGRAMS = ("initdb", "postgres", "createdb", "psql", "pg_ctl")
# where Debian keeps those that are not on PATH
_DEBIAN = "/usr/lib/postgresql"
# PostgreSQL refuses to be run by root
_UNPRIVILEGED = "postgres"
# of a process and what it starts: the machine that it is on, see `Cluster`
_MACHINE = "NER_SCRATCH"
# how long a process may live on whose worker was killed; it has 3 s between SIGTERM and SIGKILL
LINGER_S = 15.0
# how long anything may take on a machine that has much else to do
PATIENCE_S = 900.0


def find(name: str) -> Path | None:
    """A program on PATH, or Debian's newest PostgreSQL's."""
    versions = sorted(Path(_DEBIAN).glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which(name)
    return versions[-1] if versions else Path(on_path) if on_path else None


def missing() -> str:
    """What there is not, and where it comes from; empty if all is there."""
    absent = [name for name in (*POSTGRES_PROGRAMS, "redis-server") if find(name) is None]
    absent += [name for name in ("celery", "redis", "psycopg2", "asyncpg") if importlib.util.find_spec(name) is None]
    if not absent:
        return ""
    return (
        f"found no {', '.join(absent)}, expected them; make test-distributed installs the Python packages, "
        "apt-get install postgresql redis-server the programs"
    )


def require() -> None:
    """Skip the test that asks if something is missing; under `make test-distributed` it fails."""
    if absent := missing():
        (pytest.fail if os.environ.get(REQUIRED) else pytest.skip)(absent)


def unprivileged() -> str | None:
    """The user that PostgreSQL runs as; None: the one that we are."""
    return _UNPRIVILEGED if os.geteuid() == 0 else None


def give(folder: Path) -> None:
    """Let PostgreSQL's user have a folder."""
    if user := unprivileged():
        entry = pwd.getpwnam(user)
        os.chown(folder, entry.pw_uid, entry.pw_gid)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait(until: Callable[[], object], what: str, *, seconds: float = PATIENCE_S, every_s: float = 0.5) -> object:
    """What `until` says once it is true."""
    deadline = time.monotonic() + seconds
    while not (found := until()):
        assert time.monotonic() < deadline, f"found nothing after {seconds:.0f} s, expected {what}"
        time.sleep(every_s)
    return found


def is_alive(process: psutil.Process) -> bool:
    """Whether a process runs; a zombie does not."""
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


class Program:
    """One program that is up or down; what it says goes to a file.

    Args:
        name: of the program in the cluster.
        command: to start it.
        environment: its whole environment.
        log: file for its output, appended to.
        user: that it runs as; None: as we do.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        environment: Mapping[str, str],
        log: Path,
        *,
        user: str | None = None,
    ) -> None:
        self.name, self.log, self.n_starts = name, log, 0
        self._command, self._environment, self._user = [str(part) for part in command], dict(environment), user
        self._process: subprocess.Popen[bytes] | None = None
        self._killed: list[psutil.Process] = []
        self.wanted = False

    def start(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        as_user = {"user": self._user, "group": self._user, "extra_groups": []} if self._user else {}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **as_user,  # type: ignore[arg-type]
            )
        self.n_starts += 1
        self.wanted = True

    @property
    def pid(self) -> int:
        assert self._process is not None, f"{self.name} was never started"
        return self._process.pid

    def is_up(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def processes(self) -> list[psutil.Process]:
        """Itself, all below it, and all of its machine that has another parent, such as a warm server with its shards."""
        found = []
        if self.is_up():
            with suppress(psutil.NoSuchProcess):
                found = _tree(psutil.Process(self.pid))
        if machine := self._environment.get(_MACHINE):
            for process in psutil.process_iter():
                with suppress(psutil.Error):
                    if process.environ().get(_MACHINE) == machine:
                        found += _tree(process)  # what reads documents has another environment
        return list(dict.fromkeys(found))

    def left(self) -> list[psutil.Process]:
        """What has outlived the kill of this program."""
        now = self.processes() if not self.wanted else []
        return [process for process in dict.fromkeys([*self._killed, *now]) if is_alive(process)]

    def kill(self) -> int:
        """SIGKILL for it and all below it, whatever groups they are in; it stays down until it is started again.

        What has another parent, such as a warm server, has to end by itself: see `left`.

        Returns:
            How many processes were killed.
        """
        self.wanted = False
        if self._process is None:
            return 0
        killed = []
        with suppress(psutil.NoSuchProcess):
            root = psutil.Process(self.pid)
            # held first, so that nobody starts another one meanwhile
            root.suspend()
            self._killed += self.processes()
            killed = _tree(root)
            for process in reversed(killed):
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            psutil.wait_procs(killed, timeout=10)
        self._process.wait()
        return len(killed)


def _tree(root: psutil.Process) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        return [root, *root.children(recursive=True)]
    return []


class Keeper:
    """Starts a program again that has ended by itself, as `restart: unless-stopped` of docker/compose.yaml does."""

    def __init__(self, every_s: float = 2.0) -> None:
        self.programs: dict[str, Program] = {}
        self._every_s, self._done = every_s, threading.Event()
        self._thread = threading.Thread(target=self._keep, daemon=True)

    def add(self, program: Program) -> Program:
        self.programs[program.name] = program
        return program

    def begin(self) -> None:
        self._thread.start()

    def end(self) -> None:
        """Nothing is started again; all of it ends."""
        self._done.set()
        if self._thread.is_alive():
            self._thread.join()
        for program in reversed(self.programs.values()):
            program.kill()
        try:
            self.wait_for_none_left()
        finally:
            for process in self._left():
                with suppress(psutil.NoSuchProcess):
                    process.kill()

    def wait_for_none_left(self) -> None:
        """Wait until nothing is left of the programs that were killed."""
        deadline = time.monotonic() + LINGER_S
        while left := self._left():
            assert time.monotonic() < deadline, f"found {_describe(left)} alive, expected all of a killed worker to end"
            time.sleep(0.2)

    def _left(self) -> list[psutil.Process]:
        return [process for program in list(self.programs.values()) for process in program.left()]

    def _keep(self) -> None:
        while not self._done.wait(self._every_s):
            for program in list(self.programs.values()):
                if program.wanted and not program.is_up():
                    program.start()


def _describe(processes: list[psutil.Process]) -> list[str]:
    said = []
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            said.append(f"{process.pid}: {' '.join(process.cmdline())[:200]}")
    return said

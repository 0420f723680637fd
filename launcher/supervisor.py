"""Start Airflow's four processes, monitor them and stop them together.

Replaces `airflow standalone`, which serves task logs on every network interface (it does not pass on
`--skip-serve-logs`), mixes four logs into one, and keeps running when one of its processes ends.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

import psutil

from launcher.layout import Layout
from launcher.privacy import private_umask
from ner_tasks.errors import NerTasksError
from ner_tasks.files import atomic
from ner_tasks.worker_process import last_lines

COMMANDS: dict[str, list[str]] = {
    "api-server": ["api-server"],
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
}
GRACE_S = 8.0
N_LOG_LINES = 15


class _Stop(Exception):
    """Raised by the signal handler."""


def main() -> int:
    """Run the services until one of them ends (returns 1) or SIGTERM arrives (returns 0)."""
    layout = Layout.from_env()
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with private_umask(), atomic.exclusive(layout.lock):
            return _supervise(layout)
    except NerTasksError as error:
        print(f"error: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        return error.exit_code


def _supervise(layout: Layout) -> int:
    services: dict[str, subprocess.Popen[bytes]] = {}
    try:
        atomic.write_json(layout.state, {"pid": os.getpid(), "port": layout.port})
        for name, arguments in COMMANDS.items():
            services[name] = _start(arguments, layout.logs / f"{name}.log", layout.root)
        while all(service.poll() is None for service in services.values()):
            time.sleep(0.5)
        for name, service in services.items():
            if service.poll() is not None:
                log = layout.logs / f"{name}.log"
                print(f"{name} ended with exit code {service.returncode}; end of {log}:", flush=True)
                print("\n".join(last_lines(log, N_LOG_LINES)), flush=True)
        return 1
    except _Stop:
        return 0
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        end_session(os.getpid())
        layout.state.unlink(missing_ok=True)


def _start(arguments: list[str], log: Path, root: Path) -> "subprocess.Popen[bytes]":
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as file:
        command = [sys.executable, "-m", "airflow", *arguments]
        return subprocess.Popen(command, cwd=root, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT)


def end_session(session: int) -> None:
    """End all other processes of a session: services, tasks and the children of tasks.

    On SIGTERM the scheduler waits for its tasks, which can take hours, and tasks have process groups of their
    own. So every process gets SIGTERM, and after a grace period SIGKILL.
    """
    for number in (signal.SIGTERM, signal.SIGKILL):
        left = _members(session)
        for process in left:
            try:
                process.send_signal(number)
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(left, timeout=GRACE_S)


def _members(session: int) -> list[psutil.Process]:
    members = []
    for pid in psutil.pids():
        try:
            if pid != os.getpid() and os.getsid(pid) == session:
                process = psutil.Process(pid)
                # a zombie never ends: its parent has not waited for it
                if process.status() != psutil.STATUS_ZOMBIE:
                    members.append(process)
        except (ProcessLookupError, PermissionError, psutil.NoSuchProcess):
            continue
    return members


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise _Stop


if __name__ == "__main__":
    sys.exit(main())

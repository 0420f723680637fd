"""Start, check and stop Airflow's processes as a unit."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable

import httpx
import psutil

from launcher import supervisor
from launcher.layout import Layout
from ner_tasks.errors import Busy, NerTasksError
from ner_tasks.files import atomic

HEALTH = "/api/v2/monitor/health"
# without the triggerer: no task of these DAGs is deferred
PARTS = ("metadatabase", "scheduler", "dag_processor")
# about 35 s on two idle cores, minutes on a busy machine
START_S = 400.0
STOP_S = 30.0


class ServicesDown(NerTasksError):
    """Airflow did not start, or has ended."""

    exit_code = 69


def running(layout: Layout) -> int | None:
    """Return the port of the running services, else None. Checks the lock: the state file may be stale."""
    try:
        with atomic.exclusive(layout.lock):
            return None
    except Busy:
        pass
    state = atomic.read_json(layout.state) if layout.state.is_file() else {}
    return int(state.get("port", layout.port))


def check_port(port: int) -> None:
    """Raise `Busy` if a program listens on `port` of this machine."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise Busy(
                f"found port {port} taken by another program, expected it free, at 127.0.0.1; "
                f"choose another: PORT={port + 1}"
            ) from None


def start(layout: Layout) -> "subprocess.Popen[bytes]":
    """Start the supervisor in a new session, which Ctrl-C here does not reach."""
    check_port(layout.port)
    layout.logs.mkdir(parents=True, exist_ok=True)
    environment = {**layout.environment(), "PORT": str(layout.port), "NER_VAR": str(layout.var)}
    with (layout.logs / "supervisor.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "launcher.supervisor"],
            cwd=layout.root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def wait_healthy(layout: Layout, process: "subprocess.Popen[bytes]", show: Callable[[str], None]) -> None:
    """Wait until all parts of Airflow report that they are healthy.

    Args:
        layout: the installation.
        process: the supervisor that `start` returned.
        show: called with a line such as `metadatabase ok, scheduler ...` whenever it changes.

    Raises:
        ServicesDown: the supervisor ended, or a part is not healthy in time.
    """
    deadline, shown = time.monotonic() + START_S, ""
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise ServicesDown(f"found Airflow ended during its start, expected it running; logs: {layout.logs}")
        states = health(layout)
        line = ", ".join(f"{part.replace('_', ' ')} {'ok' if states.get(part) else '...'}" for part in PARTS)
        if line != shown:
            show(line)
            shown = line
        if all(states.get(part) for part in PARTS):
            return
        time.sleep(0.5)
    raise ServicesDown(f"found {shown}, expected all healthy after {START_S:.0f} s; logs: {layout.logs}")


def health(layout: Layout) -> dict[str, bool]:
    """Return whether each part is healthy; empty while Airflow does not answer."""
    try:
        answer = httpx.get(f"http://127.0.0.1:{layout.port}{HEALTH}", timeout=5.0)
        answer.raise_for_status()
        return {part: (answer.json().get(part) or {}).get("status") == "healthy" for part in PARTS}
    except (httpx.HTTPError, ValueError):
        return {}


def stop(layout: Layout) -> bool:
    """Stop the services and their tasks. Returns True if they were running."""
    state = atomic.read_json(layout.state) if layout.state.is_file() else None
    if state is None:
        return False
    pid = int(state["pid"])
    if running(layout) is None:
        # the supervisor was killed: its children may still run, in the session with its process id
        if not psutil.pid_exists(pid):
            supervisor.end_session(pid)
        layout.state.unlink(missing_ok=True)
        return False
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_S
    while running(layout) is not None:
        if time.monotonic() > deadline:
            raise ServicesDown(f"found process {pid} running after {STOP_S:.0f} s, expected it to end")
        time.sleep(0.2)
    return True

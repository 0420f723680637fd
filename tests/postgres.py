"""A PostgreSQL of the test's own, from the Debian package postgresql."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_FOUND = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
BIN = _FOUND[-1] if _FOUND else None


@contextmanager
def running() -> Iterator[str]:
    """A server on a free port of loopback, its data in a folder that goes with it: its URL."""
    # none of pytest's folders: those are for one user alone, and the server refuses to be root
    folder = Path(tempfile.mkdtemp(prefix="ner-postgres-"))
    who = ["runuser", "--user", "postgres", "--"] if os.geteuid() == 0 else []
    if who:
        shutil.chown(folder, "postgres")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data, options = folder / "data", f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories="
    control = [*who, f"{BIN}/pg_ctl", "--pgdata", data, "--wait", "--log", folder / "log"]
    try:
        _run([*who, f"{BIN}/initdb", "--auth=trust", "--username=airflow", "--pgdata", data], folder)
        _run([*control, "--options", options, "start"], folder)
        try:
            yield f"postgresql+psycopg2://airflow@127.0.0.1:{port}/postgres"
        finally:
            _run([*control, "--mode", "immediate", "stop"], folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(command, folder):
    subprocess.run(list(map(str, command)), cwd=folder, check=True, stdout=subprocess.DEVNULL)

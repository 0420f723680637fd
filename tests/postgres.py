"""Start a PostgreSQL server for tests, from the Debian package postgresql."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.distributed.programs import find, give, unprivileged
from tests.ports import free_port


@contextmanager
def running() -> Iterator[str]:
    """A server on a free port of loopback, its data in a folder that goes with it: its URL."""
    # none of pytest's folders: those are for one user alone, and the server refuses to be root
    folder = Path(tempfile.mkdtemp(prefix="ner-postgres-"))
    user, port = unprivileged(), free_port()
    give(folder)
    who = ["runuser", "--user", user, "--"] if user else []
    data, options = folder / "data", f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories="
    control = [*who, find("pg_ctl"), "--pgdata", data, "--wait", "--log", folder / "log"]
    try:
        _run([*who, find("initdb"), "--auth=trust", "--username=airflow", "--pgdata", data], folder)
        _run([*control, "--options", options, "start"], folder)
        try:
            yield f"postgresql+psycopg2://airflow@127.0.0.1:{port}/postgres"
        finally:
            _run([*control, "--mode", "immediate", "stop"], folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(command, folder):
    subprocess.run(list(map(str, command)), cwd=folder, check=True, stdout=subprocess.DEVNULL)

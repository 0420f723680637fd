"""PostgreSQL, Redis and an S3 server for the containers: Debian's programs and moto, on the hosts that the compose file names.

Their images come from registries. These have the compose file's names, ports and passwords.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tests import s3
from tests.distributed.programs import Keeper, Program, find, give, unprivileged, wait
from tests.image.deployment import ROOT, Deployment
from tests.image.network import Network

POSTGRES, REDIS, S3 = "postgres", "redis", "s3"
PORTS = {POSTGRES: 5432, REDIS: 6379, S3: 7070}


class Servers:
    """The three servers; `up` starts them, `down` ends them."""

    def __init__(self, deployment: Deployment, network: Network, log: Path) -> None:
        self._deployment, self._network, self._log, self._keeper = deployment, network, log, Keeper()
        self._folder = deployment.folder / "servers"
        self._folder.mkdir(mode=0o711)

    def up(self) -> None:
        self._start_postgres()
        self._start_redis()
        self._start(S3, [sys.executable, "-m", "tests.s3", str(PORTS[S3]), "0.0.0.0"], PYTHONPATH=str(ROOT))
        for name, port in PORTS.items():
            address = (self._network.addresses[name], port)
            wait(lambda address=address: _answers(address), f"{name} to listen", seconds=60)

    def down(self) -> None:
        self._keeper.end()

    def _start_postgres(self) -> None:
        data, password = self._folder / POSTGRES, self._folder / "password"
        data.mkdir()
        password.write_text(self._deployment.secret("postgres_password"))
        for path in (data, password):
            give(path)
        command = [find("initdb"), "-D", data, "--username", "airflow", "--auth", "scram-sha-256", "--no-sync"]
        command += ["--pwfile", password, "--encoding", "UTF8", "--locale", "C.UTF-8"]
        subprocess.run([*_as(unprivileged()), *map(str, command)], cwd="/", check=True, stdout=subprocess.DEVNULL)
        with (data / "pg_hba.conf").open("a") as rules:
            rules.write("host all all samenet scram-sha-256\n")
        # as the image of PostgreSQL does: a database of that name, before anybody may connect
        single = [find("postgres"), "--single", "-D", data, "postgres"]
        subprocess.run(
            [*_as(unprivileged()), *map(str, single)],
            cwd="/",
            check=True,
            input=b"CREATE DATABASE airflow;\n",
            stdout=subprocess.DEVNULL,
        )
        options = ["-c", "listen_addresses=*", "-k", str(data), "-c", "fsync=off"]
        self._start(POSTGRES, [*_as(unprivileged()), str(find("postgres")), "-D", str(data), *options])

    def _start_redis(self) -> None:
        folder = self._folder / REDIS
        folder.mkdir()
        settings = f"requirepass {self._deployment.secret('redis_password')}\nappendonly yes\ndir {folder}\n"
        (folder / "redis.conf").write_text(f"{settings}bind * -::*\n")
        self._start(REDIS, [str(find("redis-server")), str(folder / "redis.conf")])

    def _start(self, name: str, command: Sequence[str], **more: str) -> None:
        inside = ["nsenter", f"--net={self._network.of(name)}", "--", *command]
        environment = {**os.environ, **s3.CREDENTIALS, **more}
        self._keeper.add(Program(name, inside, environment, self._log / f"{name}.log")).start()


def _as(user: str | None) -> list[str]:
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--"] if user else []


def _answers(address: tuple[str, int]) -> bool:
    with suppress(OSError):
        socket.create_connection(address, timeout=1).close()
        return True
    return False

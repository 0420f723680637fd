"""docker/compose.yaml as `docker compose` itself reads it: the services of a deployment, with nothing left to fill in."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

# Tasks and roles of Airflow run from this image; the servers beside it have their own.
IMAGE = "nightly-ner"
COMPOSE = Path(sys.executable).with_name("docker-compose")
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?")


@dataclass(frozen=True)
class Mount:
    """A file or folder of the host in a container."""

    source: Path
    target: str
    read_only: bool


@dataclass(frozen=True)
class HealthCheck:
    """How a container says whether it is well.

    Attributes:
        command: its arguments; a shell's are included.
        interval_s: from one check to the next.
        timeout_s: of one check.
        retries: how many in a row have to fail.
        start_period_s: in which failures do not count.
    """

    command: list[str]
    interval_s: float
    timeout_s: float
    retries: int
    start_period_s: float

    @classmethod
    def parse(cls, said: Mapping[str, Any]) -> Self:
        kind, *arguments = said["test"]
        assert kind in {"CMD", "CMD-SHELL"}, f"found a health check of kind {kind!r}, expected CMD or CMD-SHELL"
        shell = ["/bin/sh", "-c"] if kind == "CMD-SHELL" else []
        return cls(
            [*shell, *map(_unescape, arguments)],
            seconds(said.get("interval", "30s")),
            seconds(said.get("timeout", "30s")),
            int(said.get("retries", 3)),
            seconds(said.get("start_period", "0s")),
        )

    @property
    def patience_s(self) -> float:
        """How long a container may take until it is well or counts as unhealthy."""
        return self.start_period_s + self.retries * (self.interval_s + self.timeout_s)


@dataclass(frozen=True)
class Service:
    """One service of the compose file: what it runs, as whom, with which files and variables.

    Attributes:
        name: of the service, and of its host in the network.
        image: it runs from.
        command: arguments for the image's entry point; empty: the image's own.
        environment: in addition to the image's.
        mounts: volumes and secrets.
        secrets: names of its secrets.
        tmpfs: folders in memory.
        uid, gid: of its processes.
        ports: of the host's loopback, each with the container's.
        health: its check; None for one that ends.
        grace_s: from SIGTERM to SIGKILL.
        said: all that the file says.
    """

    name: str
    image: str
    command: list[str]
    environment: dict[str, str]
    mounts: list[Mount]
    secrets: list[str]
    tmpfs: list[str]
    uid: int
    gid: int
    ports: dict[int, int]
    health: HealthCheck | None
    grace_s: float
    said: Mapping[str, Any]

    @classmethod
    def parse(cls, name: str, said: Mapping[str, Any], files: Mapping[str, Path]) -> Self:
        """Read one service.

        Args:
            name: of the service.
            said: what `docker compose config` says of it.
            files: the file of each secret.
        """
        uid, _, gid = said["user"].partition(":")
        secrets = [secret["source"] for secret in said.get("secrets", [])]
        return cls(
            name=name,
            image=said["image"],
            command=list(map(_unescape, said.get("command") or [])),
            environment={key: _unescape(value or "") for key, value in (said.get("environment") or {}).items()},
            mounts=[
                *(_volume(volume) for volume in said.get("volumes", [])),
                *(Mount(files[secret], f"/run/secrets/{secret}", read_only=True) for secret in secrets),
            ],
            secrets=secrets,
            tmpfs=list(said.get("tmpfs", [])),
            uid=int(uid),
            gid=int(gid or 0),
            ports={int(port["published"]): int(port["target"]) for port in said.get("ports", [])},
            health=HealthCheck.parse(said["healthcheck"]) if "healthcheck" in said else None,
            grace_s=seconds(said.get("stop_grace_period", "10s")),
            said=said,
        )

    @property
    def is_ours(self) -> bool:
        """Whether it runs from the image that is built here."""
        return self.image == IMAGE

    @property
    def ends(self) -> bool:
        """Whether others wait for its end."""
        return self.said.get("restart") == "no"


def seconds(duration: str) -> float:
    """Return the seconds of a duration such as `1m30s`."""
    match = _DURATION.fullmatch(duration)
    assert match and duration, f"found the duration {duration!r}, expected one such as 1m30s"
    hours, minutes, rest = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + rest


def read(*files: Path) -> dict[str, Service]:
    """Return the services of compose files, of which later ones override earlier ones."""
    said = config(*files)
    secrets = {name: Path(secret["file"]) for name, secret in said["secrets"].items()}
    return {name: Service.parse(name, service, secrets) for name, service in said["services"].items()}


def config(*files: Path) -> dict[str, Any]:
    """Return what `docker compose config` makes of the files; it needs no daemon."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("NER_", "AWS_"))}
    options = [option for file in files for option in ("--file", str(file))]
    done = subprocess.run(
        [COMPOSE, *options, "config", "--format", "json"], capture_output=True, text=True, check=False, env=ours
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def _volume(said: Mapping[str, Any]) -> Mount:
    assert said["type"] == "bind", f"found a volume of type {said['type']!r}, expected bind"
    return Mount(Path(said["source"]), said["target"], bool(said.get("read_only")))


def _unescape(text: str) -> str:
    """Undo what `config` does to a dollar sign, so that its output can be its input."""
    return text.replace("$$", "$")

"""A service of the compose file as an OCI bundle: what a container engine hands to its runtime.

The keys of a service and what they become: user, read_only, tmpfs, cap_drop, security_opt, command, environment, volumes
and secrets. A key that is neither translated nor listed as of no concern to a bundle is an error, so that nothing in
the compose file is left out unseen.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tests.image.compose import Mount, Service

TRANSLATED = {
    *("command", "environment", "user", "read_only", "tmpfs", "security_opt", "cap_drop"),
    *("secrets", "volumes", "healthcheck", "stop_grace_period", "ports", "depends_on", "restart"),
}
# The image is the bundle's root, all services share one network, and control groups are not ours to make.
NO_CONCERN = {"build", "image", "networks", "entrypoint", "mem_limit"}
SECRETS = "/run/secrets"
_PROC_MASKED = ["acpi", "kcore", "keys", "latency_stats", "timer_list", "timer_stats", "sched_debug", "scsi"]
_PROC_READ_ONLY = ["bus", "fs", "irq", "sys", "sysrq-trigger"]
_RIGHTS = ("bounding", "effective", "inheritable", "permitted", "ambient")


@dataclass(frozen=True)
class Image:
    """What an image says of the containers that are made of it."""

    entrypoint: list[str]
    command: list[str]
    environment: dict[str, str]
    folder: str

    @classmethod
    def parse(cls, said: Mapping[str, Any]) -> Self:
        """Read the `config` of an OCI image."""
        environment = dict(variable.split("=", 1) for variable in said.get("Env", []))
        return cls(said.get("Entrypoint") or [], said.get("Cmd") or [], environment, said.get("WorkingDir") or "/")


def make(service: Service, image: Image, root: Path, hosts: Path, network: Path | None) -> dict[str, Any]:
    """Return the configuration of a container.

    Args:
        service: of the compose file.
        image: that it runs from.
        root: the image's files.
        hosts: file that becomes /etc/hosts.
        network: of the container; None: one that reaches nobody.
    """
    unknown = set(service.said) - TRANSLATED - NO_CONCERN
    assert not unknown, f"found {sorted(unknown)} in {service.name}, expected keys that a bundle is made of"
    said = service.said
    arguments = [*image.entrypoint, *(service.command or image.command)]
    environment = {**image.environment, "HOSTNAME": service.name, **service.environment}
    mounts = [*service.mounts, Mount(hosts, "/etc/hosts", read_only=True)]
    return {
        "ociVersion": "1.0.2",
        "hostname": service.name,
        "root": {"path": str(root), "readonly": bool(said.get("read_only"))},
        "process": {
            "user": {"uid": service.uid, "gid": service.gid},
            "args": arguments,
            "env": [f"{name}={value}" for name, value in environment.items()],
            "cwd": image.folder,
            "capabilities": dict.fromkeys(_RIGHTS, _rights(service)),
            "noNewPrivileges": "no-new-privileges:true" in said.get("security_opt", []),
        },
        # all services share the image's files: of the secrets of others not even an empty file shows
        "mounts": [*_system_mounts(), *map(_tmpfs, [*service.tmpfs, SECRETS]), *map(_bind, mounts)],
        "linux": {
            "namespaces": [
                *({"type": kind} for kind in ("pid", "ipc", "uts", "mount")),
                {"type": "network", **({"path": str(network)} if network else {})},
            ],
            "maskedPaths": [f"/proc/{name}" for name in _PROC_MASKED],
            "readonlyPaths": [f"/proc/{name}" for name in _PROC_READ_ONLY],
        },
    }


def _rights(service: Service) -> list[str]:
    dropped = service.said.get("cap_drop", [])
    assert dropped == ["ALL"], f"found cap_drop {dropped} in {service.name}, expected ALL: no other is translated"
    return []


def _system_mounts() -> list[dict[str, Any]]:
    safe = ["nosuid", "noexec", "nodev"]
    return [
        _mount("proc", "/proc", safe),
        _mount("tmpfs", "/dev", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
        _mount("devpts", "/dev/pts", ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]),
        _mount("tmpfs", "/dev/shm", [*safe, "mode=1777", "size=65536k"], source="shm"),
        _mount("mqueue", "/dev/mqueue", safe),
        _mount("sysfs", "/sys", [*safe, "ro"]),
    ]


def _tmpfs(target: str) -> dict[str, Any]:
    return _mount("tmpfs", target, ["nosuid", "noexec", "nodev", "mode=1777" if target != SECRETS else "mode=755"])


def _bind(mount: Mount) -> dict[str, Any]:
    options = ["rbind", "rprivate", "ro" if mount.read_only else "rw"]
    return _mount("bind", mount.target, options, source=str(mount.source))


def _mount(kind: str, target: str, options: list[str], *, source: str | None = None) -> dict[str, Any]:
    return {"type": kind, "source": source or kind, "destination": target, "options": options}

"""The stack of docker/compose.yaml without a daemon: an OCI runtime, crun, starts each service from the image's files.

For use in mount, process and network namespaces of one's own (`python -m tests.image`): what is left of it ends with them.
"""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.distributed.programs import find
from tests.image import bundle
from tests.image.compose import IMAGE, Mount, Service
from tests.image.deployment import Deployment
from tests.image.network import Network
from tests.image.servers import Servers

PROGRAMS = (
    "buildah",
    "crun",
    "ip",
    "nsenter",
    "setpriv",
    "unshare",
    "initdb",
    "postgres",
    "redis-server",
    "tini-static",
)
INIT = "tini-static"


class Container:
    """One container, up or down."""

    def __init__(self, name: str, config: Mapping[str, Any], folder: Path, log: Path) -> None:
        self.name, self.log = name, log
        self._user = "{uid}:{gid}".format(**config["process"]["user"])
        self._bundle = folder / "bundles" / name
        self._bundle.mkdir(parents=True)
        (self._bundle / "config.json").write_text(json.dumps(config))
        # control groups are the machine's own, and some machines let nobody make one
        self._crun = ["crun", "--cgroup-manager=disabled", "--root", str(folder / "crun")]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            command = [*self._crun, "run", "--bundle", str(self._bundle), self.name]
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)

    def code(self) -> int | None:
        """Its exit code; None while it runs."""
        assert self._process is not None, f"{self.name} was never started"
        return self._process.poll()

    def wait(self, seconds: float) -> int:
        assert self._process is not None, f"{self.name} was never started"
        return self._process.wait(seconds)

    def exec(
        self, command: Sequence[str], *, stdin: bytes = b"", seconds: float = 120
    ) -> "subprocess.CompletedProcess[bytes]":
        """Run a command in it, as its user."""
        process = ["--user", self._user, "--no-new-privs", self.name, *command]
        return subprocess.run(
            [*self._crun, "exec", *process], input=stdin, capture_output=True, check=False, timeout=seconds
        )

    def stop(self, grace_s: float) -> int:
        """SIGTERM, and SIGKILL after the grace period; its exit code, -9 if it had to be killed."""
        subprocess.run([*self._crun, "kill", self.name, "TERM"], check=False, capture_output=True)
        try:
            return self.wait(grace_s)
        except subprocess.TimeoutExpired:
            self.kill()
            return -9

    def kill(self) -> None:
        subprocess.run([*self._crun, "delete", "--force", self.name], check=False, capture_output=True)
        if self._process is not None:
            self._process.kill()
            self._process.wait()


class ContainerStack:
    """The services of a deployment as containers on a network without a way out."""

    def __init__(self, deployment: Deployment, container: str) -> None:
        self.deployment, self.services = deployment, deployment.services
        self.log = deployment.folder / "log"
        self.log.mkdir()
        self._name, self._root = container, Path("/nonexistent")
        self._network = Network(self.services, deployment.folder)
        self._servers = Servers(deployment, self._network, self.log)
        self._containers: dict[str, Container] = {}
        self._image: bundle.Image | None = None

    def up(self) -> None:
        """Start everything in the order of the compose file; `init` has ended well when this returns."""
        _run("buildah", "from", "--pull-never", "--name", self._name, IMAGE)
        self._root = Path(_run("buildah", "mount", self._name).strip())
        self._image = bundle.Image.parse(
            json.loads(_run("buildah", "inspect", "--type", "image", IMAGE))["OCIv1"]["config"]
        )
        # crun refuses a machine that has both generations of control groups, also if it is to use none
        subprocess.run(["umount", "/sys/fs/cgroup/unified"], check=False, capture_output=True)
        self._network.up()
        self._servers.up()
        ours = [service for service in self.services.values() if service.is_ours]
        for service in sorted(ours, key=lambda service: not service.ends):
            self._start(service)
            if service.ends:
                code = self._containers[service.name].wait(300)
                assert code == 0, f"found exit code {code} of {service.name}, expected 0; log: {self.log}"

    def down(self) -> None:
        for container in self._containers.values():
            container.kill()
        self._servers.down()
        subprocess.run(["buildah", "rm", self._name], check=False, capture_output=True)

    def size(self) -> int:
        """Bytes of the image's files."""
        return int(_run("du", "--bytes", "--summarize", "--one-file-system", str(self._root)).split()[0])

    def exec(
        self, name: str, command: Sequence[str], *, stdin: bytes = b"", seconds: float = 120
    ) -> "subprocess.CompletedProcess[bytes]":
        """Run a command in a container, as its user."""
        return self._containers[name].exec(command, stdin=stdin, seconds=seconds)

    def ended(self) -> dict[str, int]:
        """Exit codes of the containers that should be up and are not."""
        codes = {name: container.code() for name, container in self._containers.items()}
        return {name: code for name, code in codes.items() if code is not None and not self.services[name].ends}

    def stop(self, name: str) -> int:
        return self._containers[name].stop(self.services[name].grace_s)

    def run_alone(
        self, name: str, command: Sequence[str], mounts: Sequence[Mount], *, seconds: float = 300
    ) -> tuple[int, str]:
        """Run a command in a container of the image that has no network, no secret and no volume of the deployment."""
        service = self.services[name]
        alone = replace(service, name=f"{name}-alone", command=list(command), mounts=list(mounts), secrets=[])
        hosts = self.deployment.folder / "hosts-alone"
        hosts.write_text("127.0.0.1\tlocalhost\n")
        hosts.chmod(0o644)
        container = self._make(alone, hosts, None)
        container.start()
        return container.wait(seconds), container.log.read_text()

    def _start(self, service: Service) -> None:
        container = self._make(service, self._network.hosts, self._network.of(service.name))
        self._containers[service.name] = container
        container.start()
        for port, target in service.ports.items():
            self._network.publish(port, service.name, target)

    def _make(self, service: Service, hosts: Path, network: Path | None) -> Container:
        assert self._image is not None, "the stack is not up"
        config = bundle.make(service, self._image, self._root, hosts, network)
        return Container(service.name, config, self.deployment.folder, self.log / f"{service.name}.log")


def missing() -> list[str]:
    """Programs that the stack needs and that are not here."""
    return [name for name in PROGRAMS if find(name) is None]


def _run(*command: str) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"found {' '.join(command)!r} failed, expected it to succeed: {done.stderr.strip()}"
    return done.stdout

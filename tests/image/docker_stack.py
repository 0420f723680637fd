"""The stack of docker/compose.yaml as docker compose starts it, servers included."""

import json
import subprocess
from collections.abc import Sequence

from tests.image.compose import COMPOSE, IMAGE, Mount
from tests.image.deployment import Deployment


class DockerStack:
    """The services of a deployment as containers of a docker daemon."""

    def __init__(self, deployment: Deployment, project: str) -> None:
        self.deployment, self.services = deployment, deployment.services
        self.log = deployment.folder / "log"
        self.log.mkdir()
        files = [option for file in deployment.files for option in ("--file", str(file))]
        self._compose = [str(COMPOSE), "--project-name", project, *files]

    def up(self) -> None:
        """Start everything in the order of the compose file; `init` has ended well when this returns."""
        self._run("up", "--detach", "--no-build", "--quiet-pull")

    def down(self) -> None:
        with (self.log / "stack.log").open("wb") as log:
            subprocess.run([*self._compose, "logs", "--no-color"], check=False, stdout=log, stderr=subprocess.STDOUT)
        self._run("down", "--volumes", "--timeout", "10")

    def size(self) -> int:
        """Bytes of the image's files."""
        command = ["docker", "image", "inspect", "--format", "{{.Size}}", IMAGE]
        return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    def exec(
        self, name: str, command: Sequence[str], *, stdin: bytes = b"", seconds: float = 120
    ) -> "subprocess.CompletedProcess[bytes]":
        """Run a command in a container, as its user."""
        whole = [*self._compose, "exec", "-T", name, *command]
        return subprocess.run(whole, input=stdin, capture_output=True, check=False, timeout=seconds)

    def ended(self) -> dict[str, int]:
        """Exit codes of the containers that should be up and are not."""
        said = [json.loads(line) for line in self._run("ps", "--all", "--format", "json").splitlines()]
        return {
            entry["Service"]: int(entry["ExitCode"])
            for entry in said
            if entry["State"] != "running" and not self.services[entry["Service"]].ends
        }

    def stop(self, name: str) -> int:
        """SIGTERM, and SIGKILL after the grace period; its exit code."""
        self._run("stop", name)
        container = self._run("ps", "--all", "--quiet", name).strip()
        command = ["docker", "inspect", "--format", "{{.State.ExitCode}}", container]
        return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    def run_alone(
        self, name: str, command: Sequence[str], mounts: Sequence[Mount], *, seconds: float = 300
    ) -> tuple[int, str]:
        """Run a command in a container of the image that has no network, no secret and no volume of the deployment."""
        service = self.services[name]
        options = ["--rm", "--network", "none", "--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL"]
        options += ["--user", f"{service.uid}:{service.gid}"]
        for mount in mounts:
            options += ["--volume", f"{mount.source}:{mount.target}:{'ro' if mount.read_only else 'rw'}"]
        done = subprocess.run(
            ["docker", "run", *options, IMAGE, *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=seconds,
        )
        return done.returncode, done.stdout

    def _run(self, *arguments: str) -> str:
        done = subprocess.run([*self._compose, *arguments], check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

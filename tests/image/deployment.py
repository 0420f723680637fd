"""A deployment as docs/deployment.md describes it, in a folder of its own: compose file, secrets, data and a tiny encoder."""

import json
import shutil
import subprocess
from pathlib import Path

from tests import tiny
from tests.distributed.cluster import GATES, LIMITS
from tests.image import compose

ROOT = Path(__file__).resolve().parents[2]
GATES_FILE = "/var/lib/ner/gates.yaml"
# of docker/.env: two cores are enough
SETTINGS = {"NER_THREADS": "1"}


class Deployment:
    """The files of a deployment, and the services that they describe.

    Args:
        folder: that all of it lies below.
        image: to run instead of the file's.
        port: of the web page, on loopback.
    """

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        docker = folder / "docker"
        docker.mkdir()
        for name in ("compose.yaml", ".env.example", "make-secrets"):
            shutil.copy(ROOT / "docker" / name, docker / name)
        tiny.make_tiny_encoder(folder / "var" / "encoder")
        subprocess.run([docker / "make-secrets"], check=True, stdout=subprocess.DEVNULL)
        self._set(SETTINGS | {"NER_PORT": str(port)})
        self.files = [docker / "compose.yaml", docker / "limits.json"]
        ours = [name for name, service in compose.read(self.files[0]).items() if service.is_ours]
        self.files[1].write_text(json.dumps({"services": dict.fromkeys(ours, self._limits())}))
        self.services = compose.read(*self.files)

    def secret(self, name: str) -> str:
        """What a secret is."""
        return (self.folder / "docker" / "secrets" / name).read_text()

    def _set(self, settings: dict[str, str]) -> None:
        path = self.folder / "docker" / ".env"
        lines = [line for line in path.read_text().splitlines() if line.partition("=")[0] not in settings]
        path.write_text("\n".join([*lines, *(f"{name}={value}" for name, value in settings.items()), ""]))

    def _limits(self) -> dict[str, object]:
        """What a model of two layers can be asked for; nothing else differs from a user's deployment."""
        gates = self.folder / "gates.yaml"
        gates.write_text(GATES)
        gates.chmod(0o644)
        volume = {"type": "bind", "source": str(gates), "target": GATES_FILE, "read_only": True}
        return {"environment": {**LIMITS, "NER_GATES": GATES_FILE}, "volumes": [volume]}

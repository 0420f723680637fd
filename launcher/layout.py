"""Paths of one installation, and the environment of Airflow's processes."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ner_tasks.errors import ConfigInvalid
from ner_tasks.settings import Settings

DEFAULT_PORT = 8080
REPOSITORY = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Layout:
    """One installation: the repository, and a folder for everything it creates.

    Attributes:
        root: the repository.
        var: state, secrets, logs, encoder, store; git-ignored.
        port: port of Airflow's web interface and API, on loopback.
    """

    root: Path
    var: Path
    port: int

    @classmethod
    def from_env(cls, env: Mapping[str, str] = os.environ) -> "Layout":
        """Read `PORT` and `NER_VAR`."""
        port = env.get("PORT") or str(DEFAULT_PORT)
        if not port.isdecimal() or not 1024 <= int(port) <= 65535:
            raise ConfigInvalid(f"found PORT={port!r}, expected a number from 1024 to 65535")
        var = Path(env.get("NER_VAR") or REPOSITORY / "var")
        return cls(root=REPOSITORY, var=var.absolute(), port=int(port))

    @property
    def airflow_home(self) -> Path:
        return self.var / "airflow"

    @property
    def database(self) -> Path:
        return self.airflow_home / "airflow.db"

    @property
    def passwords(self) -> Path:
        return self.airflow_home / "passwords.json"

    @property
    def secrets(self) -> Path:
        return self.var / "secrets" / "airflow.env"

    @property
    def encoder(self) -> Path:
        return self.var / "encoder"

    @property
    def logs(self) -> Path:
        return self.var / "log"

    @property
    def state(self) -> Path:
        """Process id and port of the running services."""
        return self.var / "services.json"

    @property
    def lock(self) -> Path:
        """Lock that the supervisor holds while the services run."""
        return self.var / "services.lock"

    @property
    def run_lock(self) -> Path:
        """Lock that `run` holds."""
        return self.var / "run.lock"

    @property
    def store(self) -> str:
        """The store: a folder, or `s3://bucket/prefix`."""
        return Settings.from_env(store=os.environ.get("NER_STORE") or str(self.var / "store")).store

    @property
    def store_folder(self) -> Path:
        """The store's folder.

        Raises:
            ConfigInvalid: the store is on S3.
        """
        if "://" in self.store:
            raise ConfigInvalid(f"found NER_STORE={self.store!r}, expected a folder: `run` works on a local store")
        return Path(self.store)

    def on(self, port: int) -> "Layout":
        """The same installation on another port."""
        return replace(self, port=port)

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def environment(self, env: Mapping[str, str] = os.environ) -> dict[str, str]:
        """Return the environment of Airflow's processes, including the secrets.

        `NER_*` variables of the caller take precedence; the paths and the address of Airflow are fixed.
        """
        ours = {
            "NER_STORE": self.store,
            "NER_SCRATCH": str(self.var / "scratch"),
            "NER_ENCODER": str(self.encoder),
            "NER_VOCABULARY": str(self.root / "sample" / "vocabulary.csv"),
        }
        fixed = {
            "NER_HOME": str(self.root),
            "AIRFLOW_HOME": str(self.airflow_home),
            "AIRFLOW_CONFIG": str(self.root / "airflow.cfg"),
            "AIRFLOW__API__PORT": str(self.port),
            "AIRFLOW__API__BASE_URL": self.url,
            "PYTHONPATH": _joined(str(self.root), env.get("PYTHONPATH")),
            "PATH": _joined(str(Path(sys.executable).parent), env.get("PATH")),
            "PYTHONUNBUFFERED": "1",
        }
        return {**ours, **env, **fixed, **_secrets(self.secrets)}


def _joined(first: str, rest: str | None) -> str:
    return first if not rest else f"{first}{os.pathsep}{rest}"


def _secrets(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))

"""Prepare what Airflow needs before it starts. Idempotent."""

import importlib.metadata
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from launcher import encoder, secrets
from launcher.api import Api
from launcher.layout import Layout
from ner_tasks.errors import NerTasksError

POOLS = Path(__file__).parent.parent / "plugins" / "ner_airflow" / "pools.json"


class SetupFailed(NerTasksError):
    """A command of the set-up failed."""

    exit_code = 69


def prepare(layout: Layout, encoder_choice: str, show: Callable[[str], None]) -> Path:
    """Create the secrets, fetch the encoder and migrate the database.

    Args:
        layout: the installation.
        encoder_choice: as for `encoder.obtain`.
        show: called with a line for each step.

    Returns:
        The encoder's folder.
    """
    for folder in (layout.airflow_home, layout.var / "store", layout.var / "scratch"):
        folder.mkdir(parents=True, exist_ok=True)
    show("secrets: created" if secrets.create(layout) else "secrets: exist")
    folder = encoder.obtain(layout, encoder_choice, show)
    show(f"encoder: {folder}")
    migrate(layout, show)
    return folder


def migrate(layout: Layout, show: Callable[[str], None]) -> None:
    """Migrate the metadata database to the schema of the installed Airflow."""
    version = importlib.metadata.version("apache-airflow-core")
    stamp = layout.airflow_home / ".migrated"
    if layout.database.is_file() and stamp.is_file() and stamp.read_text(encoding="utf-8") == version:
        show(f"database: up to date with Airflow {version}")
        return
    show(f"database: migrating to Airflow {version}, about 15 s")
    done = subprocess.run(
        [sys.executable, "-m", "airflow", "db", "migrate"],
        check=False,
        cwd=layout.root,
        env=layout.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    layout.logs.mkdir(parents=True, exist_ok=True)
    log = layout.logs / "migrate.log"
    log.write_text(done.stdout, encoding="utf-8")
    if done.returncode:
        last = (done.stdout.strip().splitlines() or ["no output"])[-1]
        raise SetupFailed(
            f"found exit code {done.returncode} ({last}), expected 0, from airflow db migrate; log: {log}"
        )
    stamp.write_text(version, encoding="utf-8")


def import_pools(api: Api) -> list[str]:
    """Create the missing pools and return their names."""
    pools = json.loads(POOLS.read_text(encoding="utf-8"))
    return [name for name, settings in pools.items() if api.ensure_pool(name, settings)]

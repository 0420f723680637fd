"""Everything that has to be there before Airflow starts; what is done already is not done again."""

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
    """A command of the set-up ended badly."""

    exit_code = 69


def prepare(layout: Layout, encoder_choice: str, show: Callable[[str], None]) -> Path:
    """Secrets, encoder, database; returns the encoder's folder.

    Args:
        layout: the installation.
        encoder_choice: as for `encoder.obtain`.
        show: called with a line for each step.
    """
    for folder in (layout.airflow_home, layout.var / "store", layout.var / "scratch"):
        folder.mkdir(parents=True, exist_ok=True)
    show("secrets: made" if secrets.create(layout) else "secrets: there")
    folder = encoder.obtain(layout, encoder_choice, show)
    show(f"encoder: {folder}")
    migrate(layout, show)
    return folder


def migrate(layout: Layout, show: Callable[[str], None]) -> None:
    """Bring the metadata database to the shape of the installed Airflow."""
    version = importlib.metadata.version("apache-airflow-core")
    stamp = layout.airflow_home / ".migrated"
    if layout.database.is_file() and stamp.is_file() and stamp.read_text(encoding="utf-8") == version:
        show(f"database: there, for Airflow {version}")
        return
    show(f"database: preparing it for Airflow {version}, about 15 s")
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
    """Make the pools that are missing; the names of those that were."""
    pools = json.loads(POOLS.read_text(encoding="utf-8"))
    return [name for name, settings in pools.items() if api.ensure_pool(name, settings)]

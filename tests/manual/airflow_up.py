"""Shared by the manual scripts: documents to tag, an Airflow to tag them, and its processes."""

import contextlib
import json
import random
from collections.abc import Iterator
from pathlib import Path

import psutil
from rich.console import Console

from launcher import chain, services
from launcher.api import Api
from launcher.console import RunConsole
from launcher.layout import Layout
from sample import documents

DAG = "ner_tag_nightly"


def write_inbox(folder: Path, n_documents: int, seed: int) -> None:
    """Letters and reports of the synthetic sample, no two alike."""
    rng = random.Random(seed)
    folder.mkdir(parents=True)
    for index in range(n_documents):
        text = documents.letter(rng) if index % 2 else documents.report_text(rng)
        (folder / f"{index:06d}.txt").write_text(f"Number {index}.\n\n{text}", encoding="utf-8")


class Airflow:
    """One Airflow, started and stopped by the drill, with the nightly DAG switched on."""

    def __init__(self, layout: Layout):
        self.layout, self.view = layout, RunConsole(Console())
        self._api: Api | None = None

    @property
    def api(self) -> Api:
        """A session with the Airflow that is up; it is started if it is not."""
        if self._api is None or services.running(self.layout) is None:
            self._api = chain.bring_up(self.layout, self.view)
            self._api.pause(DAG, False)
        return self._api

    def stop(self) -> None:
        services.stop(self.layout)

    def is_published(self, day: str) -> bool:
        return (Path(self.layout.store) / "tagged" / day / "manifest.json").is_file()

    def processes(self) -> Iterator[tuple[str, psutil.Process]]:
        """What is at work: the children that tag, the readers that read for them, workers, the scheduler."""
        supervisor = json.loads(self.layout.state.read_text())["pid"] if self.layout.state.is_file() else None
        if supervisor is None or not psutil.pid_exists(supervisor):
            return
        for process in psutil.Process(supervisor).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                command = process.cmdline()
                if "ner_tasks" in command and "tag" in command:
                    yield "child", process
                    yield "worker", process.parents()[0]
                elif "ner_tasks.documents.sandbox.sandbox_worker" in command:
                    yield "reader", process
                elif "scheduler" in command and process.ppid() == supervisor:
                    yield "scheduler", process

"""Kill the night at random moments, and see that nobody can tell afterwards.

    python -m tests.drills.kill_night --documents 5000 --kills 50

A real Airflow tags a day of documents undisturbed. The same documents lie in a second day's inbox; while that one is
tagged, the child that tags, the worker that runs its task, or the scheduler is killed with -9, again and again. What
a person on call would do is done: a dead Airflow is started, a failed run is started again. At the end each document
must be answered once, with the same entities and offsets, and scores that differ by no more than 1e-4.

Needs an installation with a promoted model, as `make run` leaves it. Not part of the test suite: it takes half an hour.
"""

import argparse
import contextlib
import json
import os
import random
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
from rich.console import Console

from launcher import chain, services
from launcher.api import Api, ApiError
from launcher.layout import Layout
from launcher.view import View
from ner_tasks.store import FolderStore
from sample import documents

DAG = "ner_tag_nightly"
UNDISTURBED, KILLED = "2001-01-01", "2001-01-02"
VICTIMS = ("child", "worker", "scheduler")
# A dead task is noticed by its missing heartbeat; the defaults suit hours of work, not a drill.
SETTINGS = {
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "15",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
    "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "2",
}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--documents", type=int, default=5000)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    os.environ.update(SETTINGS)
    layout, view = Layout.from_env(), View(Console())
    store = FolderStore(layout.store)
    for day in (UNDISTURBED, KILLED):
        for kind in ("inbox", "tagged", "rejected"):
            store.remove(f"{kind}/{day}")
    write_inbox(store.root / "inbox" / UNDISTURBED, args.documents, args.seed)
    shutil.copytree(store.root / "inbox" / UNDISTURBED, store.root / "inbox" / KILLED)
    drill = Drill(layout, view, random.Random(args.seed))
    drill.up()
    try:
        drill.tag(UNDISTURBED, n_kills=0)
        drill.tag(KILLED, n_kills=args.kills)
    finally:
        services.stop(layout)
    return report(store, drill.killed, args.documents)


def write_inbox(folder: Path, n_documents: int, seed: int) -> None:
    """Letters and reports of the synthetic sample, no two alike."""
    rng = random.Random(seed)
    folder.mkdir(parents=True)
    for index in range(n_documents):
        text = documents.letter(rng) if index % 2 else documents.report_text(rng)
        (folder / f"{index:06d}.txt").write_text(f"Number {index}.\n\n{text}", encoding="utf-8")


class Drill:
    """One Airflow, one DAG, and somebody who kills."""

    def __init__(self, layout: Layout, view: View, rng: random.Random):
        self.layout, self.view, self.rng = layout, view, rng
        self.killed: Counter[str] = Counter()
        self.api: Api | None = None

    def up(self) -> None:
        self.api = chain.bring_up(self.layout, self.view)
        self.api.pause(DAG, False)

    def tag(self, day: str, n_kills: int) -> None:
        """Tag a day, killing `n_kills` times, until it is published and nobody is left to kill."""
        marker = self.layout.store / "tagged" / day / "manifest.json"
        left, run_id, began = n_kills, "", time.monotonic()
        while not marker.is_file():
            if services.running(self.layout) is None:
                self.up()
            with contextlib.suppress(ApiError, httpx.HTTPError):
                run_id = self._running(day, run_id)
            time.sleep(self.rng.uniform(1, 12) if left else 1)
            if left and self._kill(self.rng.choice(VICTIMS)):
                left -= 1
                print(
                    f"{time.monotonic() - began:6.0f} s: {n_kills - left} of {n_kills} kills, {dict(self.killed)}",
                    flush=True,
                )
        print(f"{day}: published after {time.monotonic() - began:.0f} s, {n_kills - left} kills", flush=True)

    def _running(self, day: str, run_id: str) -> str:
        """The run that works on the day, a new one if the last has failed."""
        assert self.api is not None
        if run_id and self.api.run(DAG, run_id)["state"] in ("queued", "running"):
            return run_id
        return self.api.trigger(DAG, {"day": day, "shard_mib": 1, "lookback_days": 0}, partition_key=day)

    def _kill(self, victim: str) -> bool:
        """Kill one, if one of its kind is at work; a child and a worker only while documents are tagged."""
        found = dict(self._processes())
        if victim not in found:
            return False
        with contextlib.suppress(psutil.NoSuchProcess):
            found[victim].kill()
            self.killed[victim] += 1
            return True
        return False

    def _processes(self) -> Iterator[tuple[str, psutil.Process]]:
        keeper = json.loads(self.layout.state.read_text())["pid"] if self.layout.state.is_file() else None
        if keeper is None or not psutil.pid_exists(keeper):
            return
        for process in psutil.Process(keeper).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                command = process.cmdline()
                if "ner_tasks" in command and "tag" in command:
                    yield "child", process
                    yield "worker", process.parents()[0]
                elif "scheduler" in command and process.ppid() == keeper:
                    yield "scheduler", process


def report(store: FolderStore, killed: Counter[str], n_documents: int) -> int:
    """Compare both days; 0 if nobody can tell which was disturbed."""
    days = {day: answers_of(store.root / "tagged" / day / "documents.jsonl") for day in (UNDISTURBED, KILLED)}
    wrong = []
    for day, answers in days.items():
        twice = [name for name, n in Counter(name for name, _ in answers).items() if n > 1]
        print(f"{day}: {len(answers)} answers, {len(twice)} documents answered twice")
        if len(answers) != n_documents or twice:
            wrong.append(f"found {len(answers)} answers and {twice[:3]} twice, expected {n_documents} once, on {day}")
    worst = 0.0
    for (name, before), (other, after) in zip(days[UNDISTURBED], days[KILLED], strict=False):
        if name != other or [e[:4] for e in before] != [e[:4] for e in after]:
            wrong.append(f"found other entities in {other}, expected those of {name}")
        else:
            worst = max([worst, *(abs(a[4] - b[4]) for a, b in zip(before, after, strict=True))])
    print(f"killed: {dict(killed)}; largest difference of a score: {worst:.6f}")
    if worst > 1e-4:
        wrong.append(f"found a score that differs by {worst}, expected at most 1e-4")
    for line in wrong[:10]:
        print(line)
    print("the same, every document once" if not wrong else f"{len(wrong)} differences")
    return bool(wrong)


def answers_of(path: Path) -> list[tuple[str, list[tuple[Any, ...]]]]:
    with path.open(encoding="utf-8") as lines:
        found = [json.loads(line) for line in lines]
    names = ("start", "end", "label", "mention", "score")
    return [
        (line["document"], [tuple(entity[name] for name in names) for entity in line["entities"]]) for line in found
    ]


if __name__ == "__main__":
    sys.exit(main())

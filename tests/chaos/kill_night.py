"""Kill a night at random moments and check that its result is the same as without kills.

    python -m tests.chaos.kill_night --documents 5000 --kills 50

A real Airflow tags a day of documents without kills. Then it tags the same documents as a second day while the tagging
child, its reader process, the task's worker or the scheduler is killed with -9 repeatedly. The script does what an engineer
on call would do: it restarts a dead Airflow and a failed run. At the end each document must be answered once, with the same
entities and offsets, and scores that differ by at most 1e-4.

Needs an installation with a promoted model, as left by `make run`. Not part of the test suite: it takes half an hour.
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
from pathlib import Path
from typing import Any

import httpx
import psutil

from launcher.api import ApiError
from launcher.layout import Layout
from ner_tasks.store.folder import FolderStore
from tests.manual.airflow_up import DAG, Airflow, write_inbox

UNDISTURBED, KILLED = "2001-01-01", "2001-01-02"
VICTIMS = ("child", "reader", "worker", "scheduler")
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
    layout = Layout.from_env()
    store = FolderStore(Path(layout.store))
    for day in (UNDISTURBED, KILLED):
        for kind in ("inbox", "tagged", "rejected"):
            store.remove(f"{kind}/{day}")
    write_inbox(store.root / "inbox" / UNDISTURBED, args.documents, args.seed)
    shutil.copytree(store.root / "inbox" / UNDISTURBED, store.root / "inbox" / KILLED)
    drill = Drill(Airflow(layout), random.Random(args.seed))
    try:
        drill.tag(UNDISTURBED, n_kills=0)
        drill.tag(KILLED, n_kills=args.kills)
    finally:
        drill.airflow.stop()
    return report(store, drill.killed, args.documents)


class Drill:
    """One Airflow, and somebody who kills."""

    def __init__(self, airflow: Airflow, rng: random.Random):
        self.airflow, self.rng = airflow, rng
        self.killed: Counter[str] = Counter()

    def tag(self, day: str, n_kills: int) -> None:
        """Tag a day, killing `n_kills` times, until it is published and nobody is left to kill."""
        left, run_id, began = n_kills, "", time.monotonic()
        while not self.airflow.is_published(day):
            with contextlib.suppress(ApiError, httpx.HTTPError):
                run_id = self._running(day, run_id)
            time.sleep(self.rng.uniform(1, 12) if left else 1)
            if left and self._kill(self.rng.choice(VICTIMS)):
                left -= 1
                elapsed_s = time.monotonic() - began
                print(f"{elapsed_s:6.0f} s: {n_kills - left} of {n_kills} kills, {dict(self.killed)}", flush=True)
        print(f"{day}: published after {time.monotonic() - began:.0f} s, {n_kills - left} kills", flush=True)

    def _running(self, day: str, run_id: str) -> str:
        """The run that works on the day, a new one if the last has failed."""
        api = self.airflow.api
        if run_id and api.run(DAG, run_id)["state"] in ("queued", "running"):
            return run_id
        return api.trigger(DAG, {"day": day, "shard_minutes": 0.15, "lookback_days": 0}, partition_key=day)

    def _kill(self, victim: str) -> bool:
        """Kill one, if one of its kind is at work."""
        found = dict(self.airflow.processes())
        if victim not in found:
            return False
        with contextlib.suppress(psutil.NoSuchProcess):
            found[victim].kill()
            self.killed[victim] += 1
            return True
        return False


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

"""Measure how long documents take from the inbox to the published day, with `NER_SCHEDULE=arrivals`.

    python -m tests.manual.drop_to_published [--drops 3] [--answered 0]

Needs an installation with a promoted model, as left by `make run`; use one for tests, because the documents stay in the
inbox of today. Starts Airflow with its triggerer, drops one document at a time, and checks at the end that each was
answered once. `--answered` puts so many documents there before, so that each drop meets a day of that size.
"""

import argparse
import json
import os
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from launcher.layout import Layout
from ner_tasks import hardware
from ner_tasks.store.folder import FolderStore
from ner_tasks.tagging.day_parts import find_parts
from tests.manual.airflow_up import DAG, Airflow, write_inbox

PATIENCE_S = 1800.0


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--drops", type=int, default=3)
    parser.add_argument("--answered", type=int, default=0)
    args = parser.parse_args()
    layout = Layout.from_env()
    store, day = FolderStore(Path(layout.store)), str(datetime.now(UTC).date())
    inbox = store.root / "inbox" / day
    if args.answered:
        write_inbox(inbox / f"before-{time.time():.0f}", args.answered, seed=int(time.time()))
    os.environ["NER_SCHEDULE"] = "arrivals"  # of the Airflow that is started now
    airflow, took = Airflow(layout), list[float]()
    try:
        api = airflow.api
        if args.answered:
            print(f"{args.answered} documents before: {wait_until_answered(store, day):.1f} s")
        for number in range(args.drops):
            wait_until_idle(api)
            drop(inbox, number)
            took.append(wait_until_answered(store, day))
            print(f"drop {number + 1}: {took[-1]:.1f} s; {tell_steps(api)}", flush=True)
        wait_until_idle(api)
    finally:
        airflow.stop()
    print(hardware.describe_host(os.cpu_count() or 1))
    lost, doubled = compare(store, day)
    print(
        f"from drop to published: median {median(took):.1f} s, at most {max(took):.1f} s; {lost} lost, {doubled} doubled"
    )
    return int(bool(lost or doubled))


def drop(inbox: Path, number: int) -> None:
    """Write a document as a sender does: under a hidden name, then renamed."""
    inbox.mkdir(parents=True, exist_ok=True)
    name = f"drop-{time.time_ns()}.txt"
    (inbox / f".{name}").write_text(
        f"Number {number} of {name}. Maria Chen visited Boston on Monday.", encoding="utf-8"
    )
    (inbox / f".{name}").rename(inbox / name)


def wait_until_answered(store: FolderStore, day: str) -> float:
    """Return after how many seconds all files of the inbox are answered."""
    began, wanted = time.monotonic(), sum(1 for _ in store.files(f"inbox/{day}"))
    while time.monotonic() - began < PATIENCE_S:
        marker = store.root / "tagged" / day / "manifest.json"
        if marker.is_file() and json.loads(marker.read_text())["n_documents"] >= wanted:
            return time.monotonic() - began
        time.sleep(0.1)
    raise TimeoutError(f"found {wanted} files unanswered after {PATIENCE_S:.0f} s")


def wait_until_idle(api) -> None:
    while api.active_runs(DAG):
        time.sleep(0.5)


def tell_steps(api) -> str:
    """Describe the last run: when each task began, in seconds after the event of its drop."""
    (run,) = api._call("GET", f"/dags/{DAG}/dagRuns", params={"order_by": "-id", "limit": 1}).json()["dag_runs"]
    begin = datetime.fromisoformat(run["run_after"])
    tasks = [task for task in api.tasks(DAG, run["dag_run_id"]) if task["start_date"]]
    tasks.sort(key=lambda task: task["start_date"])
    seconds = [(datetime.fromisoformat(task["start_date"]) - begin).total_seconds() for task in tasks]
    starts = [f"{task['task_id']} {after:.1f}" for task, after in zip(tasks, seconds, strict=True)]
    return f"{run['run_type']}, seconds after the event: {', '.join(starts)}"


def compare(store: FolderStore, day: str) -> tuple[int, int]:
    """Return how many files of the inbox have no answer, and how many have more than one."""
    answers = Counter[str]()
    for part in find_parts(store.root / "tagged" / day, ("documents.jsonl", "rejected.jsonl")):
        for name in ("documents.jsonl", "rejected.jsonl"):
            answers.update(json.loads(line)["file"] for line in (part / name).read_text().splitlines())
    files = [file.name for file in store.files(f"inbox/{day}")]
    return sum(not answers[name] for name in files), sum(answers[name] > 1 for name in files)


if __name__ == "__main__":
    sys.exit(main())

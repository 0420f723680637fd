"""Measure how long small nights take from trigger to end, and where the time goes.

    python -m tests.manual.small_nights [--documents 0 100] [--rounds 3] [--against CHECKOUT]

Needs an installation with a promoted model, as left by `make run`; use one for tests, because the nights stay. Each round
tags one new day per number of documents. With `--against`, a copy of the installation runs with another checkout at the
same time, and the rounds take turns; its folder beside `NER_VAR` ends in `-against`, and is made anew.
"""

import argparse
import itertools
import os
import shutil
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from launcher.layout import Layout
from ner_tasks import hardware
from tests.manual.airflow_up import DAG, Airflow, write_inbox
from tests.manual.drop_to_published import wait_until_idle

FIRST_DAY = date(2001, 1, 1)
Spans = dict[str, list[float]]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--documents", type=int, nargs="+", default=[0, 100])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--against", type=Path, help="another checkout")
    args = parser.parse_args()
    layouts = [Layout.from_env()]
    if args.against:
        layouts.append(copy_installation(layouts[0], args.against.resolve()))
    found: dict[tuple[int, str], Spans] = defaultdict(lambda: defaultdict(list))
    running = [Airflow(layout) for layout in layouts]
    try:
        for airflow in running:
            wait_until_idle(airflow.api)
        for number, n_documents in itertools.product(range(args.rounds), args.documents):
            for airflow in running:
                for name, seconds in run_night(airflow, n_documents, seed=number).items():
                    found[n_documents, airflow.layout.root.name][name].append(seconds)
    finally:
        for airflow in running:
            airflow.stop()
    print(hardware.describe_host(os.cpu_count() or 1))
    for (n_documents, checkout), spans in sorted(found.items()):
        print(f"\n{n_documents} documents, {checkout}, seconds, median of {args.rounds}:\n")
        print_table(spans)
    return 0


def copy_installation(layout: Layout, checkout: Path) -> Layout:
    """Copy an installation, for another checkout on the next port."""
    var = layout.var.with_name(f"{layout.var.name}-against")
    shutil.rmtree(var, ignore_errors=True)
    shutil.copytree(layout.var, var, symlinks=True)
    return replace(layout, root=checkout, var=var, port=layout.port + 1)


def run_night(airflow: Airflow, n_documents: int, seed: int) -> dict[str, float]:
    """Tag one new day; return the seconds of each step and before it, and those from trigger to end."""
    inbox = Path(airflow.layout.store) / "inbox"
    day = next(day for day in days() if not (inbox / day).exists() and not airflow.is_published(day))
    if n_documents:
        write_inbox(inbox / day, n_documents, seed)
    else:
        (inbox / day).mkdir(parents=True)
    began = datetime.now(UTC)
    run_id = airflow.api.trigger(DAG, {"day": day, "accept_drift": True}, partition_key=day)
    while (run := airflow.api.run(DAG, run_id))["state"] in ("queued", "running"):
        time.sleep(0.5)
    if run["state"] != "success":
        raise RuntimeError(f"found {run['state']}, expected success, of run {run_id} in {airflow.layout.var}")
    return {**list_spans(airflow.api.tasks(DAG, run_id), began), "all": seconds_between(began, run["end_date"])}


def days() -> Iterator[str]:
    return (str(FIRST_DAY + timedelta(days=number)) for number in itertools.count())


def list_spans(tasks: list[dict[str, Any]], began: datetime) -> dict[str, float]:
    """Return the seconds of each task that had a process, and those before it that nothing ran, in the order of starts."""
    spans, last = dict[str, float](), began
    had_process = [task for task in tasks if task["start_date"] and task["duration"]]
    for task in sorted(had_process, key=lambda task: task["start_date"]):
        name = task["task_id"] if task["map_index"] < 0 else f"{task['task_id']}[{task['map_index']}]"
        start, end = (datetime.fromisoformat(task[f"{at}_date"]) for at in ("start", "end"))
        spans[f"before {name}"] = max(0.0, (start - last).total_seconds())
        spans[name] = (end - start).total_seconds()
        last = max(last, end)
    return spans


def seconds_between(began: datetime, end: str) -> float:
    return (datetime.fromisoformat(end) - began).total_seconds()


def print_table(spans: Spans) -> None:
    print("| step | before it | in it |\n|---|---:|---:|")
    for name in (name for name in spans if f"before {name}" in spans):
        print(f"| {name} | {median(spans[f'before {name}']):.1f} | {median(spans[name]):.1f} |")
    print(f"| trigger to end | | {median(spans['all']):.1f} ({min(spans['all']):.1f} to {max(spans['all']):.1f}) |")


if __name__ == "__main__":
    sys.exit(main())

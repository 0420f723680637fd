"""Measure the overhead of distributing a night over machines: figures for docs/scaling.md.

    make test-distributed ARGS=--collect-only                             # makes .venv-distributed
    PYTHONPATH=.:plugins .venv-distributed/bin/python -m tests.distributed.measure --documents 100000

Uses the cluster of the drills, without failures, with the same small model. Times are those that Airflow's API reports;
on a busy machine they are not comparable.
"""

import argparse
import heapq
import json
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from importlib import metadata
from itertools import pairwise
from pathlib import Path
from typing import Any

from ner_tasks import hardware
from tests.distributed import programs
from tests.distributed.cluster import TAG, Cluster, up
from tests.distributed.nights import NIGHT, get, promote, put, put_inbox, text

VERSIONS = ("apache-airflow-core", "apache-airflow-providers-celery", "celery", "redis", "tensorflow")
SHARD_BYTES = 2**20


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--documents", type=int, default=100_000, help="of the large night")
    parser.add_argument(
        "--timed", type=int, default=20_000, help="documents of each night that workers are compared by"
    )
    parser.add_argument(
        "--shard_minutes", type=float, default=3, help="of the nights that are timed to their publication"
    )
    parser.add_argument("--shards", type=int, default=16, help="of the night whose shards are all but empty")
    args = parser.parse_args()
    if absent := programs.missing():
        print(f"error: {absent}", file=sys.stderr)
        return 69
    folder = Path(tempfile.mkdtemp(prefix="ner-measure-"))
    folder.chmod(0o711)
    with up(folder) as cluster:
        promote(cluster)
        say(machine=hardware.describe_host(os.cpu_count() or 1), load=os.getloadavg())
        say(versions={name: metadata.version(name) for name in VERSIONS})
        overhead(cluster, args.shards)
        latency(cluster, args.documents, args.shard_minutes)
        throughput(cluster, args.timed)
    shutil.rmtree(folder)
    return 0


def say(**found: Any) -> None:
    print(json.dumps(found), flush=True)


def overhead(cluster: Cluster, n_shards: int) -> None:
    """Between the steps of a night without documents, and between shards that have next to nothing to do."""
    tasks = sorted(night(cluster, "2026-03-01"), key=lambda task: task["start_date"])
    gaps = [seconds(before["end_date"], after["start_date"]) for before, after in pairwise(tasks)]
    say(empty_night={task["task_id"]: task["duration"] for task in tasks}, gaps_s=spread(gaps))
    # the same text again and again is tagged once
    same = text(random.Random(0), 0)
    lines = [json.dumps({"id": str(number), "text": same}) for number in range(SHARD_BYTES // len(same) + 1)]
    body = "\n".join(lines).encode()
    for index in range(n_shards):
        put(cluster, f"inbox/2026-03-02/same-{index:02d}.jsonl", body)
    shards = shards_of(night(cluster, "2026-03-02"))
    say(
        n_shards=len(shards),
        shard_s=spread([task["duration"] for task in shards]),
        between_shards_s=spread(list(waits(shards, len(TAG)))),
    )


def latency(cluster: Cluster, n_documents: int, shard_minutes: float) -> None:
    """From a full inbox to published answers."""
    for day, n in (("2026-03-03", 0), ("2026-03-04", 100), ("2026-03-05", n_documents)):
        if n:
            put_inbox(cluster, day, n)
        began = time.monotonic()
        shards = shards_of(night(cluster, day, shard_minutes=shard_minutes))
        took = time.monotonic() - began
        found = {"n_documents": n, "n_shards": len(shards), "to_published_s": round(took, 1)}
        say(**found, **(shares(cluster, day, shards, took) if n else {}))


def shares(cluster: Cluster, day: str, shards: list[dict[str, Any]], took_s: float) -> dict[str, float]:
    """What the workers for tagging did in a night: seconds of tagging, and the share of their time that was something else.

    Tagging is what the parts say they took: to read documents, to run the model and to write answers.
    """
    manifest = json.loads(get(cluster, f"tagged/{day}/manifest.json"))
    parts = [json.loads(get(cluster, f"{part['key']}/part.json")) for part in manifest["parts"]]
    tagging = sum(part["elapsed_s"] for part in parts)
    window = seconds(min(task["start_date"] for task in shards), max(task["end_date"] for task in shards))
    found = {
        "tagging_s": tagging,
        "of_it_model_s": sum(part["model_s"] for part in parts),
        "first_shard_to_last_s": window,
        "not_tagging_share_of_shards": 1
        - tagging / sum(seconds(task["start_date"], task["end_date"]) for task in shards),
        "not_tagging_share_first_to_last": 1 - tagging / (len(TAG) * window),
        "not_tagging_share_of_night": 1 - tagging / (len(TAG) * took_s),
    }
    return {name: round(value, 3) for name, value in found.items()}


def throughput(cluster: Cluster, n_documents: int) -> None:
    """Documents a second from the first shard's start to the last one's end."""
    wide = cluster.add_worker("tag-wide", "tag", n_threads=2)
    setups = {"1 worker, 1 thread": (TAG[0],), "2 workers, 1 thread": TAG, "1 worker, 2 threads": (wide.name,)}
    for number, (what, names) in enumerate(setups.items(), 6):
        for name in {*TAG, wide.name}:
            cluster[name].kill()
        for name in names:
            cluster[name].start()
        day = f"2026-03-{number:02d}"
        put_inbox(cluster, day, n_documents)
        shards = shards_of(night(cluster, day))
        took = seconds(min(task["start_date"] for task in shards), max(task["end_date"] for task in shards))
        say(setup=what, n_shards=len(shards), took_s=round(took, 1), documents_per_s=round(n_documents / took, 1))


def night(cluster: Cluster, day: str, *, shard_minutes: float = 0.1) -> list[dict[str, Any]]:
    """Tag a day; its task instances that were started."""
    conf = {"day": day, "shard_minutes": shard_minutes, "lookback_days": 0, "accept_drift": True}
    run = cluster.api.trigger(NIGHT, conf, partition_key=day)
    cluster.finish(NIGHT, run, seconds=3600)
    return [task for task in cluster.api.tasks(NIGHT, run) if task["start_date"] and task["end_date"]]


def shards_of(tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [task for task in tasks if task["task_id"] == "tag_shard"]


def waits(shards: list[dict[str, Any]], n_slots: int) -> Iterator[float]:
    """From the end of a shard to the start of the one that took its place."""
    ends: list[str] = []
    for number, task in enumerate(sorted(shards, key=lambda task: str(task["start_date"]))):
        if number >= n_slots:
            yield seconds(heapq.heappop(ends), task["start_date"])
        heapq.heappush(ends, task["end_date"])


def seconds(begin: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds()


def spread(values: list[float]) -> dict[str, float]:
    found = {"median": statistics.median(values), "least": min(values), "most": max(values)} if values else {}
    return {name: round(value, 2) for name, value in found.items()}


if __name__ == "__main__":
    sys.exit(main())

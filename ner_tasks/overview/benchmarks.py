"""Benchmarks: the last runs of each host."""

from collections.abc import Mapping
from typing import Any

from ner_tasks.overview.reader import Reader
from ner_tasks.speed.benchmark_history import HISTORY


def hosts(reader: Reader, *, most: int) -> dict[str, list[Mapping[str, Any]]]:
    """Of each host the newest runs, the newest first."""
    found = {}
    for host in reader.folders(HISTORY):
        names = sorted(reader.names(f"{HISTORY}/{host}"), reverse=True)[:most]
        runs = (reader.json(f"{HISTORY}/{host}/{name}", changes=False) for name in names)
        found[host] = [run for run in runs if run]
    return found

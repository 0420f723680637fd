"""Nights that are published, and the one that is under way."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ner_tasks.nightly.nights import MANIFEST
from ner_tasks.overview.reader import Reader


@dataclass(frozen=True)
class UnderWay:
    """A night that is being tagged.

    Attributes:
        day: the day.
        model_version: the model of the night.
        n_shards, n_done: shards in all, and those that are answered.
        n_documents, n_rejected, n_words: in the shards that are answered.
        seconds_left: about how long the other shards take one after the other; None before the first is answered.
    """

    day: str
    model_version: str
    n_shards: int
    n_done: int
    n_documents: int
    n_rejected: int
    n_words: int
    seconds_left: float | None


def published(reader: Reader, *, most: int) -> list[Mapping[str, Any]]:
    """Manifests of the newest published days, the newest first."""
    days = sorted(reader.folders("tagged"), reverse=True)[:most]
    found = (reader.json(f"tagged/{day}/{MANIFEST}") for day in days)
    return [{"day": day, **manifest} for day, manifest in zip(days, found, strict=True) if manifest]


def labels(reader: Reader, day: str) -> list[str]:
    """Labels that a published day has entities of, in alphabetical order."""
    return sorted((reader.json(f"tagged/{day}/{MANIFEST}") or {}).get("entities", {}))


def under_way(reader: Reader) -> list[UnderWay]:
    """Nights that were planned and are not published, each once, the newest day first."""
    found: dict[tuple[str, str], UnderWay] = {}
    for run in reader.folders("staging/runs"):
        for day in reader.folders(f"staging/runs/{run}"):
            plan = reader.json(f"staging/runs/{run}/{day}/plan.json")
            if plan:
                found[day, plan["night"]] = _of_plan(reader, plan)
    return sorted(found.values(), key=lambda night: night.day, reverse=True)


def _of_plan(reader: Reader, plan: Mapping[str, Any]) -> UnderWay:
    staging = f"staging/tagged/{plan['day']}/{plan['night']}"
    shards = [reader.json(f"{staging}/shard-{index:02d}/{MANIFEST}") for index in range(plan["n_shards"])]
    done = [shard for shard in shards if shard]
    took = sum(shard["elapsed_s"] for shard in done)
    return UnderWay(
        day=plan["day"],
        model_version=plan["model"]["version"],
        n_shards=len(shards),
        n_done=len(done),
        n_documents=sum(shard["n_documents"] for shard in done),
        n_rejected=sum(shard["n_rejected"] for shard in done),
        n_words=sum(shard["n_words"] for shard in done),
        # shards are about equally large
        seconds_left=took / len(done) * (len(shards) - len(done)) if done else None,
    )

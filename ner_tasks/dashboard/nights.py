"""Published nights and nights in progress, as the pages show them."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ner_tasks.dashboard import runs
from ner_tasks.dashboard.reader import StoreReader
from ner_tasks.records import DriftReport, GateRecord, NightGate, NightManifest, NightPlan, ShardManifest, VersionRecord
from ner_tasks.registry.promotions import Promotion
from ner_tasks.store import keys
from ner_tasks.tagging.merge import MANIFEST

# DAGs that plan nights
DAGS = ("ner_tag_nightly", "ner_retag")


@dataclass(frozen=True)
class DagRun:
    """The run of a DAG that something was done by, as Airflow knows it."""

    dag: str
    run: str


@dataclass(frozen=True)
class NightInProgress:
    """A night that is planned and not published.

    Attributes:
        day: the day.
        model_version: the model of the night.
        n_files: files in the day's inbox.
        n_shards, n_done: shards in all, and those that are answered.
        n_documents, n_rejected, n_entities, n_words: in the shards that are answered.
        words_per_s: of these; None before the first is answered.
        seconds_left: about how long it still takes, by its own shards or, before the first of them is answered, by the
            last published night; None if there is neither.
        stopped: the task that failed, if one did: nothing goes on by itself.
        run: the run that works on it, if it has noted anything yet.
    """

    day: str
    model_version: str
    n_files: int
    n_shards: int
    n_done: int
    n_documents: int
    n_rejected: int
    n_entities: int
    n_words: int
    words_per_s: float | None
    seconds_left: float | None
    stopped: runs.Step | None
    run: DagRun | None


@dataclass(frozen=True)
class GateResult:
    """What a gate said.

    Attributes:
        name: which gate.
        verdict: `passed`, `not passed`, or `not judged` where there is too little to judge by.
        lines: what it found and expected.
    """

    name: str
    verdict: str
    lines: Sequence[str]


def list_published(reader: StoreReader, *, most: int) -> list[Mapping[str, Any]]:
    """Manifests of the newest published days, the newest first."""
    days = sorted(reader.folders(keys.TAGGED), reverse=True)[:most]
    found = [reader.record(keys.tagged_day(day, MANIFEST), NightManifest) for day in days]
    return [{**manifest, "day": day} for day, manifest in zip(days, found, strict=True) if manifest]


def list_labels(reader: StoreReader, day: str) -> list[str]:
    """Labels that a published day has entities of, in alphabetical order."""
    manifest = reader.record(keys.tagged_day(day, MANIFEST), NightManifest)
    return sorted(manifest["entities"]) if manifest else []


def list_in_progress(
    reader: StoreReader, last: Mapping[str, Any] | None = None, *, now_s: float | None = None
) -> list[NightInProgress]:
    """Nights that were planned and are not published, each once, the newest day first.

    Args:
        reader: the store.
        last: manifest of the last published night, whose speed is expected again.
        now_s: seconds since 1970; now, unless told otherwise.
    """
    now_s = time.time() if now_s is None else now_s
    found: dict[tuple[str, str], NightInProgress] = {}
    for run in reader.folders(keys.RUNS):
        for day in reader.folders(keys.join(keys.RUNS, run)):
            plan = reader.record(keys.night_plan(run, day), NightPlan)
            if plan:
                night = _of_plan(reader, plan, _steps(reader, run), last, now_s)
                # of two runs at the same night the one that goes on
                if found.get((day, plan["night"]), night).stopped or not night.stopped:
                    found[day, plan["night"]] = night
    return sorted(found.values(), key=lambda night: night.day, reverse=True)


def read_gates(reader: StoreReader, last: Mapping[str, Any]) -> list[GateResult]:
    """What the gates said about the last published night, and about the model that is promoted."""
    found = []
    night = reader.record(keys.night_gate(last["day"]), NightGate)
    if night and night["night"] == last.get("night"):
        found.append(GateResult(f"answers of {last['day']}", _verdict(passed=night["passed"]), night["lines"]))
    drift = reader.record(keys.drift_report(last["day"]), DriftReport)
    if drift and drift.get("night") == last.get("night"):
        found.append(_drift(f"{last['day']} beside the nights before", drift))
    pointer = reader.record(keys.PROMOTED_MODEL, Promotion)
    if pointer:
        version = pointer.version
        trained = reader.record(keys.registration(version), VersionRecord, changes=False)
        int8 = reader.record(keys.int8_gate(version), GateRecord)
        said_of = {
            "trained model": trained.get("gate") if trained else None,
            "INT8 model": int8["lines"] if int8 else None,
        }
        for name, said in said_of.items():
            if said:
                found.append(GateResult(f"{name} {version}", _verdict(passed=True), said))
    return found


def _drift(name: str, said: DriftReport) -> GateResult:
    if not said.get("judged", True):
        return GateResult(name, "not judged", [said.get("why_not") or "no reason is given"])
    passed = not said["alerts"] or said["accepted"]
    return GateResult(name, _verdict(passed=passed), said["alerts"] or ["nothing unusual"])


def _verdict(*, passed: bool) -> str:
    return "passed" if passed else "not passed"


def _steps(reader: StoreReader, run: str) -> list[runs.Step]:
    return next((steps for dag in DAGS if (steps := runs.list_steps(reader, dag, run))), [])


def _of_plan(
    reader: StoreReader,
    plan: NightPlan,
    steps: Sequence[runs.Step],
    last: Mapping[str, Any] | None,
    now_s: float,
) -> NightInProgress:
    markers = [keys.shard(plan["day"], plan["night"], index, MANIFEST) for index in range(plan["n_shards"])]
    shards = [reader.record(marker, ShardManifest) for marker in markers]
    done = [shard for shard in shards if shard]
    took = sum(shard["elapsed_s"] for shard in done)
    n_words = sum(shard["n_words"] for shard in done)
    note = steps[0].notes[0] if steps else None
    stopped = next((step for step in steps if step.state == runs.FAILED), None)
    return NightInProgress(
        day=plan["day"],
        model_version=plan["model"]["version"],
        n_files=plan["n_files"],
        n_shards=len(shards),
        n_done=len(done),
        n_documents=sum(shard["n_documents"] for shard in done),
        n_rejected=sum(shard["n_rejected"] for shard in done),
        n_entities=sum(shard["n_entities"] for shard in done),
        n_words=n_words,
        words_per_s=n_words / took if took else None,
        seconds_left=_seconds_left(plan, len(shards) - len(done), done, steps, last, now_s),
        stopped=stopped,
        run=DagRun(note["dag"], note["run"]) if note else None,
    )


def _seconds_left(
    plan: NightPlan,
    n_left: int,
    done: Sequence[ShardManifest],
    steps: Sequence[runs.Step],
    last: Mapping[str, Any] | None,
    now_s: float,
) -> float | None:
    if done:
        # shards are about equally large; how many run at once shows in how long the finished ones took together
        took = sum(shard["elapsed_s"] for shard in done)
        tagged = next((step for step in steps if step.task == "tag_shard"), None)
        if tagged and (between := _seconds(tagged.at) - _began(tagged)) > 0:
            took = min(took, between)
        return float(took / len(done) * n_left)
    if last and last["n_documents"]:
        expected = last["elapsed_s"] / last["n_documents"] * plan["n_files"]
        return max(0.0, float(expected) - (now_s - _seconds(plan["at"])))
    return None


def _began(step: runs.Step) -> float:
    return min(_seconds(note["at"]) - (note["took_s"] or 0) for note in step.notes)


def _seconds(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()

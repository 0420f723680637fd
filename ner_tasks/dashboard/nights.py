"""Published nights and nights in progress, as the pages show them."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from ner_tasks.dashboard import runs
from ner_tasks.dashboard.charts import Chart, Series, clean_values, find_changes
from ner_tasks.dashboard.reader import StoreReader
from ner_tasks.records import DriftReport, GateRecord, NightGate, NightManifest, NightPlan, ShardManifest, VersionRecord
from ner_tasks.registry.promotions import Promotion
from ner_tasks.store import keys
from ner_tasks.tagging.merge import MANIFEST

# DAGs that plan nights
DAGS = ("ner_tag_nightly", "ner_retag")
MAX_DAYS = 400  # on the axis of a chart; days without a night are left out if there are more


@dataclass(frozen=True)
class DagRun:
    """A DAG run: ids of the DAG and of the run."""

    dag: str
    run: str


@dataclass(frozen=True)
class NightInProgress:
    """A night that is planned but not published.

    Attributes:
        day: the day, YYYY-MM-DD.
        model_version: version of the model.
        n_files: number of files in the day's inbox.
        n_shards, n_done: number of shards, and of finished shards.
        n_documents, n_rejected, n_entities, n_words: counts of the finished shards.
        words_per_s: rate of the finished shards; None before the first one.
        seconds_left: estimated time left, from the finished shards or else from the last published night; None if
            unknown.
        stopped: the failed task, if there is one; the night then does not continue by itself.
        run: the DAG run; None before its first task has finished.
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
    """Result of a gate.

    Attributes:
        name: what the gate checked.
        verdict: `passed`, `not passed`, or `not judged` if there was too little data.
        lines: details.
    """

    name: str
    verdict: str
    lines: Sequence[str]


def list_published(reader: StoreReader, *, most: int) -> list[Mapping[str, Any]]:
    """List the manifests of the newest published days, newest first."""
    days = sorted(reader.folders(keys.TAGGED), reverse=True)[:most]
    manifests = [reader.record(keys.tagged_day(day, MANIFEST), NightManifest) for day in days]
    return [{**manifest, "day": day} for day, manifest in zip(days, manifests, strict=True) if manifest]


def chart_nights(published: Sequence[Mapping[str, Any]]) -> list[Chart]:
    """Make the charts of published nights: documents, words/s, duration, rejected and partly read documents, entities.

    Args:
        published: manifests as `list_published` returns them.

    Returns:
        Charts over all days from the oldest night to the newest, so that a day without a night is a gap; none without nights.
    """
    if not published:
        return []
    by_day = {night["day"]: night for night in published}
    days = _list_all_days(sorted(by_day))
    nights = [by_day.get(day) for day in days]
    rules = find_changes([night["model_version"] if night else None for night in nights], "model {} from here on")

    def make(name: str, field: str, unit: str, *, per: int = 1, digits: int = 0) -> Chart:
        values = clean_values(night.get(field, 0) / per if night else None for night in nights)
        return Chart(name, days, (Series(name.lower(), values),), rules=rules, is_bars=True, unit=unit, digits=digits)

    return [
        make("Documents", "n_documents", "documents"),
        make("Words/s", "words_per_s", "words/s"),
        make("Minutes", "elapsed_s", "minutes", per=60, digits=1),
        make("Rejected", "n_rejected", "documents"),
        make("Partly read", "n_partly_read", "documents"),
        make("Entities", "n_entities", "entities"),
    ]


def _list_all_days(days: Sequence[str]) -> tuple[str, ...]:
    """Return the days with those between them; unchanged if one is no date or there would be too many."""
    try:
        first, last = date.fromisoformat(days[0]), date.fromisoformat(days[-1])
        n_days = (last - first).days + 1
        every = tuple(str(first + timedelta(days=number)) for number in range(n_days if n_days <= MAX_DAYS else 0))
    except ValueError:
        return tuple(days)
    return every if set(days) <= set(every) else tuple(days)


def list_labels(reader: StoreReader, day: str) -> list[str]:
    """List the labels of a published day's entities, sorted."""
    manifest = reader.record(keys.tagged_day(day, MANIFEST), NightManifest)
    return sorted(manifest["entities"]) if manifest else []


def list_in_progress(
    reader: StoreReader, last: Mapping[str, Any] | None = None, *, now_s: float | None = None
) -> list[NightInProgress]:
    """List the nights that are planned but not published, newest first.

    Args:
        reader: the store.
        last: manifest of the last published night, for the estimate of the time left.
        now_s: Unix time in seconds; the current time by default.
    """
    now_s = time.time() if now_s is None else now_s
    in_progress: dict[tuple[str, str], NightInProgress] = {}
    for run in reader.folders(keys.RUNS):
        for day in reader.folders(keys.join(keys.RUNS, run)):
            plan = reader.record(keys.night_plan(run, day), NightPlan)
            if plan:
                night = _read_progress(reader, plan, _list_steps(reader, run), last, now_s)
                # of two runs of the same night, prefer the one that is not stopped
                if in_progress.get((day, plan["night"]), night).stopped or not night.stopped:
                    in_progress[day, plan["night"]] = night
    return sorted(in_progress.values(), key=lambda night: night.day, reverse=True)


def read_gates(reader: StoreReader, last: Mapping[str, Any]) -> list[GateResult]:
    """Read the gates' results for the last published night and for the promoted model.

    Args:
        reader: the store.
        last: manifest of the last published night.
    """
    results = []
    night = reader.record(keys.night_gate(last["day"]), NightGate)
    if night and night["night"] == last.get("night"):
        results.append(GateResult(f"Answers of {last['day']}", _verdict(passed=night["passed"]), night["lines"]))
    drift = reader.record(keys.drift_report(last["day"]), DriftReport)
    if drift and drift.get("night") == last.get("night"):
        results.append(_make_drift_result(f"Drift of {last['day']}", drift))
    pointer = reader.record(keys.PROMOTED_MODEL, Promotion)
    if pointer:
        version = pointer.version
        trained = reader.record(keys.registration(version), VersionRecord, changes=False)
        int8 = reader.record(keys.int8_gate(version), GateRecord)
        details = {
            "Trained model": trained.get("gate") if trained else None,
            "INT8 model": int8["lines"] if int8 else None,
        }
        for name, lines in details.items():
            if lines:
                results.append(GateResult(f"{name} {version}", _verdict(passed=True), lines))
    return results


def _make_drift_result(name: str, report: DriftReport) -> GateResult:
    if not report.get("judged", True):
        return GateResult(name, "not judged", [report.get("why_not") or "no reason recorded"])
    passed = not report["alerts"] or report["accepted"]
    return GateResult(name, _verdict(passed=passed), report["alerts"] or ["no alerts"])


def _verdict(*, passed: bool) -> str:
    return "passed" if passed else "not passed"


def _list_steps(reader: StoreReader, run: str) -> list[runs.Step]:
    return next((steps for dag in DAGS if (steps := runs.list_steps(reader, dag, run))), [])


def _read_progress(
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
        # shards are about equal in size; the time that the finished ones took together reflects their parallelism
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

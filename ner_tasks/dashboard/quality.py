"""Reads the promoted model's evaluation, the drift of its nights, and the review queue."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ner_tasks.dashboard.reader import StoreReader
from ner_tasks.records import DriftReport, EvaluationRecord, ReviewReport, VersionRecord
from ner_tasks.registry.promotions import Promotion
from ner_tasks.store import keys


@dataclass(frozen=True)
class Promoted:
    """The promoted version with its evaluation on the snapshot that it was trained on."""

    version: str
    snapshot: str
    evaluation: EvaluationRecord


def read_promoted(reader: StoreReader) -> Promoted | None:
    """Read the promoted version and its evaluation; None if no version is promoted or evaluated."""
    pointer = reader.record(keys.PROMOTED_MODEL, Promotion)
    details = reader.record(keys.registration(pointer.version), VersionRecord, changes=False) if pointer else None
    if not pointer or not details:
        return None
    version, snapshot = pointer.version, details["snapshot"]
    evaluation = reader.record(keys.evaluation_scores(version, snapshot), EvaluationRecord)
    return Promoted(version, snapshot, evaluation) if evaluation else None


def read_drift(reader: StoreReader, *, most: int) -> list[DriftReport]:
    """Read the drift reports of the newest nights, newest first."""
    days = [name.removesuffix(".json") for name in reader.names(keys.DRIFT_REPORTS) if name.endswith(".json")]
    reports = (reader.record(keys.drift_report(day), DriftReport) for day in sorted(days, reverse=True)[:most])
    return [report for report in reports if report]


def read_review_queue(reader: StoreReader, *, most: int) -> list[Mapping[str, Any]]:
    """List the days exported for review, newest first: their files, report, and whether corrections have returned."""
    returned = set(reader.folders(keys.LABELLED))
    queue = list[Mapping[str, Any]]()
    for day in sorted(reader.folders(keys.REVIEWS), reverse=True)[:most]:
        files = reader.names(keys.review(day))
        report = reader.record(keys.review(day, keys.REVIEW_REPORT), ReviewReport) or {}
        queue.append({"day": day, "files": files, "report": report, "returned": f"review-{day}" in returned})
    return queue

"""How good the promoted model is, whether its nights are as they use to be, and what people are asked to correct."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ner_tasks.dashboard.reader import StoreReader
from ner_tasks.records import DriftReport, EvaluationRecord, ReviewReport, VersionRecord
from ner_tasks.registry.promotions import Promotion
from ner_tasks.store import keys


@dataclass(frozen=True)
class Promoted:
    """The promoted version and its evaluation: entity F1 with intervals, slices, confusion, the worst sentences."""

    version: str
    snapshot: str
    evaluation: EvaluationRecord


def read_promoted(reader: StoreReader) -> Promoted | None:
    """The promoted version in depth; None before the first, or if it was never evaluated."""
    pointer = reader.record(keys.PROMOTED_MODEL, Promotion)
    details = reader.record(keys.registration(pointer.version), VersionRecord, changes=False) if pointer else None
    if not pointer or not details:
        return None
    version, snapshot = pointer.version, details["snapshot"]
    evaluation = reader.record(keys.evaluation_scores(version, snapshot), EvaluationRecord)
    return Promoted(version, snapshot, evaluation) if evaluation else None


def read_drift(reader: StoreReader, *, most: int) -> list[DriftReport]:
    """What was found about the newest nights, the newest first."""
    days = [name.removesuffix(".json") for name in reader.names(keys.DRIFT_REPORTS) if name.endswith(".json")]
    found = (reader.record(keys.drift_report(day), DriftReport) for day in sorted(days, reverse=True)[:most])
    return [report for report in found if report]


def read_review_queue(reader: StoreReader, *, most: int) -> list[Mapping[str, Any]]:
    """What was exported of the newest days for people to correct, and whether it has come back."""
    returned = set(reader.folders(keys.LABELLED))
    queue = list[Mapping[str, Any]]()
    for day in sorted(reader.folders(keys.REVIEWS), reverse=True)[:most]:
        files = reader.names(keys.review(day))
        report = reader.record(keys.review(day, keys.REVIEW_REPORT), ReviewReport) or {}
        queue.append({"day": day, "files": files, "report": report, "returned": f"review-{day}" in returned})
    return queue

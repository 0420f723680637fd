"""How good the promoted model is, whether its nights are as they use to be, and what people are asked to correct."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ner_tasks.dashboard.reader import StoreReader
from ner_tasks.records import DriftReport, EvaluationRecord, ReviewReport, VersionRecord
from ner_tasks.registry.promotions import Promotion
from ner_tasks.registry.registry import MARKER, POINTER


@dataclass(frozen=True)
class Promoted:
    """The promoted version and its evaluation: entity F1 with intervals, slices, confusion, the worst sentences."""

    version: str
    snapshot: str
    evaluation: EvaluationRecord


def read_promoted(reader: StoreReader) -> Promoted | None:
    """The promoted version in depth; None before the first, or if it was never evaluated."""
    pointer = reader.record(POINTER, Promotion)
    details = reader.record(f"models/{pointer.version}/{MARKER}", VersionRecord, changes=False) if pointer else None
    if not pointer or not details:
        return None
    version, snapshot = pointer.version, details["snapshot"]
    evaluation = reader.record(f"reports/models/{version}/evaluate-{snapshot}.json", EvaluationRecord)
    return Promoted(version, snapshot, evaluation) if evaluation else None


def read_drift(reader: StoreReader, *, most: int) -> list[DriftReport]:
    """What was found about the newest nights, the newest first."""
    names = [name for name in reader.names("reports/drift") if name.endswith(".json")]
    found = (reader.record(f"reports/drift/{name}", DriftReport) for name in sorted(names, reverse=True)[:most])
    return [report for report in found if report]


def read_review_queue(reader: StoreReader, *, most: int) -> list[Mapping[str, Any]]:
    """What was exported of the newest days for people to correct, and whether it has come back."""
    returned = set(reader.folders("labelled"))
    queue = list[Mapping[str, Any]]()
    for day in sorted(reader.folders("reports/review"), reverse=True)[:most]:
        files = reader.names(f"reports/review/{day}")
        report = reader.record(f"reports/review/{day}/review.json", ReviewReport) or {}
        queue.append({"day": day, "files": files, "report": report, "returned": f"review-{day}" in returned})
    return queue

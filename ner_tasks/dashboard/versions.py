"""Reads the model versions with their metrics, and the promotions."""

from collections.abc import Mapping
from dataclasses import dataclass

from ner_tasks.dashboard.reader import StoreReader
from ner_tasks.records import ComparisonRecord, TrainingRecord, VersionRecord, describe_choice
from ner_tasks.registry.promotions import Promotion
from ner_tasks.store import keys


@dataclass(frozen=True)
class Version:
    """A registered version.

    Attributes:
        name: the version.
        at: time of registration, ISO 8601, UTC.
        f1: entity F1 of the trained model on its test part.
        labels: entity F1 by label.
        int8_f1: entity F1 of the INT8 model; None if it was not compared.
        int8_over_stock: speed-up of the INT8 model over stock FP32; None if it was not compared.
        layers: layers of the encoder that it has kept, for people; empty if its record does not say.
        right_sized: result of right-sizing in one line; None if it was not right-sized.
        details: record of its registration.
        is_promoted: whether it is the promoted version.
    """

    name: str
    at: str
    f1: float
    labels: Mapping[str, float]
    int8_f1: float | None
    int8_over_stock: float | None
    layers: str
    right_sized: str | None
    details: VersionRecord
    is_promoted: bool


def list_versions(reader: StoreReader) -> list[Version]:
    """List the registered versions, newest first."""
    pointer = reader.record(keys.PROMOTED_MODEL, Promotion)
    promoted = pointer.version if pointer else None
    versions = []
    for name in reader.folders(keys.MODELS):
        details = reader.record(keys.registration(name), VersionRecord, changes=False)
        if details:
            versions.append(_read_version(reader, name, details, is_promoted=name == promoted))
    return sorted(versions, key=lambda version: version.at, reverse=True)


def list_promotions(reader: StoreReader) -> list[Promotion]:
    """List the promotions, newest first."""
    past = reader.records(keys.PROMOTION_HISTORY, Promotion)
    current = reader.record(keys.PROMOTED_MODEL, Promotion)
    # the line of a promotion that was killed may be missing
    return list(reversed(past if current is None or current in past else [*past, current]))


def _read_version(reader: StoreReader, name: str, details: VersionRecord, *, is_promoted: bool) -> Version:
    compared = reader.record(keys.comparison_scores(name), ComparisonRecord)
    trained = reader.record(keys.training_report(name), TrainingRecord, changes=False)
    sized = trained.get("right_size") if trained else None
    return Version(
        name=name,
        at=details["at"],
        f1=details["overall"]["f1"],
        labels={label: score["f1"] for label, score in details["labels"].items()},
        int8_f1=compared["int8"]["overall"]["f1"] if compared else None,
        int8_over_stock=compared["speed"]["int8_over_stock"] if compared else None,
        layers=details.get("layers", ""),
        right_sized=describe_choice(sized) if sized else None,
        details=details,
        is_promoted=is_promoted,
    )

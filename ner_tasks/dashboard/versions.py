"""Reads the model versions with their metrics, and the promotions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ner_tasks.dashboard.charts import Chart, Series, VerticalLine, clean_values
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
        int8_labels: entity F1 of the INT8 model by label; empty if it was not compared by label.
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
    int8_labels: Mapping[str, float]
    int8_over_stock: float | None
    layers: str
    right_sized: str | None
    details: VersionRecord
    is_promoted: bool


def read_pointer(reader: StoreReader) -> Promotion | None:
    """Read the promotion in effect; None if no version is promoted."""
    return reader.record(keys.PROMOTED_MODEL, Promotion)


def list_versions(reader: StoreReader) -> list[Version]:
    """List the registered versions, newest first."""
    pointer = read_pointer(reader)
    promoted = pointer.version if pointer else None
    versions = []
    for name in reader.folders(keys.MODELS):
        details = reader.record(keys.registration(name), VersionRecord, changes=False)
        if details:
            versions.append(_read_version(reader, name, details, is_promoted=name == promoted))
    return sorted(versions, key=lambda version: version.at, reverse=True)


def list_score_labels(versions: Sequence[Version]) -> list[str]:
    """List the labels that any of the versions was evaluated for, sorted."""
    return sorted({label for version in versions for label in version.labels})


def chart_f1(versions: Sequence[Version]) -> list[Chart]:
    """Make the charts of entity F1 over versions, of all labels together and of each label.

    Args:
        versions: versions, newest first.

    Returns:
        Charts from the oldest version to the newest, FP32 and INT8, with a rule at the promoted version; none without versions.
    """
    if not versions:
        return []
    oldest_first = versions[::-1]
    rules = tuple(
        VerticalLine(index, f"{version.name} is promoted")
        for index, version in enumerate(oldest_first)
        if version.is_promoted
    )

    def make(name: str, fp32: Sequence[float | None], int8: Sequence[float | None], *, is_label: bool) -> Chart:
        series = (Series("FP32", clean_values(fp32)), Series("INT8", clean_values(int8)))
        return Chart(
            name,
            tuple(version.name for version in oldest_first),
            series,
            ticks=tuple(version.at[:10] for version in oldest_first),
            rules=rules,
            is_label=is_label,
            unit="F1",
            digits=4,
            bounds=(0.0, 1.0),
            least_span=0.05,
        )

    overall = [version.f1 for version in oldest_first], [version.int8_f1 for version in oldest_first]
    charts = [make("All labels", *overall, is_label=False)]
    for label in list_score_labels(versions):
        fp32 = [version.labels.get(label) for version in oldest_first]
        int8 = [version.int8_labels.get(label) for version in oldest_first]
        charts.append(make(label, fp32, int8, is_label=True))
    return charts


def list_promotions(reader: StoreReader) -> list[Promotion]:
    """List the promotions, newest first."""
    current = reader.record(keys.PROMOTED_MODEL, Promotion)  # first, as in `Registry.history`
    past = reader.records(keys.PROMOTION_HISTORY, Promotion)
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
        int8_labels={label: score["f1"] for label, score in compared["int8"].get("labels", {}).items()}
        if compared
        else {},
        int8_over_stock=compared["speed"]["int8_over_stock"] if compared else None,
        layers=details.get("layers", ""),
        right_sized=describe_choice(sized) if sized else None,
        details=details,
        is_promoted=is_promoted,
    )

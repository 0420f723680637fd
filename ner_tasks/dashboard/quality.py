"""Reads the promoted model's evaluation, the drift of its nights, and the review queue."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ner_tasks.dashboard.charts import Band, Chart, Series, VerticalLine, clean_values, find_changes
from ner_tasks.dashboard.reader import StoreReader
from ner_tasks.enrichment.policy import EntityPolicy
from ner_tasks.records import DriftReport, EvaluationRecord, MeasuredDrift, ReviewReport, ThresholdRow, VersionRecord
from ner_tasks.registry.promotions import Promotion
from ner_tasks.store import keys

OF_LABELS = "entities/"  # measures of drift that are about one label
# what people call the other measures
_MEASURES = {
    "confidence/mean": "Mean score",
    "documents/log_words": "Words per document",
    "documents/without_entities": "Share of documents without entities",
    "documents/words": "Words per sentence",
    "pieces/per_word": "Word pieces per word",
    "pieces/unknown": "Unknown word pieces per word",
}


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


def chart_drift(reports: Sequence[DriftReport], *, of_labels: bool) -> list[Chart]:
    """Make the charts of drift: the measures of each night beside the band in which they were expected.

    Args:
        reports: reports, newest first.
        of_labels: True: entities of each label per 1,000 words; False: the other measures.

    Returns:
        A chart for each measure from the oldest night to the newest, those with an alert first.
    """
    oldest_first = list(reversed(reports))
    measured = [{one["measure"]: one for one in report.get("findings", [])} for report in oldest_first]
    names = {name for night in measured for name in night if name.startswith(OF_LABELS) == of_labels}
    days = tuple(report["day"] for report in oldest_first)
    rules = find_changes([report["model_version"] for report in oldest_first], "model {} from here on")
    charts = [_chart_measure(name, days, [night.get(name) for night in measured], rules) for name in sorted(names)]
    return sorted(charts, key=lambda chart: not chart.series[0].unusual)


def _chart_measure(
    measure: str, days: tuple[str, ...], nights: Sequence[MeasuredDrift | None], rules: tuple[VerticalLine, ...]
) -> Chart:
    is_label = measure.startswith(OF_LABELS)
    unusual = frozenset(index for index, night in enumerate(nights) if night and night["alert"])
    found = Series("found", clean_values(night["now"] if night else None for night in nights), unusual)
    usual = Series("usual", clean_values(night["usual"] if night else None for night in nights), is_marked=False)
    band = Band(
        "expected, 95 %",
        clean_values(night["lowest"] if night else None for night in nights),
        clean_values(night["highest"] if night else None for night in nights),
    )
    name = measure.removeprefix(OF_LABELS) if is_label else _name_measure(measure)
    unit = "entities per 1,000 words" if is_label else ""
    digits = 2 if is_label else 4
    return Chart(name, days, (found, usual), band=band, rules=rules, is_label=is_label, unit=unit, digits=digits)


def _name_measure(measure: str) -> str:
    family, _, rest = measure.partition("/")
    if family == "rejected":
        return f"Share rejected: {rest}"
    if measure.startswith("confidence/below_"):
        return f"Share of scores below {rest.removeprefix('below_')}"
    return _MEASURES.get(measure, measure)


def chart_thresholds(evaluation: EvaluationRecord, policy: EntityPolicy | None) -> list[Chart]:
    """Make the charts of precision and recall by least score, of all labels together and of each label.

    Args:
        evaluation: evaluation of a version.
        policy: what the deployment publishes, drawn as a rule in the chart of each label; None draws none.

    Returns:
        The charts; none if the evaluation is of a release that did not compute them.
    """
    tables = evaluation.get("calibration", {}).get("by_score")
    if not tables:
        return []
    charts = [_chart_scores("All labels", tables["overall"], (), is_label=False)]
    for label, rows in sorted(tables["labels"].items()):
        rules = _rule_scores(rows, *policy.scores(label)) if policy else ()
        charts.append(_chart_scores(label, rows, rules, is_label=True))
    return [chart for chart in charts if chart.places]


def _chart_scores(name: str, rows: Sequence[ThresholdRow], rules: tuple[VerticalLine, ...], *, is_label: bool) -> Chart:
    # nothing is given from this score on: there is no precision
    precision = clean_values(row["precision"] if row["n_given"] else None for row in rows)
    recall = clean_values(row["recall"] for row in rows)
    places = tuple(f"{row['min_score']:.1f}" for row in rows)
    series = Series("precision", precision), Series("recall", recall)
    whole = (0.0, 1.0)
    return Chart(name, places, series, rules=rules, is_label=is_label, digits=4, bounds=whole, least_span=None)


def _rule_scores(rows: Sequence[ThresholdRow], publish: float, review: float) -> tuple[VerticalLine, ...]:
    """Return the rules of the scores in effect, where they lie between the rows' thresholds."""
    scores = {f"published from {publish:g} on": publish, f"reviewed from {review:g} on": review}
    if review >= publish:
        del scores[f"reviewed from {review:g} on"]
    placed = ((name, _place_score(rows, score)) for name, score in scores.items())
    return tuple(VerticalLine(at, name) for name, at in placed if at is not None)


def _place_score(rows: Sequence[ThresholdRow], score: float) -> float | None:
    for index, (row, following) in enumerate(itertools.pairwise(rows)):
        low, high = row["min_score"], following["min_score"]
        if low <= score <= high and low < high:
            return index + (score - low) / (high - low)
    return None


def read_review_queue(reader: StoreReader, *, most: int) -> list[Mapping[str, Any]]:
    """List the days exported for review, newest first: their files, report, and whether corrections have returned."""
    returned = set(reader.folders(keys.LABELLED))
    queue = list[Mapping[str, Any]]()
    for day in sorted(reader.folders(keys.REVIEWS), reverse=True)[:most]:
        files = reader.names(keys.review(day))
        report = reader.record(keys.review(day, keys.REVIEW_REPORT), ReviewReport) or {}
        queue.append({"day": day, "files": files, "report": report, "returned": f"review-{day}" in returned})
    return queue

"""Records of models and of the snapshots they are trained on."""

from typing import Annotated, Any, NotRequired

from pydantic import AfterValidator
from typing_extensions import TypedDict

from ner_tasks.records.fields import Count, Moment, Name, Number, any_more


@any_more
class SnapshotPart(TypedDict):
    n_sentences: Count


@any_more
class SizedPart(SnapshotPart):
    """Sizes of a part; `n_entities` by label."""

    n_entities: dict[str, Count]


@any_more
class SnapshotManifest(TypedDict):
    """`snapshots/<version>/snapshot.json`: contents of a snapshot; `files` maps each file to its SHA-256."""

    version: Name
    labels: list[str]
    files: dict[Name, str]
    sources: NotRequired[list[dict[str, Any]]]


@any_more
class SoftLabelsManifest(TypedDict):
    """`soft_labels.json`: a teacher's soft labels; `sha256` is that of their values."""

    labels: list[str]
    teacher: Name
    sha256: Name


def _check_parts(parts: dict[str, SizedPart]) -> dict[str, SizedPart]:
    if missing := {"train", "dev", "test", "calibration"} - parts.keys():
        raise ValueError(f"found no {min(missing)}, expected four parts")
    return parts


@any_more
class SizedSnapshot(SnapshotManifest):
    """`snapshots/<version>/snapshot.json` with the sizes of its parts."""

    parts: Annotated[dict[str, SizedPart], AfterValidator(_check_parts)]


@any_more
class CountedSnapshot(SizedSnapshot):
    """`snapshots/<version>/snapshot.json` with its counts."""

    quarantined: dict[str, Count]
    n_rows: Count
    n_sentences: Count
    n_superseded: Count
    n_copies: Count


@any_more
class F1Record(TypedDict):
    f1: Number
    precision: NotRequired[Number]
    recall: NotRequired[Number]
    n_gold: NotRequired[Count]


@any_more
class ScoreRecord(TypedDict):
    """Entity-level metrics; `n_gold` is the number of gold entities."""

    f1: Number
    precision: Number
    recall: Number
    n_gold: Count


@any_more
class LineageRecord(TypedDict):
    snapshot: Name


@any_more
class RegistrationRecord(TypedDict):
    """`models/<version>/version.json`, written when a version is registered."""

    at: Moment
    snapshot: NotRequired[Name]
    overall: NotRequired[F1Record]
    labels: NotRequired[dict[str, F1Record]]
    gate: NotRequired[list[str]]


@any_more
class ScoredVersion(LineageRecord):
    overall: F1Record


@any_more
class VersionRecord(ScoredVersion):
    """`models/<version>/version.json` of a version with scores by label."""

    at: Moment
    labels: dict[str, F1Record]
    gate: NotRequired[list[str]]
    layers: NotRequired[str]


@any_more
class ModelScore(TypedDict):
    overall: F1Record
    labels: NotRequired[dict[str, F1Record]]


@any_more
class SpeedRecord(TypedDict):
    int8_over_stock: Number


@any_more
class ComparisonRecord(TypedDict):
    """`reports/models/<version>/compare.json`: INT8 compared with FP32."""

    fp32: NotRequired[ModelScore]
    int8: ModelScore
    f1_loss: NotRequired[Number]
    speed: SpeedRecord


@any_more
class FullComparisonRecord(TypedDict):
    """`reports/models/<version>/compare.json` with all fields that the gate and the request for approval use."""

    fp32: ModelScore
    int8: ModelScore
    f1_loss: Number
    losses: dict[str, Any]
    agreement: Any
    size_share: Any
    speed: SpeedRecord


@any_more
class GateRecord(TypedDict):
    """`reports/models/<version>/gate.json`: the gate's verdict on an INT8 model."""

    lines: list[str]


@any_more
class IntervalsRecord(TypedDict):
    overall: tuple[Number, Number] | None
    labels: dict[str, tuple[Number, Number]]


@any_more
class ScoresRecord(TypedDict):
    n_sentences: Count
    overall: F1Record
    labels: dict[str, F1Record]


@any_more
class SizeRow(TypedDict):
    """A number of layers that right-sizing has tried, or why it has not; the first row is the full model."""

    layers: list[Count]
    dev_f1: Number | None
    loss: Number | None
    loss_bounds: tuple[Number, Number] | None
    speed_up: Number | None
    words_per_s: Number | None
    chosen: bool
    verdict: str


@any_more
class RightSizeRecord(TypedDict):
    """`right_size` of `reports/models/<version>/train.json`: F1 and speed by number of layers."""

    layers: list[Count]
    n_layers: Count
    candidates: list[SizeRow]
    test: dict[str, Any] | None


@any_more
class TrainingRecord(TypedDict):
    """`reports/models/<version>/train.json`."""

    right_size: NotRequired[RightSizeRecord | None]


@any_more
class ThresholdRow(TypedDict):
    """Scores of the entities with at least `min_score`."""

    min_score: Number
    n_given: Count
    precision: Number
    recall: Number


@any_more
class ThresholdTables(TypedDict):
    """Precision and recall by threshold, see `ner_tasks/evaluation/score_tables.py`."""

    overall: list[ThresholdRow]
    labels: dict[str, list[ThresholdRow]]


@any_more
class CalibrationRecord(TypedDict):
    by_score: NotRequired[ThresholdTables]  # since 0.3.0


@any_more
class EvaluationRecord(TypedDict):
    """`reports/models/<version>/evaluate-<snapshot>.json`: scores with confidence intervals."""

    n_sentences: Count
    overall: ScoreRecord
    labels: dict[str, ScoreRecord]
    intervals: NotRequired[IntervalsRecord | None]
    calibration: NotRequired[CalibrationRecord]


def describe_choice(sized: RightSizeRecord) -> str:
    """Return the result of right-sizing in one line, for people."""
    chosen = next((row for row in sized["candidates"] if row["chosen"]), None)
    if len(sized["layers"]) == sized["n_layers"]:
        return f"all {sized['n_layers']} layers kept: no smaller model was shown to be as good"
    layers = f"{len(sized['layers'])} of {sized['n_layers']} layers ({', '.join(map(str, sized['layers']))})"
    return f"{layers}, {chosen['speed_up'] or 1:.2f}x words/s; {chosen['verdict']}" if chosen else layers

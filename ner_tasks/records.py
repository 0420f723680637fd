"""Records of the store: JSON that one step writes and others read, checked for its shape whenever it is read.

A shape names what its readers rely on. What else a record holds is kept as it is: the writers know of more, and a store
is read by other releases than wrote it. Classes that stand for a record elsewhere, such as `Promotion`, are shapes too.
"""

from collections.abc import Iterator
from datetime import datetime
from functools import cache
from typing import Annotated, Any, NotRequired, Protocol, TypeVar, cast

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from ner_tasks.errors import ArtifactBroken
from ner_tasks.json_text import parse_json

Shape = TypeVar("Shape")
_ANY_MORE = with_config(ConfigDict(extra="allow"))


def _name(value: str) -> str:
    if value.startswith(".") or not value.isprintable() or set(value) & set("/\\"):
        raise ValueError("should be a plain name")
    return value


def _moment(value: str) -> str:
    try:
        datetime.fromisoformat(value).timestamp()
    except (ValueError, OverflowError):
        raise ValueError("should be a time by ISO 8601") from None
    return value


# no figure of ours comes near these; beyond them, sums and divisions of floats fail
Count = Annotated[int, Field(ge=0, le=10**15)]
Number = Annotated[float, Field(ge=-1e15, le=1e15, allow_inf_nan=False)]
# part of a key of the store, such as a version or a day
Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_name)]
Moment = Annotated[str, AfterValidator(_moment)]  # ISO 8601


@_ANY_MORE
class ShardManifest(TypedDict):
    """`staging/tagged/<day>/<night>/shard-<n>/manifest.json`: what the answers of a shard add up to."""

    n_documents: Count
    n_rejected: Count
    n_entities: Count
    n_words: Count
    elapsed_s: Number


@_ANY_MORE
class NightManifest(ShardManifest):
    """`tagged/<day>/manifest.json`: what the answers of a published day add up to, and which model gave them."""

    model_version: Name
    words_per_s: Number
    n_reused: Count
    n_partly_read: NotRequired[Count]
    night: NotRequired[Name | None]
    rejected: dict[str, Count]
    ignored: NotRequired[dict[str, Count]]
    entities: dict[str, Count]


@_ANY_MORE
class PlannedModel(TypedDict):
    version: Name


@_ANY_MORE
class NightPlan(TypedDict):
    """`staging/runs/<run>/<day>/plan.json`: a night that is planned and not published."""

    day: Name
    night: Name
    model: PlannedModel
    n_shards: Annotated[int, Field(ge=0, le=64)]
    n_files: NotRequired[Count | None]
    at: NotRequired[Moment]


@_ANY_MORE
class NightGate(TypedDict):
    """`reports/nights/<day>.json`: what the gate said of a night."""

    night: str | None
    passed: bool
    lines: list[str]


@_ANY_MORE
class DriftReport(TypedDict):
    """`reports/drift/<day>.json`: a night beside those before it."""

    day: Name
    night: NotRequired[str | None]
    model_version: Name
    model_before: NotRequired[str | None]
    alerts: list[str]
    accepted: bool
    judged: NotRequired[bool]
    why_not: NotRequired[str | None]


@_ANY_MORE
class F1(TypedDict):
    f1: Number


@_ANY_MORE
class Score(F1):
    """Entity-level figures; `n_gold` are the entities that should be found."""

    precision: Number
    recall: Number
    n_gold: Count


@_ANY_MORE
class VersionRecord(TypedDict):
    """`models/<version>/version.json`: what was said when a version was registered."""

    at: Moment
    snapshot: Name
    overall: F1
    labels: dict[str, F1]
    gate: NotRequired[list[str]]


@_ANY_MORE
class ModelScore(TypedDict):
    overall: F1


@_ANY_MORE
class Speed(TypedDict):
    int8_over_stock: Number


@_ANY_MORE
class Comparison(TypedDict):
    """`reports/models/<version>/compare.json`: INT8 beside FP32."""

    int8: ModelScore
    speed: Speed


@_ANY_MORE
class GateLines(TypedDict):
    """`reports/models/<version>/gate.json`: what the gate said of an INT8 model."""

    lines: list[str]


@_ANY_MORE
class Intervals(TypedDict):
    overall: tuple[Number, Number] | None
    labels: dict[str, tuple[Number, Number]]


@_ANY_MORE
class Evaluation(TypedDict):
    """`reports/models/<version>/evaluate-<snapshot>.json`."""

    n_sentences: Count
    overall: Score
    labels: dict[str, Score]
    intervals: NotRequired[Intervals | None]


# `try` is a word of Python's, which no field of a class can be called
_Tried = TypedDict("_Tried", {"try": Count})


@_ANY_MORE
class RunNote(_Tried):
    """`reports/runs/<dag>/<run>/<task>.json`: what a task came to."""

    dag: str
    run: str
    task: str
    map_index: int
    state: str
    at: Moment
    took_s: Number | None
    said: str
    result: dict[str, Any]


@_ANY_MORE
class BenchmarkRow(TypedDict):
    engine: str
    batch_size: Count
    words_per_s: Number
    p50_ms: Number
    p95_ms: Number
    f1: Number | None


@_ANY_MORE
class BenchmarkRun(TypedDict):
    """`reports/benchmarks/history/<host>/<run>.json`."""

    at: Moment
    version: str
    report: str
    n_sentences: Count
    rounds: Count
    rows: Annotated[list[BenchmarkRow], Field(min_length=1)]


ReviewReport = dict[str, Any]  # reports/review/<day>/review.json


class Readable(Protocol):
    """The part of a store that records are read through."""

    def read_json(self, key: str) -> Any: ...
    def read_lines(self, key: str) -> list[str]: ...
    def where(self, key: str = "") -> str: ...


def read_record(store: Readable, key: str, shape: type[Shape]) -> Shape:
    """The record under `key`.

    Raises:
        InputMissing: there is none.
        ArtifactBroken: it is not JSON of this shape.
    """
    return checked(store.read_json(key), shape, store.where(key))


def records_in(lines: list[str], shape: type[Shape], where: str) -> Iterator[Shape | ArtifactBroken]:
    """The record of each line of a history, or why there is none in it."""
    for number, line in enumerate(lines, start=1):
        try:
            yield checked(parse_json(line, f"{where}, line {number}"), shape, f"{where}, line {number}")
        except ArtifactBroken as error:
            yield error


def checked(value: Any, shape: type[Shape], where: str) -> Shape:
    """`value`, once it is known to have this shape.

    Raises:
        ArtifactBroken: it has not; names the field and quotes nothing of it.
    """
    try:
        found: Shape = _adapter(cast(Any, shape)).validate_python(value)
        return found
    except ValidationError as error:
        wrong = error.errors(include_input=False, include_url=False, include_context=False)[0]
        field = ".".join(str(part)[:80] for part in wrong["loc"]) or "value"
        expected = f"a {shape.__name__} record" if hasattr(shape, "__name__") else "a record"
        raise ArtifactBroken(f"found a wrong {field} ({wrong['msg']}), expected {expected}, in {where}") from None


@cache
def _adapter(shape: Any) -> TypeAdapter[Any]:
    return TypeAdapter(shape)

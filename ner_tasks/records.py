"""Records of the store: JSON that one step writes and others read, checked for its shape whenever it is read.

A shape names what its readers rely on. What else a record holds is kept as it is: the writers know of more, and a store
is read by other releases than wrote it. Classes that stand for a record elsewhere, such as `Promotion`, are shapes too.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired, Protocol, TypeVar, cast

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from ner_tasks import atomic
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
Seconds = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]
# part of a key of the store, such as a version or a day
Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_name)]
Moment = Annotated[str, AfterValidator(_moment)]  # ISO 8601


@_ANY_MORE
class SnapshotPart(TypedDict):
    n_sentences: Count


@_ANY_MORE
class SnapshotManifest(TypedDict):
    """`snapshots/<version>/snapshot.json`: what a snapshot holds; `files` has the SHA-256 of each."""

    version: Name
    labels: list[str]
    files: dict[Name, str]
    sources: NotRequired[list[dict[str, Any]]]


@_ANY_MORE
class CountedSnapshot(SnapshotManifest):
    """The same with what was counted when it was made."""

    parts: dict[str, SnapshotPart]
    quarantined: dict[str, Count]
    n_rows: Count
    n_sentences: Count
    n_superseded: Count
    n_copies: Count


@_ANY_MORE
class ShardManifest(TypedDict):
    """`staging/tagged/<day>/<night>/shard-<n>/manifest.json`: what the answers of a shard add up to."""

    n_documents: Count
    n_tagged: Count
    n_rejected: Count
    n_reused: Count
    n_partly_read: Count
    n_entities: Count
    n_words: Count
    words_per_s: Number
    elapsed_s: Seconds
    model_s: Seconds
    rejected: dict[str, Count]
    ignored: dict[str, Count]
    entities: dict[str, Count]
    items: dict[str, dict[str, Count]]  # by kind and fate


@_ANY_MORE
class Columns(TypedDict):
    text_column: str
    id_column: str


@_ANY_MORE
class AnsweredBy(TypedDict):
    model_version: Name


@_ANY_MORE
class PublishedDay(AnsweredBy):
    """`tagged/<day>/manifest.json` of any release: which model gave the answers, and what else is said."""

    night: NotRequired[Name | None]
    n_documents: NotRequired[Count]
    n_tagged: NotRequired[Count]
    n_words: NotRequired[Count]
    words_per_s: NotRequired[Number]
    columns: NotRequired[Columns]


@_ANY_MORE
class NightManifest(ShardManifest, AnsweredBy):
    """The same, whole: what the answers of a day add up to."""

    day: Name
    night: Name


@_ANY_MORE
class OfVersion(TypedDict):
    version: Name


@_ANY_MORE
class OfModel(TypedDict):
    model: OfVersion


@_ANY_MORE
class PlannedModel(TypedDict):
    version: Name
    kind: Literal["trained", "frozen", "int8"]


@_ANY_MORE
class NightPlan(TypedDict):
    """`staging/runs/<run>/<day>/plan.json`: a night that is planned and not published."""

    day: Name
    night: Name
    model: PlannedModel
    n_shards: Annotated[int, Field(ge=0, le=64)]
    n_files: Count
    at: Moment
    columns: Columns
    answered: list[Name]  # days whose answers may be given again


@_ANY_MORE
class ListedInput(TypedDict):
    """A line of `inputs-<n>.jsonl`, the files of a shard."""

    name: str
    key: str


@_ANY_MORE
class RejectedLine(TypedDict):
    """A line of `rejected.jsonl`, as far as its file goes."""

    file: str


@_ANY_MORE
class SampledFile(TypedDict):
    """A line of `files.jsonl`, as `sample` makes it."""

    name: str


@_ANY_MORE
class NightGate(TypedDict):
    """`reports/nights/<day>.json`: what the gate said of a night."""

    night: str | None
    passed: bool
    lines: list[str]


@_ANY_MORE
class DriftVerdict(TypedDict):
    night: NotRequired[str | None]
    alerts: list[str]
    accepted: bool


@_ANY_MORE
class DriftReport(DriftVerdict):
    """`reports/drift/<day>.json`: a night beside those before it."""

    day: Name
    model_version: Name
    model_before: NotRequired[str | None]
    judged: NotRequired[bool]
    why_not: NotRequired[str | None]


@_ANY_MORE
class F1(TypedDict):
    f1: Number
    precision: NotRequired[Number]
    recall: NotRequired[Number]
    n_gold: NotRequired[Count]


@_ANY_MORE
class Score(TypedDict):
    """Entity-level figures; `n_gold` are the entities that should be found."""

    f1: Number
    precision: Number
    recall: Number
    n_gold: Count


@_ANY_MORE
class MadeFrom(TypedDict):
    snapshot: Name


@_ANY_MORE
class Registered(TypedDict):
    """`models/<version>/version.json`, whatever was said when the version was registered."""

    at: Moment
    snapshot: NotRequired[Name]
    overall: NotRequired[F1]
    labels: NotRequired[dict[str, F1]]
    gate: NotRequired[list[str]]


@_ANY_MORE
class ScoredVersion(MadeFrom):
    overall: F1


@_ANY_MORE
class VersionRecord(ScoredVersion):
    """The same of a version whose labels were scored."""

    at: Moment
    labels: dict[str, F1]
    gate: NotRequired[list[str]]


@_ANY_MORE
class ModelScore(TypedDict):
    overall: F1
    labels: NotRequired[dict[str, F1]]


@_ANY_MORE
class Speed(TypedDict):
    int8_over_stock: Number


@_ANY_MORE
class Comparison(TypedDict):
    """`reports/models/<version>/compare.json`: INT8 beside FP32."""

    fp32: NotRequired[ModelScore]
    int8: ModelScore
    f1_loss: NotRequired[Number]
    speed: Speed


@_ANY_MORE
class WholeComparison(TypedDict):
    """The same with all that the gate and the request for approval judge by."""

    fp32: ModelScore
    int8: ModelScore
    f1_loss: Number
    losses: dict[str, Any]
    agreement: Any
    size_share: Any
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
class Scores(TypedDict):
    n_sentences: Count
    overall: F1
    labels: dict[str, F1]


@_ANY_MORE
class Evaluation(TypedDict):
    """`reports/models/<version>/evaluate-<snapshot>.json`: scores, and how sure they are."""

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
    took_s: Seconds | None
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


def read_file(path: Path, shape: type[Shape], *, expected: str = "") -> Shape:
    """The record in a file.

    Raises:
        InputMissing, ArtifactBroken: as for `read_record`.
    """
    return checked(atomic.read_json(path), shape, str(path), expected=expected)


def lines_of(path: Path, shape: type[Shape]) -> Iterator[Shape]:
    """The record in each line of a JSON Lines file, one at a time.

    Raises:
        InputMissing: there is no such file.
        ArtifactBroken: a line is damaged, or it is no file.
    """
    for number, line in enumerate(atomic.lines_in(path), start=1):
        where = f"{path}, line {number}"
        yield checked(parse_json(line, where), shape, where)


def checked(value: Any, shape: type[Shape], where: str, *, expected: str = "") -> Shape:
    """`value`, once it is known to have this shape.

    Args:
        value: as JSON was read.
        shape: what it has to be like.
        where: the file, for the message.
        expected: what it should be, for the message; the shape's name in words, unless told otherwise.

    Raises:
        ArtifactBroken: it has not; names the field and quotes nothing of it.
    """
    try:
        found: Shape = _adapter(cast(Any, shape)).validate_python(value)
        return found
    except ValidationError as error:
        wrong = error.errors(include_input=False, include_url=False, include_context=False)[0]
        field = ".".join(str(part)[:80] for part in wrong["loc"]) or "value"
        reason = wrong["msg"].removeprefix("Value error, ")
        raise ArtifactBroken(
            f"found a wrong {field} ({reason}), expected {expected or _words(shape)}, in {where}"
        ) from None


def _words(shape: type[Any]) -> str:
    """`DriftReport` as `a drift report`."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", shape.__name__).lower()
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


@cache
def _adapter(shape: Any) -> TypeAdapter[Any]:
    return TypeAdapter(shape)

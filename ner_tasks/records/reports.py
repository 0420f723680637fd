"""Records of the results of tasks and benchmarks."""

from typing import Annotated, Any

from pydantic import Field
from typing_extensions import TypedDict

from ner_tasks.records.fields import Count, Moment, Number, Seconds, any_more

# `try` is a keyword of Python and cannot be the name of a class attribute
_Tried = TypedDict("_Tried", {"try": Count})


@any_more
class RunNote(_Tried):
    """`reports/runs/<dag>/<run>/<task>.json`: the result of a task."""

    dag: str
    run: str
    task: str
    map_index: int
    state: str
    at: Moment
    took_s: Seconds | None
    said: str
    result: dict[str, Any]


@any_more
class BenchmarkRow(TypedDict):
    engine: str
    batch_size: Count
    words_per_s: Number
    p50_ms: Number
    p95_ms: Number
    f1: Number | None


@any_more
class BenchmarkRun(TypedDict):
    """`reports/benchmarks/history/<host>/<run>.json`."""

    at: Moment
    version: str
    report: str
    n_sentences: Count
    rounds: Count
    rows: Annotated[list[BenchmarkRow], Field(min_length=1)]


ReviewReport = dict[str, Any]  # reports/review/<day>/review.json

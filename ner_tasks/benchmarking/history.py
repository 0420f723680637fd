"""Benchmarks of the past on one host, and what has changed since.
No file is shared, so that runs at the same time lose nothing. Machines are noisy and a slow moment is slow for every
engine that takes turns in it: what is compared is the speed over stock FP32 of the same run, where both runs have it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any, NotRequired

from typing_extensions import TypedDict

from ner_tasks import hardware
from ner_tasks.errors import ConfigInvalid
from ner_tasks.files import atomic
from ner_tasks.inference.engines import STOCK
from ner_tasks.records import validate_record
from ner_tasks.records.fields import Count, Moment, Number, any_more
from ner_tasks.store import Store, keys

N_LOOKED_AT = 50

_OF_A_REPORT = ("at", "host", "data", "data_sha256", "n_sentences", "rounds", "rows")
Run = Mapping[str, Any]


@any_more
class _EarlierRow(TypedDict):
    engine: str
    batch_size: Count
    words_per_s: Number


@any_more
class _Compared(TypedDict):
    """What of an earlier run is compared."""

    at: Moment
    host: dict[str, Any]
    data_sha256: str
    n_sentences: Count
    rows: list[_EarlierRow]
    version: NotRequired[str]


@dataclass(frozen=True)
class Change:
    """One engine at one batch size, beside the last run that measured the same.

    Attributes:
        engine: its name.
        batch_size: sentences in a batch.
        relative: whether the figures are speeds over stock FP32 of the same run, or else words per second.
        now: the figure of this run.
        before: that of the earlier run.
        judged: whether it says something about the engine. Stock FP32 beside others is what they are measured by: its
            own words/s are shown, no more.
        at: when the earlier run was, ISO 8601.
        version: the model version of the earlier run, if it is known.
    """

    engine: str
    batch_size: int
    relative: bool
    now: float
    before: float
    judged: bool
    at: str
    version: str | None

    @property
    def slower_share(self) -> float:
        return 1 - self.now / self.before


def compare_with_history(report: Run, earlier: Iterable[Run]) -> list[Change]:
    """What was measured before on the same host, data and number of sentences, each row beside the last time.

    Args:
        report: this run, as `benchmark` writes it.
        earlier: other runs, in any order; those of other hosts or data, and later ones, are passed over.
    """
    past = sorted((run for run in earlier if _comparable(run, report)), key=_time, reverse=True)
    found = []
    for row in report["rows"]:
        last = next((run for run in past if _speed(run, row["engine"], row["batch_size"])), None)
        if last:
            found.append(_change(row["engine"], row["batch_size"], report, last))
    return found


def _comparable(run: Run, report: Run) -> bool:
    same = all(run[name] == report[name] for name in ("data_sha256", "n_sentences"))
    return same and hardware.host_key(run["host"]) == hardware.host_key(report["host"]) and _time(run) < _time(report)


def _change(engine: str, size: int, report: Run, last: Run) -> Change:
    now, before = _speed(report, engine, size), _speed(last, engine, size)
    stock_now, stock_before = _speed(report, STOCK, size), _speed(last, STOCK, size)
    at, version = last["at"], last.get("version")
    if engine != STOCK and stock_now and stock_before:
        return Change(engine, size, True, now / stock_now, before / stock_before, True, at, version)
    alone = all(row["engine"] == STOCK for row in report["rows"] if row["batch_size"] == size)
    return Change(engine, size, False, now, before, engine != STOCK or alone, at, version)


def _speed(run: Run, engine: str, size: int) -> float:
    """Words per second, 0 if that was not measured."""
    rows = (row for row in run["rows"] if (row["engine"], row["batch_size"]) == (engine, size))
    return float(next((row["words_per_s"] for row in rows), 0))


def _time(run: Run) -> float:
    return datetime.fromisoformat(run["at"]).timestamp()


def read_run(path: Path) -> Run:
    """A run from its `benchmark.json`, or from its file of the history.

    Raises:
        InputMissing, ArtifactBroken: there is no such file, or no JSON in it.
        ConfigInvalid: it is not of a benchmark.
        ArtifactBroken: it is, and damaged.
    """
    run = atomic.read_json(path)
    missing = [name for name in _OF_A_REPORT if not isinstance(run, dict) or name not in run]
    if missing:
        raise ConfigInvalid(f"found no {', '.join(missing)}, expected a run of benchmark, in {path}")
    return dict(validate_record(run, _Compared, str(path), expected="a run of benchmark"))


def add_run(store: Store, report: Run, *, version: str, data: str, key: str) -> str:
    """Add a run to the history of its host; a second time changes nothing.

    Args:
        store: where the history lies.
        report: the run, as `benchmark` writes it.
        version: the model version.
        data: key of the labelled file.
        key: where the report lies.

    Returns:
        Key of the file.
    """
    run = {"version": version, "report": key, **{name: report[name] for name in _OF_A_REPORT}, "data": data}
    name = f"{_stamp(report)}-{PurePosixPath(key).name}.json"
    place = keys.benchmark_history(hardware.host_key(report["host"]), name)
    if not store.exists(place):
        store.write_json(place, run)
    return place


def fetch_latest(store: Store, host_key: str, folder: Path) -> list[Path]:
    """Files of the last runs on a host, at most `N_LOOKED_AT`, in `folder` where they have to be copied."""
    past = [file.key for file in store.files(keys.benchmark_history(host_key))]
    return [file.path for file in store.fetch_files(past[-N_LOOKED_AT:], folder) if file]


def _stamp(run: Run) -> str:
    # sorts by time, and is a plain name
    return datetime.fromisoformat(run["at"]).astimezone(UTC).strftime("%Y%m%dT%H%M%S%fZ")

"""History of the benchmarks on a host, and comparison with the last run.

Each run has its own file, so that concurrent runs do not overwrite each other. Load on the machine slows down all engines
of a run alike, so runs are compared by their speed-up over stock FP32 where both have it.
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

N_LATEST = 50

_REPORT_KEYS = ("at", "host", "data", "data_sha256", "n_sentences", "rounds", "rows")
Run = Mapping[str, Any]


@any_more
class _EarlierRow(TypedDict):
    engine: str
    batch_size: Count
    words_per_s: Number


@any_more
class _ComparedRun(TypedDict):
    """The fields of an earlier run that the comparison uses."""

    at: Moment
    host: dict[str, Any]
    data_sha256: str
    n_sentences: Count
    rows: list[_EarlierRow]
    version: NotRequired[str]


@dataclass(frozen=True)
class Change:
    """Speed of one engine at one batch size compared with the last run that measured it.

    Attributes:
        engine: name of the engine.
        batch_size: sentences per batch.
        relative: whether the figures are speed-ups over stock FP32 of the same run; otherwise words per second.
        now: figure of this run.
        before: figure of the earlier run.
        judged: whether the gate applies; it does not to stock FP32 beside other engines, which is their reference.
        at: time of the earlier run, ISO 8601.
        version: model version of the earlier run, None if unknown.
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
        """Share of the speed that was lost; negative if the engine became faster."""
        return 1 - self.now / self.before


def compare_with_history(report: Run, earlier: Iterable[Run]) -> list[Change]:
    """Compare each row of a run with the last run on the same host, data and number of sentences.

    Args:
        report: report of this run.
        earlier: other runs in any order; later runs and runs on other hosts or data are ignored.

    Returns:
        Changes of the rows that an earlier run has too.
    """
    past = sorted((run for run in earlier if _is_comparable(run, report)), key=_time, reverse=True)
    changes = []
    for row in report["rows"]:
        last = next((run for run in past if _speed(run, row["engine"], row["batch_size"])), None)
        if last:
            changes.append(_compare_row(row["engine"], row["batch_size"], report, last))
    return changes


def _is_comparable(run: Run, report: Run) -> bool:
    same = all(run[name] == report[name] for name in ("data_sha256", "n_sentences"))
    return same and hardware.host_key(run["host"]) == hardware.host_key(report["host"]) and _time(run) < _time(report)


def _compare_row(engine: str, size: int, report: Run, last: Run) -> Change:
    now, before = _speed(report, engine, size), _speed(last, engine, size)
    stock_now, stock_before = _speed(report, STOCK, size), _speed(last, STOCK, size)
    at, version = last["at"], last.get("version")
    if engine != STOCK and stock_now and stock_before:
        return Change(engine, size, True, now / stock_now, before / stock_before, True, at, version)
    is_only_engine = all(row["engine"] == STOCK for row in report["rows"] if row["batch_size"] == size)
    return Change(engine, size, False, now, before, engine != STOCK or is_only_engine, at, version)


def _speed(run: Run, engine: str, size: int) -> float:
    """Return the words per second, 0 if not measured."""
    rows = (row for row in run["rows"] if (row["engine"], row["batch_size"]) == (engine, size))
    return float(next((row["words_per_s"] for row in rows), 0))


def _time(run: Run) -> float:
    return datetime.fromisoformat(run["at"]).timestamp()


def read_run(path: Path) -> Run:
    """Read a run from its `benchmark.json` or its file in the history.

    Raises:
        InputMissing: `path` does not exist.
        ConfigInvalid: JSON, but not of a benchmark.
        ArtifactBroken: not JSON, or a damaged run.
    """
    run = atomic.read_json(path)
    missing = [name for name in _REPORT_KEYS if not isinstance(run, dict) or name not in run]
    if missing:
        raise ConfigInvalid(f"found no {', '.join(missing)}, expected a run of benchmark, in {path}")
    return dict(validate_record(run, _ComparedRun, str(path), expected="a run of benchmark"))


def add_run(store: Store, report: Run, *, version: str, data: str, key: str) -> str:
    """Add a run to the history of its host; does nothing if it is already there.

    Args:
        store: store with the history.
        report: report of the run.
        version: model version.
        data: key of the labelled file.
        key: key of the report.

    Returns:
        Key of the file in the history.
    """
    run = {"version": version, "report": key, **{name: report[name] for name in _REPORT_KEYS}, "data": data}
    name = f"{_timestamp(report)}-{PurePosixPath(key).name}.json"
    run_key = keys.benchmark_history(hardware.host_key(report["host"]), name)
    if not store.exists(run_key):
        store.write_json(run_key, run)
    return run_key


def fetch_latest(store: Store, host_key: str, folder: Path) -> list[Path]:
    """Fetch the files of the last `N_LATEST` runs on a host.

    Args:
        store: store with the history.
        host_key: key of the host, see `hardware.host_key`.
        folder: folder for copies, if the store is not a local folder.
    """
    past = [file.key for file in store.files(keys.benchmark_history(host_key))]
    return [file.path for file in store.fetch_files(past[-N_LATEST:], folder) if file]


def _timestamp(run: Run) -> str:
    # sorts by time and is valid in a file name
    return datetime.fromisoformat(run["at"]).astimezone(UTC).strftime("%Y%m%dT%H%M%S%fZ")

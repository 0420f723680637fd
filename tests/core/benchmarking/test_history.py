"""What an engine did before: where it is written down, which run it is compared with, and by which figure."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ner_tasks import hardware
from ner_tasks.benchmarking import history
from ner_tasks.errors import ConfigInvalid
from ner_tasks.store.folder import FolderStore
from tests.benchmark_figures import HOST, report


@pytest.mark.runbook("benchmark", "the same with words/s in place of x stock FP32")
def test_an_engine_is_compared_by_its_speed_over_stock_of_its_own_run():
    # a machine at half its speed: INT8 is as fast as it was, relative to stock
    (stock, int8) = history.compare_with_history(report(stock=50, int8=125), [report(20, stock=100, int8=250)])
    assert (int8.engine, int8.relative, int8.now, int8.before, int8.judged) == ("INT8", True, 2.5, 2.5, True)
    assert (stock.engine, stock.relative, stock.now, stock.before) == ("stock FP32", False, 50, 100)


def test_stock_beside_others_is_what_they_are_measured_by_and_is_not_judged():
    (stock, _) = history.compare_with_history(report(stock=50, int8=125), [report(20, stock=100, int8=250)])
    assert stock.judged is False


def test_stock_alone_is_judged_by_its_words_per_second():
    (stock,) = history.compare_with_history(report(stock=50), [report(20, stock=100, int8=250)])
    assert (stock.judged, stock.slower_share) == (True, 0.5)


@pytest.mark.runbook("benchmark", "the same with words/s in place of x stock FP32")
@pytest.mark.parametrize("without", ["now", "before"])
def test_where_stock_was_not_measured_in_both_runs_words_per_second_count(without):
    now = {"int8": 200} if without == "now" else {"stock": 100, "int8": 200}
    before = {"int8": 250} if without == "before" else {"stock": 100, "int8": 250}
    int8 = history.compare_with_history(report(**now), [report(20, **before)])[-1]
    assert (int8.relative, int8.now, int8.before, int8.judged) == (False, 200, 250, True)


def test_stock_of_another_batch_size_is_no_measure():
    (change,) = history.compare_with_history(report(int8=200), [report(20, stock_1=100, int8_32=250)])
    assert change.relative is False


@pytest.mark.runbook("benchmark", "the run after an alarm is green")
def test_each_row_is_compared_with_the_last_run_that_has_it():
    earlier = [report(18, int8_1=10, int8_32=100), report(20, int8_32=300), report(19, int8_32=200)]
    changes = history.compare_with_history(report(int8_1=10, int8_32=250), earlier)
    assert [(change.batch_size, change.before, change.at[:10]) for change in changes] == [
        (1, 10, "2026-11-18"),
        (32, 300, "2026-11-20"),
    ]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"host": {**HOST, "n_threads": 1}}, id="another number of threads"),
        pytest.param({"host": {**HOST, "cpu": "Xeon"}}, id="another CPU"),
        pytest.param({"sha": "b"}, id="other data"),
        pytest.param({"n_sentences": 32}, id="fewer sentences"),
        pytest.param({"day": 22}, id="a later run"),
        pytest.param({"day": 21}, id="itself"),
    ],
)
def test_what_was_not_measured_alike_and_before_is_not_compared_with(other):
    assert history.compare_with_history(report(int8=100), [report(**{"day": 20, **other}, int8=250)]) == []


def test_another_python_is_the_same_host():
    assert history.compare_with_history(report(int8=1), [report(20, host={**HOST, "python": "3.13.0"}, int8=1)])


def test_a_host_s_key_is_a_plain_name():
    assert hardware.host_key(HOST) == "amd-epyc-r-7763-4-cpus-vnni-no-bf16-2-threads"
    assert hardware.host_key({**HOST, "cpu": ""}).startswith("unknown-cpu-4-cpus")


def test_this_host_has_a_key():
    assert hardware.host_key(hardware.describe_host(3)).endswith("-3-threads")


def test_a_run_is_written_down_once_and_found_again(tmp_path):
    store = FolderStore(tmp_path / "store")
    fields = {"version": "v1", "data": "labelled/b/test.csv", "key": "reports/benchmarks/v1-abc"}
    run_key = history.add_run(store, report(int8=250), **fields)
    before = store.etag(run_key)
    assert history.add_run(store, report(int8=250), **fields) == run_key
    assert store.etag(run_key) == before
    assert run_key.endswith("threads/20261121T030000000000Z-v1-abc.json")
    (path,) = history.fetch_latest(store, hardware.host_key(HOST), tmp_path / "copies")
    run = history.read_run(path)
    assert (run["version"], run["data"], run["report"]) == ("v1", fields["data"], fields["key"])
    (change,) = history.compare_with_history(report(22, int8=200), [run])
    assert change.version == "v1"


def test_runs_at_the_same_time_lose_nothing(tmp_path):
    store = FolderStore(tmp_path / "store")

    def keep(number):
        return history.add_run(
            store, report(int8=number), version="v1", data="d", key=f"reports/benchmarks/v1-{number}"
        )

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(keep, range(1, 21)))) == 20
    assert len(history.fetch_latest(store, hardware.host_key(HOST), tmp_path / "copies")) == 20


def test_of_a_long_history_the_latest_are_looked_at(tmp_path, monkeypatch):
    monkeypatch.setattr(history, "N_LATEST", 2)
    store = FolderStore(tmp_path / "store")
    for day in (21, 19, 20):
        history.add_run(store, report(day, int8=1), version="v", data="d", key="reports/benchmarks/v-1")
    paths = history.fetch_latest(store, hardware.host_key(HOST), tmp_path / "copies")
    assert [json.loads(path.read_text())["at"][8:10] for path in paths] == ["20", "21"]


def test_a_file_that_is_of_no_benchmark_is_refused(tmp_path: Path):
    path = tmp_path / "report.json"
    path.write_text('{"at": "2026-11-20"}')
    with pytest.raises(ConfigInvalid, match="found no host, data, .* expected a run of benchmark, in .*report.json"):
        history.read_run(path)

"""A version is timed, published, written into the history of its host, and only then judged."""

import json
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowFailException

from ner_airflow.assets import BENCHMARK
from ner_airflow.operators.benchmark import BenchmarkOperator
from ner_tasks import hardware
from ner_tasks.benchmarking import history
from ner_tasks.registry.registry import Registry
from tests.benchmark_figures import HOST, report

HISTORY = "reports/benchmarks/history"
CHANGE = {
    "engine": "INT8",
    "batch_size": 32,
    "relative": True,
    "now": 2.0,
    "before": 2.5,
    "judged": True,
    "at": "2026-11-20T03:00:00+00:00",
    "version": "v0",
}


@pytest.fixture
def version(store, stored_snapshot, model, monkeypatch):
    """The version `v1`, frozen and quantized, on a host that is called `HOST`."""
    registry = Registry(store)
    for kind in ("trained", "frozen", "int8"):
        registry.put("v1", kind, model(kind))
    registry.register("v1", {"snapshot": "s1", "overall": {"f1": 0.8}})
    monkeypatch.setattr(hardware, "describe_host", lambda n_threads: HOST)
    return "v1"


@pytest.fixture
def measured(fake, tmp_path):
    """Lets the verb make a report with these changes since the last time."""

    def measured(*changes, day=21):
        folder = tmp_path / "made" / f"benchmark-{day}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "benchmark.json").write_text(json.dumps(report(day, stock=100, int8=200, changes=changes)))
        (folder / "table.md").write_text("a table")
        fake.set("benchmark", copies={"output": str(folder)})

    measured()
    return measured


def run(salt="run-1", events=None, **options):
    given = {
        "version": "v1",
        "batch_sizes": "1,32",
        "rounds": 3,
        "n_sentences": 64,
        "max_slowdown": 0.15,
        **options,
    }
    events = {BENCHMARK: SimpleNamespace(extra=None)} if events is None else events
    return BenchmarkOperator(task_id="benchmark", config=given).execute({"outlet_events": events, "run_id": salt})


@pytest.mark.runbook("benchmark", "InputMissing: found no promoted model")
def test_the_verb_is_told_what_the_run_was_told(version, measured, fake, store):
    run(precisions=["stock FP32", "INT8"])
    (call,) = fake.calls
    flags = call["flags"]
    assert flags["precisions"] == ["stock FP32", "INT8"]
    assert (flags["batch_sizes"], flags["rounds"], flags["n_sentences"]) == (["1,32"], ["3"], ["64"])
    assert flags["data"] == [store.where("snapshots/s1/test.csv")]
    assert [path.rsplit("/", 1)[1] for path in flags["model"]] == ["frozen", "int8"]
    # the verb leaves the judging to the step: a report that it has failed would not be published
    assert "max_slowdown" not in flags


def test_without_precisions_the_host_decides(version, measured, fake):
    run()
    assert "precisions" not in fake.calls[0]["flags"]


def test_a_run_is_published_and_told(version, measured, store):
    events = {BENCHMARK: SimpleNamespace(extra=None)}
    found = run(events=events)
    assert store.read_json(f"{found['key']}/benchmark.json")["rounds"] == 3
    assert events[BENCHMARK].extra == {"version": "v1", "key": found["key"]}


@pytest.mark.runbook("benchmark", "figures far from the last ones")
def test_each_run_leaves_one_file_in_the_history_of_its_host(version, measured, store):
    keys = [run("run-1")["key"]]
    measured(day=22)
    keys.append(run("run-2")["key"])
    files = [store.read_json(file.key) for file in store.files(f"{HISTORY}/{hardware.host_key(HOST)}")]
    assert [(said["report"], said["version"], said["data"]) for said in files] == [
        (key, "v1", "snapshots/s1/test.csv") for key in keys
    ]


@pytest.mark.runbook("benchmark", "Nothing to compare with in the report")
def test_earlier_runs_on_the_host_are_handed_to_the_verb_and_those_of_others_are_not(version, measured, fake, store):
    for cpu in ("AMD EPYC (R) 7763", "another"):
        said = report(20, host={**HOST, "cpu": cpu}, int8=1)
        history.add_run(store, said, version="v0", data="d", key=f"reports/benchmarks/v0-{cpu[0]}")
    run()
    (previous,) = fake.calls[0]["flags"]["previous"]
    assert previous.endswith("-v0-A.json")


@pytest.mark.runbook("benchmark", "Nothing to compare with in the report")
def test_the_first_run_on_a_host_has_nothing_before_it(version, measured, fake):
    run()
    assert "previous" not in fake.calls[0]["flags"]


@pytest.mark.runbook("benchmark", "GateNotPassed: found INT8 at batch size 32 at 2.00x stock")
def test_a_slower_engine_fails_the_task_once_the_report_is_there(version, measured, store):
    measured(CHANGE)
    with pytest.raises(
        AirflowFailException,
        match=r"GateNotPassed: found INT8 at batch size 32 at 2\.00x stock FP32, expected at least 2\.12x stock FP32.*"
        r" of version v0 .* at the benchmark of version v1 in .*reports/benchmarks/v1-",
    ):
        run()
    (said,) = [store.read_json(file.key) for file in store.files(HISTORY)]
    assert store.exists(f"{said['report']}/benchmark.json")


@pytest.mark.runbook("benchmark", "GateNotPassed: found INT8 at batch size 32 at 2.00x stock")
@pytest.mark.parametrize("most", ["", "1", "0.25"], ids=["no limit", "all", "enough"])
def test_a_slower_engine_passes_if_it_may_be_slower(version, measured, most):
    measured(CHANGE)
    assert run(max_slowdown=most)["gate"]


def test_a_run_again_judges_and_does_not_measure(version, measured, fake, store):
    measured(CHANGE)
    for _ in range(2):
        with pytest.raises(AirflowFailException, match="GateNotPassed"):
            run()
    assert run(max_slowdown="0.3")["gate"]
    assert fake.verbs == ["benchmark"]
    assert len(list(store.files(HISTORY))) == 1


def test_a_run_that_was_killed_before_its_history_was_written_writes_it_the_next_time(version, measured, fake, store):
    run()
    store.remove(HISTORY)
    run()
    assert fake.verbs == ["benchmark"]
    assert len(list(store.files(HISTORY))) == 1


def test_a_slowdown_that_makes_no_sense_is_refused_before_anything_runs(version, measured, fake):
    with pytest.raises(AirflowFailException, match="ConfigInvalid: found max_slowdown = '2', expected 0 to 1"):
        run(max_slowdown="2")
    assert fake.calls == []


def test_another_labelled_file_of_the_store_may_be_timed(version, measured, fake, store, tmp_path):
    (tmp_path / "rows.csv").write_text("rows")
    store.put_file(tmp_path / "rows.csv", "labelled/b1/rows.csv")
    run(data="labelled/b1/rows.csv")
    assert fake.calls[0]["flags"]["data"] == [store.where("labelled/b1/rows.csv")]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("labelled/none.csv", "InputMissing: found nothing"),
        ("snapshots/s1", "ConfigInvalid: found a folder, expected a labelled file"),
        ("../x", "ConfigInvalid: found key"),
    ],
    ids=["not there", "a folder", "out of the store"],
)
def test_data_that_is_no_file_of_the_store_is_refused(version, measured, fake, data, expected):
    with pytest.raises(AirflowFailException, match=expected):
        run(data=data)
    assert fake.calls == []


@pytest.mark.runbook("benchmark", "InputMissing: found no promoted model")
def test_without_a_version_or_a_promoted_one_nothing_is_timed(version, fake):
    with pytest.raises(AirflowFailException, match="InputMissing: found no promoted model"):
        run(version="")
    assert fake.calls == []

import ast
import atexit
import json
import re
import runpy
import socket
from types import SimpleNamespace

import pytest
from airflow.sdk._shared.observability.metrics import stats as backend
from airflow.sdk.observability import stats
from airflow.sdk.observability.metrics import stats_utils

from ner_airflow.observability import metrics
from ner_airflow.operators.monitoring import DetectDriftOperator
from ner_airflow.operators.quantization import Int8GateOperator
from ner_tasks.errors import GateNotPassed
from tests import receivers
from tests.conftest import ROOT
from tests.plugins import test_tagging as nights
from tests.plugins.test_quantization import CANARY, COMPARISON

DASHBOARD = json.loads((ROOT / "docker" / "grafana" / "nightly-ner.json").read_text())
promoted, arrive = nights.promoted, nights.arrive
TI = SimpleNamespace(dag_id="ner_tag_nightly")


@pytest.fixture
def switched_on(monkeypatch):
    """Lets Airflow read its settings anew, as each task's process does when it starts."""

    def on(**options):
        for name, value in options.items():
            monkeypatch.setenv(name, value)
        stats.initialize(factory=stats_utils.get_stats_factory(), export_legacy_names=False)

    yield on
    monkeypatch.undo()
    backend._factory = backend._backend = None


@pytest.fixture
def statsd(switched_on):
    """A StatsD server that Airflow sends to; what it got, by name."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(0.5)
        switched_on(
            AIRFLOW__METRICS__STATSD_ON="True",
            AIRFLOW__METRICS__STATSD_HOST="127.0.0.1",
            AIRFLOW__METRICS__STATSD_PORT=str(server.getsockname()[1]),
        )

        def received():
            found = {}
            while True:
                try:
                    name, value = server.recv(4096).decode().split(":")
                except TimeoutError:
                    return found
                assert value.endswith("|g")
                found[name.removeprefix("airflow.")] = float(value.removesuffix("|g"))

        yield received


@pytest.mark.runbook("notices-and-metrics", "ner.queue.days is not 0")
def test_a_night_tells_what_waits_what_it_did_and_how_fast_over_statsd(
    statsd,
    promoted,
    store,
    fake,
    arrive,
    tmp_path,
):
    arrive(a="text", b="")
    store.write_json("inbox/notes/x", {})
    nights.answers(fake, tmp_path, tagged=["a.txt"], rejected=["b.txt"])
    nights.night({**nights.RUN, "ti": TI})
    found = statsd()
    assert {name for name in metrics.METRICS if name.startswith(("ner.night", "ner.queue", "ner.model"))} == set(found)
    assert found["ner.night.documents"] == 2
    assert (found["ner.night.rejected"], found["ner.night.rejected_share"], found["ner.night.lost"]) == (1, 0.5, 0)
    assert (found["ner.night.words"], found["ner.night.words_per_s"]) == (10, 10)
    assert (found["ner.queue.files"], found["ner.queue.bytes"]) == (2, 4)
    assert 0 <= found["ner.model.age_s"] < 300
    assert found["ner.night.answered_after_s"] > 0
    # the last that was sent: nothing waits once the day is published
    assert (found["ner.queue.days"], found["ner.queue.age_s"]) == (0, 0)


def test_drift_is_told_whether_or_not_there_is_any(statsd, store, fake):
    store.write_json(f"tagged/{nights.DAY}/manifest.json", {"night": "n", "model_version": "v1", "n_tagged": 1})
    store.write_json(f"tagged/{nights.DAY}/statistics.json", {})
    fake.set("drift", result={"alerts": ["found entities/geo at 9"]})
    DetectDriftOperator(task_id="drift", day=nights.DAY, config={"accept_drift": False}).execute({"ti": TI})
    assert statsd() == {"ner.drift.alerts": 1, "ner.drift.nights": 0}


def test_a_gate_that_refuses_has_told_the_figures_before(statsd, fake):
    comparison = {**COMPARISON, "version": "v1", "canary": CANARY, "f1_loss": 0.3}
    gate = Int8GateOperator(task_id="gate", comparison=comparison, config={"max_f1_loss": 0.01, "min_speed_up": 1})
    with pytest.raises(GateNotPassed, match="loss of entity F1 by INT8"):
        gate.step({"ti": TI})
    assert statsd() == {"ner.int8.f1": 0.799, "ner.int8.f1_loss": 0.3, "ner.int8.speed_up": 3.0}


@pytest.fixture
def collector():
    from airflow.sdk._shared.observability.metrics.otel_logger import flush_otel_metrics
    from opentelemetry.metrics import get_meter_provider

    with receivers.collector() as (url, got):
        yield url, got
        # what Airflow does as a process ends, while there is still somebody to send to
        atexit.unregister(flush_otel_metrics)
        get_meter_provider().shutdown()


@pytest.mark.runbook("notices-and-metrics", "no ner. metric arrives")
def test_the_same_goes_to_an_opentelemetry_collector_with_the_dag_as_a_tag(collector, switched_on):
    from airflow.sdk._shared.observability.metrics.otel_logger import flush_otel_metrics

    url, got = collector
    switched_on(AIRFLOW__METRICS__OTEL_ON="True", OTEL_EXPORTER_OTLP_ENDPOINT=url)
    metrics.emit({"ti": TI}, night_words_per_s=21400.5, int8_f1=None)
    flush_otel_metrics()
    assert receivers.metrics_of(got) == {"airflow.ner.night.words_per_s": [(21400.5, {"dag_id": "ner_tag_nightly"})]}


@pytest.mark.runbook("notices-and-metrics", "no ner. metric arrives")
def test_switched_off_nothing_is_sent_and_nothing_fails():
    metrics.emit({"ti": TI}, night_lost=0)


def test_a_metric_that_nobody_knows_is_refused():
    with pytest.raises(KeyError, match=r"ner\.night\.typo"):
        metrics.emit({}, night_typo=1)


def test_every_metric_is_emitted_somewhere_and_no_other():
    calls = [
        node
        for path in (ROOT / "plugins" / "ner_airflow").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("emit", "metrics.emit")
    ]
    emitted = {"ner." + keyword.arg.replace("_", ".", 1) for call in calls for keyword in call.keywords}
    assert emitted == set(metrics.METRICS)


def test_the_page_says_of_every_metric_what_it_is():
    page = runpy.run_path(str(ROOT / "docs" / "generate.py"))["metrics"]()
    rows = re.findall(r"^\| `(ner\.[\w.]+)` \| (\S+) \| `([^`]+)` \| ([^|]+) \|$", page, re.MULTILINE)
    assert {name: (unit, task) for name, unit, task, _ in rows} == {
        name: (metric.unit, metric.task) for name, metric in metrics.METRICS.items()
    }
    assert all(meaning.strip(". ") for *_, meaning in rows)


def expressions():
    return [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", [])]


def test_the_dashboard_asks_for_every_metric_and_for_no_other():
    asked = {name for text in expressions() for name in re.findall(r"airflow_(\w+)", text)}
    assert asked == {name.replace(".", "_") for name in metrics.METRICS}


def test_the_dashboard_shows_a_value_that_is_sent_once_a_night_all_day():
    for text in expressions():
        assert re.fullmatch(r'last_over_time\(airflow_\w+(\{dag_id=~"\|ner_tag_nightly"\})?\[26h\]\)', text)


def test_the_dashboard_s_panels_have_their_own_place_and_a_data_source_that_can_be_chosen():
    (variable,) = DASHBOARD["templating"]["list"]
    assert (variable["name"], variable["type"]) == ("datasource", "datasource")
    taken = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken and place["x"] + place["w"] <= 24, panel["title"]
        taken |= cells
        if panel["type"] != "row":
            assert panel["description"] and panel["targets"]
            uses = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
            assert uses == [{"type": "prometheus", "uid": "${datasource}"}] * len(uses)
            assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)

"""Lineage as it leaves: through Airflow's own adapter, into a file of OpenLineage's own client."""

import json
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from ner_airflow.assets import TAGGED_DOCUMENTS
from ner_airflow.observability.lineage import Trace, make_lineage, split_dataset_name
from ner_airflow.operators.publication import PublishDayOperator
from tests.plugins import test_tagging as nights

promoted, arrive = nights.promoted, nights.arrive
DAY = nights.DAY


@pytest.fixture
def emitted(tmp_path):
    """Emits what an operator says of itself, as Airflow does once its task is done; the event, read back."""
    from airflow.providers.openlineage.extractors.base import DefaultExtractor
    from airflow.providers.openlineage.plugins.adapter import OpenLineageAdapter
    from openlineage.client import OpenLineageClient
    from openlineage.client.transport.file import FileConfig, FileTransport

    path = tmp_path / "events.jsonl"
    client = OpenLineageClient(transport=FileTransport(FileConfig(log_file_path=str(path), append=True)))

    def emit(operator):
        OpenLineageAdapter(client=client).complete_task(
            run_id="01941f29-7c00-7087-8940-40e512c257bd",
            job_name="ner_tag_nightly.publish_day",
            end_time=datetime(2026, 11, 23, tzinfo=UTC).isoformat(),
            task=DefaultExtractor(operator).extract_on_complete(SimpleNamespace()),
            nominal_start_time=None,
            nominal_end_time=None,
            owners=None,
            tags=None,
            job_description=None,
            job_description_type=None,
            run_facets={},
        )
        return json.loads(path.read_text().splitlines()[-1])

    return emit


def test_a_tagged_day_was_made_from_its_inbox_and_a_version_of_a_model(
    emitted, promoted, store, fake, arrive, tmp_path
):
    arrive(a="text", b="")
    nights.answers(fake, tmp_path, tagged=["a.txt"], rejected=["b.txt"])
    nights.tag(nights.plan())
    publish = PublishDayOperator(task_id="publish_day", night=nights.check())
    publish.execute({**nights.RUN, "outlet_events": {TAGGED_DOCUMENTS: SimpleNamespace(extra=None)}})
    event = emitted(publish)
    root = str(store.root)
    assert {(one["namespace"], one["name"]) for one in event["inputs"]} == {
        ("file", f"{root}/inbox/{DAY}"),
        ("file", f"{root}/models/v1/int8"),
    }
    versions = {one["name"]: one["facets"].get("version", {}).get("datasetVersion") for one in event["inputs"]}
    assert versions == {f"{root}/inbox/{DAY}": None, f"{root}/models/v1/int8": "v1"}
    night = store.read_json(f"tagged/{DAY}/manifest.json")["night"]
    assert {
        one["name"]: (one["facets"]["version"]["datasetVersion"], one["outputFacets"]["outputStatistics"]["rowCount"])
        for one in event["outputs"]
    } == {f"{root}/tagged/{DAY}": (night, 1), f"{root}/rejected/{DAY}": (night, 1)}


def test_a_step_that_says_nothing_of_its_sources_has_none(emitted, fake):
    from tests.plugins.test_base import Verb

    event = emitted(Verb(task_id="t"))
    assert (event["inputs"], event["outputs"]) == ([], [])


@pytest.mark.parametrize(
    ("place", "named"),
    [
        ("s3://bucket/prefix/tagged/2026-11-22", ("s3://bucket", "prefix/tagged/2026-11-22")),
        ("/var/lib/ner/store/tagged", ("file", "/var/lib/ner/store/tagged")),
    ],
)
def test_a_place_is_called_as_openlineage_calls_it(place, named):
    assert split_dataset_name(place) == named


def test_rows_are_told_where_they_are_known(store):
    (output,) = make_lineage(Trace(outputs={"tagged/x": "n"}), store).outputs
    assert output.outputFacets == {}


@pytest.mark.runbook("notices-and-metrics", "no lineage event arrives")
def test_without_a_transport_airflow_listens_to_nothing():
    import subprocess
    import sys

    code = (
        "import sys; from airflow.providers.openlineage.plugins.openlineage import OpenLineageProviderPlugin as plugin;"
        "assert plugin.listeners == []; import ner_airflow.observability.lineage; assert 'openlineage.client' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

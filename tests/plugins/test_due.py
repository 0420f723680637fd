"""A night is late by the clock of its schedule, as Airflow itself reckons it in a real database."""

import json

import pytest

from ner_airflow.observability.due import choose_due_time
from tests.plugins.test_database_cleanup import airflow

# the scheduler's own way: the serialized reference, the plugin that knows it, a run in the database
ASK = """
import json
from datetime import UTC, datetime, timedelta
from airflow.models import DagRun
from airflow.serialization.decoders import decode_deadline_reference
from airflow.serialization.encoders import encode_deadline_reference
from airflow.utils.session import create_session
from ner_airflow.observability.due import RunDue
said = {}
with create_session() as session:
    for kind in ("scheduled", "manual", "backfill"):
        session.add(DagRun(dag_id="d", run_id=kind, run_type=kind, state="queued",
            run_after=datetime(2026, 2, 1, 1, 30, tzinfo=UTC), queued_at=datetime(2026, 2, 1, 11, 0, tzinfo=UTC)))
    session.flush()
    reference = decode_deadline_reference(json.loads(json.dumps(encode_deadline_reference(RunDue()))))
    for kind in ("scheduled", "manual", "backfill"):
        at = reference.evaluate_with(session=session, interval=timedelta(hours=4), dag_id="d", run_id=kind)
        said[kind] = f"{at:%H:%M}"
print(json.dumps(said))
"""


@pytest.mark.slow
def test_a_scheduled_night_is_late_by_the_clock_and_others_from_when_they_were_asked_for(tmp_path):
    url = f"sqlite:///{tmp_path}/airflow.db"
    airflow(url, "-m", "airflow", "db", "migrate")
    said = json.loads(airflow(url, "-c", ASK).splitlines()[-1])
    assert said == {"scheduled": "05:30", "manual": "15:00", "backfill": "15:00"}


def test_a_run_that_is_not_queued_yet_has_no_deadline():
    assert choose_due_time("manual", 1, None) is None

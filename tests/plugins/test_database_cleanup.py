"""Old runs go from a real Airflow database, from a process that Airflow has taken its address from."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from ner_airflow.operators.maintenance import CleanDatabaseOperator
from ner_tasks.store import keys
from tests import postgres
from tests.distributed import programs

ROOT = Path(__file__).resolve().parents[2]
BLOCKED = "airflow-db-not-allowed:///"  # what Airflow's supervisor puts there
FILL = """
from datetime import UTC, datetime, timedelta
from airflow.models import DagRun, Log
from airflow.utils.session import create_session
now = datetime.now(UTC)
with create_session() as session:
    for name, days in (("old", 100), ("young", 1), ("this", 0)):
        began = now - timedelta(days=days)
        session.add(DagRun(dag_id="ner_retrain", run_id=name, run_type="manual", state="success", start_date=began, run_after=began))
        entry = Log(event=name)
        entry.dttm = began
        session.add(entry)
"""
COUNT = """
from airflow.models import DagRun, Log
from airflow.utils.session import create_session
with create_session() as session:
    print(sorted(run.run_id for run in session.query(DagRun)), sorted(e.event for e in session.query(Log) if e.event in ("old", "young", "this")))
"""


def airflow(url, *arguments):
    """What a process of Airflow's own prints."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "plugins"), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": url, "PYTHONPATH": path}
    done = subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


# the driver that PostgreSQL needs is where the drills run
@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.distributed)])
def migrated(request, tmp_path_factory):
    """An empty database with Airflow's tables: its URL."""
    folder = tmp_path_factory.mktemp("database")
    if request.param == "sqlite":
        url = f"sqlite:///{folder}/airflow.db"
        airflow(url, "-m", "airflow", "db", "migrate")
        yield url
        return
    programs.require()
    with postgres.running() as url:
        airflow(url, "-m", "airflow", "db", "migrate")
        yield url


@pytest.fixture
def database(migrated, fake, monkeypatch):
    airflow(
        migrated,
        "-c",
        "from airflow.models import DagRun, Log\nfrom airflow.utils.session import create_session\n"
        "with create_session() as session: session.query(DagRun).delete(); session.query(Log).delete()",
    )
    airflow(migrated, "-c", FILL)
    for name in ("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "AIRFLOW__CORE__SQL_ALCHEMY_CONN"):
        monkeypatch.setenv(name, BLOCKED)
    monkeypatch.setenv("NER_AIRFLOW_DATABASE", migrated)
    return migrated


@pytest.fixture
def logs(tmp_path, monkeypatch):
    folder = tmp_path / "logs"
    monkeypatch.setattr("ner_airflow.operators.maintenance._log_folder", lambda: folder)
    for run, days in (("old", 100), ("young", 1)):
        path = folder / "dag_id=ner_retrain" / f"run_id={run}" / "task_id=train" / "attempt=1.log"
        aged(path, days)
    aged(folder / "dag_processor" / "today.log", 100)
    return folder


def aged(path, days):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{}")
    at = (datetime.now(UTC) - timedelta(days=days)).timestamp()
    os.utime(path, (at, at))


def clean(run="this", db_days=90, delete=True):
    return CleanDatabaseOperator(task_id="t", config={"db_days": db_days, "delete": delete}).execute({"run_id": run})


@pytest.mark.runbook("maintenance", "clean_airflow: ConfigInvalid: found no run or expected")
@pytest.mark.runbook("maintenance", "var/airflow/logs/ stays large")
def test_old_runs_go_with_their_logs_and_notes_and_young_ones_stay(database, logs, store):
    for run, days in (("old", 100), ("young", 1)):
        aged(store.root / keys.RUN_NOTES / "ner_retrain" / run / "train.json", days)
    would = clean(delete=False)
    assert (would["n_gone"], would["n_logs"], would["n_notes"], would["deleted"]) == (0, 1, 1, False)
    said = clean()
    assert (said["dag_run"], said["n_gone"], said["n_logs"], said["n_notes"]) == (2, 2, 1, 1)
    assert airflow(database, "-c", COUNT).splitlines()[-1] == "['this', 'young'] ['this', 'young']"
    assert [path.name for path in (logs / "dag_id=ner_retrain").iterdir()] == ["run_id=young"]
    assert (logs / "dag_processor" / "today.log").exists()
    assert store.folders(f"{keys.RUN_NOTES}/ner_retrain") == ["young"]


@pytest.mark.runbook("maintenance", "clean_airflow: ConfigInvalid: found no run or expected")
def test_another_airflow_s_database_is_left_alone(database, logs):
    with pytest.raises(
        AirflowFailException, match="ConfigInvalid: found no run elsewhere, expected the run of this task"
    ):
        clean(run="elsewhere")
    assert "'old'" in airflow(database, "-c", COUNT)
    assert len(list(logs.rglob("attempt=1.log"))) == 2


@pytest.mark.runbook("maintenance", "clean_airflow: ConfigInvalid: found no run or expected")
def test_what_is_no_database_is_said(fake, logs, monkeypatch, tmp_path):
    monkeypatch.setenv("NER_AIRFLOW_DATABASE", f"sqlite:///{tmp_path}/empty.db")
    with pytest.raises(
        AirflowFailException, match="ConfigInvalid: found .*no such table.*, expected Airflow's database"
    ):
        clean()


def test_nothing_is_cleaned_unasked_or_too_soon(fake):
    with pytest.raises(AirflowSkipException):
        clean(db_days=None)
    with pytest.raises(AirflowFailException, match="found db_days = 7, expected 8 to 36500"):
        clean(db_days=7)


def test_no_step_that_reads_documents_is_told_where_the_database_is(fake, monkeypatch):
    from tests.plugins.test_base import Verb

    monkeypatch.setenv("NER_AIRFLOW_DATABASE", "postgresql://secret")
    fake.set("evaluate", result={})
    Verb(task_id="t").execute({})
    assert "secret" not in str(fake.calls[0]["env"])


def test_the_database_may_be_told_by_a_file_which_no_environment_shows(fake, monkeypatch, tmp_path):
    (tmp_path / "address").write_text("postgresql://secret\n")
    monkeypatch.setenv("NER_AIRFLOW_DATABASE_FILE", str(tmp_path / "address"))
    step = CleanDatabaseOperator(task_id="clean_airflow", config={"db_days": 30, "delete": False})
    assert step._environment()["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == "postgresql://secret"

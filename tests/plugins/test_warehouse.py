"""A day's copy in a database: off by default, its password in the environment of one process and nowhere else."""

import json
import logging

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from ner_airflow.operators.base import StepFailed
from ner_airflow.operators.warehouse import LoadPostgresOperator, read_connection
from ner_tasks.errors import ConfigInvalid
from ner_tasks.settings import Settings

DAY = "2026-11-22"
CONNECTION = {
    "conn_type": "postgres",
    "host": "db.example.org",
    "port": 6432,
    "login": "ann",
    "password": "geheim",
    "schema": "claims",
    "extra": {"sslmode": "verify-full", "keepalives": 1},
}
LOADED = {"day": DAY, "n_documents": 1, "n_entities": 2}


@pytest.fixture
def published(store):
    """A published day, as far as what is looked at here goes."""
    store.write_json(f"tagged/{DAY}/manifest.json", {"model_version": "v1", "night": "n"})
    for name in ("documents", "entities"):
        (store.root / f"tagged/{DAY}/{name}.parquet").write_text(name)
    (store.root / f"tagged/{DAY}/documents.jsonl").write_text("the texts")


@pytest.fixture
def connection(monkeypatch):
    """Names a Connection in the settings, and makes it."""

    def make(**fields):
        monkeypatch.setenv("NER_POSTGRES", "warehouse")
        monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps({**CONNECTION, **fields}))

    make()
    return make


def test_a_day_is_loaded_after_a_step_only_if_there_is_a_connection(connection, monkeypatch):
    assert LoadPostgresOperator(task_id="load_postgres", day=DAY).is_needed({})
    monkeypatch.delenv("NER_POSTGRES")
    assert not LoadPostgresOperator(task_id="load_postgres", day=DAY).is_needed({})


def load(day=DAY):
    return LoadPostgresOperator(task_id="load_postgres", day=day).execute({})


def test_without_a_connection_nothing_is_copied(published, fake):
    assert Settings.from_env().postgres is None
    with pytest.raises(
        AirflowSkipException, match="NER_POSTGRES names no Connection: days are copied into no database"
    ):
        load()
    assert fake.calls == []


def test_a_published_day_is_loaded_from_the_files_that_the_command_reads(published, connection, fake, store):
    fake.set("load-postgres", result=LOADED)
    assert load() == LOADED
    (call,) = fake.calls
    assert call["flags"]["day"] == [DAY]
    assert set(call["flags"]) == {"config", "report", "answers", "day", "threads"}


def test_the_password_reaches_the_command_in_its_environment_and_stands_nowhere_else(
    published, connection, fake, store, caplog
):
    fake.set("load-postgres", result=LOADED)
    with caplog.at_level(logging.DEBUG):
        result = load()
    (call,) = fake.calls
    given = {name: value for name, value in call["env"].items() if name.startswith("PG")}
    assert given == {
        "PGHOST": "db.example.org",
        "PGPORT": "6432",
        "PGUSER": "ann",
        "PGPASSWORD": "geheim",
        "PGDATABASE": "claims",
        "PGSSLMODE": "verify-full",
    }
    for text in (json.dumps(call["flags"]), json.dumps(result), caplog.text):
        assert "geheim" not in text


def test_variables_of_the_worker_for_other_databases_do_not_reach_the_command(published, connection, fake, monkeypatch):
    connection(host="", schema="", extra={})
    monkeypatch.setenv("PGDATABASE", "another")
    monkeypatch.setenv("PGSSLMODE", "disable")
    fake.set("load-postgres", result=LOADED)
    load()
    assert {name for name in fake.calls[0]["env"] if name.startswith("PG")} == {"PGPORT", "PGUSER", "PGPASSWORD"}


def test_a_withdrawn_day_is_deleted_in_the_database(connection, fake, store):
    fake.set("unload-postgres", result={"day": DAY})
    assert load() == {"day": DAY}
    assert (fake.verbs, fake.calls[0]["flags"]["day"]) == (["unload-postgres"], [DAY])


def test_a_damaged_manifest_deletes_nothing(published, connection, fake, store):
    (store.root / f"tagged/{DAY}/manifest.json").write_text("{")
    with pytest.raises(AirflowFailException, match=r"ArtifactBroken: .*expected JSON.*manifest\.json"):
        load()
    assert fake.verbs == []


@pytest.mark.parametrize(
    ("retryable", "expected"), [(True, StepFailed), (False, AirflowFailException)], ids=["down", "another-schema"]
)
def test_a_server_that_is_down_is_tried_again_and_another_schema_is_not(
    published, connection, fake, retryable, expected
):
    kind = "DatabaseUnavailable" if retryable else "ConfigInvalid"
    fake.set("load-postgres", error={"type": kind, "message": "found it", "retryable": retryable}, code=75)
    with pytest.raises(expected, match=f"{kind}: found it"):
        load()
    # the next try begins anew in the same folder
    fake.set("load-postgres", result=LOADED)
    assert load() == LOADED


@pytest.mark.runbook("nightly-tagging", "load_postgres: ConfigInvalid: found no Connection")
def test_a_connection_that_is_absent_or_of_another_type_is_one_line(published, fake, connection, monkeypatch):
    connection(conn_type="http")
    with pytest.raises(AirflowFailException, match="found Connection 'warehouse' of type 'http', expected postgres"):
        load()
    monkeypatch.delenv("AIRFLOW_CONN_WAREHOUSE")
    with pytest.raises(
        ConfigInvalid, match="found no Connection 'warehouse', expected the one that NER_POSTGRES names"
    ):
        read_connection("warehouse")


def test_a_day_that_is_none_is_refused(connection, fake):
    with pytest.raises(AirflowFailException, match="ConfigInvalid: found day"):
        load(day="")

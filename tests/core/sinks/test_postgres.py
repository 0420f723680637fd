"""A day in PostgreSQL is the whole day or none of it, whatever happens to the server or to us."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from contextlib import closing
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from ner_tasks.cli import app
from ner_tasks.errors import ArtifactBroken, Busy, ConfigInvalid, DatabaseUnavailable, InputMissing, StorageFull
from ner_tasks.sinks import postgres
from ner_tasks.sinks.postgres import describe_database, list_days, load_day, remove_day
from ner_tasks.sinks.postgres_errors import describe_postgres_error
from ner_tasks.steps.sinks import LoadPostgresCommand
from ner_tasks.store.folder import FolderStore
from ner_tasks.tagging.answer_ledger import AnswerLedger
from ner_tasks.tagging.exports.parquet import write_parquet
from ner_tasks.tagging.exports.tables import SCHEMA_VERSION
from tests import answers
from tests.distributed import programs
from tests.published import manifest_of

DAY, NEXT = "2026-03-14", "2026-03-15"
ROSA = answers.answer("a.txt", "Rosa Delgado lives in Tampa.", {"Rosa Delgado": "per", "Tampa": "geo"})
BOXES = {"page": 2, "boxes": [[12.3, 4.5, 60, 7.1]], "assertion": ["negated"], "section": "plan"}
NO_SERVER = "postgresql://ann@127.0.0.1:9/ner"


def publish(folder: Path, lines: list[dict], *, day: str = DAY) -> Path:
    """A folder of answers with its manifest and its tables."""
    folder.mkdir(exist_ok=True)
    (folder / "manifest.json").write_text(json.dumps(manifest_of(day, len(lines))))
    write_parquet(answers.write(folder / "documents.jsonl", lines), folder)
    return folder


# --- without a server


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://ann:geheim@db/ner",
        "postgresql://ann:geheim@[bad/ner",
        "postgres://:geheim@db",
        "postgresql://db/ner?password=geheim",
        "host=db password = geheim",
    ],
)
def test_an_address_with_a_password_is_refused_and_not_quoted(tmp_path: Path, address: str) -> None:
    with pytest.raises(ConfigInvalid, match="found a password in --database, expected it in PGPASSWORD") as refused:
        LoadPostgresCommand.parse({"answers": tmp_path, "database": address}, spell=lambda name: f"--{name}")
    assert "geheim" not in str(refused.value)


@pytest.mark.parametrize("address", ["", "postgresql://", "postgresql://ann@db:5432/ner?sslmode=verify-full"])
def test_an_address_without_a_password_is_taken(tmp_path: Path, address: str) -> None:
    assert LoadPostgresCommand.parse({"answers": tmp_path, "database": address}).database == address


@pytest.mark.parametrize("schema", ["Ner", 'a"b', "a b", "", "1a", "a" * 64])
def test_a_schema_is_a_plain_name(tmp_path: Path, schema: str) -> None:
    with pytest.raises(ConfigInvalid, match="expected text such as 'nightly_ner'"):
        LoadPostgresCommand.parse({"answers": tmp_path, "db_schema": schema})
    with pytest.raises(ConfigInvalid, match="found schema .*, expected a name such as 'nightly_ner'"):
        remove_day(date.fromisoformat(DAY), schema=schema)


@pytest.mark.runbook("nightly-tagging", "load_postgres: DatabaseUnavailable")
def test_a_server_that_is_down_is_one_line_that_a_retry_may_mend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", "geheim")
    with pytest.raises(
        DatabaseUnavailable, match=r"Connection refused.*expected a connection .*, at 127\.0\.0\.1:9/ner"
    ) as down:
        load_day([publish(tmp_path / "a", [ROSA])], database=NO_SERVER)
    assert down.value.retryable
    assert "geheim" not in str(down.value)
    assert "\n" not in str(down.value)


@pytest.mark.parametrize(
    ("sqlstate", "expected"),
    [
        ("53100", StorageFull),
        ("53300", DatabaseUnavailable),
        ("57P01", DatabaseUnavailable),
        ("40P01", DatabaseUnavailable),
        ("25006", DatabaseUnavailable),
        (None, DatabaseUnavailable),
        ("55P03", Busy),
        ("42501", ConfigInvalid),
        ("23505", ConfigInvalid),
    ],
)
def test_errors_of_the_server_have_their_type_and_quote_no_row(sqlstate: str | None, expected: type) -> None:
    error = describe_postgres_error("COPY entities, line 1: Rosa Delgado", sqlstate, "db:5432/ner")
    assert type(error) is expected
    assert str(error).endswith("at db:5432/ner")
    assert "Rosa" not in str(error)


def test_a_password_that_the_driver_repeats_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "geheim")
    error = describe_postgres_error("IO: [libpq] Failed to connect: no geheim here\nnor there", None, "db")
    assert str(error) == "found 'no *** here', expected a connection to PostgreSQL, at db"


def test_the_database_is_named_by_address_and_variables() -> None:
    assert describe_database("postgresql://ann@db:6432/ner?x=1", {}) == "db:6432/ner"
    assert describe_database("", {"PGHOST": "h", "PGPORT": "1", "PGDATABASE": "d"}) == "h:1/d"
    assert describe_database("", {}) == "localhost:5432"
    assert describe_database("postgresql://db:port/ner", {}) == "the given address"


def test_a_damaged_or_missing_table_is_one_line_before_any_connection(tmp_path: Path) -> None:
    folder = publish(tmp_path / "a", [ROSA])
    (folder / "entities.parquet").write_bytes(b"PAR1")
    with pytest.raises(ArtifactBroken, match=r"expected Parquet, at .*entities\.parquet"):
        load_day([folder], database=NO_SERVER)
    (folder / "entities.parquet").unlink()
    with pytest.raises(InputMissing, match="expected a table of a published day, or of `convert --to parquet`"):
        load_day([folder], database=NO_SERVER)


def test_a_table_with_other_rows_than_the_manifest_counts_is_refused(tmp_path: Path) -> None:
    folder = publish(tmp_path / "a", [ROSA])
    (folder / "manifest.json").write_text(json.dumps(manifest_of(DAY, 2)))
    with pytest.raises(ArtifactBroken, match=r"found 1 rows, expected 2 as in manifest\.json"):
        load_day([folder], database=NO_SERVER)


def test_a_nul_is_told_by_its_escape_also_in_a_list() -> None:
    assert postgres._adapt("text", pa.array(["a\0b", None, "c"])).to_pylist() == ["a\\x00b", None, "c"]
    assert postgres._adapt("unread", pa.array([["\0"], None, []])).to_pylist() == [["\\x00"], None, []]
    same = pa.array(["ab", None])
    assert postgres._adapt("text", same) is same


# --- with a server


@pytest.fixture(scope="module")
def server():
    """The address of a server."""
    if programs.find("initdb") is None:
        (pytest.fail if os.environ.get(programs.REQUIRED) else pytest.skip)("found no initdb, expected PostgreSQL")
    from tests.postgres import running

    with running() as url:
        yield url.replace("+psycopg2", "")


@pytest.fixture
def database(server):
    """A database of the test's own: its address."""
    name = f"test_{time.monotonic_ns()}"
    run(server, f"CREATE DATABASE {name}", autocommit=True)
    return f"{server.rpartition('/')[0]}/{name}"


def run(address: str, statement: str, *, autocommit: bool = False) -> list[tuple]:
    from adbc_driver_postgresql import dbapi

    with closing(dbapi.connect(address, autocommit=autocommit)) as connection, closing(connection.cursor()) as cursor:
        cursor.execute(statement)
        rows = cursor.fetchall() if statement.startswith(("SELECT", "TABLE")) else []
        if not autocommit:
            connection.commit()
        return rows


def mentions(address: str, day: str = DAY) -> list[str]:
    return [
        text for (text,) in run(address, f"SELECT text FROM nightly_ner.entities WHERE day = '{day}' ORDER BY start")
    ]


@pytest.mark.distributed
def test_a_day_is_there_as_its_tables_say(database: str, tmp_path: Path) -> None:
    first, *others = ROSA["entities"]
    line = {**ROSA, "entities": [{**first, **BOXES}, *others]}
    line["receipt"] = {**ROSA["receipt"], "unread": ["page 3: \0"], "items": {"page": {"unread": 1}}}
    done = load_day([publish(tmp_path / "a", [line])], database=database)
    assert done == {"day": DAY, "n_documents": 1, "n_entities": 2}
    columns = '"start", "end", label, text, score, page, boxes #>> \'{0,2}\', section, assertion, day::text'
    assert run(database, f"SELECT {columns} FROM nightly_ner.entities ORDER BY start") == [
        (0, 12, "per", "Rosa Delgado", 0.9, 2, "60.0", "plan", ["negated"], DAY),
        (22, 27, "geo", "Tampa", 0.9, None, None, None, None, DAY),
    ]
    assert run(database, "SELECT document, unread, n_entities FROM nightly_ner.documents") == [
        ("a.txt", ["page 3: \\x00"], 2)
    ]
    assert run(database, "SELECT day::text, model_version, night, n_documents, n_entities FROM nightly_ner.days") == [
        (DAY, "v1", "n", 1, 2)
    ]
    assert run(database, "SELECT version FROM nightly_ner.schema_version") == [(SCHEMA_VERSION,)]


@pytest.mark.distributed
def test_a_day_loaded_twice_is_there_once_and_other_days_stay(database: str, tmp_path: Path) -> None:
    for day in (DAY, NEXT, DAY):
        load_day([publish(tmp_path / "a", [ROSA], day=day)], database=database)
    assert mentions(database) == mentions(database, NEXT) == ["Rosa Delgado", "Tampa"]
    assert run(database, "SELECT count(*) FROM nightly_ner.days") == [(2,)]


@pytest.mark.distributed
def test_a_day_that_has_changed_is_replaced_and_a_withdrawn_one_removed(database: str, tmp_path: Path) -> None:
    load_day([publish(tmp_path / "a", [ROSA])], database=database)
    other = answers.answer("b.txt", "Ann left.", {"Ann": "per"})
    load_day([publish(tmp_path / "a", [other])], database=database)
    assert mentions(database) == ["Ann"]
    for _ in range(2):
        assert remove_day(date.fromisoformat(DAY), database=database) == {"day": DAY}
    assert mentions(database) == run(database, "SELECT day FROM nightly_ner.days") == []


@pytest.mark.distributed
def test_the_days_that_are_there_are_listed_and_nothing_is_made(database: str, tmp_path: Path) -> None:
    assert list_days(database=database) == {}
    assert run(database, "SELECT nspname::text FROM pg_catalog.pg_namespace WHERE nspname = 'nightly_ner'") == []
    for day in (DAY, NEXT):
        load_day([publish(tmp_path / "a", [ROSA], day=day)], database=database)
    assert list_days(database=database) == {DAY: "n", NEXT: "n"}


@pytest.mark.distributed
def test_a_store_is_checked_against_its_copies(
    database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    day = publish(tmp_path / "a", [{**ROSA, "file": "a.txt"}])
    for name in ("rejected", "ignored"):
        (day / f"{name}.jsonl").touch()
    with AnswerLedger(day) as ledger:
        ledger.commit()
    manifest = {**manifest_of(DAY, 1), "n_rejected": 0}
    (day / "manifest.json").write_text(json.dumps(manifest))
    store = FolderStore(tmp_path / "store")
    store.publish(day, f"tagged/{DAY}", marker="manifest.json")
    (tmp_path / "rejects").mkdir()
    (tmp_path / "rejects" / "rejected.jsonl").touch()
    store.publish(tmp_path / "rejects", f"rejected/{DAY}")
    flags = ["--store", str(store.root), "--postgres", "1", "--database", database]
    assert app.main(["check-store", *flags]) == 77
    # as it is printed
    (line,) = capsys.readouterr().out.splitlines()
    assert app.main(shlex.split(line.split("; ")[1])[3:]) == 0
    assert app.main(["check-store", *flags]) == 0
    assert list_days(database=database) == {DAY: "n"}


@pytest.mark.distributed
def test_a_day_without_documents_and_without_a_night_is_loaded(database: str, tmp_path: Path) -> None:
    folder = publish(tmp_path / "a", [])
    (folder / "manifest.json").write_text(json.dumps({"model_version": "v0"}))
    assert load_day([folder], day=DAY, database=database)["n_documents"] == 0
    assert run(database, "SELECT n_documents, night FROM nightly_ner.days") == [(0, None)]


@pytest.mark.distributed
def test_nul_and_half_a_surrogate_are_told_by_their_escapes(database: str, tmp_path: Path) -> None:
    line = answers.answer("a\0\udce9", "x\0y \ud800 left", {"x\0y \ud800": "per"})
    load_day([publish(tmp_path / "a", [line])], database=database)
    assert mentions(database) == [r"x\x00y \ud800"]
    assert run(database, "SELECT document FROM nightly_ner.documents") == [(r"a\x00\udce9",)]


def slow_down(address: str, table: str) -> None:
    """Let each row of a table take seconds."""
    run(
        address,
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(5); RETURN NEW; END $$",
    )
    run(address, f"CREATE TRIGGER slow BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION slow()")


def start_loading(folder: Path, address: str) -> subprocess.Popen:
    """Load in another process, and wait until it is inserting."""
    command = [sys.executable, "-m", "ner_tasks", "load-postgres", "--answers", folder, "--database", address]
    child = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    busy = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"
    programs.wait(lambda: run(address, busy) != [(0,)], "a load that inserts", seconds=120)
    return child


@pytest.mark.distributed
def test_a_load_that_is_killed_leaves_the_day_as_it_was_and_can_be_repeated(database: str, tmp_path: Path) -> None:
    load_day([publish(tmp_path / "a", [ROSA])], database=database)
    slow_down(database, "nightly_ner.entities")
    other = answers.answer("b.txt", "Ann left.", {"Ann": "per"})
    child = start_loading(publish(tmp_path / "b", [other, other]), database)
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    assert mentions(database) == ["Rosa Delgado", "Tampa"]
    assert run(database, "SELECT n_documents FROM nightly_ner.days") == [(1,)]
    run(database, "DROP TRIGGER slow ON nightly_ner.entities")
    assert load_day([tmp_path / "b"], database=database)["n_documents"] == 2
    assert mentions(database) == ["Ann", "Ann"]


@pytest.mark.distributed
def test_a_server_that_stops_meanwhile_leaves_the_day_as_it_was(database: str, tmp_path: Path) -> None:
    load_day([publish(tmp_path / "a", [ROSA])], database=database)
    slow_down(database, "nightly_ner.documents")
    child = start_loading(publish(tmp_path / "b", [ROSA, ROSA]), database)
    run(database, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
    _, said = child.communicate(timeout=120)
    assert child.returncode == DatabaseUnavailable.exit_code
    assert re.fullmatch(r"error: DatabaseUnavailable: found .*, expected PostgreSQL to .*, at 127\.0\.0\.1:.*\n", said)
    assert run(database, "SELECT n_documents FROM nightly_ner.days") == [(1,)]


@pytest.mark.runbook("nightly-tagging", "load_postgres: StorageFull")
@pytest.mark.distributed
def test_a_full_server_is_named_so_and_leaves_the_day_as_it_was(database: str, tmp_path: Path) -> None:
    load_day([publish(tmp_path / "a", [ROSA])], database=database)
    # what PostgreSQL raises when its file system is full
    run(
        database,
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'could not extend file: no space left' USING ERRCODE = 'disk_full'; END $$",
    )
    run(database, "CREATE TRIGGER f BEFORE INSERT ON nightly_ner.entities FOR EACH ROW EXECUTE FUNCTION full_disk()")
    with pytest.raises(StorageFull, match=r"found no space left on the server \(53100\), expected room") as full:
        load_day([tmp_path / "a"], database=database)
    assert full.value.retryable
    assert mentions(database) == ["Rosa Delgado", "Tampa"]


@pytest.mark.distributed
def test_two_loads_at_once_do_not_both_insert_the_day(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_day([publish(tmp_path / "a", [ROSA])], database=database)
    slow_down(database, "nightly_ner.entities")
    child = start_loading(tmp_path / "a", database)
    monkeypatch.setattr(postgres, "_LOCK_WAIT", "1s")
    with pytest.raises(Busy, match="found another process at work, expected to be alone on these tables"):
        load_day([tmp_path / "a"], database=database)
    child.kill()
    child.communicate()


@pytest.mark.runbook("nightly-tagging", "load_postgres: ConfigInvalid: found table")
@pytest.mark.distributed
@pytest.mark.parametrize(
    ("statements", "complaint"),
    [
        (
            ["CREATE SCHEMA nightly_ner", "CREATE TABLE nightly_ner.documents (id int)"],
            "found table nightly_ner.documents without nightly_ner.schema_version, expected tables that this command made",
        ),
        (
            ["ALTER TABLE nightly_ner.entities ALTER start TYPE text"],
            "found column start of type text, expected bigint, in nightly_ner.entities of ",
        ),
        (["ALTER TABLE nightly_ner.days DROP night"], "found no column night, expected text, in nightly_ner.days of "),
        (
            ["UPDATE nightly_ner.schema_version SET version = 99"],
            "found tables of schema version 99, expected at most ",
        ),
        (["DELETE FROM nightly_ner.schema_version"], "found 0 rows, expected one, in nightly_ner.schema_version of "),
    ],
)
def test_tables_of_another_schema_are_one_line(
    database: str, tmp_path: Path, statements: list[str], complaint: str
) -> None:
    folder = publish(tmp_path / "a", [ROSA])
    if not statements[0].startswith("CREATE"):
        load_day([folder], database=database)
    for statement in statements:
        run(database, statement)
    with pytest.raises(ConfigInvalid, match=re.escape(complaint)):
        load_day([folder], database=database)


@pytest.mark.distributed
def test_tables_of_an_earlier_version_get_the_new_columns_and_keep_their_rows(database: str, tmp_path: Path) -> None:
    load_day([publish(tmp_path / "a", [ROSA], day=NEXT)], database=database)
    for column in ("section", "assertion"):
        run(database, f"ALTER TABLE nightly_ner.entities DROP {column}")
    run(database, "UPDATE nightly_ner.schema_version SET version = 1")
    load_day([publish(tmp_path / "a", [ROSA])], database=database)
    assert mentions(database, NEXT) == mentions(database) == ["Rosa Delgado", "Tampa"]
    assert run(database, "SELECT version FROM nightly_ner.schema_version") == [(SCHEMA_VERSION,)]


@pytest.mark.distributed
def test_who_owns_nothing_but_may_insert_and_delete_can_load(database: str, tmp_path: Path) -> None:
    load_day([publish(tmp_path / "a", [ROSA])], database=database)
    user = f"loader_{time.monotonic_ns()}"
    run(database, f"CREATE ROLE {user} LOGIN")
    address = database.replace("airflow@", f"{user}@")
    with pytest.raises(ConfigInvalid, match=r"found a right missing \(42501\)"):
        load_day([tmp_path / "a"], database=address)
    run(database, f"GRANT USAGE ON SCHEMA nightly_ner TO {user}")
    run(database, f"GRANT SELECT, INSERT, DELETE ON ALL TABLES IN SCHEMA nightly_ner TO {user}")
    assert load_day([tmp_path / "a"], database=address)["n_entities"] == 2


@pytest.mark.distributed
def test_the_variables_of_libpq_say_what_the_address_does_not(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, port, name = re.fullmatch(r"postgresql://airflow@([^:]+):(\d+)/(\w+)", database).groups()
    for variable, value in {"PGHOST": host, "PGPORT": port, "PGDATABASE": name, "PGUSER": "airflow"}.items():
        monkeypatch.setenv(variable, value)
    load_day([publish(tmp_path / "a", [ROSA])])
    assert mentions(database) == ["Rosa Delgado", "Tampa"]


@pytest.mark.distributed
def test_a_damaged_row_group_is_our_error_and_changes_nothing(database: str, tmp_path: Path) -> None:
    load_day([publish(tmp_path / "a", [ROSA])], database=database)
    path = tmp_path / "a" / "entities.parquet"
    content = bytearray(path.read_bytes())
    content[4:60] = bytes(56)  # the first pages; the footer stays
    path.write_bytes(content)
    with pytest.raises(ArtifactBroken, match=r"expected rows of a day, at .*entities\.parquet"):
        load_day([tmp_path / "a"], database=database)
    assert mentions(database) == ["Rosa Delgado", "Tampa"]

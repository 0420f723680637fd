import configparser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "airflow.cfg").read_text()


@pytest.fixture(scope="module")
def written():
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(TEXT)
    return parser


def options(parser):
    return [(section, name) for section in parser.sections() for name in parser[section]]


def test_airflow_knows_every_option(written):
    from airflow.configuration import conf

    known = conf.configuration_description
    for section, name in options(written):
        assert name in known[section]["options"], f"[{section}] {name}"


def test_every_option_is_an_override(written):
    from airflow.configuration import conf

    said_anyway = {("core", "executor")}
    same = {
        (section, name)
        for section, name in options(written)
        if written[section][name] == conf.get_default_value(section, name)
    }
    assert same == said_anyway


def test_no_secret_is_written_down(written):
    from airflow.configuration import conf

    sensitive = {
        (section, name)
        for section, options in conf.configuration_description.items()
        for name, option in options["options"].items()
        if option.get("sensitive")
    }
    assert sensitive & set(options(written)) <= {("database", "sql_alchemy_conn")}


def test_nothing_listens_beyond_this_machine(written):
    assert written["api"]["host"] == "127.0.0.1"


def test_a_reason_stands_above_what_is_changed():
    lines = TEXT.splitlines()
    reasons = sum(line.startswith("#") for line in lines)
    assert reasons >= 18
    assert not [line for line in lines if "=" in line and not line.startswith("#") and " #" in line]


@pytest.mark.runbook("airflow", "database is locked")
def test_sqlite_waits_for_its_lock_and_postgres_gets_no_argument_of_sqlite():
    from ner_airflow.database import make_connect_args

    assert make_connect_args("sqlite:////x/airflow.db") == {"timeout": 30}
    assert make_connect_args("postgresql+psycopg2://db/airflow") == {}

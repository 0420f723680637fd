"""A child process gets what it needs of the environment, and nothing else, whatever its name."""

import select
from pathlib import Path

import pytest

from ner_tasks import child_environment
from ner_tasks.documents.sandbox.sandbox_process import ReaderProcess
from ner_tasks.documents.types import Limits

SECRETS = {
    "MY_DB_PASSWORD": "secret",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "secret",
    "AIRFLOW_CONN_X": "secret",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "KAGGLE_KEY": "secret",
    "NER_AIRFLOW_DATABASE": "secret",
    "LD_PRELOAD": "",
}
SETTINGS = {"HOME": "/tmp", "HTTPS_PROXY": "http://proxy:3128", "NER_STORE": "/store", "TF_CPP_MIN_LOG_LEVEL": "2"}
NEEDED = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC", "TESSDATA_PREFIX": "/tessdata"}


@pytest.fixture
def env(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**SECRETS, **SETTINGS, **NEEDED}.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("env")
def test_a_reader_gets_no_secret_no_setting_no_home_and_no_proxy() -> None:
    reader = ReaderProcess(Limits())
    try:
        assert select.select([reader.output], [], [], 60)[0]  # it has started
        raw = Path(f"/proc/{reader._process.pid}/environ").read_bytes().decode()
    finally:
        reader.stop()
    seen = dict(entry.split("=", 1) for entry in raw.split("\0") if entry)
    assert not seen.keys() & {*SECRETS, *SETTINGS}
    assert NEEDED.items() <= seen.items()
    assert {"PYTHONPATH", "TMPDIR", "OMP_THREAD_LIMIT"} <= seen.keys()


@pytest.mark.usefixtures("env")
def test_a_step_gets_settings_and_a_home_but_no_secret() -> None:
    seen = child_environment.step_environment()
    assert not seen.keys() & {*SECRETS, "HTTPS_PROXY"}
    assert {**NEEDED, **SETTINGS, "HTTPS_PROXY": None}.keys() - seen.keys() == {"HTTPS_PROXY"}


@pytest.mark.usefixtures("env")
def test_proxies_reach_only_the_steps_that_use_the_network() -> None:
    assert child_environment.step_environment(network=True)["HTTPS_PROXY"] == SETTINGS["HTTPS_PROXY"]

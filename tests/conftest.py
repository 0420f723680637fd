"""Set up Airflow's configuration and a temporary home before anything imports Airflow."""

import atexit
import os
import shutil
import tempfile
import uuid
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, settings

# Machines are shared: how long an example takes there says nothing about the code.
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared")

ROOT = Path(__file__).resolve().parent.parent
_HOME = tempfile.mkdtemp(prefix="ner-airflow-")
atexit.register(shutil.rmtree, _HOME, ignore_errors=True)

for _name in [
    name for name in os.environ if name.startswith(("AIRFLOW__", "NER_")) and name not in ("NER_GMB", "NER_BC5CDR")
]:
    del os.environ[_name]
os.environ.update(AIRFLOW_HOME=_HOME, AIRFLOW_CONFIG=str(ROOT / "airflow.cfg"), NER_HOME=str(ROOT))


@pytest.fixture(scope="session")
def s3_server():
    """An S3 server, started for the first test that asks: its URL and a client."""
    from tests import s3

    with s3.running() as url:
        yield SimpleNamespace(url=url, client=s3.client(url))


@pytest.fixture
def s3(s3_server, monkeypatch):
    """A bucket of the test's own; boto3 finds its server, and no credentials but the test's."""
    from tests import s3

    for name, value in s3.CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server.url)
    bucket = f"test-{uuid.uuid4().hex}"
    s3_server.client.create_bucket(Bucket=bucket)
    return SimpleNamespace(client=s3_server.client, bucket=bucket, url=s3_server.url)


@pytest.fixture
def proxy(s3, monkeypatch):
    """What stands before the server from now on."""
    from tests.s3 import Proxy

    with (between := Proxy(s3.url)).running() as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        yield between


@pytest.fixture(scope="module")
def browser():
    """A real Chromium, driven by Playwright."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        started = play.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield started
        started.close()

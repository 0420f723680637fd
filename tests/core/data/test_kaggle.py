"""Kaggle's own client against a server on loopback."""

import base64
import io
import json
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from kagglesdk import kaggle_env

from ner_tasks.data.kaggle import download_dataset
from ner_tasks.errors import ConfigInvalid, DataRejected, InputMissing

DATASET = "somebody/entities"
LABELLED = "Sentence #,Word,POS,Tag\r\nSentence: 1,Rome,NNP,B-geo\r\n"
FILES = {"ner_dataset.csv": LABELLED, "ner.csv": ",lemma,next-lemma\r\n0,x,y\r\n", "about.md": "# data"}


class Kaggle:
    """What the server has, whom it lets in, and what it was asked for."""

    def __init__(self):
        self.files, self.version, self.status, self.asked = dict(FILES), 4, 200, []
        self.secret = "Basic " + base64.b64encode(b"ann:secret").decode()

    def answer(self, handler):
        name = handler.path.rsplit("/", 1)[-1]
        self.asked.append(name)
        request = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        status = self.status if handler.headers.get("Authorization") == self.secret else 401
        if status == 200 and (request["ownerSlug"], request["datasetSlug"]) != tuple(DATASET.split("/")):
            status = 404
        kind, body = "application/json", b"{}"
        if status == 200 and name == "GetDataset":
            body = json.dumps({"currentVersionNumber": self.version}).encode()
        elif status == 200:
            kind, body = "application/zip", self.archive()
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def archive(self):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, text in self.files.items():
                archive.writestr(name, text)
        return buffer.getvalue()


@pytest.fixture
def kaggle(monkeypatch, tmp_path):
    served = Kaggle()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            served.answer(self)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    where = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("KAGGLE_API_ENVIRONMENT", "LOCALHOST")
    monkeypatch.setitem(kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.LOCAL, where)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path / "home"))
    monkeypatch.setenv("KAGGLEHUB_CACHE", "")
    monkeypatch.delenv("KAGGLE_API_TOKEN", raising=False)
    monkeypatch.setenv("KAGGLE_USERNAME", "ann")
    monkeypatch.setenv("KAGGLE_KEY", "secret")
    yield served
    server.shutdown()
    server.server_close()


def test_the_labelled_file_of_a_data_set_is_fetched_with_its_version(kaggle, tmp_path):
    report = download_dataset(DATASET, tmp_path / "batch", tmp_path / "cache")

    assert (report["version"], report["files"], report["left_out"]) == (
        "4",
        ["ner_dataset.csv"],
        ["about.md", "ner.csv"],
    )
    assert (tmp_path / "batch" / "ner_dataset.csv").read_bytes() == LABELLED.encode()
    assert [path.name for path in (tmp_path / "batch").iterdir()] == ["ner_dataset.csv"]


def test_a_version_is_fetched_once_and_a_newer_one_again(kaggle, tmp_path):
    for version in (4, 4, 5):
        kaggle.version = version
        assert download_dataset(DATASET, tmp_path / "batch", tmp_path / "cache")["version"] == str(version)

    assert kaggle.asked.count("DownloadDataset") == 2


@pytest.mark.runbook("retraining", "collect: ConfigInvalid: found no Kaggle credentials")
def test_without_credentials_nothing_is_asked_and_the_line_says_what_is_missing(kaggle, tmp_path, monkeypatch):
    monkeypatch.delenv("KAGGLE_KEY")
    with pytest.raises(ConfigInvalid, match="found no Kaggle credentials, expected KAGGLE_USERNAME and KAGGLE_KEY, or"):
        download_dataset(DATASET, tmp_path / "batch", tmp_path / "cache")
    assert kaggle.asked == []


def test_refused_credentials_and_a_misspelt_data_set_are_said(kaggle, tmp_path, monkeypatch):
    with pytest.raises(InputMissing, match="found no data set 'somebody/else'"):
        download_dataset("somebody/else", tmp_path / "batch", tmp_path / "cache")
    with pytest.raises(ConfigInvalid, match="found data set 'nonsense', expected owner/name"):
        download_dataset("nonsense", tmp_path / "batch", tmp_path / "cache")
    monkeypatch.setenv("KAGGLE_KEY", "wrong")
    with pytest.raises(ConfigInvalid, match=r"found credentials that Kaggle refuses \(401\)") as raised:
        download_dataset(DATASET, tmp_path / "batch", tmp_path / "cache")
    assert "wrong" not in str(raised.value)


def test_a_server_that_fails_is_weather_and_leaves_nothing(kaggle, tmp_path):
    kaggle.status = 503
    with pytest.raises(Exception, match="503") as raised:
        download_dataset(DATASET, tmp_path / "batch", tmp_path / "cache")
    assert not isinstance(raised.value, (ConfigInvalid, InputMissing, DataRejected))
    assert not (tmp_path / "batch").exists()


def test_a_data_set_without_labelled_data_is_refused(kaggle, tmp_path):
    del kaggle.files["ner_dataset.csv"]
    with pytest.raises(DataRejected, match=r"found about\.md, ner\.csv, expected a labelled file"):
        download_dataset(DATASET, tmp_path / "batch", tmp_path / "cache")
    assert not (tmp_path / "batch").exists()

import os
from datetime import timedelta
from pathlib import Path

import pytest

from ner_tasks.errors import ConfigInvalid
from ner_tasks.settings import Settings, night_deadline, runbook_url, unknown_variables


@pytest.fixture
def read(monkeypatch):
    """Reads the settings of an environment that has these variables and no others of ours."""

    def read(env):
        for name in list(os.environ):
            if name.startswith("NER_"):
                monkeypatch.delenv(name)
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        return Settings.from_env()

    return read


def test_without_settings_everything_lies_in_var(read):
    settings = read({})
    assert settings.store == str(Path("var/store").absolute())
    assert settings.threads >= 1
    assert settings.python.is_file()


def test_a_setting_is_taken_from_the_environment(read):
    settings = read({"NER_STORE": "/data/ner", "NER_THREADS": "8", "NER_PYTHON": "/opt/ml/bin/python"})
    assert (settings.store, settings.threads, settings.python) == ("/data/ner", 8, Path("/opt/ml/bin/python"))


def test_a_store_on_s3_is_taken_as_it_is_written(read):
    assert read({"NER_STORE": "s3://bucket/ner"}).store == "s3://bucket/ner"


def test_scans_are_in_english_unless_they_are_said_to_be_in_other_languages(read):
    assert read({}).ocr_languages == "eng"
    settings = read({"NER_OCR": "1", "NER_OCR_LANGUAGES": "eng+spa", "NER_MIN_OCR_CONFIDENCE": "62.5"})
    assert (settings.ocr, settings.ocr_languages, settings.min_ocr_confidence) == (True, "eng+spa", 62.5)


@pytest.mark.parametrize(
    "env",
    [
        {"NER_OCR_LANGUAGES": "eng spa"},
        {"NER_OCR_LANGUAGES": "-psm"},
        {"NER_OCR_LANGUAGES": "../eng"},
        {"NER_MIN_OCR_CONFIDENCE": "0"},
        {"NER_MIN_OCR_CONFIDENCE": "101"},
        {"NER_MIN_OCR_CONFIDENCE": "nan"},
        {"NER_MIN_OCR_CONFIDENCE": "half"},
        {"NER_FILE_MINUTES": "0"},
        {"NER_FILE_MINUTES": "inf"},
        {"NER_FILE_WORDS": "0"},
        {"NER_FILE_WORDS": "many"},
        {"NER_READERS": "two"},
        {"NER_READERS": "-1"},
    ],
)
def test_how_documents_are_read_is_checked(env, read):
    with pytest.raises(ConfigInvalid, match="^found NER_.*expected"):
        read(env)


def test_a_deployment_has_limits_of_its_own(read):
    limits = read({"NER_MIN_SPEED_UP": "0", "NER_MIN_F1": "0.8"}).limits
    assert (limits.min_speed_up, limits.min_f1, limits.max_f1_loss) == (0.0, 0.8, None)


@pytest.mark.parametrize(
    "env", [{"NER_THREADS": "0"}, {"NER_THREADS": "many"}, {"NER_STORE": "gs://bucket/ner"}, {"NER_MIN_F1": "2"}]
)
def test_a_setting_that_cannot_be_is_one_clear_line(env, read):
    with pytest.raises(ConfigInvalid, match="^found .*expected"):
        read(env)


@pytest.mark.parametrize(
    ("text", "after"),
    [("", timedelta(hours=4)), ("0.5", timedelta(minutes=30)), ("168", timedelta(days=7)), ("0", None)],
)
def test_a_deadline_is_a_number_of_hours(monkeypatch, text, after):
    monkeypatch.setenv("NER_DEADLINE", text)
    assert night_deadline() == after


@pytest.mark.runbook("notices-and-metrics", "ConfigInvalid: found NER_DEADLINE among the import errors")
@pytest.mark.parametrize("text", ["05:30", "-1", "169", "nan", "inf"])
def test_a_deadline_is_a_number_of_hours_and_nothing_else(monkeypatch, text):
    monkeypatch.setenv("NER_DEADLINE", text)
    with pytest.raises(ConfigInvalid, match=f"found NER_DEADLINE = '{text}', expected"):
        night_deadline()


def test_the_runbook_is_ours_unless_there_is_another(monkeypatch):
    monkeypatch.setenv("NER_RUNBOOK", "")
    assert runbook_url() is None
    monkeypatch.setenv("NER_RUNBOOK", "https://wiki.example.org/ner")
    # the address of the runbook is known even if the deadline is wrong
    monkeypatch.setenv("NER_DEADLINE", "never")
    assert runbook_url() == "https://wiki.example.org/ner"


def test_a_name_that_is_no_setting_is_reported_with_the_one_that_was_meant(read):
    assert unknown_variables({"NER_STORE": "", "NER_HOME": "", "PATH": ""}) == []
    (notice,) = unknown_variables(["NER_TREADS"])
    assert "NER_TREADS" in notice and "did you mean NER_THREADS?" in notice

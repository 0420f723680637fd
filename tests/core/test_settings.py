from datetime import timedelta
from pathlib import Path

import pytest

from ner_tasks.errors import ConfigInvalid
from ner_tasks.settings import Settings, night_deadline, runbook_url


def test_without_settings_everything_lies_in_var():
    settings = Settings.from_env({})
    assert settings.store == str(Path("var/store").absolute())
    assert settings.n_threads >= 1
    assert settings.python.is_file()


def test_a_setting_is_taken_from_the_environment():
    settings = Settings.from_env({"NER_STORE": "/data/ner", "NER_THREADS": "8", "NER_PYTHON": "/opt/ml/bin/python"})
    assert (settings.store, settings.n_threads, settings.python) == ("/data/ner", 8, Path("/opt/ml/bin/python"))


def test_a_store_on_s3_is_taken_as_it_is_written():
    assert Settings.from_env({"NER_STORE": "s3://bucket/ner"}).store == "s3://bucket/ner"


def test_scans_are_in_english_unless_they_are_said_to_be_in_other_languages():
    assert Settings.from_env({}).ocr_languages == "eng"
    settings = Settings.from_env({"NER_OCR": "1", "NER_OCR_LANGUAGES": "eng+spa", "NER_MIN_OCR_CONFIDENCE": "62.5"})
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
def test_how_documents_are_read_is_checked(env):
    with pytest.raises(ConfigInvalid, match="^found NER_.*expected"):
        Settings.from_env(env)


def test_a_deployment_has_limits_of_its_own():
    limits = Settings.from_env({"NER_MIN_SPEED_UP": "0", "NER_MIN_F1": "0.8"}).limits
    assert (limits.min_speed_up, limits.min_f1, limits.max_f1_loss) == (0.0, 0.8, None)


@pytest.mark.parametrize(
    "env", [{"NER_THREADS": "0"}, {"NER_THREADS": "many"}, {"NER_STORE": "gs://bucket/ner"}, {"NER_MIN_F1": "2"}]
)
def test_a_setting_that_cannot_be_is_one_clear_line(env):
    with pytest.raises(ConfigInvalid, match="^found .*expected"):
        Settings.from_env(env)


@pytest.mark.parametrize(
    ("text", "after"),
    [("", timedelta(hours=4)), ("0.5", timedelta(minutes=30)), ("168", timedelta(days=7)), ("0", None)],
)
def test_a_deadline_is_a_number_of_hours(text, after):
    assert night_deadline({"NER_DEADLINE": text}) == after


@pytest.mark.runbook("notices-and-metrics", "ConfigInvalid: found NER_DEADLINE among the import errors")
@pytest.mark.parametrize("text", ["05:30", "-1", "169", "nan", "inf"])
def test_a_deadline_is_a_number_of_hours_and_nothing_else(text):
    with pytest.raises(ConfigInvalid, match=f"found NER_DEADLINE='{text}', expected hours, 0 to 168"):
        night_deadline({"NER_DEADLINE": text})


def test_the_runbook_is_ours_unless_there_is_another():
    assert runbook_url({"NER_RUNBOOK": ""}) is None
    assert runbook_url({"NER_RUNBOOK": "https://wiki.example.org/ner"}) == "https://wiki.example.org/ner"

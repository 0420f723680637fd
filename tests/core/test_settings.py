from pathlib import Path

import pytest

from ner_tasks.errors import ConfigInvalid
from ner_tasks.settings import Settings


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


def test_a_deployment_has_limits_of_its_own():
    limits = Settings.from_env({"NER_MIN_SPEED_UP": "0", "NER_MIN_F1": "0.8"}).limits
    assert (limits.min_speed_up, limits.min_f1, limits.max_f1_loss) == (0.0, 0.8, None)


@pytest.mark.parametrize(
    "env", [{"NER_THREADS": "0"}, {"NER_THREADS": "many"}, {"NER_STORE": "gs://bucket/ner"}, {"NER_MIN_F1": "2"}]
)
def test_a_setting_that_cannot_be_is_one_clear_line(env):
    with pytest.raises(ConfigInvalid, match="^found .*expected"):
        Settings.from_env(env)

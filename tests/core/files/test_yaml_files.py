"""Settings in YAML: what they say twice, or do not know, is an error of one line."""

from collections.abc import Mapping

import pytest

from ner_tasks.errors import ConfigInvalid
from ner_tasks.files.yaml_files import StrictModel, read_yaml


class Settings(StrictModel):
    names: Mapping[str, int] = {}
    others: Mapping[str, Mapping[str, int]] = {}


@pytest.fixture
def read(tmp_path):
    def read_text(text):
        path = tmp_path / "settings.yaml"
        path.write_text(text, encoding="utf-8")
        return read_yaml(Settings, path, kind="settings", expected="names")

    return read_text


@pytest.mark.parametrize(
    "text",
    ["names: {}\nnames: {}", "names: {a: 1, b: 2, a: 1}", "names:\n  a: 1\n  'a': 2", "others: {x: {a: 1, a: 2}}"],
)
def test_a_key_that_stands_twice_is_an_error(read, text):
    with pytest.raises(
        ConfigInvalid, match=r"found key '\w+' twice in .*, line \d.*, expected YAML, in .*settings.yaml"
    ) as caught:
        read(text)
    assert "\n" not in str(caught.value)


def test_the_same_key_may_stand_in_two_mappings_and_replace_a_merged_one(read):
    settings = read("names: &names {a: 1, b: 2}\nothers:\n  x: {<<: *names, a: 3}\n  y: *names\n")
    assert settings == Settings(names={"a": 1, "b": 2}, others={"x": {"a": 3, "b": 2}, "y": {"a": 1, "b": 2}})

"""Read settings from YAML files: unknown keys are errors, and errors are one line."""

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from ner_tasks.errors import ConfigInvalid, InputMissing


class StrictModel(BaseModel):
    """A group of settings; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class _SettingsLoader(yaml.SafeLoader):
    """Reads plain values; a key that stands twice in one mapping is an error: the first value would be lost."""

    def compose_mapping_node(self, anchor: dict[Any, yaml.Node]) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        keys: set[tuple[str, str]] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if (key.tag, key.value) in keys:
                    raise yaml.composer.ComposerError(None, None, f"key {key.value!r} twice", key.start_mark)
                keys.add((key.tag, key.value))
        return node


Config = TypeVar("Config", bound=StrictModel)


def read_yaml(model: type[Config], path: Path, *, kind: str, expected: str) -> Config:
    """Read settings from a YAML file.

    Args:
        model: model of the settings.
        path: path of the file.
        kind: description of the file, for the message if it does not exist.
        expected: description of the expected settings, for the message if a key or value is invalid.

    Raises:
        InputMissing: the file does not exist.
        ConfigInvalid: it is not YAML, has an unknown key, the same key twice, or an invalid value.
    """
    if not path.is_file():
        raise InputMissing(f"found nothing at {path}, expected {kind}")
    try:
        return model.model_validate(yaml.load(path.read_text(encoding="utf-8"), _SettingsLoader) or {})  # noqa: S506 - a safe loader
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ConfigInvalid(f"found {wrong}, expected {expected}, in {path}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigInvalid(f"found {' '.join(str(error).split())}, expected YAML, in {path}") from None

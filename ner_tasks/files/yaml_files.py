"""Read settings from YAML files: unknown keys are errors, and errors are one line."""

from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from ner_tasks.errors import ConfigInvalid, InputMissing


class StrictModel(BaseModel):
    """A group of settings; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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
        ConfigInvalid: it is not YAML, has an unknown key, or an invalid value.
    """
    if not path.is_file():
        raise InputMissing(f"found nothing at {path}, expected {kind}")
    try:
        return model.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ConfigInvalid(f"found {wrong}, expected {expected}, in {path}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigInvalid(f"found {' '.join(str(error).split())}, expected YAML, in {path}") from None

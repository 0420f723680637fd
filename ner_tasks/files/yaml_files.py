"""Settings in YAML files of ours: strict about their keys, one line about what is wrong."""

from pathlib import Path
from typing import Annotated, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ner_tasks.errors import ConfigInvalid, InputMissing

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class StrictModel(BaseModel):
    """A group of settings; a key that it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Config = TypeVar("Config", bound=StrictModel)


def read_yaml(model: type[Config], path: Path, *, kind: str, expected: str) -> Config:
    """Settings from a YAML file.

    Args:
        model: what the file may say.
        path: the file.
        kind: what file is wanted, for the message if there is none.
        expected: what was expected where a key or a value is wrong, for the message.

    Raises:
        InputMissing: no such file.
        ConfigInvalid: not YAML, an unknown key, or a value that the model refuses.
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

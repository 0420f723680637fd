"""The base of the models that are commands."""

import os
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field

from ner_tasks.config.base import ConfigModel
from ner_tasks.config.flags import Flag


def _as_list(value: Any) -> Any:
    """Return a single folder, as files of settings of earlier releases name it, as a list."""
    return (value,) if isinstance(value, str | Path) else value


Folder = Annotated[Path, Flag("DIR")]
# A published day `<store>/tagged/<day>`, whose manifest names its parts, or answer folders of `tag` in order.
Answers = Annotated[tuple[Path, ...], BeforeValidator(_as_list), Field(min_length=1), Flag("DIR")]
JsonFile = Annotated[Path, Flag("JSON")]
YamlFile = Annotated[Path, Flag("YAML")]
Model = Annotated[Path, Flag("DIR", also=("--model_path",))]
ModelOutput = Annotated[Path, Flag("DIR", also=("--save_model_path",))]
LabelledData = Annotated[Path, Flag("PATH", also=("--dataset_file",))]


def _default_threads() -> Any:
    """`NER_THREADS` as it is set, which the model checks, else the number of CPUs."""
    return os.environ.get("NER_THREADS") or os.cpu_count() or 1


class Command(ConfigModel):
    """Everything that one command of `nightly-ner` can be told; its docstring is the command's help.

    Attributes:
        name: the command.
        reads_documents: whether it reads documents or answers, which an error of another library may quote.
        without_pandas: whether its own process may keep pandas from being imported, as pyarrow does without need.
    """

    name: ClassVar[str]
    reads_documents: ClassVar[bool] = False
    without_pandas: ClassVar[bool] = False

    threads: int = Field(
        default_factory=_default_threads,
        validate_default=True,
        ge=1,
        description="number of threads",
    )
    report: JsonFile | None = Field(None, description="write the result, or the error, to this file")


class OneDnn(ConfigModel):
    """How TensorFlow runs a model."""

    intel: bool = Field(True, description="0: without oneDNN")
    bf16: bool = Field(False, description="1: compute in bfloat16, if the CPU supports it")


class Seeded(ConfigModel):
    """A step that draws at random."""

    seed: int = Field(0, ge=0, description="seed of the random choice")


class Bootstrapped(ConfigModel):
    """A step that resamples sentences."""

    resamples: int = Field(1000, ge=1, description="number of bootstrap resamples of the sentences")

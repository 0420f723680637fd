"""Runtime configuration: the fastest way to run a model on a kind of host, as measured by `tune`.

    models/<version>/runtime/<host>.json    the choice and the measurements behind it
    models/<version>/int8/ frozen/          the models to choose from

A host without a file runs the INT8 model with the defaults. For versions in a store, see `Registry.choices`.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict

from ner_tasks import hardware
from ner_tasks.errors import ConfigInvalid
from ner_tasks.files import atomic
from ner_tasks.model import model_folder
from ner_tasks.records import Name, validate_record

FOLDER = "runtime"


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True)
class RuntimeConfig:
    """One way to run a model.

    Attributes:
        kind: name of the model folder, `int8` or `frozen`.
        onednn: enable oneDNN in TensorFlow.
        bf16: compute an FP32 graph in bfloat16.
        n_streams: number of batches computed in parallel, 0 to 1024; 0 for one per thread.
        max_pieces: maximum number of pieces in a batch, 1 to 10^6.
    """

    kind: Name = "int8"
    onednn: bool = True
    bf16: bool = False
    n_streams: Annotated[int, Field(ge=0, le=1024)] = 0
    max_pieces: Annotated[int, Field(ge=1, le=10**6)] = 2048

    @property
    def precision(self) -> dict[str, Any]:
        """The settings that may change predictions."""
        return {"kind": self.kind, "onednn": self.onednn, "bf16": self.bf16}


class _RuntimeConfigFile(TypedDict):
    choice: RuntimeConfig


def runtime_config_path(version_folder: Path, n_threads: int) -> Path:
    """Return the path of the choice for hosts like this one.

    Args:
        version_folder: folder of a model version.
        n_threads: number of threads of the tagger.
    """
    return version_folder / FOLDER / f"{hardware.host_key(hardware.describe_host(n_threads))}.json"


def write_runtime_config(path: Path, choice: RuntimeConfig, evidence: dict[str, Any]) -> None:
    """Write a choice and its measurements atomically.

    Args:
        path: file to write.
        choice: runtime configuration.
        evidence: measurements, added at the top level of the JSON.

    Raises:
        StorageFull: no space left; the previous file stays.
    """
    path.parent.mkdir(exist_ok=True)
    atomic.write_json(path, {"choice": asdict(choice), **evidence})


def find_runtime_config(model: Path, n_threads: int) -> RuntimeConfig | None:
    """Find the choice of this host for an INT8 model folder.

    Args:
        model: model folder inside a version folder.
        n_threads: number of threads of the tagger.

    Returns:
        The choice; None if the version was not tuned on this kind of host, or `model` is not the INT8 model.

    Raises:
        ArtifactBroken: the file is damaged.
    """
    path = runtime_config_path(model.parent, n_threads)
    if model.name != "int8" or not path.is_file():
        return None
    return read_runtime_config(path)


def choose_runtime(model: Path, *, choice_file: Path | None, tuned: bool, n_threads: int) -> tuple[RuntimeConfig, Path]:
    """Choose how to run a model on this host, and which model folder beside it.

    Args:
        model: a model folder.
        choice_file: the choice, if it does not lie beside the model.
        tuned: whether to follow the choice beside the model.
        n_threads: threads of this host.

    Raises:
        InputMissing: there is no `choice_file`.
        ConfigInvalid: `choice_file` is of another kind of model.
        ArtifactBroken: the choice is damaged.
    """
    if choice_file:
        choice = read_runtime_config(choice_file)
        if (kind := model_folder.read_kind(model)) != choice.kind:
            raise ConfigInvalid(f"found a model of kind {kind!r}, expected {choice.kind!r} for {choice_file}")
        return choice, model
    choice = (find_runtime_config(model, n_threads) if tuned else None) or RuntimeConfig(model.name)
    return choice, model.with_name(choice.kind)


def read_runtime_config(path: Path) -> RuntimeConfig:
    """Read a choice from its file.

    Raises:
        InputMissing: `path` does not exist.
        ArtifactBroken: the file is damaged.
    """
    return parse_runtime_config(atomic.read_json(path), str(path))


def parse_runtime_config(values: Any, where: str) -> RuntimeConfig:
    """Parse a choice from the JSON values of its file.

    Args:
        values: parsed JSON.
        where: source of the values, for error messages.

    Raises:
        ArtifactBroken: not a file from `write_runtime_config`.
    """
    return validate_record(values, _RuntimeConfigFile, where, expected="the choice that `tune` writes")["choice"]

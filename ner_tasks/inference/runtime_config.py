"""How a host runs a model best, as `tune` has measured it: a file beside the model, one for each kind of host.

    models/<version>/runtime/<host>.json      the choice, and every figure that it rests on
    models/<version>/int8/ frozen/          what it chooses from

Another machine finds no file of its own there, and runs the INT8 model as it would without any. Where the version lies in
a store, on S3 for instance, the registry hands the choice on: see `Registry.choices`.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict

from ner_tasks import hardware
from ner_tasks.files import atomic
from ner_tasks.records import Name, validate_record

FOLDER = "runtime"


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True)
class RuntimeConfig:
    """One way to run a model.

    Attributes:
        kind: name of the model folder, `int8` or `frozen` where it was tuned.
        onednn: whether TensorFlow may use oneDNN.
        bf16: whether an FP32 graph computes in bfloat16.
        n_streams: batches at the same time, 0 for one on each thread.
        max_pieces: most pieces in a batch.
    """

    kind: Name = "int8"
    onednn: bool = True
    bf16: bool = False
    n_streams: Annotated[int, Field(ge=0, le=1024)] = 0
    max_pieces: Annotated[int, Field(ge=1, le=10**6)] = 2048

    @property
    def precision(self) -> dict[str, Any]:
        """What of it may change an answer."""
        return {"kind": self.kind, "onednn": self.onednn, "bf16": self.bf16}


class _RuntimeConfigFile(TypedDict):
    choice: RuntimeConfig


def runtime_config_path(version_folder: Path, n_threads: int) -> Path:
    """Where the choice for machines like this one lies."""
    return version_folder / FOLDER / f"{hardware.host_key(hardware.describe_host(n_threads))}.json"


def write_runtime_config(path: Path, choice: RuntimeConfig, evidence: dict[str, Any]) -> None:
    """Write a choice and what it rests on, in one step.

    Raises:
        StorageFull: no room; what was there before stays.
    """
    path.parent.mkdir(exist_ok=True)
    atomic.write_json(path, {"choice": asdict(choice), **evidence})


def find_runtime_config(model: Path, n_threads: int) -> RuntimeConfig | None:
    """This host's choice for the version that an INT8 model folder belongs to; None if it was not tuned here.

    Raises:
        ArtifactBroken: the file is not one of ours.
    """
    path = runtime_config_path(model.parent, n_threads)
    if model.name != "int8" or not path.is_file():
        return None
    return read_runtime_config(path)


def read_runtime_config(path: Path) -> RuntimeConfig:
    """A choice from its file.

    Raises:
        InputMissing: there is no such file.
        ArtifactBroken: the file is not one of ours.
    """
    return parse_runtime_config(atomic.read_json(path), str(path))


def parse_runtime_config(values: Any, where: str) -> RuntimeConfig:
    """A choice from the values of its file.

    Raises:
        ArtifactBroken: they are not what `write` has written.
    """
    return validate_record(values, _RuntimeConfigFile, where, expected="the choice that `tune` writes")["choice"]

"""How a host runs a model best, as `tune` has measured it: a file beside the model, one for each kind of host.

    models/<version>/tuned/<host>.json      the choice, and every figure that it rests on
    models/<version>/int8/ frozen/          what it chooses from

Another machine finds no file of its own there, and runs the INT8 model as it would without any.
"""

import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from ner_tasks import atomic, host
from ner_tasks.errors import ArtifactBroken

FOLDER = "tuned"


@dataclass(frozen=True)
class Choice:
    """One way to run a model.

    Attributes:
        kind: the model folder.
        onednn: whether TensorFlow may use oneDNN.
        bf16: whether an FP32 graph computes in bfloat16.
        n_streams: batches at the same time, 0 for one on each thread.
        max_pieces: most pieces in a batch.
    """

    kind: Literal["int8", "frozen"] = "int8"
    onednn: bool = True
    bf16: bool = False
    n_streams: int = 0
    max_pieces: int = 2048

    @property
    def precision(self) -> dict[str, Any]:
        """What of it may change an answer."""
        return {"kind": self.kind, "onednn": self.onednn, "bf16": self.bf16}


def host_key() -> str:
    """A file name for machines like this one: processor, number of CPUs, what multiplies in INT8 and BF16."""
    said = host.describe(0)
    marks = [name for name in ("vnni", "bf16") if said[name]]
    return re.sub(r"[^a-z0-9]+", "-", " ".join([str(said["cpu"]), f"{said['n_cpus']} cpus", *marks]).lower()).strip("-")


def write(version_folder: Path, choice: Choice, evidence: dict[str, Any]) -> Path:
    """Write this host's choice beside the model, in one step; the file.

    Raises:
        StorageFull: no room; what was there before stays.
    """
    path = version_folder / FOLDER / f"{host_key()}.json"
    path.parent.mkdir(exist_ok=True)
    atomic.write_json(path, {"choice": asdict(choice), **evidence})
    return path


def choice_for(model: Path) -> Choice | None:
    """This host's choice for the version that an INT8 model folder belongs to; None if it was not tuned here.

    Raises:
        ArtifactBroken: the file is not one of ours.
    """
    path = model.parent / FOLDER / f"{host_key()}.json"
    if model.name != "int8" or not path.is_file():
        return None
    try:
        return Choice(**atomic.read_json(path)["choice"])
    except (KeyError, TypeError) as error:
        raise ArtifactBroken(f"found {error}, expected the choice that `tune` writes, in {path}") from None

"""Engines: combinations of precision and library that run a model, and which of them this host supports."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ner_tasks import hardware
from ner_tasks.errors import ConfigInvalid
from ner_tasks.model import model_folder

STOCK, INT8 = "stock FP32", "INT8"
# in the order of the tables; the first is the reference
PRECISIONS = (STOCK, "oneDNN FP32", "oneDNN BF16", INT8)


@dataclass(frozen=True)
class Engine:
    """One way to run one model.

    Attributes:
        name: name in tables.
        model: path of the model folder.
        onednn: enable oneDNN in TensorFlow.
        bf16: compute in bfloat16.
        n_streams: number of batches computed in parallel; 0 for one per thread.
    """

    name: str
    model: str
    onednn: bool = True
    bf16: bool = False
    n_streams: int = 0


def check_runnable(engine: Engine) -> None:
    """Check that this host can run an engine.

    Raises:
        ConfigInvalid: INT8 without oneDNN, or BF16 on a CPU that does not support it.
    """
    if model_folder.read_manifest(Path(engine.model)).kind == "int8" and not engine.onednn:
        raise ConfigInvalid(f"found oneDNN off, expected on for an INT8 model, for {engine.model}")
    if engine.bf16 and not hardware.has_bf16():
        raise ConfigInvalid(f"found a CPU without AVX512_BF16 or AMX_BF16, expected one, for BF16 of {engine.model}")


def list_engines(models: Sequence[Path], precisions: Sequence[str] = ()) -> list[Engine]:
    """List the engines for the given models, in the order of `PRECISIONS`.

    Args:
        models: at most one INT8 model folder, and at most one of another kind.
        precisions: some of `PRECISIONS`; empty for all that this host supports.

    Raises:
        ConfigInvalid: a precision is unknown, has no model or two, or is not supported by this CPU.
    """
    unknown = [name for name in precisions if name not in PRECISIONS]
    if unknown:
        raise ConfigInvalid(f"found precision {unknown[0]!r}, expected some of {', '.join(PRECISIONS)}")
    engines: dict[str, Engine] = {}
    for model in models:
        for engine in _list_for_model(model):
            if (other := engines.setdefault(engine.name, engine)) is not engine:
                raise ConfigInvalid(f"found two models for {engine.name}, expected one: {other.model}, {model}")
    for name in precisions:
        if name not in engines:
            given = ", ".join(map(str, models))
            raise ConfigInvalid(f"found no model for precision {name}, expected one, in {given}")
        check_runnable(engines[name])
    selected = precisions or [name for name, engine in engines.items() if not engine.bf16 or hardware.has_bf16()]
    return [engines[name] for name in PRECISIONS if name in selected]


def _list_for_model(model: Path) -> list[Engine]:
    if model_folder.read_manifest(model).kind == "int8":
        return [Engine(INT8, str(model))]
    return [
        Engine(STOCK, str(model), onednn=False),
        Engine("oneDNN FP32", str(model)),
        Engine("oneDNN BF16", str(model), bf16=True),
    ]

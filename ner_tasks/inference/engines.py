"""The ways to run a model: which there are, and which of them this host can do."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ner_tasks import hardware
from ner_tasks.errors import ConfigInvalid
from ner_tasks.model import model_folder

STOCK, INT8 = "stock FP32", "INT8"
# in the order of the tables; each is compared with the first
PRECISIONS = (STOCK, "oneDNN FP32", "oneDNN BF16", INT8)


@dataclass(frozen=True)
class Engine:
    """One way to run one model.

    Attributes:
        name: how the tables call it.
        model: the model folder.
        onednn: whether TensorFlow may use oneDNN.
        bf16: whether to compute in bfloat16.
        n_streams: batches at the same time; 0 for one on each thread.
    """

    name: str
    model: str
    onednn: bool = True
    bf16: bool = False
    n_streams: int = 0


def check_runnable(engine: Engine) -> None:
    """Refuse what this host or TensorFlow cannot do.

    Raises:
        ConfigInvalid: an INT8 model without oneDNN, or BF16 on a CPU without it.
    """
    if model_folder.read_manifest(Path(engine.model)).kind == "int8" and not engine.onednn:
        raise ConfigInvalid(f"found oneDNN off, expected on for an INT8 model, for {engine.model}")
    if engine.bf16 and not hardware.has_bf16():
        raise ConfigInvalid(f"found a CPU without AVX512_BF16 or AMX_BF16, expected one, for BF16 of {engine.model}")


def list_engines(models: Sequence[Path], precisions: Sequence[str] = ()) -> list[Engine]:
    """The ways to run the models, in the order of `PRECISIONS`.

    Args:
        models: at most one INT8 model, and one of any other kind.
        precisions: some of `PRECISIONS`; none for all that this host can run.

    Raises:
        ConfigInvalid: a precision that is unknown, that no model has or that this CPU cannot do; two models for one.
    """
    unknown = [name for name in precisions if name not in PRECISIONS]
    if unknown:
        raise ConfigInvalid(f"found precision {unknown[0]!r}, expected some of {', '.join(PRECISIONS)}")
    ways: dict[str, Engine] = {}
    for model in models:
        for engine in _ways(model):
            if (other := ways.setdefault(engine.name, engine)) is not engine:
                raise ConfigInvalid(f"found two models that run as {engine.name}, expected one: {other.model}, {model}")
    for name in precisions:
        if name not in ways:
            given = ", ".join(map(str, models))
            raise ConfigInvalid(f"found no model that runs as {name}, expected one for precision {name}, in {given}")
        check_runnable(ways[name])
    chosen = precisions or [name for name, engine in ways.items() if not engine.bf16 or hardware.has_bf16()]
    return [ways[name] for name in PRECISIONS if name in chosen]


def _ways(model: Path) -> list[Engine]:
    if model_folder.read_manifest(model).kind == "int8":
        return [Engine(INT8, str(model))]
    return [
        Engine(STOCK, str(model), onednn=False),
        Engine("oneDNN FP32", str(model)),
        Engine("oneDNN BF16", str(model), bf16=True),
    ]

"""The engines of the benchmark, and the forms in which a peer can run."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

from ner_tasks.errors import ConfigInvalid

Family = Literal["ours", "kit", "pipeline", "pytorch", "onnxruntime", "openvino"]
Precision = Literal["FP32", "BF16", "INT8"]
Level = Literal["graph", "text", "documented"]
Usage = Literal["tuned", "documented", "both"]


RIGHT_SIZED = "ours-right-sized"


@dataclass(frozen=True)
class PeerEngine:
    """An engine that runs the model.

    Attributes:
        name: its name in tables and in `--engines`.
        family: the library; `ours` and `kit` run in the product's environment, the others in the peers'.
        precision: the precision of most of the arithmetic.
        hint: OpenVINO's performance hint, empty for the others.
        usage: `tuned`: in its best form, with tokenization, batches and decoding that all engines share; `documented`: as
            its own documentation has a user call it; `both`: in both tables.
        batch_size: sentences in a batch of a documented pipeline; 1 is the default of the library.
    """

    name: str
    family: Family
    precision: Precision
    hint: str = ""
    usage: Usage = "tuned"
    batch_size: int = 1

    @property
    def is_peer(self) -> bool:
        return self.family not in ("ours", "kit")

    @property
    def is_tuned(self) -> bool:
        """Whether its best form is searched for."""
        return self.is_peer and self.usage == "tuned"

    @property
    def has_full_model(self) -> bool:
        return self.name != RIGHT_SIZED

    def runs_at(self, level: Level) -> bool:
        """Whether it is timed at a level. Speed of the graph alone is compared for one model only."""
        if level == "documented":
            return self.usage != "tuned"
        return self.usage != "documented" and (level == "text" or self.has_full_model)


@dataclass(frozen=True)
class Form:
    """How to run a peer. `tuning` finds the best form.

    Attributes:
        variant: the model file, or the arithmetic of the operations that are not quantized.
        max_windows: maximum number of windows in a batch.
        max_pieces: maximum number of pieces in a batch, including padding.
        encoding: `tokenizers`, batch encoding in Rust, or `word cache`, the product's method.
        step: lengths are rounded up to a multiple of this. Smaller: more shapes; larger: more padding.
    """

    variant: str = ""
    max_windows: int = 128
    max_pieces: int = 4096
    encoding: str = "word cache"
    step: int = 8


UNBOUNDED = 2**31
# (windows, pieces): the product's limits and smaller ones, then common batch sizes without a limit of pieces
BATCHES = ((128, 4096), (128, 2048), (128, 1024), (32, UNBOUNDED), (64, UNBOUNDED), (128, UNBOUNDED))
ENCODINGS = ("word cache", "tokenizers")
STEPS = (8, 2)

ENGINES = (
    PeerEngine("ours-int8", "ours", "INT8", usage="both"),
    PeerEngine("ours-bf16", "ours", "BF16"),
    PeerEngine("ours-fp32", "ours", "FP32"),
    PeerEngine(RIGHT_SIZED, "ours", "INT8", usage="both"),
    PeerEngine("kit-int8", "kit", "INT8", usage="both"),
    PeerEngine("kit-fp32", "kit", "FP32", usage="both"),
    PeerEngine("pipeline-fp32", "pipeline", "FP32"),
    PeerEngine("pytorch-fp32", "pytorch", "FP32"),
    PeerEngine("pytorch-bf16", "pytorch", "BF16"),
    PeerEngine("onnxruntime-fp32", "onnxruntime", "FP32"),
    PeerEngine("onnxruntime-int8", "onnxruntime", "INT8"),
    PeerEngine("openvino-fp32-latency", "openvino", "FP32", "LATENCY"),
    PeerEngine("openvino-fp32-throughput", "openvino", "FP32", "THROUGHPUT"),
    PeerEngine("openvino-bf16-latency", "openvino", "BF16", "LATENCY"),
    PeerEngine("openvino-bf16-throughput", "openvino", "BF16", "THROUGHPUT"),
    PeerEngine("openvino-int8-latency", "openvino", "INT8", "LATENCY"),
    PeerEngine("openvino-int8-throughput", "openvino", "INT8", "THROUGHPUT"),
    PeerEngine("documented-pipeline", "pipeline", "FP32", usage="documented"),
    PeerEngine("documented-pipeline-32", "pipeline", "FP32", usage="documented", batch_size=32),
    PeerEngine("documented-onnxruntime-int8", "onnxruntime", "INT8", usage="documented"),
    PeerEngine("documented-onnxruntime-int8-32", "onnxruntime", "INT8", usage="documented", batch_size=32),
    PeerEngine("documented-openvino-int8", "openvino", "INT8", "LATENCY", usage="documented"),
    PeerEngine("documented-openvino-int8-32", "openvino", "INT8", "LATENCY", usage="documented", batch_size=32),
)


def select_engines(patterns: Sequence[str]) -> list[PeerEngine]:
    """Return the engines whose names match one of the patterns (`openvino-*`); all if there is no pattern.

    Raises:
        ConfigInvalid: a pattern matches no engine.
    """
    for pattern in patterns:
        if not any(fnmatchcase(engine.name, pattern) for engine in ENGINES):
            names = ", ".join(engine.name for engine in ENGINES)
            raise ConfigInvalid(f"found {pattern!r}, expected names or patterns among {names}, in ENGINES")
    return [e for e in ENGINES if not patterns or any(fnmatchcase(e.name, pattern) for pattern in patterns)]


def list_variants(engine: PeerEngine, *, bf16: bool) -> tuple[str, ...]:
    """Return the variants of a peer to try.

    Args:
        bf16: whether the CPU supports bfloat16.
    """
    if engine.family == "onnxruntime":
        return ("dynamic", "static") if engine.precision == "INT8" else ("fused",)
    if engine.family == "openvino":
        if engine.precision == "INT8":
            return ("int8+f32", "int8+bf16") if bf16 else ("int8+f32",)
        return ("bf16",) if engine.precision == "BF16" else ("f32",)
    return ("",)

"""A frozen FP32 graph becomes INT8: post-training static quantization by Intel Neural Compressor (INC).

INC reads the ranges of the activations from calibration text, which no gate and no tuning ever sees, and decides what
becomes INT8. Around its ranges `int8_graph` builds the graph that runs; INC's own graph can be had instead.
"""

import logging
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import tensorflow as tf
import yaml
from neural_compressor.tensorflow import Model, StaticQuantConfig, quantize_model
from neural_compressor.tensorflow.utils.model import TFConfig
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, PositiveInt, ValidationError

from ner_tasks import artifacts, atomic
from ner_tasks.artifacts import ModelManifest
from ner_tasks.errors import ConfigInvalid, DataRejected, InputMissing
from ner_tasks.graph_weights import GraphWeights, ranges_of
from ner_tasks.inference import read_graph
from ner_tasks.int8_graph import int8_graph
from ner_tasks.model import Sizes
from ner_tasks.routes import INPUTS, OUTPUT
from ner_tasks.tokenization import Batch, WordPieces, batches_of, windows_of

DEFAULT_CONFIG = Path(__file__).parent / "config" / "quantize.yaml"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Calibration(_Strict):
    sampling_size: PositiveInt = 512
    batch_size: PositiveInt = 32


class Activations(_Strict):
    dtype: Literal["int8", "fp32"] = "int8"
    symmetric: bool = True
    algorithm: Literal["minmax", "kl"] = "minmax"


class WeightsConfig(Activations):
    granularity: Literal["per_tensor", "per_channel"] = "per_channel"


class QuantizeConfig(_Strict):
    """What a quantization YAML may say; `config/quantize.yaml` explains each key."""

    calibration: Calibration = Calibration()
    weights: WeightsConfig = WeightsConfig()
    activations: Activations = Activations()
    graph: Literal["fused", "inc"] = "fused"
    keep_fp32: tuple[str, ...] = ()

    @classmethod
    def read(cls, path: Path) -> "QuantizeConfig":
        """Settings from a YAML file.

        Raises:
            InputMissing: no such file.
            ConfigInvalid: not YAML, an unknown key, or a value out of bounds.
        """
        if not path.is_file():
            raise InputMissing(f"found nothing at {path}, expected a quantization YAML")
        try:
            return cls.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            raise ConfigInvalid(f"found {wrong}, expected the keys of {DEFAULT_CONFIG.name}, in {path}") from None
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise ConfigInvalid(f"found {' '.join(str(error).split())}, expected YAML, in {path}") from None


def quantize(
    model_path: Path, sentences: Sequence[Sequence[str]], target: Path, config: QuantizeConfig
) -> ModelManifest:
    """Quantize a frozen model folder into an INT8 one.

    Args:
        model_path: a frozen model.
        sentences: words of each calibration sentence.
        target: the model folder to make.
        config: how.

    Raises:
        ConfigInvalid: `model_path` is not a frozen model.
        DataRejected: no calibration text.
        StorageFull: no room; nothing is left behind.
    """
    manifest = artifacts.open_model(model_path)
    if manifest.kind != "frozen":
        raise ConfigInvalid(f"found a model of kind {manifest.kind!r}, expected 'frozen', in {model_path}")
    pieces = WordPieces(model_path / artifacts.TOKENIZER)
    batches = _calibration_batches(sentences, pieces, manifest.max_pieces, config.calibration)
    graph_def = _quantized_graph(model_path / artifacts.GRAPH, batches, config)
    n_int8 = sum(node.op.startswith("QuantizedMatMul") for node in graph_def.node)
    if n_int8 == 0:
        raise ConfigInvalid(f"found no quantized MatMul, expected some, after quantizing {model_path}: all kept FP32?")
    if config.graph == "fused":
        graph_def = _fused(graph_def, model_path, manifest, pieces, config)
    with atomic.staged_folder(target) as stage:
        (stage / artifacts.GRAPH).write_bytes(graph_def.SerializeToString(deterministic=True))
        shutil.copy2(model_path / artifacts.TOKENIZER, stage / artifacts.TOKENIZER)
        lineage = {**manifest.lineage, "quantization": config.model_dump(mode="json")}
        metrics = {**manifest.metrics, "quantize": {"n_int8_matmul": n_int8}}
        return artifacts.sign(stage, replace(manifest, kind="int8", lineage=lineage, metrics=metrics))


def _fused(
    quantized: tf.compat.v1.GraphDef,
    model_path: Path,
    manifest: ModelManifest,
    pieces: WordPieces,
    config: QuantizeConfig,
) -> tf.compat.v1.GraphDef:
    """The graph that runs: the frozen graph's weights, quantized where INC's graph is, in its ranges."""
    sizes = Sizes.of_config(manifest.encoder, model_path / artifacts.MANIFEST)
    frozen = read_graph(model_path / artifacts.GRAPH)
    return int8_graph(
        GraphWeights.of(frozen, sizes.num_hidden_layers),
        ranges_of(quantized),
        sizes,
        pad_id=pieces.pad_id,
        per_channel=config.weights.granularity == "per_channel",
    )


def _calibration_batches(
    sentences: Sequence[Sequence[str]], pieces: WordPieces, max_pieces: int, config: Calibration
) -> list[Batch]:
    windows = list(windows_of(sentences, pieces, max_pieces=max_pieces))
    if not windows:
        raise DataRejected("found no sentence, expected some to calibrate on, in the calibration data")
    # Evenly over the text, not its beginning: neighbouring sentences resemble each other.
    step = max(len(windows) / config.sampling_size, 1.0)
    chosen = [windows[int(index * step)] for index in range(min(config.sampling_size, len(windows)))]
    return batches_of(chosen, pad_id=pieces.pad_id, max_windows=config.batch_size, max_pieces=2**31)


class _Loader:
    """The form in which INC asks for calibration data: `(inputs, label)` by batch."""

    def __init__(self, batches: Sequence[Batch], batch_size: int):
        self.batches, self.batch_size = batches, batch_size

    def __iter__(self) -> Iterator[tuple[tuple[NDArray, NDArray], None]]:  # type: ignore[type-arg]
        for batch in self.batches:
            yield (batch.piece_ids, batch.shape_ids), None

    def __len__(self) -> int:
        return len(self.batches)


def _quantized_graph(graph: Path, batches: Sequence[Batch], config: QuantizeConfig) -> tf.compat.v1.GraphDef:
    # INC tells each of its passes at INFO; what matters is in our manifest.
    logging.getLogger("neural_compressor").setLevel(logging.WARNING)
    model = Model(str(graph))
    model.input_tensor_names, model.output_tensor_names = list(INPUTS), [OUTPUT]
    settings = StaticQuantConfig(
        weight_dtype=config.weights.dtype,
        weight_sym=config.weights.symmetric,
        weight_granularity=config.weights.granularity,
        weight_algorithm=config.weights.algorithm,
        act_dtype=config.activations.dtype,
        act_sym=config.activations.symmetric,
        act_algorithm=config.activations.algorithm,
    )
    for pattern in config.keep_fp32:
        settings.set_local(pattern, StaticQuantConfig(weight_dtype="fp32", act_dtype="fp32"))
    loader = _Loader(batches, config.calibration.batch_size)
    with tempfile.TemporaryDirectory() as scratch:
        # By default INC leaves an nc_workspace/ in whatever folder the process was started from.
        TFConfig.global_config["workspace_path"] = scratch
        return quantize_model(model, settings, loader, calib_iteration=len(batches)).graph_def

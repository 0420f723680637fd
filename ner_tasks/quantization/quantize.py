"""Post-training static quantization of a frozen FP32 graph with Intel Neural Compressor (INC).

INC calibrates the ranges of the activations on the calibration part, which no gate and no tuning uses, and on text of the
train part if that is small. From these ranges `build_int8_graph` builds the fused graph; `graph: inc` keeps INC's own
graph.
"""

import logging
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import tensorflow as tf
from neural_compressor import tensorflow as inc
from neural_compressor.tensorflow.utils.model import TFConfig
from numpy.typing import NDArray
from pydantic import Field, PositiveInt, model_validator

from ner_tasks.data.parts import CalibrationText
from ner_tasks.errors import ConfigInvalid, DataRejected
from ner_tasks.files import atomic
from ner_tasks.files.yaml_files import StrictModel, read_yaml
from ner_tasks.inference.sessions import read_graph
from ner_tasks.model import encoders, model_folder
from ner_tasks.model.graph_outputs import INPUTS, OUTPUT
from ner_tasks.model.model_folder import ModelManifest
from ner_tasks.model.tokenization import Batch, WordTokenizer, make_batches, make_windows
from ner_tasks.quantization import inc_result
from ner_tasks.quantization.graph_weights import GraphWeights
from ner_tasks.quantization.int8_graph import build_int8_graph

DEFAULT_CONFIG = Path(__file__).parent.parent / "config" / "quantize.yaml"


class CalibrationConfig(StrictModel):
    """Amount of calibration text: number of windows, and windows per batch."""

    sampling_size: PositiveInt = 512
    batch_size: PositiveInt = 32


class ActivationsConfig(StrictModel):
    """Settings of `inc.StaticQuantConfig` for activations."""

    dtype: Literal["int8", "fp32"] = "int8"
    symmetric: bool = True
    algorithm: Literal["minmax", "kl"] = "minmax"


class WeightsConfig(ActivationsConfig):
    """Settings of `inc.StaticQuantConfig` for weights."""

    granularity: Literal["per_tensor", "per_channel"] = "per_channel"


class SmoothQuantConfig(StrictModel):
    """Settings of `inc.SmoothQuantConfig`; `alpha` is the migration strength, 0 to 1."""

    alpha: Annotated[float, Field(ge=0, le=1)] = 0.5


class QuantizeConfig(StrictModel):
    """Quantization settings; `config/quantize.yaml` documents each key."""

    calibration: CalibrationConfig = CalibrationConfig()
    weights: WeightsConfig = WeightsConfig()
    activations: ActivationsConfig = ActivationsConfig()
    graph: Literal["fused", "inc"] = "fused"
    keep_fp32: tuple[str, ...] = ()
    smooth_quant: SmoothQuantConfig | None = None

    @model_validator(mode="after")
    def _check_graph(self) -> Self:
        if self.smooth_quant is not None and self.graph != "inc":
            raise ValueError("smooth_quant needs graph: inc, which multiplies by its scales before each MatMul")
        return self

    @classmethod
    def read(cls, path: Path) -> "QuantizeConfig":
        """Read the settings from a YAML file.

        Raises:
            InputMissing: `path` does not exist.
            ConfigInvalid: not YAML, unknown key, or value out of bounds.
        """
        return read_yaml(cls, path, kind="a quantization YAML", expected=f"the keys of {DEFAULT_CONFIG.name}")


def quantize_model(
    model_path: Path, calibration: CalibrationText, target: Path, config: QuantizeConfig
) -> ModelManifest:
    """Quantize a frozen model to INT8.

    Args:
        model_path: frozen model folder.
        calibration: calibration text.
        target: model folder to create.
        config: quantization settings.

    Returns:
        Manifest of the INT8 model.

    Raises:
        ConfigInvalid: `model_path` is not a frozen model, or nothing would be quantized.
        ArtifactBroken: INC's result does not match the request.
        DataRejected: no calibration sentence.
        StorageFull: no space left; nothing is written.
    """
    return Quantizer(model_path, calibration).write(config, target)


class Quantizer:
    """Quantizes a frozen model, once or with several settings; each calibration runs only once.

    Args:
        model_path: frozen model folder.
        calibration: calibration text.

    Raises:
        ConfigInvalid: `model_path` is not a frozen model.
    """

    def __init__(self, model_path: Path, calibration: CalibrationText):
        self._path, self._calibration = model_path, calibration
        self._manifest = model_folder.read_manifest(model_path)
        if self._manifest.kind != "frozen":
            raise ConfigInvalid(f"found a model of kind {self._manifest.kind!r}, expected 'frozen', in {model_path}")
        self._pieces = WordTokenizer(model_path / model_folder.TOKENIZER)
        self._frozen = read_graph(model_path / model_folder.GRAPH)
        self._calibrated: dict[str, tf.compat.v1.GraphDef] = {}

    def layers(self, config: QuantizeConfig) -> list[str]:
        """Return the paths of the dense layers to quantize."""
        return inc_result.select_layers(self._frozen, config.keep_fp32)

    def write(self, config: QuantizeConfig, target: Path, *, metrics: Mapping[str, Any] | None = None) -> ModelManifest:
        """Quantize the model into the folder `target`.

        Args:
            config: quantization settings.
            target: model folder to create.
            metrics: further metrics of the quantization for the manifest.

        Raises:
            ConfigInvalid: nothing would be quantized.
            ArtifactBroken: INC's result does not match the request.
            DataRejected: no calibration sentence.
            StorageFull: no space left; nothing is written.
        """
        if config.weights.dtype == config.activations.dtype == "fp32" or not self.layers(config):
            raise ConfigInvalid(
                f"found no MatMul to quantize, expected at least one that keep_fp32 and dtype allow, in {self._path}"
            )
        if config.graph == "fused":
            graph_def, n_int8 = self._build_fused_graph(config)
        else:
            graph_def = self._build_inc_graph(config)
            n_int8 = len(inc_result.verify_ranges(graph_def, self.layers(config)))
        with atomic.staged_folder(target) as stage:
            (stage / model_folder.GRAPH).write_bytes(graph_def.SerializeToString(deterministic=True))
            shutil.copy2(self._path / model_folder.TOKENIZER, stage / model_folder.TOKENIZER)
            lineage = {**self._manifest.lineage, "quantization": config.model_dump(mode="json")}
            made = {"n_int8_matmul": n_int8, "calibration_sentences": self._calibration.n_from, **(metrics or {})}
            all_metrics = {**self._manifest.metrics, "quantize": made}
            return model_folder.write_manifest(
                stage, replace(self._manifest, kind="int8", lineage=lineage, metrics=all_metrics)
            )

    def _build_inc_graph(self, config: QuantizeConfig) -> tf.compat.v1.GraphDef:
        sentences, max_pieces = self._calibration.sentences, self._manifest.max_pieces
        batches = _calibration_batches(sentences, self._pieces, max_pieces, config.calibration)
        graph = tf.compat.v1.GraphDef()
        graph.CopyFrom(self._frozen)  # INC changes its input
        return _run_inc(graph, batches, config)

    def _build_fused_graph(self, config: QuantizeConfig) -> tuple[tf.compat.v1.GraphDef, int]:
        """Build the fused graph from the frozen weights and INC's ranges; returns it with its number of INT8 MatMuls."""
        # The range of a layer does not depend on which others stay FP32, so one calibration serves all settings.
        whole = config.model_copy(update={"keep_fp32": ()})
        key = whole.model_dump_json()
        if key not in self._calibrated:
            self._calibrated[key] = self._build_inc_graph(whole)
        ranges = inc_result.verify_ranges(self._calibrated[key], self.layers(whole))
        sizes = encoders.parse_config(self._manifest.encoder, self._path / model_folder.MANIFEST)
        int8 = self.layers(config)
        graph_def = build_int8_graph(
            GraphWeights.from_graph(self._frozen, sizes),
            {layer: ranges[layer] for layer in int8},
            sizes,
            pad_id=self._pieces.pad_id,
            per_channel=config.weights.granularity == "per_channel",
        )
        return graph_def, len(int8)


def _calibration_batches(
    sentences: Sequence[Sequence[str]], pieces: WordTokenizer, max_pieces: int, config: CalibrationConfig
) -> list[Batch]:
    windows = list(make_windows(sentences, pieces, max_pieces=max_pieces))
    if not windows:
        raise DataRejected("found no sentence, expected some to calibrate on, in the calibration data")
    # Spread over the whole text, since neighbouring sentences resemble each other.
    step = max(len(windows) / config.sampling_size, 1.0)
    sample = [windows[int(index * step)] for index in range(min(config.sampling_size, len(windows)))]
    return make_batches(sample, pad_id=pieces.pad_id, max_windows=config.batch_size, max_pieces=2**31)


class _Loader:
    """Data loader for INC: yields `(inputs, label)` for each batch."""

    def __init__(self, batches: Sequence[Batch], batch_size: int):
        self.batches, self.batch_size = batches, batch_size

    def __iter__(self) -> Iterator[tuple[tuple[NDArray, NDArray], None]]:  # type: ignore[type-arg]
        for batch in self.batches:
            yield (batch.piece_ids, batch.shape_ids), None

    def __len__(self) -> int:
        return len(self.batches)


def _run_inc(graph: tf.compat.v1.GraphDef, batches: Sequence[Batch], config: QuantizeConfig) -> tf.compat.v1.GraphDef:
    # INC logs each pass at INFO; the manifest has what matters.
    logging.getLogger("neural_compressor").setLevel(logging.WARNING)
    model = inc.Model(graph)
    model.input_tensor_names, model.output_tensor_names = list(INPUTS), [OUTPUT]
    settings = inc.StaticQuantConfig(
        weight_dtype=config.weights.dtype,
        weight_sym=config.weights.symmetric,
        weight_granularity=config.weights.granularity,
        weight_algorithm=config.weights.algorithm,
        act_dtype=config.activations.dtype,
        act_sym=config.activations.symmetric,
        act_algorithm=config.activations.algorithm,
    )
    for pattern in config.keep_fp32:
        settings.set_local(pattern, inc.StaticQuantConfig(weight_dtype="fp32", act_dtype="fp32"))
    steps: Any = settings if config.smooth_quant is None else [_smooth(config.smooth_quant), settings]
    loader = _Loader(batches, config.calibration.batch_size)
    with tempfile.TemporaryDirectory() as scratch:
        # By default INC creates nc_workspace/ in the current directory.
        TFConfig.global_config["workspace_path"] = scratch
        return inc.quantize_model(model, steps, loader, calib_iteration=len(batches)).graph_def


def _smooth(config: SmoothQuantConfig) -> inc.SmoothQuantConfig:
    return inc.SmoothQuantConfig(alpha=config.alpha)

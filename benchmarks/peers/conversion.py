"""Convert the Hugging Face folder to ONNX, ONNX Runtime and OpenVINO, and compare each FP32 model with our logits.

    .venv-bench/bin/python -m benchmarks.peers.conversion STEP FOLDER CALIBRATION

STEP is `onnx`, `onnxruntime` or `openvino`, in this order; each writes a folder of its name, atomically.
The logits of real pieces may differ by `TOLERANCE` at most, as the order of the sums differs.
"""

import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.engines import Form
from benchmarks.peers.models import (
    DOCUMENTED,
    HUGGING_FACE,
    ONNX,
    ONNX_RUNTIME,
    OPENVINO,
    REFERENCE,
    REPORT,
    make_reader,
)
from ner_tasks import hardware
from ner_tasks.data import corpus
from ner_tasks.errors import ArtifactBroken, NerTasksError
from ner_tasks.files import atomic
from ner_tasks.model.tokenization import make_batches

TOLERANCE = 1e-3
N_CALIBRATION = 512  # windows, as in the product's quantization
INPUTS = ("input_ids", "attention_mask", "token_type_ids")
OPSET = 17

Feed = dict[str, NDArray[np.int64]]


def to_onnx(folder: Path, _: Path) -> dict[str, Any]:
    """Export by tracing: ONNX Runtime's fusions do not match the graphs of the newer exporter."""
    import torch
    from transformers import BertForTokenClassification

    model = BertForTokenClassification.from_pretrained(folder / HUGGING_FACE, attn_implementation="eager").eval()
    model.config.return_dict = False

    def computed(feed: Feed) -> NDArray[np.float32]:
        with torch.inference_mode():
            logits: NDArray[np.float32] = model(**{name: torch.from_numpy(feed[name]) for name in INPUTS})[0].numpy()
        return logits

    difference = compare_with_reference(folder, computed, "PyTorch")
    example = {name: torch.from_numpy(ids) for name, ids in next(read_reference_feeds(folder))[0].items()}
    with atomic.staged_folder(folder / ONNX) as stage:
        torch.onnx.export(
            model,
            kwargs={name: example[name] for name in INPUTS},
            f=stage / "model.onnx",
            input_names=list(INPUTS),
            output_names=["logits"],
            dynamic_axes={name: {0: "windows", 1: "pieces"} for name in (*INPUTS, "logits")},
            opset_version=OPSET,
            dynamo=False,
        )
        report = {"max_difference": difference, "opset": OPSET, "torch": torch.__version__}
        atomic.write_json(stage / REPORT, report)
    return report


def to_onnx_runtime(folder: Path, calibration: Path) -> dict[str, Any]:
    """Fuse with ONNX Runtime's transformer optimizer, and quantize dynamically and statically."""
    import onnx
    import onnxruntime
    from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_dynamic, quantize_static
    from onnxruntime.transformers import optimizer

    config = atomic.read_json(folder / HUGGING_FACE / "config.json")
    feeds = iter(calibration_feeds(folder, calibration))

    class Feeds(CalibrationDataReader):
        def get_next(self) -> Feed | None:
            return next(feeds, None)

    def fused(path: Path) -> Path:
        graph = optimizer.optimize_model(
            str(folder / ONNX / "model.onnx"),
            model_type="bert",
            num_heads=config["num_attention_heads"],
            hidden_size=config["hidden_size"],
            opt_level=0,
        )
        graph.save_model_to_file(str(path))
        return path

    # Without VNNI, the sum of two 8-bit products may overflow 16 bits.
    weights = {"weight_type": QuantType.QInt8, "per_channel": True, "reduce_range": not hardware.has_vnni()}
    untyped = {"DefaultTensorType": onnx.TensorProto.FLOAT}  # shape inference stops at ONNX Runtime's own operators
    with atomic.staged_folder(folder / ONNX_RUNTIME) as stage:
        best = fused(stage / "fused.onnx")
        session = onnxruntime.InferenceSession(str(best), providers=["CPUExecutionProvider"])
        difference = compare_with_reference(folder, lambda feed: session.run(None, feed)[0], "ONNX Runtime")
        quantize_dynamic(best, stage / "dynamic.onnx", extra_options={"MatMulConstBOnly": True, **untyped}, **weights)
        # As documented: fused, the weights' type, and defaults, but for the type that shape inference would find.
        quantize_dynamic(best, stage / f"{DOCUMENTED}.onnx", weight_type=QuantType.QInt8, extra_options=untyped)
        # Static quantization supports plain operators only; the session fuses the rest.
        quantize_static(
            folder / ONNX / "model.onnx",
            stage / "static.onnx",
            Feeds(),
            op_types_to_quantize=["MatMul"],
            nodes_to_quantize=dense_layers(folder / ONNX / "model.onnx"),
            activation_type=QuantType.QUInt8,
            **weights,
        )
        report = {"max_difference": difference, "onnxruntime": onnxruntime.__version__}
        atomic.write_json(stage / REPORT, report)
    return report


def to_openvino(folder: Path, calibration: Path) -> dict[str, Any]:
    """Convert, and quantize with NNCF's settings for transformers."""
    import nncf
    import openvino

    model = openvino.convert_model(folder / ONNX / "model.onnx")
    compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    difference = compare_with_reference(folder, lambda feed: compiled(feed)[0], "OpenVINO")
    samples = list(calibration_feeds(folder, calibration))
    quantized = nncf.quantize(
        model, nncf.Dataset(samples), model_type=nncf.ModelType.TRANSFORMER, subset_size=len(samples)
    )
    with atomic.staged_folder(folder / OPENVINO) as stage:
        openvino.save_model(model, stage / "fp32.xml", compress_to_fp16=False)
        openvino.save_model(quantized, stage / "int8.xml", compress_to_fp16=False)
        report = {"max_difference": difference, "openvino": openvino.__version__, "nncf": version("nncf")}
        atomic.write_json(stage / REPORT, report)
    return report


def dense_layers(model: Path) -> list[str]:
    """Return the names of the MatMuls with weights, without those of attention."""
    import onnx

    graph = onnx.load(model).graph
    weights = {tensor.name for tensor in graph.initializer}
    return [node.name for node in graph.node if node.op_type == "MatMul" and node.input[1] in weights]


STEPS: dict[str, Callable[[Path, Path], dict[str, Any]]] = {
    ONNX: to_onnx,
    ONNX_RUNTIME: to_onnx_runtime,
    OPENVINO: to_openvino,
}


def compare_with_reference(folder: Path, compute: Callable[[Feed], NDArray[np.float32]], name: str) -> float:
    """Return the largest difference between the logits of real pieces and ours.

    Raises:
        ArtifactBroken: it exceeds `TOLERANCE`.
    """
    largest = 0.0
    for feed, logits in read_reference_feeds(folder):
        is_real = feed["attention_mask"] == 1  # [B, T]
        largest = max(largest, float(np.abs(compute(feed) - logits)[is_real].max()))
    if not largest < TOLERANCE:
        raise ArtifactBroken(
            f"found logits of {name} {largest:.2g} from ours, expected at most {TOLERANCE}, in {folder}"
        )
    return largest


def read_reference_feeds(folder: Path) -> Iterator[tuple[Feed, NDArray[np.float32]]]:
    """Yield the inputs of the reference batches, with our logits."""
    with np.load(folder / REFERENCE) as saved:
        for number in range(sum(name.startswith("logits_") for name in saved.files)):
            pieces, shapes = saved[f"pieces_{number}"], saved[f"shapes_{number}"]
            yield make_feed(pieces, shapes, int(saved["pad_id"])), saved[f"logits_{number}"]


def calibration_feeds(folder: Path, calibration: Path) -> Iterator[Feed]:
    """Yield windows of calibration sentences, one at a time and without padding."""
    reader = make_reader(folder, Form())
    sentences = [sentence.words for sentence in corpus.read_labelled(calibration)]
    windows = list(reader.windows(sentences))[:N_CALIBRATION]
    for batch in make_batches(windows, pad_id=reader.pad_id, max_windows=1, max_pieces=1, step=1):
        yield make_feed(batch.piece_ids, batch.shape_ids, reader.pad_id)


def make_feed(pieces: NDArray[np.int32], shapes: NDArray[np.int32], pad_id: int) -> Feed:
    """Return a batch as the inputs of a Hugging Face model."""
    mask = (pieces != pad_id).astype(np.int64)
    return {"input_ids": pieces.astype(np.int64), "attention_mask": mask, "token_type_ids": shapes.astype(np.int64)}


def main() -> int:
    """Run one step and return the exit code."""
    step, folder, calibration = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    try:
        STEPS[step](folder, calibration)
    except ImportError as error:
        print(
            f"found no {error.name}, expected benchmarks/requirements.txt installed, in {sys.prefix}", file=sys.stderr
        )
        return 1
    except NerTasksError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

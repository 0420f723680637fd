"""Folders of the engines' models.

var/bench/models/<key>/
    hugging_face/    the checkpoint that the others are made from
    reference.npz    logits of our FP32 graph for three batches
    onnx/            model.onnx
    onnxruntime/     fused.onnx  dynamic.onnx  static.onnx  documented.onnx
    openvino/        fp32.xml  int8.xml
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers.engines import Form, PeerEngine
from benchmarks.peers.right_sized import check_smaller
from ner_tasks.errors import InputMissing
from ner_tasks.files import atomic
from ner_tasks.fingerprint import make_version
from ner_tasks.labels import LabelSet, tag_label
from ner_tasks.model import model_folder

if TYPE_CHECKING:
    from benchmarks.peers.reading import PeerReader

HUGGING_FACE, ONNX, ONNX_RUNTIME, OPENVINO = "hugging_face", "onnx", "onnxruntime", "openvino"
REFERENCE, REPORT = "reference.npz", "report.json"
# the file of ONNX Runtime that its documentation's own call makes
DOCUMENTED = "documented"
_HERE = Path(__file__).parent
# Besides the weights, these determine the peers' models.
_MADE_BY = (_HERE / "checkpoint.py", _HERE / "conversion.py", _HERE.parent / "requirements.txt")


@dataclass(frozen=True)
class Sources:
    """Paths of the models and the data.

    Attributes:
        trained: the weights of all peers.
        frozen: the product's FP32 graph.
        int8: the product's INT8 model.
        kit_int8: the INT8 graph quantized as in the reference kit; None if missing.
        test: held-out labelled data.
        calibration: labelled data to quantize with.
        right_sized: a smaller INT8 model of the product; None if there is none.
    """

    trained: Path
    frozen: Path
    int8: Path
    kit_int8: Path | None
    test: Path
    calibration: Path
    right_sized: Path | None = None

    @classmethod
    def of(cls, model: Path, snapshot: Path, right_sized: Path | None = None) -> "Sources":
        """Find them in the folders of a version, of a snapshot, and of a right-sized version.

        The kit's INT8 model is `int8_inc/`, or else `int8/` if that is a TensorFlow graph.

        Raises:
            InputMissing: a folder or file is missing.
            ConfigInvalid: the right-sized version is not smaller, or has other labels.
        """
        if right_sized:
            check_smaller(right_sized / "int8", than=model / "int8")
        needed = [model / kind / model_folder.MANIFEST for kind in ("trained", "frozen", "int8")]
        for path in (*needed, snapshot / "test.csv", snapshot / "calibration.csv"):
            if not path.is_file():
                raise InputMissing(f"found no {path.name}, expected one, in {path.parent}")
        kit = [folder for folder in (model / "int8_inc", model / "int8") if (folder / model_folder.GRAPH).is_file()]
        return cls(
            trained=model / "trained",
            frozen=model / "frozen",
            int8=model / "int8",
            kit_int8=kit[0] if kit else None,
            test=snapshot / "test.csv",
            calibration=snapshot / "calibration.csv",
            right_sized=right_sized / "int8" if right_sized else None,
        )

    def model_of(self, engine: PeerEngine, peers: Path) -> Path:
        """Return the model folder of an engine.

        Raises:
            InputMissing: the kit's INT8 graph or the right-sized version is missing.
        """
        if engine.is_peer:
            return peers
        if not engine.has_full_model:
            if self.right_sized is None:
                raise InputMissing(f"found no right-sized version, expected one for {engine.name}, as RIGHT_SIZED")
            return self.right_sized
        if engine.precision != "INT8":
            return self.frozen
        if engine.family == "ours":
            return self.int8
        if self.kit_int8 is None:
            where = self.int8.parent
            raise InputMissing(
                f"found no TensorFlow graph, expected the kit's INT8 as int8_inc/{model_folder.GRAPH}, in {where}"
            )
        return self.kit_int8

    def peers_folder(self, root: Path) -> Path:
        """Return the folder of the peers' models for these weights, libraries and code."""
        made_by = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in _MADE_BY}
        weights = model_folder.read_manifest(self.trained).files[model_folder.WEIGHTS]
        data = atomic.sha256_of(self.calibration)
        return root / "models" / make_version({"weights": weights, "calibration": data, **made_by})


def read_labels(checkpoint: Path) -> tuple[str, ...]:
    """Return the labels of a Hugging Face folder, in the order of its tag ids."""
    tags = json.loads((checkpoint / "config.json").read_text(encoding="utf-8"))["id2label"]
    names = [tag_label(tags[str(index)]) for index in range(1, len(tags), 2)]
    label_set = LabelSet(tuple(name for name in names if name))
    assert list(label_set.tags) == [tags[str(index)] for index in range(len(tags))]
    return label_set.labels


def read_max_pieces(checkpoint: Path) -> int:
    """Return the maximum window length of a Hugging Face folder's model, in pieces."""
    return int(json.loads((checkpoint / "tokenizer_config.json").read_text(encoding="utf-8"))["model_max_length"])


def make_reader(model: Path, form: Form) -> "PeerReader":
    """Return the tokenization and decoding of a peer; `model` is the peers' folder."""
    from benchmarks.peers.reading import PeerReader

    checkpoint = model / HUGGING_FACE
    return PeerReader(checkpoint / model_folder.TOKENIZER, read_labels(checkpoint), read_max_pieces(checkpoint), form)

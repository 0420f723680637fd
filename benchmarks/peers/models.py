"""Folders of the engines' models.

var/bench/models/<key>/
    hugging_face/    the checkpoint that the others are made from
    reference.npz    logits of our FP32 graph for three batches
    onnx/            model.onnx
    onnxruntime/     fused.onnx  dynamic.onnx  static.onnx
    openvino/        fp32.xml  int8.xml
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers.engines import Form, PeerEngine
from ner_tasks.data.snapshot import MANIFEST
from ner_tasks.errors import InputMissing
from ner_tasks.files import atomic
from ner_tasks.fingerprint import make_version
from ner_tasks.labels import LabelSet, tag_label
from ner_tasks.model import model_folder
from ner_tasks.registry.registry import Registry
from ner_tasks.settings import Settings
from ner_tasks.store import keys

if TYPE_CHECKING:
    from benchmarks.peers.reading import PeerReader

HUGGING_FACE, ONNX, ONNX_RUNTIME, OPENVINO = "hugging_face", "onnx", "onnxruntime", "openvino"
REFERENCE, REPORT = "reference.npz", "report.json"
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
    """

    trained: Path
    frozen: Path
    int8: Path
    kit_int8: Path | None
    test: Path
    calibration: Path

    @classmethod
    def of(cls, model: Path, snapshot: Path) -> "Sources":
        """Find them in the folders of a version and a snapshot.

        The kit's INT8 model is `int8_inc/`, or else `int8/` if that is a TensorFlow graph.

        Raises:
            InputMissing: a folder or file is missing.
        """
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
        )

    def model_of(self, engine: PeerEngine, peers: Path) -> Path:
        """Return the model folder of an engine.

        Raises:
            InputMissing: the kit's INT8 graph is missing.
        """
        if engine.is_peer:
            return peers
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


def promoted_model() -> Path:
    """Return the folder of the promoted version.

    Raises:
        InputMissing: no version is promoted.
    """
    registry = Registry(Settings.from_env().open_store())
    promotion = registry.promoted()
    if promotion is None:
        where = registry.store.where(keys.MODELS)
        raise InputMissing(f"found no promoted model, expected one (make run) or MODEL=folder, at {where}")
    folders = {kind: registry.fetch(promotion.version, kind) for kind in ("trained", "frozen", "int8")}
    return folders["trained"].parent


def find_snapshot(model: Path) -> Path:
    """Return the snapshot in the store that a model was trained on.

    Raises:
        InputMissing: there is not exactly one.
    """
    wanted = model_folder.read_manifest(model / "trained").lineage.get("data")
    store = Settings.from_env().open_store()
    manifests = [
        (snapshot, store.read_json(keys.snapshot(snapshot, MANIFEST)))
        for snapshot in store.folders(keys.SNAPSHOTS)
        if store.exists(keys.snapshot(snapshot, MANIFEST))
    ]
    fitting = [name for name, manifest in manifests if wanted and manifest.get("source") == wanted]
    if len(fitting) != 1:
        number = len(fitting) or "no"
        raise InputMissing(
            f"found {number} snapshots of the data of {model.name}, expected one or SNAPSHOT=folder, "
            f"at {store.where(keys.SNAPSHOTS)}"
        )
    return store.fetch(keys.snapshot(fitting[0]))


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

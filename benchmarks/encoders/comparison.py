"""Compare our logits with recorded ones, and turn a checkpoint into a fixture and back.

A fixture is the JSON of a checkpoint without its weights: configuration, name and shape of each weight, piece ids, and
the logits of transformers. The weights follow from their names.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.encoders.checkpoints import draw_weights
from benchmarks.encoders.reference import REFERENCE
from ner_tasks.files import atomic
from ner_tasks.inference.sessions import make_engine, make_session
from ner_tasks.model import encoders
from ner_tasks.model.freezing import build_inference_graph
from ner_tasks.model.tensorflow_protos import GraphDef
from ner_tasks.model.token_classifier import TokenClassifier
from ner_tasks.model.weights import read_config, read_weights, write_weights

TOLERANCE = 1e-4
WEIGHTS, CONFIG = "model.safetensors", "config.json"


def load_model(folder: Path) -> TokenClassifier:
    """Load a checkpoint with its tagging head; word shapes stay zero.

    Raises:
        EncoderUnsupported, ArtifactBroken: our model cannot read it.
    """
    config, weights = read_config(folder), read_weights(folder / WEIGHTS)
    head = weights["classifier.weight"]
    model = TokenClassifier(encoders.parse_config(config, folder), n_tags=len(head), pad_id=config["pad_token_id"])
    model.import_encoder({name: value for name, value in weights.items() if not name.startswith("classifier.")}, folder)
    model.classifier.kernel.assign(head.T)
    model.classifier.bias.assign(weights["classifier.bias"])
    return model


def largest_difference(folder: Path) -> float:
    """Return the largest difference of a real piece's logits, in the Keras model or its frozen graph, to the reference.

    Args:
        folder: checkpoint with `REFERENCE`.
    """
    model = load_model(folder)
    with np.load(folder / REFERENCE) as saved:
        piece_ids, expected = saved["piece_ids"], saved["logits"]  # [B, T], [B, T, K]
    shape_ids = np.zeros_like(piece_ids)
    graph = GraphDef.FromString(build_inference_graph(model).SerializeToString())
    frozen = make_engine(make_session(graph))
    ours = (model({"piece_ids": piece_ids, "shape_ids": shape_ids}).numpy(), frozen(piece_ids, shape_ids))
    is_real = piece_ids != model.pad_id  # [B, T]
    return max(float(np.abs(logits - expected)[is_real].max()) for logits in ours)


def make_fixture(folder: Path) -> dict[str, Any]:
    """Return the fixture of a checkpoint with `REFERENCE`."""
    shapes = {name: list(value.shape) for name, value in sorted(read_weights(folder / WEIGHTS).items())}
    with np.load(folder / REFERENCE) as saved:
        logits: NDArray[np.float32] = saved["logits"]
        rounded = [[[round(float(x), 5) for x in piece] for piece in window] for window in logits]
        return {
            "config": read_config(folder),
            "weights": shapes,
            "piece_ids": saved["piece_ids"].tolist(),
            "logits": rounded,
        }


def write_checkpoint(fixture: Path, folder: Path) -> Path:
    """Write the checkpoint of a fixture."""
    recorded = atomic.read_json(fixture)
    folder.mkdir(parents=True)
    atomic.write_json(folder / CONFIG, recorded["config"])
    write_weights(folder / WEIGHTS, draw_weights(recorded["weights"]))
    np.savez(
        folder / REFERENCE,
        piece_ids=np.array(recorded["piece_ids"], np.int32),
        logits=np.array(recorded["logits"], np.float32),
    )
    return folder

"""Convert a trained model to an equivalent Hugging Face folder, so that every peer has our weights.

Our model adds an embedding of each word's shape to the input. BERT adds one of the segment, and has a single segment
here. So the shapes replace the segments: row k is our segment 0 plus our shape k, and the shape ids are passed as
`token_type_ids`.
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from ner_tasks.errors import ArtifactBroken, ConfigInvalid, EncoderUnsupported
from ner_tasks.files import atomic
from ner_tasks.model import model_folder
from ner_tasks.model.model_folder import ModelManifest

Weights = dict[str, NDArray[np.float32]]
_SEGMENTS, _SHAPES = "embeddings.token_type_embeddings.weight", "shape_embeddings.weight"


def write_checkpoint(trained: Path, target: Path) -> Path:
    """Write a trained model folder as a `BertForTokenClassification` with its fast tokenizer.

    Raises:
        InputMissing, ArtifactBroken: the model folder is missing or damaged.
        ConfigInvalid: the model is not a trained one.
        EncoderUnsupported: its encoder is not a BERT, whose segments can hold the shapes of words.
    """
    manifest = model_folder.read_manifest(trained)
    if manifest.kind != "trained":
        raise ConfigInvalid(f"found a {manifest.kind} model, expected a trained one, at {trained}")
    if (family := manifest.encoder.get("model_type", "bert")) != "bert":
        raise EncoderUnsupported(
            f"found model_type {family!r}, expected bert, the only one that the peers can run with our weights, at {trained}"
        )
    weights = hugging_face_weights(load_file(trained / model_folder.WEIGHTS), trained)
    with atomic.staged_folder(target) as stage:
        save_file(weights, stage / "model.safetensors", {"format": "pt"})
        config = hugging_face_config(manifest, n_shapes=len(weights[f"bert.{_SEGMENTS}"]))
        atomic.write_json(stage / "config.json", config)
        shutil.copy(trained / model_folder.TOKENIZER, stage / model_folder.TOKENIZER)
        tokenizer = {"tokenizer_class": "BertTokenizer", "model_max_length": manifest.max_pieces}
        atomic.write_json(stage / "tokenizer_config.json", tokenizer)
    return target


def hugging_face_weights(weights: Mapping[str, NDArray[np.float32]], where: Path | str) -> Weights:
    """Rename our weights for `BertForTokenClassification`, with shapes in place of segments.

    Raises:
        ArtifactBroken: the segments or the shapes are missing.
    """
    if missing := [name for name in (_SEGMENTS, _SHAPES) if name not in weights]:
        raise ArtifactBroken(f"found no weight {missing[0]}, expected one, in {where}")
    named = {
        name if name.startswith("classifier.") else f"bert.{name}": np.ascontiguousarray(value)
        for name, value in weights.items()
        if name != _SHAPES
    }
    named[f"bert.{_SEGMENTS}"] = np.ascontiguousarray(weights[_SEGMENTS][0] + weights[_SHAPES])
    return named


def hugging_face_config(manifest: ModelManifest, *, n_shapes: int) -> dict[str, Any]:
    """Return the `config.json` of the checkpoint."""
    tags = manifest.label_set.tags
    return {
        **json.loads(json.dumps(manifest.encoder)),
        "architectures": ["BertForTokenClassification"],
        "type_vocab_size": n_shapes,
        "id2label": {str(index): tag for index, tag in enumerate(tags)},
        "label2id": {tag: index for index, tag in enumerate(tags)},
    }

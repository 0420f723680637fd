"""Freezing: converts a trained model to an inference graph with constant weights and without training operations."""

import shutil
from dataclasses import replace
from pathlib import Path

import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from ner_tasks.errors import ConfigInvalid
from ner_tasks.files import atomic
from ner_tasks.model import encoders, model_folder
from ner_tasks.model.graph_outputs import INPUTS, OUTPUT
from ner_tasks.model.model_folder import ModelManifest
from ner_tasks.model.token_classifier import TokenClassifier
from ner_tasks.model.tokenization import WordTokenizer
from ner_tasks.model.weights import read_weights


def freeze_model(model_path: Path, target: Path) -> ModelManifest:
    """Freeze a trained model.

    Args:
        model_path: trained model folder.
        target: frozen model folder to create.

    Returns:
        Manifest of the frozen model.

    Raises:
        ConfigInvalid: `model_path` is not a trained model.
        InputMissing: there is no model folder.
        ArtifactBroken: the model is damaged.
        StorageFull: no space left; nothing is written.
    """
    manifest = model_folder.read_manifest(model_path)
    if manifest.kind != "trained":
        raise ConfigInvalid(f"found a model of kind {manifest.kind!r}, expected 'trained', in {model_path}")
    graph_def = build_inference_graph(load_trained(model_path, manifest))
    lineage = {**manifest.lineage, "trained_weights": manifest.files[model_folder.WEIGHTS]}
    with atomic.staged_folder(target) as stage:
        (stage / model_folder.GRAPH).write_bytes(graph_def.SerializeToString(deterministic=True))
        shutil.copy2(model_path / model_folder.TOKENIZER, stage / model_folder.TOKENIZER)
        return model_folder.write_manifest(stage, replace(manifest, kind="frozen", lineage=lineage))


def load_trained(folder: Path, manifest: ModelManifest) -> TokenClassifier:
    """Load the Keras model of a trained model folder.

    Args:
        folder: trained model folder.
        manifest: its manifest.
    """
    sizes = encoders.parse_config(manifest.encoder, folder / model_folder.MANIFEST)
    pad_id = WordTokenizer(folder / model_folder.TOKENIZER).pad_id
    model = TokenClassifier(sizes, n_tags=len(manifest.label_set.tags), pad_id=pad_id)
    model.import_all(read_weights(folder / model_folder.WEIGHTS), folder / model_folder.WEIGHTS)
    return model


def build_inference_graph(model: TokenClassifier) -> tf.compat.v1.GraphDef:
    """Build the inference graph: `INPUTS`, int32 [B, T], to `OUTPUT`, float32 [B, T, K], for any B and T."""

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32, name=name) for name in INPUTS])
    def infer(piece_ids: tf.Tensor, shape_ids: tf.Tensor) -> tf.Tensor:
        logits = model({"piece_ids": piece_ids, "shape_ids": shape_ids}, training=False)
        return tf.identity(logits, name=OUTPUT)

    frozen = convert_variables_to_constants_v2(infer.get_concrete_function())
    graph_def = tf.compat.v1.graph_util.remove_training_nodes(frozen.graph.as_graph_def(), protected_nodes=[OUTPUT])
    return tf.compat.v1.graph_util.extract_sub_graph(graph_def, [OUTPUT])

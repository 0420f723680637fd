"""Model folder: graph or weights, tokenizer, and the manifest `model.json` with their checksums.

    trained/  weights.safetensors  tokenizer.json  model.json     Keras model, can be trained further
    frozen/   graph.pb             tokenizer.json  model.json     FP32 inference graph
    int8/     graph.pb             tokenizer.json  model.json     INT8 inference graph

`model.json` also has labels, encoder configuration, window length, temperature and transitions for inference, metrics
and lineage for people, and its own checksum.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from ner_tasks.errors import ArtifactBroken, InputMissing
from ner_tasks.files import atomic, schema
from ner_tasks.labels import LabelSet

MANIFEST = "model.json"
TOKENIZER = "tokenizer.json"
WEIGHTS = "weights.safetensors"
GRAPH = "graph.pb"
FORMAT = 1
OWN = "sha256"  # checksum of the rest of the manifest

Kind = Literal["trained", "frozen", "int8"]
_FILES: dict[str, tuple[str, ...]] = {
    "trained": (WEIGHTS, TOKENIZER),
    "frozen": (GRAPH, TOKENIZER),
    "int8": (GRAPH, TOKENIZER),
}


@dataclass(frozen=True)
class ModelManifest:
    """Content of `model.json`.

    Attributes:
        kind: kind of the model.
        labels: labels in the order of the tag ids.
        encoder: configuration of the encoder, as in the Hugging Face `config.json`.
        max_pieces: maximum window length in pieces, [CLS] and [SEP] included.
        temperature: divisor of the logits for the scores of words, above 0; see `evaluation.calibration`.
        transitions: weighted log-probabilities [K + 1][K], see `decoding`; None to only enforce valid BIO.
        entity_temperature: temperature of the posteriors of entities, above 0, see `posterior`; None in older models,
            whose entities have the least score of their words.
        metrics: measured figures, by the step that measured them.
        lineage: origin of the model: snapshot, parent, library versions, configuration.
        files: SHA-256 of each file.
    """

    kind: Kind
    labels: tuple[str, ...]
    encoder: dict[str, Any]
    max_pieces: int
    temperature: float = 1.0  # older models have none
    transitions: list[list[float]] | None = None
    entity_temperature: float | None = None
    metrics: dict[str, Any] = field(default_factory=dict)
    lineage: dict[str, Any] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)

    @property
    def label_set(self) -> LabelSet:
        return LabelSet(self.labels)


def write_manifest(folder: Path, manifest: ModelManifest) -> ModelManifest:
    """Write `model.json` with the checksums of the other files in `folder`, which must be complete.

    Returns:
        The manifest with the checksums.
    """
    files = {name: atomic.sha256_of(folder / name) for name in _FILES[manifest.kind]}
    signed = replace(manifest, files=files)
    values = json.loads(json.dumps({"format": FORMAT, **asdict(signed)}))  # normalized as in the file
    atomic.write_json(folder / MANIFEST, sign(values))
    return signed


def sign(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of `model.json` with the current schema version and its own checksum."""
    stamped = schema.stamp({key: value for key, value in values.items() if key != OWN})
    return {**stamped, OWN: _digest(stamped)}


def check_signature(values: Mapping[str, Any], where: str) -> None:
    """Check the checksum that `sign` gives.

    Raises:
        ArtifactBroken: the manifest was changed after it was written.
    """
    # older manifests have none; if its key is damaged, `_parse` rejects the unknown field
    if OWN in values and values[OWN] != _digest({key: value for key, value in values.items() if key != OWN}):
        raise ArtifactBroken(f"found a manifest changed after it was written, expected its own sha256, in {where}")


def read_manifest(folder: Path) -> ModelManifest:
    """Read the manifest of a model folder and verify the checksum of every file.

    Raises:
        InputMissing: there is no model folder.
        ArtifactBroken: a file is missing or changed, or the manifest is damaged.
    """
    manifest = _load_manifest(folder)
    for name in _FILES[manifest.kind]:
        path = folder / name
        sha256 = atomic.sha256_of(path) if path.is_file() else "no file"
        if sha256 != manifest.files.get(name):
            raise ArtifactBroken(
                f"found {sha256[:12]}, expected sha256 {manifest.files.get(name, 'none')[:12]}, at {path}"
            )
    return manifest


def read_kind(folder: Path) -> Kind:
    """Read the kind of a model folder without verifying its files.

    Raises:
        InputMissing: there is no model folder.
        ArtifactBroken: the manifest is damaged.
    """
    return _load_manifest(folder).kind


def describe_layers(manifest: ModelManifest) -> str:
    """Return which layers of the encoder a model has, for people: `3 of 6 (0, 2, 5)` or `all`."""
    kept = manifest.lineage.get("layers")
    if not kept:
        return "all"
    return f"{len(kept['kept'])} of {kept['of']} ({', '.join(map(str, kept['kept']))})"


def _load_manifest(folder: Path) -> ModelManifest:
    if not (folder / MANIFEST).is_file():
        raise InputMissing(f"found no {MANIFEST} in {folder}, expected a model folder (trained, frozen or INT8)")
    return _parse(atomic.read_json(folder / MANIFEST), folder)


def _parse(values: Any, folder: Path) -> ModelManifest:
    where = folder / MANIFEST
    schema.read_version(values, str(where))
    if not isinstance(values, Mapping) or values.get("format") != FORMAT:
        found = values.get("format") if isinstance(values, Mapping) else type(values).__name__
        raise ArtifactBroken(f"found format {repr(found)[:80]}, expected {FORMAT}, in {where}")
    check_signature(values, str(where))
    if values.get("kind") not in _FILES:
        raise ArtifactBroken(
            f"found kind {repr(values.get('kind'))[:80]}, expected one of {sorted(_FILES)}, in {where}"
        )
    try:
        fields = {key: value for key, value in values.items() if key not in (schema.KEY, "format", OWN)}
        manifest = ModelManifest(**{**fields, "labels": tuple(fields["labels"])})
    except (TypeError, KeyError) as error:
        raise ArtifactBroken(f"found {error}, expected the fields of a model manifest, in {where}") from None
    for name in ("temperature", "entity_temperature"):
        value = getattr(manifest, name)
        if (value is not None or name == "temperature") and not (isinstance(value, float) and 0 < value < math.inf):
            raise ArtifactBroken(f"found {name} {value!r}, expected a number above 0, in {where}")
    n_tags = len(manifest.label_set.tags)
    if manifest.transitions is not None and not _is_matrix(manifest.transitions, n_tags + 1, n_tags):
        raise ArtifactBroken(f"found transitions of another form, expected {n_tags + 1} rows of {n_tags}, in {where}")
    return manifest


def _digest(values: Mapping[str, Any]) -> str:
    """Return the SHA-256 of JSON values, independent of the layout of the file."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _is_matrix(rows: Any, n_rows: int, n_columns: int) -> bool:
    if not isinstance(rows, list) or len(rows) != n_rows:
        return False
    return all(
        isinstance(row, list) and len(row) == n_columns and all(isinstance(x, float) and math.isfinite(x) for x in row)
        for row in rows
    )

"""A model folder: graph or weights, tokenizer and `model.json`, which lists and signs them.

    trained/  weights.safetensors  tokenizer.json  model.json     a Keras model, to go on training
    frozen/   graph.pb             tokenizer.json  model.json     one FP32 inference graph
    int8/     graph.pb             tokenizer.json  model.json     the same, quantized

`model.json` carries everything else that the model needs to be used: labels, encoder sizes, window
length, temperature; what people ask of it: metrics and lineage; and its own checksum.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from ner_tasks.errors import ArtifactBroken, InputMissing
from ner_tasks.files import atomic
from ner_tasks.labels import LabelSet

MANIFEST = "model.json"
TOKENIZER = "tokenizer.json"
WEIGHTS = "weights.safetensors"
GRAPH = "graph.pb"
FORMAT = 1
OWN = "sha256"  # of the rest of the manifest

Kind = Literal["trained", "frozen", "int8"]
_FILES: dict[str, tuple[str, ...]] = {
    "trained": (WEIGHTS, TOKENIZER),
    "frozen": (GRAPH, TOKENIZER),
    "int8": (GRAPH, TOKENIZER),
}


@dataclass(frozen=True)
class ModelManifest:
    """What `model.json` says.

    Attributes:
        kind: what the folder holds.
        labels: label names in the order of the model's tag ids.
        encoder: the encoder's configuration, as in the Hugging Face `config.json`.
        max_pieces: longest window that the model was trained for, with [CLS] and [SEP].
        temperature: what logits are divided by to become probabilities that hold, more than 0; see `calibration`.
        transitions: weighted log-probabilities of a tag after a tag, [K + 1][K]; see `decoding`. None: all alike.
        metrics: measured figures, each under the name of the step that measured it.
        lineage: where the model comes from: snapshot, parent, versions of the libraries, configuration.
        files: SHA-256 of each file.
    """

    kind: Kind
    labels: tuple[str, ...]
    encoder: dict[str, Any]
    max_pieces: int
    temperature: float = 1.0  # that of models made before there was one
    transitions: list[list[float]] | None = None
    metrics: dict[str, Any] = field(default_factory=dict)
    lineage: dict[str, Any] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)

    @property
    def label_set(self) -> LabelSet:
        return LabelSet(self.labels)


def write_manifest(folder: Path, manifest: ModelManifest) -> ModelManifest:
    """Write `model.json` with the checksums of the files that lie in `folder`, last of all files."""
    files = {name: atomic.sha256_of(folder / name) for name in _FILES[manifest.kind]}
    signed = replace(manifest, files=files)
    values = json.loads(json.dumps({"format": FORMAT, **asdict(signed)}))  # as it will be read
    atomic.write_json(folder / MANIFEST, {**values, OWN: _digest(values)})
    return signed


def read_manifest(folder: Path) -> ModelManifest:
    """Read a model folder's manifest, having checked every file against its checksum.

    Raises:
        InputMissing: no model folder there.
        ArtifactBroken: a file is missing or changed, or the manifest is not one of ours.
    """
    manifest = _manifest_of(folder)
    for name in _FILES[manifest.kind]:
        path = folder / name
        found = atomic.sha256_of(path) if path.is_file() else "no file"
        if found != manifest.files.get(name):
            raise ArtifactBroken(
                f"found {found[:12]}, expected sha256 {manifest.files.get(name, 'none')[:12]}, at {path}"
            )
    return manifest


def read_kind(folder: Path) -> Kind:
    """What a model folder holds, its files unchecked.

    Raises:
        InputMissing: no model folder there.
        ArtifactBroken: the manifest is not one of ours.
    """
    return _manifest_of(folder).kind


def _manifest_of(folder: Path) -> ModelManifest:
    if not (folder / MANIFEST).is_file():
        raise InputMissing(f"found no {MANIFEST} in {folder}, expected a model folder (trained, frozen or INT8)")
    return _parse(atomic.read_json(folder / MANIFEST), folder)


def _parse(values: Any, folder: Path) -> ModelManifest:
    where = folder / MANIFEST
    if not isinstance(values, Mapping) or values.get("format") != FORMAT:
        found = values.get("format") if isinstance(values, Mapping) else type(values).__name__
        raise ArtifactBroken(f"found format {repr(found)[:80]}, expected {FORMAT}, in {where}")
    # models made before there was one have none; a damaged name of it is a field that nobody knows
    if OWN in values and values[OWN] != _digest({key: value for key, value in values.items() if key != OWN}):
        raise ArtifactBroken(f"found that it was changed since it was written, expected its own sha256, in {where}")
    if values.get("kind") not in _FILES:
        raise ArtifactBroken(
            f"found kind {repr(values.get('kind'))[:80]}, expected one of {sorted(_FILES)}, in {where}"
        )
    try:
        fields = {key: value for key, value in values.items() if key not in ("format", OWN)}
        manifest = ModelManifest(**{**fields, "labels": tuple(fields["labels"])})
    except (TypeError, KeyError) as error:
        raise ArtifactBroken(f"found {error}, expected the fields of a model manifest, in {where}") from None
    if not isinstance(manifest.temperature, float) or not 0 < manifest.temperature < math.inf:
        raise ArtifactBroken(f"found temperature {manifest.temperature!r}, expected a number above 0, in {where}")
    n_tags = len(manifest.label_set.tags)
    if manifest.transitions is not None and not _is_matrix(manifest.transitions, n_tags + 1, n_tags):
        raise ArtifactBroken(f"found transitions of another form, expected {n_tags + 1} rows of {n_tags}, in {where}")
    return manifest


def _digest(values: Mapping[str, Any]) -> str:
    """SHA-256 of JSON values, however they are laid out in the file."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _is_matrix(rows: Any, n_rows: int, n_columns: int) -> bool:
    if not isinstance(rows, list) or len(rows) != n_rows:
        return False
    return all(
        isinstance(row, list) and len(row) == n_columns and all(isinstance(x, float) and math.isfinite(x) for x in row)
        for row in rows
    )

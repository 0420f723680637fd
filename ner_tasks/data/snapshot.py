"""Snapshot: an immutable split of labelled data with checksums; its version is a hash of its content.

Reading a file of a snapshot verifies that it was not edited. `texts.csv` lists the part of every text of this and all
earlier snapshots, so that no text ever changes its part.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from ner_tasks.errors import ArtifactBroken
from ner_tasks.files import atomic
from ner_tasks.fingerprint import make_version
from ner_tasks.records import SnapshotManifest, read_file

MANIFEST = "snapshot.json"
TEXTS = "texts.csv"
ORIGINS = "origins.csv"
_COLUMNS = ("text", "part")


def text_digest(words: Sequence[str]) -> bytes:
    """Return the SHA-256 of the words of a sentence, which determines its part in the split."""
    return sha256("\x1f".join(words).encode("utf-8", errors="surrogatepass")).digest()


def text_key(words: Sequence[str]) -> str:
    """Return 32 hex digits that identify the words of a sentence without storing the text."""
    return text_digest(words).hex()[:32]


def hash_contents(labels: Sequence[str], files: Mapping[str, str]) -> str:
    """Compute the version of a snapshot from its labels and CSV files.

    The validation report is left out, since its wording may change for the same data.

    Args:
        labels: labels of the snapshot.
        files: SHA-256 of each file by name.
    """
    held = {name: sha for name, sha in files.items() if name.endswith(".csv")}
    return make_version({"labels": list(labels), "files": held})


def open_snapshot(folder: Path) -> dict[str, Any]:
    """Verify every file of a snapshot and return the content of `snapshot.json`.

    Raises:
        InputMissing: there is no snapshot in `folder`.
        ArtifactBroken: a file is missing or changed, or the manifest was changed.
    """
    manifest = read_file(folder / MANIFEST, SnapshotManifest)
    for name in manifest["files"]:
        _check(folder / name, manifest)
    if manifest["version"] != hash_contents(manifest["labels"], manifest["files"]):
        raise ArtifactBroken(f"found other labels or checksums than version {manifest['version']} has, at {folder}")
    return dict(manifest)


def check_frozen(path: Path) -> None:
    """Verify the checksum of a file if it belongs to a snapshot.

    Raises:
        ArtifactBroken: the file was changed after it was written.
    """
    manifest_path = path.with_name(MANIFEST)
    if manifest_path.is_file():
        manifest = read_file(manifest_path, SnapshotManifest)
        if path.name in manifest["files"]:
            _check(path, manifest)


def read_known_parts(folder: Path) -> dict[str, str]:
    """Read the part of every text of this and earlier snapshots, by `text_key`.

    Raises:
        ArtifactBroken: the list was changed after it was written.
    """
    path = folder / TEXTS
    check_frozen(path)
    with path.open(encoding="utf-8", newline="") as file:
        return {row["text"]: row["part"] for row in csv.DictReader(file)}


def write_known_parts(path: Path, parts: Mapping[str, str]) -> None:
    """Write the parts of texts, sorted by key, for `read_known_parts`."""
    _write_csv(path, _COLUMNS, sorted(parts.items()))


def write_origins(path: Path, parts: Mapping[str, Sequence[str]]) -> None:
    """Write the batch and origin of each sentence.

    Args:
        path: file to write.
        parts: origins `batch/file:line` of the sentences of each part.
    """
    rows = (
        (part, number, origin.partition("/")[0], origin)
        for part, origins in parts.items()
        for number, origin in enumerate(origins, start=1)
    )
    _write_csv(path, ("part", "number", "batch", "origin"), rows)


def _write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)


def _check(path: Path, manifest: SnapshotManifest) -> None:
    expected = manifest["files"][path.name]
    sha256 = atomic.sha256_of(path) if path.is_file() else "nothing"
    if sha256 != expected:
        version = manifest["version"]
        raise ArtifactBroken(
            f"found {path.name} of snapshot {version} changed since it was made (sha256 {sha256[:12]}), "
            f"expected {expected[:12]}, at {path}"
        )

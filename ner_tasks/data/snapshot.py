"""A snapshot as it was frozen: every file signed, the version a hash of what it holds.

Whoever reads a file of a snapshot finds out here whether somebody has edited it since. What a text was for is
remembered for ever: `texts.csv` goes from each snapshot into the next one and grows.
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
    """SHA-256 of the words of a sentence: all that its place in the split follows from."""
    return sha256("\x1f".join(words).encode("utf-8", errors="surrogatepass")).digest()


def text_key(words: Sequence[str]) -> str:
    """32 hex digits that stand for the words of a sentence, so that a text need not be kept to be known again."""
    return text_digest(words).hex()[:32]


def version_of_contents(labels: Sequence[str], files: Mapping[str, str]) -> str:
    """Version of a snapshot: of its labels and of the files that are learnt from, scored on and remembered.

    Evidence is left out: the same data, checked again, may be described in other words.
    """
    held = {name: sha for name, sha in files.items() if name.endswith(".csv")}
    return make_version({"labels": list(labels), "files": held})


def open_snapshot(folder: Path) -> dict[str, Any]:
    """Content of `snapshot.json`, once every file is known to be as it was made.

    Raises:
        InputMissing: no snapshot in `folder`.
        ArtifactBroken: a file is gone or has changed, or the manifest has.
    """
    said = read_file(folder / MANIFEST, SnapshotManifest)
    for name in said["files"]:
        _check(folder / name, said)
    if said["version"] != version_of_contents(said["labels"], said["files"]):
        raise ArtifactBroken(f"found other labels or checksums than version {said['version']} has, at {folder}")
    return dict(said)


def check_frozen(path: Path) -> None:
    """Refuse a file of a snapshot that has changed since it was made; any other file may be what it likes.

    Raises:
        ArtifactBroken: it has.
    """
    manifest = path.with_name(MANIFEST)
    if manifest.is_file():
        said = read_file(manifest, SnapshotManifest)
        if path.name in said["files"]:
            _check(path, said)


def known_parts(folder: Path) -> dict[str, str]:
    """Part of every text that this snapshot or one before it has held, by `text_key`.

    Raises:
        ArtifactBroken: the list has changed since it was made.
    """
    path = folder / TEXTS
    check_frozen(path)
    with path.open(encoding="utf-8", newline="") as file:
        return {row["text"]: row["part"] for row in csv.DictReader(file)}


def write_known_parts(path: Path, parts: Mapping[str, str]) -> None:
    """Write what `known_parts` reads, in the order of the keys: the bytes depend on the contents alone."""
    _write(path, _COLUMNS, sorted(parts.items()))


def write_origins(path: Path, parts: Mapping[str, Sequence[str]]) -> None:
    """Write for each sentence of each part which batch it came from, given its origin `batch/file:line`."""
    rows = (
        (part, number, origin.partition("/")[0], origin)
        for part, origins in parts.items()
        for number, origin in enumerate(origins, start=1)
    )
    _write(path, ("part", "number", "batch", "origin"), rows)


def _write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)


def _check(path: Path, said: SnapshotManifest) -> None:
    expected = said["files"][path.name]
    found = atomic.sha256_of(path) if path.is_file() else "nothing"
    if found != expected:
        version = said["version"]
        raise ArtifactBroken(
            f"found {path.name} of snapshot {version} changed since it was made (sha256 {found[:12]}), "
            f"expected {expected[:12]}, at {path}"
        )

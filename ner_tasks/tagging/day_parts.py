"""The parts of a published day as local folders.

The manifest of a day names its parts by their keys, relative to the store: from `<store>/tagged/<day>` they are found two
folders up. A day of an earlier release is one part, its own folder; so is an answer folder of `tag`. Parts never change, so
that only the manifest has to be looked at again.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from ner_tasks.errors import ArtifactBroken, ConfigInvalid, InputMissing
from ner_tasks.files import atomic, schema
from ner_tasks.records import PartManifest, PartRecord, PublishedDay, read_file, read_record, validate_record
from ner_tasks.store import Store, check_key, keys
from ner_tasks.tagging.answer_ledger import DOCUMENTS
from ner_tasks.tagging.merge import MANIFEST

Result = TypeVar("Result")
_N_AT_ONCE = 8  # parts that are fetched at the same time


def read_parts(
    answers: Sequence[Path], read: Callable[[Sequence[Path]], Result], *, files: Sequence[str] = (DOCUMENTS,)
) -> Result:
    """Read local folders of answers; read them again if one is replaced meanwhile.

    Args:
        answers: published days, parts, and answer folders of `tag`.
        read: reads the folders of the parts, which it gets in order.
        files: the files that it reads there.

    Returns:
        The result of `read`.

    Raises:
        InputMissing, ArtifactBroken: as for `find_parts`.
        Busy: a folder keeps being replaced.
    """
    if not answers:
        raise ConfigInvalid("found no folder, expected answers, in --answers")

    def read_all() -> Result:
        return read([part for folder in answers for part in find_parts(folder, files)])

    for folder in answers:
        if not (folder / keys.PART_MANIFEST).exists():
            read_all = partial(atomic.read_whole, folder, read_all, marker=MANIFEST)
    return read_all()


def find_parts(answers: Path, files: Sequence[str] = (DOCUMENTS,)) -> list[Path]:
    """Find the folders of the parts of local answers, in the order of the inbox, and check their sizes.

    Args:
        answers: a published day, or another folder of answers, which is its own and only part.
        files: the files that are checked.

    Raises:
        InputMissing: a part that the manifest names is not there, or a file of it.
        ArtifactBroken: it is another one, or the manifest is damaged.
    """
    if (answers / keys.PART_MANIFEST).exists():
        check_sizes(answers, files)
        return [answers]
    records = _list_records(answers)
    if records is None:
        return [answers]
    store = answers.resolve().parents[1]
    parts = []
    for record in records:
        parts.append(store / _check_key(record, answers / MANIFEST))
        _check_is_named(parts[-1], record, str(answers / MANIFEST))
        check_sizes(parts[-1], files)
    return parts


def fetch_day(store: Store, day: str, target: Path, files: Sequence[str]) -> Path:
    """Make a published day available locally as it is now; a later replacement does not change it.

    Args:
        store: the store.
        day: YYYY-MM-DD.
        target: local folder; what it has of the day is replaced.
        files: the files of each part that are needed.

    Returns:
        The day's folder, whose parts `find_parts` finds. It must not be modified.

    Raises:
        InputMissing: nothing is published of the day, or a part that its manifest names is not there.
        ArtifactBroken: the manifest or a part is damaged.
        Busy: the day keeps being replaced.
    """
    key = keys.tagged_day(day)
    return store.read_whole(key, lambda: _fetch(store, day, target, files), marker=MANIFEST)


def fetch_parts(store: Store, day: str, manifest: PublishedDay | Mapping[str, Any], files: Sequence[str]) -> list[Path]:
    """Make parts of a published day available locally.

    Args:
        store: the store.
        day: YYYY-MM-DD.
        manifest: the day's.
        files: the files of each part that are needed.

    Returns:
        The folders of the parts, in the order of the inbox. They must not be modified.

    Raises:
        InputMissing, ArtifactBroken: as for `fetch_day`.
    """
    records: Sequence[PartRecord] | None = manifest.get("parts")
    if records is None:
        return [store.fetch(keys.tagged_day(day))]
    where = store.where(keys.tagged_day(day, MANIFEST))
    with ThreadPoolExecutor(_N_AT_ONCE) as pool:
        return list(pool.map(lambda record: _fetch_part(store, record, files, where), records))


def read_described(answers: Path) -> dict[str, Any]:
    """Return what a folder of answers says of itself: its manifest, or that of the part; empty if it has none.

    Raises:
        ArtifactBroken: it is damaged.
        SchemaTooNew: a newer release wrote it.
    """
    for name in (keys.PART_MANIFEST, MANIFEST):
        if (answers / name).exists():
            return dict(schema.unstamp(read_file(answers / name, dict[str, Any])))
    return {}


def check_sizes(part: Path, files: Iterable[str]) -> None:
    """Check the sizes of files of a part against its manifest.

    Raises:
        InputMissing: a file is missing.
        ArtifactBroken: a file has another size, or the manifest is damaged.
    """
    digests = read_file(part / keys.PART_MANIFEST, PartManifest)["files"]
    for name in files:
        if name not in digests:
            raise ArtifactBroken(f"found no {name}, expected it among the files, in {part / keys.PART_MANIFEST}")
        require_file(part / name)
        n_bytes, expected = (part / name).stat().st_size, digests[name]["n_bytes"]
        if n_bytes != expected:
            raise ArtifactBroken(f"found {n_bytes} bytes, expected {expected} as in part.json, at {part / name}")


def require_file(path: Path) -> None:
    """Check that a path is a regular file.

    Raises:
        InputMissing: it does not exist.
        ArtifactBroken: it is not a regular file.
    """
    try:
        atomic.check_is_file(path)
    except FileNotFoundError:
        raise InputMissing(f"found nothing, expected a file, at {path}") from None


def _fetch(store: Store, day: str, target: Path, files: Sequence[str]) -> Path:
    manifest = read_record(store, keys.tagged_day(day, MANIFEST), PublishedDay)
    parts = fetch_parts(store, day, manifest, files)
    if "parts" not in manifest:
        return parts[0]
    local = target / keys.tagged_day(day)
    local.mkdir(parents=True, exist_ok=True)
    for record, part in zip(manifest["parts"], parts, strict=True):
        link = target / record["key"]
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(part.absolute())
    atomic.write_json(local / MANIFEST, schema.stamp(dict(manifest)))
    return local


def _fetch_part(store: Store, record: PartRecord, files: Sequence[str], where: str) -> Path:
    key = _check_key(record, where)
    try:
        part = store.fetch_fixed(key, {keys.PART_MANIFEST: None})
    except InputMissing:
        raise InputMissing(f"found no part, expected one as {where} names it, at {store.where(key)}") from None
    _check_is_named(part, record, where)
    digests = read_file(part / keys.PART_MANIFEST, PartManifest)["files"]
    part = store.fetch_fixed(key, {name: digests[name]["n_bytes"] for name in files if name in digests})
    check_sizes(part, files)
    return part


def _list_records(answers: Path) -> list[PartRecord] | None:
    """Return the parts of a day as its manifest names them; None if the folder is the only one."""
    if not (answers / MANIFEST).exists():
        return None
    manifest = atomic.read_json(answers / MANIFEST)
    if not isinstance(manifest, dict) or "parts" not in manifest:
        return None
    return validate_record(manifest, PublishedDay, str(answers / MANIFEST)).get("parts")


def _check_key(record: PartRecord, where: object) -> str:
    """Check that a manifest names a folder of the store below `parts`."""
    try:
        key = check_key(record["key"])
    except ConfigInvalid:
        key = ""
    if not key.startswith(f"{keys.PARTS}/"):
        raise ArtifactBroken(f"found part {record['key'][:100]!r}, expected a key below {keys.PARTS}/, in {where}")
    return key


def _check_is_named(part: Path, record: PartRecord, where: str) -> None:
    """Check that a part is there, and the one that the day's manifest names."""
    described = part / keys.PART_MANIFEST
    try:
        found = atomic.sha256_of(described)
    except (FileNotFoundError, NotADirectoryError):
        raise InputMissing(f"found no part, expected one as {where} names it, at {part}") from None
    if found != record["sha256"]:
        raise ArtifactBroken(f"found SHA-256 {found[:12]}, expected {record['sha256'][:12]}, in {described}")

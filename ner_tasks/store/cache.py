"""Local cache of files on S3, valid as long as their ETags do not change.

    <cache>/<id>/<key>    <id> is a hash of the store, the names and the ETags: changed content is another folder
    <cache>/<id>/<name>   of a folder that never changes: <id> is a hash of its location

Several processes may share a cache: the first one that completes a copy adds it.
"""

import hashlib
import json
import os
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from ner_tasks.files import atomic, replacement
from ner_tasks.store import check_key
from ner_tasks.store.bucket import ListedObject, map_parallel

UNUSED_S, HALF_DONE_S = 7 * 86400.0, 86400.0

Download = Callable[[ListedObject, Path], None]


class Cache:
    """A folder of copies. Adding one removes copies unused for a week, and incomplete ones older than a day."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, place: str, copies: Sequence[tuple[str, ListedObject]], download: Download) -> Path:
        """Return a folder that contains the copies under their keys, downloading them if needed.

        Args:
            place: location of the store; several stores may share a cache.
            copies: key and object of each copy.
            download: downloads one object; if it raises, nothing is kept.

        Raises:
            ConfigInvalid: a key could leave the folder.
        """
        content = [[check_key(key), listed.name, listed.etag, listed.n_bytes] for key, listed in copies]
        home = self._folder / hashlib.sha256(json.dumps([place, content]).encode()).hexdigest()[:16]
        if not _is_sound(home, copies):
            self._fill(home, copies, download)
            self._remove_unused()
        os.utime(home)  # time of the last use
        return home

    def get_fixed(self, place: str, files: Mapping[str, int | None], download: Callable[[str, Path], None]) -> Path:
        """Return a folder that contains copies of files that never change, downloading those that are missing.

        Args:
            place: location of their folder.
            files: size of each file in bytes, by name; None for any. A copy of another size is downloaded again.
            download: downloads a file, given its name.

        Raises:
            ConfigInvalid: a name could leave the folder.
        """
        home = self._folder / hashlib.sha256(json.dumps(["fixed", place]).encode()).hexdigest()[:16]
        missing = [name for name, n_bytes in files.items() if not _is_copied(home / check_key(name), n_bytes)]
        if missing:
            stage = self._folder / f".{uuid.uuid4().hex}.part"
            try:
                with atomic.space_for(home):
                    stage.mkdir(parents=True)
                    home.mkdir(exist_ok=True)
                    map_parallel(lambda name: self._add(home / name, stage / name, name, download), missing)
            finally:
                replacement.discard(stage)
            self._remove_unused()
        os.utime(home)  # time of the last use
        return home

    def _add(self, target: Path, stage: Path, name: str, download: Callable[[str, Path], None]) -> None:
        """Download a file; other processes see it when it is complete."""
        stage.parent.mkdir(parents=True, exist_ok=True)
        download(name, stage)
        target.parent.mkdir(parents=True, exist_ok=True)
        stage.replace(target)

    def _fill(self, home: Path, copies: Sequence[tuple[str, ListedObject]], download: Download) -> None:
        stage = self._folder / f".{uuid.uuid4().hex}.part"

        def copy(one: tuple[str, ListedObject]) -> None:
            key, listed = one
            (stage / key).parent.mkdir(parents=True, exist_ok=True)
            download(listed, stage / key)
            os.utime(stage / key, (listed.modified.timestamp(), listed.modified.timestamp()))

        try:
            with atomic.space_for(home):
                stage.mkdir(parents=True)
                map_parallel(copy, copies)
                if os.path.lexists(home):  # damaged
                    home.rename(stage.with_suffix(".old"))
                try:
                    stage.rename(home)
                except OSError:
                    if not _is_sound(home, copies):  # otherwise another process was faster
                        raise
        finally:
            replacement.discard(stage)
            replacement.discard(stage.with_suffix(".old"))

    def _remove_unused(self) -> None:
        """Remove copies that have not been used for a week, and leftovers of killed processes after a day."""
        for entry in self._folder.iterdir():
            with suppress(FileNotFoundError):  # removed by another process
                longest_s = HALF_DONE_S if replacement.is_left_behind(entry.name) else UNUSED_S
                if time.time() - entry.lstat().st_mtime > longest_s:
                    replacement.discard(entry)


def _is_copied(path: Path, n_bytes: int | None) -> bool:
    try:
        return (n_bytes is None and path.is_file()) or path.stat().st_size == n_bytes
    except (FileNotFoundError, NotADirectoryError):
        return False


def _is_sound(home: Path, copies: Sequence[tuple[str, ListedObject]]) -> bool:
    """Return whether all copies exist with their original size and modification time."""
    for key, listed in copies:
        try:
            status = (home / key).stat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        if (status.st_size, status.st_mtime) != (listed.n_bytes, listed.modified.timestamp()):
            return False
    return True

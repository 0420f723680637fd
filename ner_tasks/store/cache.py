"""Local cache of files on S3, valid as long as their ETags do not change.

    <cache>/<id>/<key>    <id> is a hash of the store, the names and the ETags: changed content is another folder

Several processes may share a cache: the first one that completes a copy adds it.
"""

import hashlib
import json
import os
import time
import uuid
from collections.abc import Callable, Sequence
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

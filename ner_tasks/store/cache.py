"""Local copies of what lies on S3, each whole or not there, and used again as long as S3 has the same.

    <cache>/<id>/<key>    <id> stands for the place, the names and the etags: other content is another folder

Several processes may share a cache. Whoever is the first to have a copy whole, puts it there.
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
    """A folder of copies; one that nobody has asked for in a week is removed when another is added, and half of one that
    a kill has left after a day.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, place: str, copies: Sequence[tuple[str, ListedObject]], download: Download) -> Path:
        """The folder in which the copies lie under their keys.

        Args:
            place: the store, which others may share the cache with.
            copies: key and object of each.
            download: makes one copy, or raises; nothing is kept then.

        Raises:
            ConfigInvalid: a key could lead out of the folder.
        """
        said = [[check_key(key), found.name, found.etag, found.n_bytes] for key, found in copies]
        home = self._folder / hashlib.sha256(json.dumps([place, said]).encode()).hexdigest()[:16]
        if not _is_sound(home, copies):
            self._fill(home, copies, download)
            self._forget_unused()
        os.utime(home)  # when it was last asked for
        return home

    def _fill(self, home: Path, copies: Sequence[tuple[str, ListedObject]], download: Download) -> None:
        stage = self._folder / f".{uuid.uuid4().hex}.part"

        def copy(one: tuple[str, ListedObject]) -> None:
            key, found = one
            (stage / key).parent.mkdir(parents=True, exist_ok=True)
            download(found, stage / key)
            os.utime(stage / key, (found.modified.timestamp(), found.modified.timestamp()))

        try:
            with atomic.space_for(home):
                stage.mkdir(parents=True)
                map_parallel(copy, copies)
                if os.path.lexists(home):  # damaged
                    home.rename(stage.with_suffix(".old"))
                try:
                    stage.rename(home)
                except OSError:
                    if not _is_sound(home, copies):  # else another process was quicker
                        raise
        finally:
            replacement.discard(stage)
            replacement.discard(stage.with_suffix(".old"))

    def _forget_unused(self) -> None:
        """Remove what nobody has asked for in a long time, and before that what killed processes have left."""
        for entry in self._folder.iterdir():
            with suppress(FileNotFoundError):  # another process removes it, too
                longest_s = HALF_DONE_S if replacement.is_left_behind(entry.name) else UNUSED_S
                if time.time() - entry.lstat().st_mtime > longest_s:
                    replacement.discard(entry)


def _is_sound(home: Path, copies: Sequence[tuple[str, ListedObject]]) -> bool:
    """Whether all copies are there, and as they were made: a file that was touched has another time."""
    for key, found in copies:
        try:
            status = (home / key).stat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        if (status.st_size, status.st_mtime) != (found.n_bytes, found.modified.timestamp()):
            return False
    return True

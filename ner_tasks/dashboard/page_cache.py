"""Cache of drawn pages on this machine, bounded in size and age.

    <folder>/<id>    a line of JSON, the picture, the text; <id> is a hash of what was drawn

Pages are health data: the folder is open to its owner only, and a page that nobody has looked at for a day is removed with
the next page that is added. `ner_maintain` removes the whole folder when nothing has been added for long.
"""

import hashlib
import json
import logging
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ner_tasks.documents.rendering.page_picture import DrawnPage
from ner_tasks.errors import StorageFull
from ner_tasks.files import atomic

MAX_BYTES, UNUSED_S = 256 * 2**20, 86400.0
_FORMAT = 1  # raise it when pages are drawn or stored in another way

log = logging.getLogger(__name__)


class PageCache:
    """See the module.

    Args:
        folder: folder of the pages; created if needed.
        max_bytes: maximum size of all pages; those that were not looked at for longest are removed first.
        clock: returns Unix time in seconds.
    """

    def __init__(self, folder: Path, *, max_bytes: int = MAX_BYTES, clock: Callable[[], float] = time.time) -> None:
        self._folder, self._max_bytes, self._clock = folder, max_bytes, clock

    def get(self, *key: object) -> DrawnPage | None:
        """Return the page that was added under a key; None if there is none."""
        path = self._path(key)
        try:
            content = path.read_bytes()
            os.utime(path, (self._clock(), self._clock()))  # time of the last use
        except OSError:
            return None
        return _unpack(content)

    def put(self, page: DrawnPage, *key: object) -> None:
        """Add a page, and remove what is too old or too much; without room for it the page is only not kept."""
        path = self._path(key)
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            atomic.write_bytes(path, _pack(page))
            os.utime(path, (self._clock(), self._clock()))
            self._prune()
        except (OSError, StorageFull) as error:
            log.warning("page not kept in %s: %s", self._folder, error)

    def _path(self, key: tuple[object, ...]) -> Path:
        return self._folder / hashlib.sha256(json.dumps([_FORMAT, *key]).encode()).hexdigest()

    def _prune(self) -> None:
        pages: list[tuple[float, int, Path]] = []
        for path in self._folder.iterdir():  # with the hidden files of killed processes
            with suppress(FileNotFoundError):  # removed by another process
                status = path.stat()
                pages.append((status.st_mtime, status.st_size, path))
        n_bytes = sum(size for _, size, _ in pages)
        for used_s, size, path in sorted(pages):
            if n_bytes <= self._max_bytes and self._clock() - used_s <= UNUSED_S:
                break
            path.unlink(missing_ok=True)
            n_bytes -= size


def _pack(page: DrawnPage) -> bytes:
    text = page.text.encode()
    head = [page.width, page.height, page.n_pages, len(page.picture), len(text)]
    return b"".join((json.dumps(head).encode(), b"\n", page.picture, text))


def _unpack(content: bytes) -> DrawnPage | None:
    """Return the page; None if it is damaged, so that it is drawn again."""
    line, _, rest = content.partition(b"\n")
    try:
        width, height, n_pages, n_picture, n_text = json.loads(line)
        if len(rest) != n_picture + n_text:
            return None
        return DrawnPage(width, height, n_pages, rest[:n_picture], rest[n_picture:].decode())
    except (ValueError, TypeError):
        return None

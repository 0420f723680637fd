"""Finds leftovers of killed processes in a folder store: hidden files and folders being written, replaced or removed."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from ner_tasks.files import replacement
from ner_tasks.store import StoredFile, keys


def find_left_behind(root: Path) -> Iterator[StoredFile]:
    """Find the store's hidden files and folders, including those still being written; a folder counts as one entry.

    The inbox is skipped: it is large, and the store never writes to it.
    """
    for top in _entries(root):
        if top.name != keys.INBOX:
            yield from _below(top, root)


def _below(path: Path, root: Path) -> Iterator[StoredFile]:
    if replacement.is_left_behind(path.name):
        n_bytes, changed_s = measure_tree(path)
        yield StoredFile(path.relative_to(root).as_posix(), path.name, n_bytes, "", changed_s)
    elif not path.name.startswith("."):
        for each in _entries(path):
            yield from _below(each, root)


def _entries(folder: Path) -> list[Path]:
    """List leftovers and folders in a folder, in order; links are not followed."""
    with suppress(OSError), os.scandir(folder) as entries:  # removed in the meantime, or not readable
        wanted = (one for one in entries if replacement.is_left_behind(one.name) or one.is_dir(follow_symlinks=False))
        return sorted(Path(one.path) for one in wanted)
    return []


def measure_tree(path: Path) -> tuple[int, float]:
    """Measure a file or folder.

    Returns:
        Total size in bytes, and Unix time of the last change in seconds. The change time is used because copies keep the
        modification time of the original.
    """
    n_bytes, changed_s = 0, 0.0
    for each in (path, *path.rglob("*")):
        with suppress(OSError):
            status = each.lstat()
            n_bytes += 0 if each.is_dir() else status.st_size
            changed_s = max(changed_s, status.st_ctime)
    return n_bytes, changed_s

"""What killed processes have left in a folder's store, under hidden names: half-written, replaced and removed folders."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from ner_tasks.files import replacement
from ner_tasks.store import StoredFile, keys


def find_left_behind(root: Path) -> Iterator[StoredFile]:
    """Hidden files and folders of ours below the store's folder, each as one; those still being written among them.

    The inbox is not looked at: it is large, and nothing of ours is written there.
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
    """What may be or hold something of ours, in order; links are not followed."""
    with suppress(OSError), os.scandir(folder) as entries:  # removed since, or another user's
        found = (one for one in entries if replacement.is_left_behind(one.name) or one.is_dir(follow_symlinks=False))
        return sorted(Path(one.path) for one in found)
    return []


def measure_tree(path: Path) -> tuple[int, float]:
    """Bytes of a file or of all below a folder, and when the last of it was changed: what is copied keeps other times."""
    n_bytes, changed_s = 0, 0.0
    for each in (path, *path.rglob("*")):
        with suppress(OSError):
            status = each.lstat()
            n_bytes += 0 if each.is_dir() else status.st_size
            changed_s = max(changed_s, status.st_ctime)
    return n_bytes, changed_s

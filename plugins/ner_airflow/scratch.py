"""Clearing what failed and killed work has left in the scratch folder of this machine: copies of documents, too."""

from pathlib import Path

from ner_tasks.errors import Busy
from ner_tasks.files import atomic, replacement
from ner_tasks.store.half_done import measure_tree

LOCKS = ".locks"
# each has a way of its own to remove what is not asked for
_CACHES = ("store", "kaggle-cache")


def clear_scratch(scratch: Path, older_s: float, *, delete: bool) -> dict[str, int]:
    """Remove the work that nobody holds and nobody has touched since a time.

    Args:
        scratch: the folder.
        older_s: seconds since 1970; no run that is younger goes on from older work.
        delete: whether it is removed, or only said what would go.

    Returns:
        Its names and their bytes.
    """
    gone: dict[str, int] = {}
    for path in sorted(scratch.iterdir()) if scratch.is_dir() else []:
        if path.name.startswith(".") or path.name in _CACHES:
            continue
        n_bytes, changed_s = measure_tree(path)
        if changed_s < older_s and (not delete or _removed(path, scratch / LOCKS / path.name)):
            gone[path.name] = n_bytes
    return gone


def _removed(path: Path, lock: Path) -> bool:
    try:
        with atomic.exclusive(lock):
            replacement.discard(path)
            lock.unlink()
    except Busy:
        return False
    return not path.exists()

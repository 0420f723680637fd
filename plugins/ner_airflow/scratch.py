"""Clears this machine's scratch folder of files left by failed and killed tasks, which include copies of documents."""

from pathlib import Path

from ner_tasks.errors import Busy
from ner_tasks.files import atomic, replacement
from ner_tasks.store.half_done import measure_tree

LOCKS = ".locks"
# caches remove unused entries themselves
_CACHES = ("store", "kaggle-cache")


def clear_scratch(scratch: Path, older_s: float, *, delete: bool) -> dict[str, int]:
    """Remove work folders that are not locked and have not changed since a given time.

    Args:
        scratch: the scratch folder.
        older_s: Unix time in seconds; work last changed before it is removed.
        delete: False only lists what would be removed.

    Returns:
        Size of each removed entry in bytes, by name.
    """
    removed: dict[str, int] = {}
    for path in sorted(scratch.iterdir()) if scratch.is_dir() else []:
        if path.name.startswith(".") or path.name in _CACHES:
            continue
        n_bytes, changed_s = measure_tree(path)
        if changed_s < older_s and (not delete or _remove_unlocked(path, scratch / LOCKS / path.name)):
            removed[path.name] = n_bytes
    return removed


def _remove_unlocked(path: Path, lock: Path) -> bool:
    try:
        with atomic.exclusive(lock):
            replacement.discard(path)
            lock.unlink()
    except Busy:
        return False
    return not path.exists()

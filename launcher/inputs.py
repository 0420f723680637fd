"""Copy labelled data and documents into the store."""

import datetime
import re
from pathlib import Path

from ner_tasks.errors import InputMissing
from ner_tasks.files import atomic
from ner_tasks.store import keys
from ner_tasks.store.folder import FolderStore

# in an inbox: names and checksums of the files that an earlier run copied
LISTING = ".put-by-run.json"


def put_dataset(store: FolderStore, dataset: Path, today: datetime.date) -> str:
    """Store a labelled file as a batch. A file that is stored already keeps its batch.

    Args:
        store: the store to copy to.
        dataset: Kaggle CSV, its zip, or CoNLL.
        today: the date that the batch's name begins with, so that batches sort by age.

    Returns:
        The batch's name.
    """
    if not dataset.is_file():
        raise InputMissing(f"found no file, expected labelled data (CSV, its zip, or CoNLL), at {dataset}")
    sha256 = atomic.sha256_of(dataset)[:12]
    for batch in store.folders(keys.LABELLED):
        if batch.endswith(sha256) and any(store.path_of(keys.labelled_batch(batch)).iterdir()):
            return batch
    batch = f"{today.isoformat()}-{sha256}"
    store.put_file(dataset, keys.labelled_batch(batch, _plain(dataset.name)))
    return batch


def put_inbox(store: FolderStore, inbox: Path, day: str) -> int:
    """Copy a folder of documents into a day's inbox and return their number.

    Files that an earlier call copied are removed first, unless they have been changed since. Other files stay.
    """
    if not inbox.is_dir():
        raise InputMissing(f"found no folder, expected one with documents, at {inbox}")
    home = store.path_of(keys.inbox_day(day))
    files = [path for path in sorted(inbox.rglob("*")) if path.is_file() and not _hidden(path.relative_to(inbox))]
    if not files:
        raise InputMissing(f"found no document, expected at least one, in {inbox}")
    wanted = {path.relative_to(inbox).as_posix(): atomic.sha256_of(path) for path in files}
    before = atomic.read_json(home / LISTING) if (home / LISTING).is_file() else {}
    for name, sha256 in before.items():
        old = home / name
        if name not in wanted and old.is_file() and atomic.sha256_of(old) == sha256:
            old.unlink()
    # written first, so that the files of an interrupted copy are known
    atomic.write_json(home / LISTING, {**before, **wanted})
    for path in files:
        name = path.relative_to(inbox).as_posix()
        # a rewritten file counts as a new file, whatever its content
        if not ((home / name).is_file() and atomic.sha256_of(home / name) == wanted[name]):
            store.put_file(path, keys.inbox_day(day, name))
    atomic.write_json(home / LISTING, wanted)
    return len(files)


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _plain(name: str) -> str:
    """Replace the characters of a file name that a key does not allow."""
    return re.sub(r"[^\w.-]+", "_", name).lstrip(".") or "labelled"

"""Putting labelled data and documents where the DAGs look for them."""

import datetime
import re
from pathlib import Path

from ner_tasks.errors import InputMissing
from ner_tasks.files import atomic
from ner_tasks.store.folder import FolderStore

# of an inbox: what an earlier run put there, by name and checksum
LISTING = ".put-by-run.json"


def put_dataset(store: FolderStore, dataset: Path, today: datetime.date) -> str:
    """Store a labelled file as a batch; the same file a second time is the batch that it was.

    Args:
        store: where to.
        dataset: Kaggle CSV, its zip, or CoNLL.
        today: date that begins the batch's name, so that batches sort by age.

    Returns:
        The batch's name.
    """
    if not dataset.is_file():
        raise InputMissing(f"found no file, expected labelled data (CSV, its zip, or CoNLL), at {dataset}")
    sha256 = atomic.sha256_of(dataset)[:12]
    for batch in store.folders("labelled"):
        if batch.endswith(sha256) and any(store.path_of(f"labelled/{batch}").iterdir()):
            return batch
    batch = f"{today.isoformat()}-{sha256}"
    store.put_file(dataset, f"labelled/{batch}/{_plain(dataset.name)}")
    return batch


def put_inbox(store: FolderStore, inbox: Path, day: str) -> int:
    """Copy a folder of documents into a day's inbox; how many there are.

    What an earlier call put there is taken away first, unless somebody has changed it; what came in some
    other way stays.
    """
    if not inbox.is_dir():
        raise InputMissing(f"found no folder, expected one with documents, at {inbox}")
    home = store.path_of(f"inbox/{day}")
    files = [path for path in sorted(inbox.rglob("*")) if path.is_file() and not _hidden(path.relative_to(inbox))]
    if not files:
        raise InputMissing(f"found no document, expected at least one, in {inbox}")
    wanted = {path.relative_to(inbox).as_posix(): atomic.sha256_of(path) for path in files}
    before = atomic.read_json(home / LISTING) if (home / LISTING).is_file() else {}
    for name, sha256 in before.items():
        old = home / name
        if name not in wanted and old.is_file() and atomic.sha256_of(old) == sha256:
            old.unlink()
    # noted first: a copy that is interrupted is still known to be ours
    atomic.write_json(home / LISTING, {**before, **wanted})
    for path in files:
        name = path.relative_to(inbox).as_posix()
        # a file written anew is a new file to the night, whatever its content
        if not ((home / name).is_file() and atomic.sha256_of(home / name) == wanted[name]):
            store.put_file(path, f"inbox/{day}/{name}")
    atomic.write_json(home / LISTING, wanted)
    return len(files)


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _plain(name: str) -> str:
    """A file name without anything that a key does not allow."""
    return re.sub(r"[^\w.-]+", "_", name).lstrip(".") or "labelled"

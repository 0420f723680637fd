"""Folder for the temporary files of a reader process: removed with it, or by a later process if all were killed."""

import fcntl
import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path

_PREFIX = "ner-reader-"
_N_REMOVALS, _REMOVAL_S = 20, 0.05


class WorkerFolder:
    """A temporary folder that is locked while its owner runs.

    Attributes:
        path: path of the folder.
    """

    def __init__(self) -> None:
        _remove_left_behind()
        while True:
            self.path = Path(tempfile.mkdtemp(prefix=_PREFIX))
            with suppress(FileNotFoundError):  # another process removed it before it was locked
                self._lock = os.open(self.path, os.O_RDONLY)
                fcntl.flock(self._lock, fcntl.LOCK_EX)
                if self.path.exists():
                    return
                os.close(self._lock)

    def remove(self) -> None:
        """Remove the folder with its contents."""
        # Child processes of a killed process may write until the signal reaches them.
        for _ in range(_N_REMOVALS):
            shutil.rmtree(self.path, ignore_errors=True)
            if not self.path.exists():
                break
            time.sleep(_REMOVAL_S)
        os.close(self._lock)


def _remove_left_behind() -> None:
    """Remove the folders of killed owners, which may hold text of documents."""
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):  # in use, or already removed
            lock = os.open(path, os.O_RDONLY)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(lock)

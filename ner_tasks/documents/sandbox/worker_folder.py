"""A folder for the temporary files of one reader process: removed with it, or by whoever comes next if all were killed."""

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
    """A folder that is locked as long as its owner lives.

    Attributes:
        path: where it lies.
    """

    def __init__(self) -> None:
        _remove_left_behind()
        while True:
            self.path = Path(tempfile.mkdtemp(prefix=_PREFIX))
            with suppress(FileNotFoundError):  # taken for one that was left behind before it was locked
                self._lock = os.open(self.path, os.O_RDONLY)
                fcntl.flock(self._lock, fcntl.LOCK_EX)
                if self.path.exists():
                    return
                os.close(self._lock)

    def remove(self) -> None:
        """Remove it with all that is in it."""
        # What a killed process started may write until the signal reaches it.
        for _ in range(_N_REMOVALS):
            shutil.rmtree(self.path, ignore_errors=True)
            if not self.path.exists():
                break
            time.sleep(_REMOVAL_S)
        os.close(self._lock)


def _remove_left_behind() -> None:
    """Remove folders of owners that were killed; they may hold a document's words."""
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):  # somebody else's, or gone
            lock = os.open(path, os.O_RDONLY)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(lock)

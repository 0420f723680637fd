"""What the launcher and all that it starts write is for its owner alone."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ner_tasks.errors import ConfigInvalid

UMASK = 0o077


@contextmanager
def private_umask() -> Iterator[None]:
    """Let nobody but the owner into what this process and its children make meanwhile."""
    before = os.umask(UMASK)
    try:
        yield
    finally:
        os.umask(before)


def make_private(folder: Path) -> None:
    """Close `folder`, and all that an earlier release left open in it, to everybody but its owner.

    Does nothing if it is closed already: nothing in it can be reached then.

    Raises:
        ConfigInvalid: it is another user's.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found = folder.stat()
    if not found.st_mode & UMASK:
        return
    if not _is_ours(found):
        raise ConfigInvalid(
            f"found the folder of user {found.st_uid}, expected one of user {os.geteuid()}, at {folder}"
        )
    for _, folders, files, handle in os.fwalk(folder, follow_symlinks=False):
        for name in (*folders, *files):
            _close(name, handle)
    # last: a walk that was cut off is walked again
    folder.chmod(stat.S_IMODE(found.st_mode) & ~UMASK)


def _close(name: str, handle: int) -> None:
    """Close one entry of a folder that is open as `handle`; links and what is another user's stay as they are."""
    try:
        found = os.stat(name, dir_fd=handle, follow_symlinks=False)
        if not stat.S_ISLNK(found.st_mode) and found.st_mode & UMASK and _is_ours(found):
            os.chmod(name, stat.S_IMODE(found.st_mode) & ~UMASK, dir_fd=handle)
    except FileNotFoundError:  # a service that runs has removed it since
        return


def _is_ours(found: os.stat_result) -> bool:
    return os.geteuid() in (0, found.st_uid)

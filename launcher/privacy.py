"""Restrict what the launcher and its child processes write to the owner."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ner_tasks.errors import ConfigInvalid

UMASK = 0o077


@contextmanager
def private_umask() -> Iterator[None]:
    """Create files that only the owner can access while the block runs, in child processes too."""
    before = os.umask(UMASK)
    try:
        yield
    finally:
        os.umask(before)


def make_private(folder: Path) -> None:
    """Remove the permissions of group and others from `folder` and everything in it.

    Does nothing if `folder` has none: then its contents cannot be reached either.

    Raises:
        ConfigInvalid: the folder belongs to another user.
    """
    folder.mkdir(parents=True, exist_ok=True)
    status = folder.stat()
    if not status.st_mode & UMASK:
        return
    if not _is_ours(status):
        raise ConfigInvalid(f"found a folder of user {status.st_uid}, expected one of user {os.geteuid()}, at {folder}")
    for _, folders, files, handle in os.fwalk(folder, follow_symlinks=False):
        for name in (*folders, *files):
            _close(name, handle)
    # last, so that an interrupted walk is repeated
    folder.chmod(stat.S_IMODE(status.st_mode) & ~UMASK)


def _close(name: str, handle: int) -> None:
    """Restrict one entry of the folder open as `handle`. Skips links and other users' files."""
    try:
        status = os.stat(name, dir_fd=handle, follow_symlinks=False)
        if not stat.S_ISLNK(status.st_mode) and status.st_mode & UMASK and _is_ours(status):
            os.chmod(name, stat.S_IMODE(status.st_mode) & ~UMASK, dir_fd=handle)
    except FileNotFoundError:  # removed by a running service
        return


def _is_ours(status: os.stat_result) -> bool:
    return os.geteuid() in (0, status.st_uid)

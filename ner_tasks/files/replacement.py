"""A folder replaced by another: in one step where the system can, in two that anybody can complete elsewhere.

Linux exchanges two paths in one step (`renameat2`). NFS and a few other file systems refuse it. There the old folder
is renamed to `.<name>.<id>.old` and then the new one, `.<name>.<id>.part`, to its name. A process that is killed in
between leaves both hidden, the new one whole: `complete` puts it in place, and every writer, every reader that misses
the folder, and `ner_maintain` call it. What is left there: a reader may miss the folder for the moment between the two
renames, if it may not write to the folder above, until one that may comes by.
"""

import ctypes
import errno
import os
import platform
import re
import shutil
import sys
import uuid
from contextlib import suppress
from pathlib import Path

# names of what is half-done, replaced or removed; a kill leaves them behind
_LEFT_BEHIND = re.compile(r"\.(?:(?P<name>.+)\.)?(?P<id>[0-9a-f]{32})\.(?:part|old|removed)", re.DOTALL)
_N_TRIES = 100  # each one lost to another process that replaces the same folder
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2
_SYSCALL_NUMBERS = {"x86_64": 316, "aarch64": 276}  # for a C library that does not know the call
# EPERM: what a container's filter says to calls that it does not know
_NO_EXCHANGE = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM)
_TAKEN = (errno.ENOTEMPTY, errno.EEXIST)


def staging_path(target: Path) -> Path:
    """A hidden path beside `target`, to be written to and then renamed."""
    return target.with_name(f".{target.name}.{uuid.uuid4().hex}.part")


def is_left_behind(name: str) -> bool:
    """Whether a file or folder of this name is half-done, replaced or removed work of ours."""
    return _LEFT_BEHIND.fullmatch(name) is not None


def exchange_paths(one: Path, other: Path) -> bool:
    """Exchange two paths in one step; False, with nothing done, where the system or the file system has no such step.

    Raises:
        OSError: one of them is not there, or may not be renamed.
    """
    if sys.platform != "linux":
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    paths = _AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other)
    if hasattr(libc, "renameat2"):
        failed = libc.renameat2(*paths, _RENAME_EXCHANGE)
    elif number := _SYSCALL_NUMBERS.get(platform.machine()):
        failed = libc.syscall(number, *paths, _RENAME_EXCHANGE)
    else:
        return False
    if not failed:
        return True
    code = ctypes.get_errno()
    if code in _NO_EXCHANGE:
        return False
    raise OSError(code, os.strerror(code), str(one), None, str(other))


def replace_folder(stage: Path, target: Path) -> None:
    """Rename the folder `stage`, which `staging_path` named, to `target`; what was there is removed afterwards.

    Raises:
        OSError: it may not be done, or others replace it again and again.
    """
    old = stage.with_suffix(".old")
    for _ in range(_N_TRIES):
        try:
            if not os.path.lexists(target):
                stage.rename(target)
            elif not exchange_paths(stage, target):
                target.rename(old)
                _rename_or_find_completed(stage, target)
            break
        except FileNotFoundError:
            if not stage.exists():
                raise
        except OSError as error:
            if error.errno not in _TAKEN:
                raise
        discard(old)
    else:
        raise OSError(errno.EBUSY, "others replace it again and again", str(target))
    discard(old)
    discard(stage)


def complete_replacement(target: Path) -> bool:
    """Put the new folder in place of one whose replacement ended between its two renames; whether `target` is there."""
    if os.path.lexists(target):
        return True
    with suppress(OSError):  # no right to it, or another process was quicker
        for old in _replaced(target):
            # `.old` without `.part`: that replacement is done, and the folder was removed since
            if old.with_suffix(".part").exists():
                old.with_suffix(".part").rename(target)
                break
    return os.path.lexists(target)


def remove_folder(target: Path) -> None:
    """Remove a folder, out of sight in one step."""
    # else `complete` would take the folder for one that a cut-off replacement has yet to put in place
    for old in _replaced(target):
        with suppress(FileNotFoundError):
            old.rename(old.with_suffix(".removed"))
        discard(old.with_suffix(".removed"))
    gone = target.with_name(f".{target.name}.{uuid.uuid4().hex}.removed")
    target.rename(gone)
    discard(gone)


def remove_left_behind(path: Path) -> None:
    """Remove what a kill left behind; a replacement that it cut off is completed first."""
    found = _LEFT_BEHIND.fullmatch(path.name)
    if found and found["name"]:
        complete_replacement(path.with_name(found["name"]))
    discard(path)


def discard(path: Path) -> None:
    """Remove a file or a folder, or nothing; what resists stays, for `ner_maintain`."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def _replaced(target: Path) -> list[Path]:
    """Folders that others have replaced at `target`, and that are not yet removed."""
    found = ((path, _LEFT_BEHIND.fullmatch(path.name)) for path in target.parent.iterdir() if path.suffix == ".old")
    return [path for path, name in found if name and name["name"] == target.name]


def _rename_or_find_completed(stage: Path, target: Path) -> None:
    try:
        stage.rename(target)
    except FileNotFoundError:
        if not target.exists():
            raise

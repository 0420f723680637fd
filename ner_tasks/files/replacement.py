"""Replace a folder: in one step if the system supports it, else in two steps that any process can complete.

Linux exchanges two paths in one step (`renameat2`). NFS and a few other file systems do not support it. There, the old
folder is renamed to `.<name>.<id>.old`, then the new one, `.<name>.<id>.part`, to its final name. If the process is
killed in between, both are hidden and the new one is complete: `complete_replacement` renames it. Every writer, every
reader that does not find the folder, and `ner_maintain` call it. One gap remains: a reader without write permission to
the parent folder may not find the folder between the two renames, until another process completes them.
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

# names of unfinished, replaced or removed paths, which a killed process leaves behind
_LEFT_BEHIND = re.compile(r"\.(?:(?P<name>.+)\.)?(?P<id>[0-9a-f]{32})\.(?:part|old|removed)", re.DOTALL)
_N_TRIES = 100  # attempts, each lost to another process that replaces the same folder
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2
_SYSCALL_NUMBERS = {"x86_64": 316, "aarch64": 276}  # for a C library without the function
# EPERM: the result of system calls that a container's seccomp filter does not know
_NO_EXCHANGE = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM)
_TAKEN = (errno.ENOTEMPTY, errno.EEXIST)


def staging_path(target: Path) -> Path:
    """Return a hidden path beside `target`, to write to and then rename."""
    return target.with_name(f".{target.name}.{uuid.uuid4().hex}.part")


def is_left_behind(name: str) -> bool:
    """Whether a name is that of an unfinished, replaced or removed file or folder."""
    return _LEFT_BEHIND.fullmatch(name) is not None


def exchange_paths(one: Path, other: Path) -> bool:
    """Exchange two paths in one step; return False, without effect, if the system or file system does not support it.

    Raises:
        OSError: one of them does not exist, or cannot be renamed.
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
    """Rename the folder `stage`, named by `staging_path`, to `target`, and remove a folder that it replaces.

    Raises:
        OSError: permission is denied, or others replaced it during each attempt.
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
    """Complete a replacement that was interrupted between its two renames; return whether `target` exists."""
    if os.path.lexists(target):
        return True
    with suppress(OSError):  # permission is denied, or another process was faster
        for old in _replaced(target):
            # `.old` without `.part`: that replacement was completed, and the folder removed since
            if old.with_suffix(".part").exists():
                old.with_suffix(".part").rename(target)
                break
    return os.path.lexists(target)


def remove_folder(target: Path) -> None:
    """Remove a folder; it is hidden in one step first."""
    # otherwise `complete_replacement` would take it for an interrupted replacement
    for old in _replaced(target):
        with suppress(FileNotFoundError):
            old.rename(old.with_suffix(".removed"))
        discard(old.with_suffix(".removed"))
    gone = target.with_name(f".{target.name}.{uuid.uuid4().hex}.removed")
    target.rename(gone)
    discard(gone)


def remove_left_behind(path: Path) -> None:
    """Remove what a killed process left behind, after completing an interrupted replacement."""
    found = _LEFT_BEHIND.fullmatch(path.name)
    if found and found["name"]:
        complete_replacement(path.with_name(found["name"]))
    discard(path)


def discard(path: Path) -> None:
    """Remove a file or folder if it exists; what cannot be removed is left to `ner_maintain`."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def _replaced(target: Path) -> list[Path]:
    """Return the folders that were replaced at `target` and not yet removed."""
    found = ((path, _LEFT_BEHIND.fullmatch(path.name)) for path in target.parent.iterdir() if path.suffix == ".old")
    return [path for path, name in found if name and name["name"] == target.name]


def _rename_or_find_completed(stage: Path, target: Path) -> None:
    try:
        stage.rename(target)
    except FileNotFoundError:
        if not target.exists():
            raise

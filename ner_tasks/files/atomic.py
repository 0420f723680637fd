"""Atomic writes: a file or folder is either complete or absent, even if the process is killed."""

import errno
import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from ner_tasks.errors import ArtifactBroken, Busy, InputMissing, NerTasksError, StorageFull
from ner_tasks.files import contained, replacement
from ner_tasks.files.json_text import MAX_BYTES, parse_json, size_error

_LOOK_AGAIN_S = 0.02
_N_READS = 100  # attempts to read a folder that is replaced during each of them

Result = TypeVar("Result")


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with open_file(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_text(path: Path, text: str) -> None:
    """Replace `path` by `text` in one step."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """Replace `path` by `content` in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = replacement.staging_path(path)
    try:
        with space_for(path):
            part.write_bytes(content)
            replace_file(part, path)
    finally:
        part.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Replace `path` by `value` as indented JSON, in one step."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        InputMissing: the file does not exist.
        ArtifactBroken: it is not JSON, or not a regular file; see `parse_json`.
    """
    try:
        return parse_json(read_small(path), str(path))
    except FileNotFoundError:
        raise InputMissing(f"found nothing at {path}, expected a JSON file") from None


def read_small(path: Path) -> bytes:
    """Read a file of at most `json_text.MAX_BYTES`.

    Raises:
        FileNotFoundError: the file does not exist.
        ArtifactBroken: it is not a regular file, or larger.
    """
    with open_file(path) as file:
        n_bytes = os.fstat(file.fileno()).st_size
        if n_bytes > MAX_BYTES:
            raise size_error(n_bytes, str(path))
        return file.read()


def lines_in(path: Path) -> Iterator[bytes]:
    """Yield the lines of a file, each with its line feed.

    Raises:
        InputMissing: the file does not exist.
        ArtifactBroken: it is not a regular file.
    """
    with open_input(path) as file:
        yield from file


def open_input(path: Path) -> BinaryIO:
    """Open a required file for reading, see `open_file`.

    Raises:
        InputMissing: the file does not exist.
        ArtifactBroken: it is not a regular file.
    """
    try:
        return open_file(path)
    except FileNotFoundError:
        raise InputMissing(f"found nothing at {path}, expected a file") from None


def open_file(path: Path) -> BufferedReader:
    """Open a file for reading.

    Raises:
        FileNotFoundError: the file does not exist.
        ArtifactBroken: it is not a regular file.
    """
    check_is_file(path)
    # non-blocking, in case it was replaced by a pipe since the check
    return open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK))


def check_is_file(path: Path) -> None:
    """Check that a path is a regular file, and not for example a pipe, on which opening it would block.

    Raises:
        FileNotFoundError: it does not exist.
        ArtifactBroken: it is not a regular file.
    """
    if kind := contained.describe_kind(path.stat()):
        raise ArtifactBroken(f"found {kind}, expected a file, at {path}")


def replace_file(part: Path, target: Path) -> None:
    """Replace `target` by a file, in one step.

    Raises:
        ArtifactBroken: `target` is a folder.
    """
    try:
        os.replace(part, target)
    except (IsADirectoryError, NotADirectoryError) as error:
        raise ArtifactBroken(f"found {error.strerror}, expected a file or nothing, at {target}") from None


@contextmanager
def staged_folder(target: Path) -> Iterator[Path]:
    """Yield a folder to write into, which becomes `target` if the block succeeds and is removed otherwise.

    An existing `target` is replaced, in one step if the system supports it, see `replacement`.

    Raises:
        StorageFull: the disk is full; nothing is left behind.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    replacement.complete_replacement(target)
    stage = replacement.staging_path(target)
    try:
        with space_for(target):
            stage.mkdir()
            yield stage
            replacement.replace_folder(stage, target)
    finally:
        replacement.discard(stage)


def read_whole(
    folder: Path, read: Callable[[], Result], *, marker: str = "", undo: Callable[[Result], object] = lambda _: None
) -> Result:
    """Read a folder that may be replaced meanwhile; repeats until everything was read from the same folder.

    Args:
        folder: path of the folder.
        read: reads the folder; its exceptions are raised only if the folder was not replaced meanwhile.
        marker: file in the folder that may be replaced by itself, which counts as replacing the folder; "" for none.
        undo: discards a result that may mix two folders, such as open files.

    Returns:
        The result of `read`.

    Raises:
        InputMissing: the folder does not exist.
        Busy: it was replaced during each attempt.
    """
    for _ in range(_N_READS):
        try:
            # while it is open, its inode number is not reused
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except (FileNotFoundError, NotADirectoryError):
            if replacement.complete_replacement(folder) and folder.is_dir():
                continue
            raise InputMissing(f"found nothing, expected a folder, at {folder}") from None
        marked = _mark(folder, marker)
        try:
            result = read()
        except (OSError, NerTasksError):
            if _is_same(handle, folder) and _mark(folder, marker) == marked:
                raise
        else:
            if _is_same(handle, folder) and _mark(folder, marker) == marked:
                return result
            undo(result)
        finally:
            os.close(handle)
    raise Busy(f"found that it is replaced again and again, expected to read it whole, at {folder}")


def _mark(folder: Path, marker: str) -> tuple[int, int, int] | None:
    """Return what changes when the marker is replaced; None if there is none."""
    if not marker:
        return None
    try:
        status = (folder / marker).stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _is_same(handle: int, folder: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), folder.stat())
    except FileNotFoundError:
        return False


@contextmanager
def staged_file(target: Path) -> Iterator[Path]:
    """Yield a path to write to; its file becomes `target` if the block succeeds and is removed otherwise.

    Raises:
        StorageFull: the disk is full; nothing is left behind.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = replacement.staging_path(target)
    try:
        with space_for(target):
            yield part
            replace_file(part, target)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def scratch_file(near: Path) -> Iterator[Path]:
    """Yield a hidden path beside `near` for what is needed only within the block; its file is removed afterwards."""
    part = replacement.staging_path(near)
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def space_for(target: Path) -> Iterator[None]:
    """Turn "no space left on device" errors in the block into `StorageFull` with the location."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise storage_full(target) from error


def storage_full(target: Path) -> StorageFull:
    """Return the error for a full disk at `target`."""
    free_mib = shutil.disk_usage(target.parent).free // 2**20
    return StorageFull(f"found {free_mib} MiB free, expected room for {target.name}, at {target.parent}")


def is_full(folder: Path) -> bool:
    """Whether a disk has no free blocks or inodes."""
    with suppress(OSError):
        status = os.statvfs(folder)
        return status.f_bavail == 0 or (status.f_files > 0 and status.f_favail == 0)
    return False


@contextmanager
def exclusive(path: Path, *, patience_s: float = 0.0) -> Iterator[None]:
    """Hold the lock file `path` during the block; the kernel releases it when the process dies.

    The block may remove the file together with its folder.

    Args:
        path: path of the lock file.
        patience_s: seconds to wait for another holder.

    Raises:
        Busy: another process holds it.
    """
    deadline = time.monotonic() + patience_s
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # a lock on a file that was removed since it was opened is void
                mine = path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat())
            except BlockingIOError:
                mine = False
            if mine:
                yield
                return
        if time.monotonic() >= deadline:
            raise Busy(f"found another process at work, expected to be alone, on {path}")
        time.sleep(_LOOK_AGAIN_S)

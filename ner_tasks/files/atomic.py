"""Files and folders that are either whole or not there, whatever kills the process."""

import errno
import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from ner_tasks.errors import ArtifactBroken, Busy, InputMissing, NerTasksError, StorageFull
from ner_tasks.files import contained, replacement
from ner_tasks.files.json_text import MAX_BYTES, parse_json, size_error

_LOOK_AGAIN_S = 0.02
_N_READS = 100  # of a folder that is replaced during each

Result = TypeVar("Result")


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
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
    """Value of a JSON file.

    Raises:
        InputMissing: no such file.
        ArtifactBroken: not JSON, or no file; see `parse_json`.
    """
    try:
        return parse_json(read_small(path), str(path))
    except FileNotFoundError:
        raise InputMissing(f"found nothing at {path}, expected a JSON file") from None


def read_small(path: Path) -> bytes:
    """Content of a file of records.

    Raises:
        FileNotFoundError: no such file.
        ArtifactBroken: something else lies there, or more than `json_text.MAX_BYTES`.
    """
    with open_file(path) as file:
        n_bytes = os.fstat(file.fileno()).st_size
        if n_bytes > MAX_BYTES:
            raise size_error(n_bytes, str(path))
        return file.read()


def lines_in(path: Path) -> Iterator[bytes]:
    """Lines of a file, one at a time, each with its line feed.

    Raises:
        InputMissing: no such file.
        ArtifactBroken: something else lies there.
    """
    with open_input(path) as file:
        yield from file


def open_input(path: Path) -> BinaryIO:
    """As `open_file`, of a file that has to be there.

    Raises:
        InputMissing: no such file.
        ArtifactBroken: something else lies there.
    """
    try:
        return open_file(path)
    except FileNotFoundError:
        raise InputMissing(f"found nothing at {path}, expected a file") from None


def open_file(path: Path) -> BufferedReader:
    """Open a file for reading.

    Raises:
        FileNotFoundError: no such file.
        ArtifactBroken: something else lies there.
    """
    check_is_file(path)
    # should it be swapped for a pipe just now, nobody is waited for
    return open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK))


def check_is_file(path: Path) -> None:
    """Refuse what is no file, such as a pipe, at which whoever opens it would wait.

    Raises:
        FileNotFoundError: there is nothing.
        ArtifactBroken: something else lies there.
    """
    if kind := contained.describe_kind(path.stat()):
        raise ArtifactBroken(f"found {kind}, expected a file, at {path}")


def replace_file(part: Path, target: Path) -> None:
    """Let a file take the place of `target`, in one step.

    Raises:
        ArtifactBroken: a folder lies there.
    """
    try:
        os.replace(part, target)
    except (IsADirectoryError, NotADirectoryError) as error:
        raise ArtifactBroken(f"found {error.strerror}, expected a file or nothing, at {target}") from None


@contextmanager
def staged_folder(target: Path) -> Iterator[Path]:
    """A folder to write into, which becomes `target` when the block ends well and vanishes otherwise.

    A `target` that is there already is replaced in one step where the system can, see `replacement`.

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
    folder: Path, read: Callable[[], Result], *, undo: Callable[[Result], object] = lambda _: None
) -> Result:
    """What `read` makes of a folder that may be replaced meanwhile; it reads again until all is of one folder.

    Args:
        folder: what is read, by its path.
        read: reads it; what it raises counts only if the folder is the same still.
        undo: takes back a result that may be of two folders, such as open files.

    Raises:
        InputMissing: there is no such folder.
        Busy: it is replaced again and again.
    """
    for _ in range(_N_READS):
        try:
            # as long as it is open, no other folder gets its number
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except (FileNotFoundError, NotADirectoryError):
            if replacement.complete_replacement(folder) and folder.is_dir():
                continue
            raise InputMissing(f"found nothing, expected a folder, at {folder}") from None
        try:
            result = read()
        except (OSError, NerTasksError):
            if _is_same(handle, folder):
                raise
        else:
            if _is_same(handle, folder):
                return result
            undo(result)
        finally:
            os.close(handle)
    raise Busy(f"found that it is replaced again and again, expected to read it whole, at {folder}")


def _is_same(handle: int, folder: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), folder.stat())
    except FileNotFoundError:
        return False


@contextmanager
def staged_file(target: Path) -> Iterator[Path]:
    """A path to write to, whose file becomes `target` when the block ends well and vanishes otherwise.

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
def space_for(target: Path) -> Iterator[None]:
    """Turn "no space left" from inside the block into a `StorageFull` that names the place."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise storage_full(target) from error


def storage_full(target: Path) -> StorageFull:
    """What to raise where there is no room for `target`."""
    free_mib = shutil.disk_usage(target.parent).free // 2**20
    return StorageFull(f"found {free_mib} MiB free, expected room for {target.name}, at {target.parent}")


@contextmanager
def exclusive(path: Path, *, patience_s: float = 0.0) -> Iterator[None]:
    """Hold the lock file `path` while the block runs; the kernel lets go of it when the process dies.

    The block may remove the file, with the folder that it lies in.

    Args:
        path: the lock file.
        patience_s: how long to wait for another holder.

    Raises:
        Busy: another process holds it.
    """
    deadline = time.monotonic() + patience_s
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # a file that was removed since it was opened keeps nobody out
                mine = path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat())
            except BlockingIOError:
                mine = False
            if mine:
                yield
                return
        if time.monotonic() >= deadline:
            raise Busy(f"found another process at work, expected to be alone, on {path}")
        time.sleep(_LOOK_AGAIN_S)

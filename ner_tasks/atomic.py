"""Files and folders that are either whole or not there, whatever kills the process."""

import errno
import fcntl
import hashlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ner_tasks.errors import ArtifactBroken, Busy, InputMissing, StorageFull

_LOOK_AGAIN_S = 0.02


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_text(path: Path, text: str) -> None:
    """Replace `path` by `text` in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        with space_for(path):
            part.write_text(text, encoding="utf-8")
            os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Replace `path` by `value` as indented JSON, in one step."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def read_json(path: Path) -> Any:
    """Value of a JSON file.

    Raises:
        InputMissing: no such file.
        ArtifactBroken: not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputMissing(f"found nothing at {path}, expected a JSON file") from None
    except ValueError as error:
        raise ArtifactBroken(f"found {error} in {path}, expected JSON") from None


@contextmanager
def staged_folder(target: Path) -> Iterator[Path]:
    """A folder to write into, which becomes `target` when the block ends well and vanishes otherwise.

    A `target` that is there already is replaced, the old one being visible until the last moment.

    Raises:
        StorageFull: the disk is full; nothing is left behind.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    stage = target.with_name(f".{target.name}.{uuid.uuid4().hex}.part")
    try:
        with space_for(target):
            stage.mkdir()
            yield stage
            if target.exists():
                old = stage.with_suffix(".old")
                os.replace(target, old)
                os.replace(stage, target)
                shutil.rmtree(old)
            else:
                os.replace(stage, target)
    finally:
        shutil.rmtree(stage, ignore_errors=True)


@contextmanager
def staged_file(target: Path) -> Iterator[Path]:
    """A path to write to, whose file becomes `target` when the block ends well and vanishes otherwise.

    Raises:
        StorageFull: the disk is full; nothing is left behind.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.{uuid.uuid4().hex}.part")
    try:
        with space_for(target):
            yield part
            os.replace(part, target)
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
        free_mib = shutil.disk_usage(target.parent).free // 2**20
        raise StorageFull(f"found {free_mib} MiB free, expected room for {target.name}, at {target.parent}") from error


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

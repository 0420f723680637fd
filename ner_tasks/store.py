"""The store: everything that outlives a run, under keys such as `models/4f2a9c/int8`.

labelled/<batch>/     labelled data as it arrives, one file each
snapshots/<version>/  validated, split, immutable
models/<version>/     trained, frozen and INT8 models; `models/promoted.json` is the pointer
inbox/<day>/          documents as they arrive
tagged/<day>/         published answers
rejected/<day>/       documents that could not be tagged, each with its reason
reports/              what the steps reported, benchmarks
staging/              handed from one task to the next; may be deleted while no run is active
"""

import shutil
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from ner_tasks import atomic
from ner_tasks.errors import ConfigInvalid, InputMissing


@dataclass(frozen=True)
class StoredFile:
    """One file of the store.

    Attributes:
        key: its full key.
        name: its key below the one that was listed.
        n_bytes: its size.
    """

    key: str
    name: str
    n_bytes: int
    etag: str = ""


class FolderStore:
    """A store in a folder. Names that begin with a dot are half-done work or not ours, and never listed."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path_of(self, key: str) -> Path:
        """Local path of what lies, or would lie, under `key`; to be read, never written to.

        Raises:
            ConfigInvalid: the key could lead out of the store, or to a hidden name.
        """
        parts = PurePosixPath(key).parts
        if (
            not parts
            or key.startswith("/")
            or "\0" in key
            or "\\" in key
            or any(part.startswith(".") for part in parts)
        ):
            raise ConfigInvalid(f"found key {key!r}, expected names joined by '/', none beginning with a dot")
        return self.root.joinpath(*parts)

    def exists(self, key: str) -> bool:
        return self.path_of(key).exists()

    def folders(self, key: str) -> list[str]:
        """Names of the folders directly under `key`, in order; none if there is nothing."""
        path = self.path_of(key)
        if not path.is_dir():
            return []
        return sorted(entry.name for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith("."))

    def files(self, key: str) -> list[StoredFile]:
        """All files below `key`, at any depth, in the order of their names; none if there is nothing."""
        path = self.path_of(key)
        found = []
        for file in sorted(path.rglob("*")):
            name = file.relative_to(path).as_posix()
            if file.is_file() and not any(part.startswith(".") for part in name.split("/")):
                found.append(
                    StoredFile(
                        key=f"{key.rstrip('/')}/{name}",
                        name=name,
                        n_bytes=file.stat().st_size,
                        etag=str(file.stat().st_mtime_ns),
                    )
                )
        return found

    def fetch(self, key: str) -> Path:
        return self.path_of(key)

    def fetch_files(self, keys: list[str], folder: Path) -> list[Path]:
        return [self.root / key for key in keys]

    def fetch_file(self, key: str, target: Path) -> None:
        shutil.copyfile(self.root / key, target)

    def publish(self, folder: Path, key: str, *, marker: str | None = None) -> Path:
        """Make a copy of `folder` visible under `key`, in one step; what was there is replaced.

        Raises:
            InputMissing: there is no such folder.
            StorageFull: no room; what was there before still is.
        """
        target = self.path_of(key)
        if not folder.is_dir():
            raise InputMissing(f"found no folder at {folder}, expected one to publish as {key}")
        with atomic.staged_folder(target) as stage:
            shutil.copytree(folder, stage, dirs_exist_ok=True)
        return target

    def put_file(self, file: Path, key: str) -> Path:
        """Make a copy of `file` visible under `key`, in one step."""
        target = self.path_of(key)
        if not file.is_file():
            raise InputMissing(f"found no file at {file}, expected one to store as {key}")
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.part")
        try:
            with atomic.space_for(target):
                shutil.copyfile(file, part)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
        return target

    def remove(self, key: str) -> None:
        """Remove the folder under `key`, if it is there."""
        path = self.path_of(key)
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)

    def read_json(self, key: str) -> Any:
        """Value of the JSON file under `key`.

        Raises:
            InputMissing: no such file.
            ArtifactBroken: not JSON.
        """
        return atomic.read_json(self.path_of(key))

    def write_json(self, key: str, value: Any) -> None:
        """Replace the file under `key` by `value` as JSON, in one step."""
        atomic.write_json(self.path_of(key), value)

"""What `fingerprint` takes from a file of source, kept on disk: parsing the whole package takes more than a second.

An entry is found by the hash of its source, in a file that is named after the hash of this module and Python's version, so
an old one answers no new question. Whoever may write the file could keep the version of changed code as it was; so it is
used only if no other user may write it or its folder, and its checksum is right. Without it, everything is parsed again.
"""

import ast
import functools
import hashlib
import json
import logging
import os
import re
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

_log = logging.getLogger(__name__)
_NAMED_MODULE = re.compile(r"ner_tasks\.\w")
_SHA256 = re.compile(r"[0-9a-f]{64}")
# of each: the package has some 500 modules
_MAX_ENTRIES, _MAX_BYTES = 4096, 16 * 2**20


@dataclass(frozen=True)
class ParsedSource:
    """What a file of source contributes: its code without comments and layout, and what it refers to.

    Attributes:
        digest: SHA-256 of its syntax tree.
        imports: modules of `ner_tasks` that it may import, without the package: `from ner_tasks.a import b` means `a` or `a.b`.
        named: modules and folders of `ner_tasks` that its strings name, as in `"ner_tasks.documents.readers."`, likewise.
    """

    digest: str
    imports: tuple[str, ...]
    named: tuple[str, ...]


def parse(source: str) -> ParsedSource:
    """Parse the source of a module."""
    tree = ast.parse(source)
    nodes = list(ast.walk(tree))
    return ParsedSource(
        digest=_hash(ast.dump(tree)),
        imports=tuple(imported for node in nodes for imported in _imports(node)),
        named=tuple(name for node in nodes if (name := _find_named(node))),
    )


class ParsedSources:
    """Parses each source once per process, and with a folder once for all processes of the machine."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._folder: Path | None = None
        self._used: dict[str, ParsedSource] = {}
        self._stored: dict[str, ParsedSource] | None = {}  # None: not read yet
        self._n_saved = 0

    def keep_in(self, folder: Path | None) -> None:
        """Set the folder of the cache, made if it is not there; None for none."""
        with self._lock:
            if folder != self._folder:
                self._folder, self._stored, self._n_saved = folder, None, 0

    def parse(self, source: str) -> ParsedSource:
        """Return what a source contributes."""
        key = _hash(source)
        with self._lock:
            if key not in self._used:
                self._used[key] = self._load().get(key) or parse(source)
            return self._used[key]

    def save(self) -> None:
        """Write what was parsed and is not on disk yet; an error of the disk is only logged."""
        with self._lock:
            entries = {**self._load(), **self._used}
            if self._folder is None or len(entries) == self._n_saved:
                return
            if len(entries) > _MAX_ENTRIES:  # of many releases, or of code that was changed often
                entries = self._used
            self._n_saved, self._stored = len(entries), entries
            try:
                _write(self._folder, {key: asdict(entry) for key, entry in entries.items()})
            except OSError as error:
                _log.warning("notice: parsed source is not kept: %s, in %s", error, self._folder)

    def _load(self) -> dict[str, ParsedSource]:
        """Return what is on disk, read once."""
        if self._stored is None:
            try:
                self._stored = _read(self._folder) if self._folder else {}
            except FileNotFoundError:
                self._stored = {}
            except (OSError, ValueError, TypeError, LookupError, RecursionError) as error:
                _log.warning("notice: parsed source is not used: %s, in %s", error, self._folder)
                self._stored = {}
            self._n_saved = len(self._stored)
        return self._stored


def _read(folder: Path) -> dict[str, ParsedSource]:
    with _private_folder(folder) as handle:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK  # should it be a pipe
        with os.fdopen(os.open(_file_name(), flags, dir_fd=handle), "rb") as file:
            _check_private(os.fstat(file.fileno()), stat.S_ISREG)
            content = file.read(_MAX_BYTES + 1)
    if len(content) > _MAX_BYTES:
        raise ValueError(f"found more than {_MAX_BYTES} bytes")
    stored = json.loads(content)
    if stored["sha256"] != _hash(_encode(stored["parsed"])):
        raise ValueError("found another checksum")
    return {key: _entry(**entry) for key, entry in stored["parsed"].items()}


def _entry(digest: str, imports: list[str], named: list[str]) -> ParsedSource:
    if not _SHA256.fullmatch(digest) or not all(isinstance(name, str) for name in (*imports, *named)):
        raise ValueError("found an entry of another shape")
    return ParsedSource(digest, tuple(imports), tuple(named))


def _write(folder: Path, parsed: dict[str, Any]) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    content = _encode({"sha256": _hash(_encode(parsed)), "parsed": parsed}).encode()
    with _private_folder(folder) as handle:
        part = f".{_file_name()}.{os.getpid()}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
        try:
            with os.fdopen(os.open(part, flags, 0o600, dir_fd=handle), "wb") as file:
                file.write(content)
            os.replace(part, _file_name(), src_dir_fd=handle, dst_dir_fd=handle)
        except OSError:
            with suppress(FileNotFoundError):
                os.unlink(part, dir_fd=handle)
            raise


@contextmanager
def _private_folder(folder: Path) -> Iterator[int]:
    """Open a folder that only this user may write; what lies in it stays what it is.

    Raises:
        OSError: it is not there, or not private.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        _check_private(os.fstat(handle), stat.S_ISDIR)
        yield handle
    finally:
        os.close(handle)


def _check_private(status: os.stat_result, is_kind: Callable[[int], bool]) -> None:
    if not is_kind(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        found = f"mode {stat.filemode(status.st_mode)} of user {status.st_uid}"
        raise PermissionError(f"found {found}, expected what only user {os.geteuid()} may write")


@functools.cache
def _file_name() -> str:
    """Name the cache after all that an entry follows from besides its source."""
    return f"{_hash(Path(__file__).read_text(encoding='utf-8') + sys.version)[:16]}.json"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _encode(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _imports(node: ast.AST) -> list[str]:
    if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "ner_tasks":
        parent = (node.module or "").removeprefix("ner_tasks").removeprefix(".")
        return [parent, *(f"{parent}.{alias.name}".removeprefix(".") for alias in node.names)]
    if isinstance(node, ast.Import):
        return [alias.name.removeprefix("ner_tasks.") for alias in node.names if alias.name.startswith("ner_tasks.")]
    return []


def _find_named(node: ast.AST) -> str | None:
    if not (isinstance(node, ast.Constant) and isinstance(node.value, str) and _NAMED_MODULE.match(node.value)):
        return None
    return ".".join(node.value.rstrip(".").split(".")[1:])

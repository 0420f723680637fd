"""Ways to damage a file of a store: by a disk, by hand, or with intent."""

import json
import os
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

Mutation = Callable[[random.Random, Path], None]

_DEEP = "[" * 5_000 + "]" * 5_000
_VALUES: list[Any] = [
    *(None, True, False, -1, 0, 1.5, 10**30, 10**400, -(10**20), float("nan"), float("inf"), 1e308),
    *("", "x", "x" * 100_000, "\ud800", "\0", "../../etc", ".hidden", "a/b", "2026-13-45", "<script>"),
    *([], {}, [None], [[]], {"": {}}, [1, "a", {}]),
]


def of_bytes(rng: random.Random, path: Path) -> None:
    """Bytes are flipped, cut off, doubled or put in."""
    data = bytearray(path.read_bytes())
    at = rng.randrange(len(data) + 1)
    match rng.randrange(6):
        case 0:
            del data[at:]
        case 1:
            data[at:at] = rng.choice([b"\0" * 100, b"\xff\xfe", b"{", b'"', b"\n", _DEEP.encode()])
        case 2:
            data *= 2
        case 3:
            data = bytearray(bytes(data).decode("utf-8", "replace").encode("utf-16"))
        case 4:
            data[at : at + rng.randrange(1, 100)] = rng.randbytes(rng.randrange(20))
        case _:
            for _ in range(rng.randrange(1, 8)):
                if data:
                    data[rng.randrange(len(data))] = rng.randrange(256)
    path.write_bytes(data)


def of_all(rng: random.Random, path: Path) -> None:
    """The file is emptied, replaced by something else, or is gone."""
    content = [
        b"",
        b"\0" * 4096,
        b"[]",
        b"{}",
        b"null",
        b"3",
        b'"x"',
        _DEEP.encode(),
        b'{"a":' * 3_000,
        b"\n\n",
        b"NaN",
    ]
    match rng.randrange(16):
        case 0:
            path.unlink()
        case 1:
            path.unlink()
            path.mkdir()
        case 2:
            path.unlink()
            os.mkfifo(path)
        case 3:
            path.unlink()
            path.symlink_to("/etc/hostname")
        case 4:
            with path.open("r+b") as file:  # larger than memory should be spent on, but no bytes on the disk
                file.truncate(2**31)
        case _:
            path.write_bytes(rng.choice(content))


def of_json(rng: random.Random, path: Path) -> None:
    """A value somewhere in a JSON file is another one, gone, or under another name."""
    path.write_text(_changed_text(rng, path.read_text()), errors="surrogatepass")


def of_lines(rng: random.Random, path: Path) -> None:
    """A line of a JSON Lines file is changed, lost, doubled, or moved."""
    lines = path.read_text().splitlines()
    if not lines:
        return of_all(rng, path)
    at = rng.randrange(len(lines))
    match rng.randrange(6):
        case 0:
            del lines[at]
        case 1:
            lines.insert(rng.randrange(len(lines) + 1), lines[at])
        case 2:
            rng.shuffle(lines)
        case _:
            lines[at] = _changed_text(rng, lines[at])
    path.write_text("".join(f"{line}\n" for line in lines) if rng.random() < 0.9 else "\n".join(lines))
    return None


def of_tables(rng: random.Random, path: Path) -> None:
    """Rows of an SQLite file hold something else, or its tables do."""
    with closing(sqlite3.connect(path)) as database, suppress(sqlite3.Error):
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        table = rng.choice(tables)
        columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
        column = rng.choice(columns)
        match rng.randrange(6):
            case 0:
                database.execute(f"DROP TABLE {table}")
            case 1:
                database.execute(f"DELETE FROM {table}")
            case 2:
                database.execute(f"ALTER TABLE {table} RENAME COLUMN {column} TO other")
            case _:
                value = rng.choice(
                    [None, -1, 2**62, 1.5, "", "x" * 10_000, b"\xff\0", "\ud800".encode("utf-8", "ignore")]
                )
                database.execute(f"UPDATE OR IGNORE {table} SET {column} = ?", (value,))
        database.commit()


def mutation_for(rng: random.Random, path: Path) -> Mutation:
    """A mutation that suits a file."""
    kind = {".json": of_json, ".jsonl": of_lines, ".sqlite": of_tables}.get(path.suffix)
    choices = [of_bytes, of_all, *([kind] * 4 if kind else [of_bytes])]
    return rng.choice(choices)


def restore(pristine: Path, root: Path) -> None:
    """Make a folder the same as another again, and copy only what differs."""
    wanted = {entry.name: entry for entry in os.scandir(pristine)}
    for entry in list(os.scandir(root)):
        if entry.name not in wanted or entry.is_symlink() or entry.is_dir() != wanted[entry.name].is_dir():
            _remove(Path(entry.path))
    for name, entry in wanted.items():
        copy = root / name
        if entry.is_dir():
            copy.mkdir(exist_ok=True)
            restore(Path(entry.path), copy)
        elif not copy.exists() or _state(copy) != _state(Path(entry.path)):
            _remove(copy)
            shutil.copy2(entry.path, copy)


def _state(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_mode, status.st_size, status.st_mtime_ns


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _changed_text(rng: random.Random, text: str) -> str:
    """A JSON text with a change in one place; what is no JSON is cut off."""
    try:
        return json.dumps(_changed(rng, json.loads(text))).replace('"DEEP"', _DEEP)
    except ValueError:
        return text[: rng.randrange(len(text) + 1)]


def _changed(rng: random.Random, value: Any) -> Any:
    """The same JSON with a change in one place."""
    if isinstance(value, dict | list) and value and rng.random() < 0.8:
        places = list(value) if isinstance(value, dict) else list(range(len(value)))
        at = rng.choice(places)
        match rng.randrange(8):
            case 0:
                del value[at]
            case 1 if isinstance(value, dict):
                value[rng.choice(["", "x", "x" * 10_000, "\ud800"])] = value.pop(at)
            case 2 if isinstance(value, list):
                value.extend([value[at]] * rng.choice([1, 1_000]))
            case _:
                value[at] = _changed(rng, value[at])
        return value
    return rng.choice([*_VALUES, "DEEP"])

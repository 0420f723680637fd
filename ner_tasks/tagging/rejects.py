"""Copies of rejected files in a part, and the list of a day's rejected documents."""

import json
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from ner_tasks.files import atomic
from ner_tasks.files.contained import ContainedFile, NotAFile, Source
from ner_tasks.records import RejectedLine, read_records

REJECTS = "rejects"
_SUFFIX_CHARACTERS = 16


def copy_rejected(rejected: Path, files: Iterable[tuple[str, Source]], part: Path, *, day: str) -> None:
    """Copy the files of rejected documents into a part, each once, and write its `rejected.jsonl`.

    A line has two fields more than that of `tag`: `copy`, the name of the copy in the part, such as `rejects/0.pdf`, or null
    if the file is gone; and `retry`, the command for another try.

    Args:
        rejected: `rejected.jsonl` of a shard.
        files: name and place of each file of the shard.
        part: folder of the part, which exists.
        day: YYYY-MM-DD.

    Raises:
        InputMissing, ArtifactBroken: the list of rejected documents is missing or damaged.
        StorageFull: no space left on the device.
    """
    copies = dict[str, str | None].fromkeys(line["file"] for line in read_records(rejected, RejectedLine))
    n_copied = 0
    for name, source in files if copies else ():
        if name in copies and copies[name] is None:
            copy = f"{REJECTS}/{n_copied}{_suffix(name)}"
            if _copy(source, part / copy):
                copies[name], n_copied = copy, n_copied + 1
    conf = json.dumps({"day": day, "retry_rejected": True})
    retry = f"airflow dags trigger ner_tag_nightly --conf '{conf}'"
    listed = ({**line, "copy": copies[line["file"]], "retry": retry} for line in read_records(rejected, RejectedLine))
    write_lines(part / rejected.name, listed)


def write_lines(target: Path, records: Iterable[Mapping[str, Any]]) -> int:
    """Write records as JSON Lines; return their number.

    Raises:
        StorageFull: no space left on the device.
    """
    n_lines = 0
    with atomic.space_for(target), target.open("w", encoding="utf-8") as lines:
        for record in records:
            lines.write(json.dumps(record) + "\n")
            n_lines += 1
    return n_lines


def list_rejected(rejected: Path, part_key: str) -> Iterator[Mapping[str, Any]]:
    """Yield the rejected documents of a part, each `copy` as a key of the store.

    Args:
        rejected: `rejected.jsonl` of the part.
        part_key: key of the part.

    Raises:
        InputMissing, ArtifactBroken: the list is missing or damaged.
    """
    for line in read_records(rejected, RejectedLine):
        copy = dict(line).get("copy")
        yield {**line, "copy": f"{part_key}/{copy}" if copy else None}


def _suffix(name: str) -> str:
    # of the name no more than this: it may contain anything
    return re.sub(r"[^.a-z0-9]", "", PurePosixPath(name).suffix.lower())[:_SUFFIX_CHARACTERS]


def _copy(source: Source, target: Path) -> bool:
    """Copy a file and return True; return False if there is none."""
    try:
        file = source.open() if isinstance(source, ContainedFile) else atomic.open_file(source)
    except (NotAFile, FileNotFoundError, NotADirectoryError, PermissionError):
        return False
    with file, atomic.space_for(target):
        target.parent.mkdir(exist_ok=True)
        with target.open("wb") as copy:
            shutil.copyfileobj(file, copy)
    return True

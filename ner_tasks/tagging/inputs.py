"""Inputs of `tag`: documents by name, and where each lies.

An operator lists the files of a shard in a JSON Lines file, `{"name", "path"}` and `"root"` on each line; by hand, files
and folders are named.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ner_tasks import fingerprint
from ner_tasks.errors import ConfigInvalid, InputMissing
from ner_tasks.files import atomic, contained
from ner_tasks.files.contained import ContainedFile, NotAFile, Source


def write_inputs(listing: Path, names: Iterable[str], files: Iterable[ContainedFile | None]) -> None:
    """Write a list that `read_inputs` reads.

    Args:
        listing: the file to write.
        names: names of the documents.
        files: where each lies; None for one that is gone, which `tag` then rejects as missing.

    Raises:
        StorageFull: no space left on the device.
    """
    with atomic.space_for(listing), listing.open("w", encoding="utf-8") as lines:
        for name, file in zip(names, files, strict=True):
            lines.write(json.dumps({"name": name, **contained.encode_source(file or listing.with_name("gone"))}) + "\n")


def read_inputs(listing: Path) -> list[tuple[str, Source]]:
    """Read the names and places of the documents in a list.

    Raises:
        InputMissing, ConfigInvalid: as for `iter_inputs`.
    """
    return list(iter_inputs(listing))


def iter_inputs(listing: Path) -> Iterator[tuple[str, Source]]:
    """Yield the name and place of each document in a list.

    Raises:
        InputMissing: there is no such list.
        ConfigInvalid: a line of it is not as `write_inputs` writes it.
    """
    try:
        with listing.open(encoding="utf-8") as lines:
            for line in lines:
                item = json.loads(line)
                yield str(item["name"]), contained.decode_source(item)
    except FileNotFoundError:
        raise InputMissing(f"found nothing at {listing}, expected a list of documents") from None
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        keys = '{"name", "path"}, and "root" if the path is below one'
        raise ConfigInvalid(f"found {error}, expected {keys}, on each line, in {listing}") from None


def find_inputs(paths: Sequence[Path]) -> list[tuple[str, Source]]:
    """Find the documents among files and folders, by name; those of a folder in the order of their names.

    Raises:
        InputMissing: there is nothing at one of the paths.
    """
    documents: list[tuple[str, Source]] = []
    for path in paths:
        if not path.exists():
            raise InputMissing(f"found nothing at {path}, expected a document or a folder of documents")
        if path.is_dir():
            documents += [(name, ContainedFile(path, name)) for name in sorted(contained.list_names(path))]
        else:
            documents.append((path.name, path))
    return documents


def inputs_version(documents: Iterable[tuple[str, Source]]) -> str:
    """Version of the documents' contents, from their names, sizes and times of modification."""
    return fingerprint.make_version({"files": [[name, *_size_and_time(path)] for name, path in documents]})


def find_size(path: Source) -> int:
    """Return the size of a document's file in bytes; 0 for a file that is gone."""
    return _size_and_time(path)[0]


def _size_and_time(path: Source) -> tuple[int, int]:
    """Size in bytes and time of modification in nanoseconds; zeros for a file that is gone."""
    try:
        status = path.stat()
    except (OSError, NotAFile):
        return 0, 0
    return status.st_size, status.st_mtime_ns

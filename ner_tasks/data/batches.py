"""Labelled batches: source files of a snapshot, and which batch wins if two label the same text differently."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ner_tasks.data.corpus import LABELLED_SUFFIXES
from ner_tasks.errors import DataRejected, InputMissing

REVIEW = "review-"


@dataclass(frozen=True)
class LabelledSource:
    """One labelled file.

    Attributes:
        batch: name of its batch, without `/`.
        key: key in the store, or the path.
        path: local path.
    """

    batch: str
    key: str
    path: Path


def find_sources(paths: Iterable[Path]) -> list[LabelledSource]:
    """List the labelled files at paths from the command line.

    Args:
        paths: folders, each of which is a batch, and files, each of which is a batch of its own.

    Raises:
        InputMissing: a folder without a labelled file.
    """
    sources = []
    for path in paths:
        if path.is_dir():
            files = [file for file in sorted(path.iterdir()) if is_labelled(file.name)]
            if not files:
                raise InputMissing(f"found no labelled file, expected {'/'.join(LABELLED_SUFFIXES)}, in {path}")
            sources += [LabelledSource(path.resolve().name, str(file), file) for file in files]
        else:
            sources.append(LabelledSource(path.stem, str(path), path))
    return sort_sources(sources)


def read_sources(listing: Path) -> list[LabelledSource]:
    """Read sources from a JSON Lines file of `{"batch", "key", "path"}`, as written by the operator."""
    lines = listing.read_text(encoding="utf-8").split("\n")
    records = [json.loads(line) for line in lines if line]
    return sort_sources(LabelledSource(one["batch"], one["key"], Path(one["path"])) for one in records)


def sort_sources(sources: Iterable[LabelledSource]) -> list[LabelledSource]:
    """Sort sources by batch and file; batch names begin with a date, so this is by age.

    Raises:
        DataRejected: the name of a batch is empty or has a `/`.
    """
    listed = sorted(sources, key=lambda source: (source.batch, source.key))
    for source in listed:
        if not source.batch or "/" in source.batch:
            raise DataRejected(f"found batch {source.batch!r}, expected a name without /, for {source.key}")
    return listed


def is_labelled(name: str) -> bool:
    """Return whether a file name has the suffix of labelled data and is not hidden."""
    return name.lower().endswith(LABELLED_SUFFIXES) and not name.startswith(".")


def rank_batches(batches: Sequence[str]) -> dict[str, int]:
    """Rank batches for conflicting labels: corrections (`review-*`) from 1, newer ones higher; all others 0."""
    reviews = sorted({batch for batch in batches if batch.startswith(REVIEW)})
    return {batch: reviews.index(batch) + 1 if batch in reviews else 0 for batch in batches}

"""Which files a snapshot is made of, and whose word counts where two of them label the same text."""

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
        batch: the batch that it belongs to; no `/` in it.
        key: where it lies in the store, or its path.
        path: where it can be read.
    """

    batch: str
    key: str
    path: Path


def find_sources(paths: Iterable[Path]) -> list[LabelledSource]:
    """Files as they were named on the command line; a folder is a batch, a file is one by itself.

    Raises:
        InputMissing: a folder without a labelled file.
    """
    found = []
    for path in paths:
        if path.is_dir():
            files = [file for file in sorted(path.iterdir()) if is_labelled(file.name)]
            if not files:
                raise InputMissing(f"found no labelled file, expected {'/'.join(LABELLED_SUFFIXES)}, in {path}")
            found += [LabelledSource(path.resolve().name, str(file), file) for file in files]
        else:
            found.append(LabelledSource(path.stem, str(path), path))
    return sort_sources(found)


def read_sources(listing: Path) -> list[LabelledSource]:
    """Sources from a file with a `{"batch", "key", "path"}` on each line, as the operator writes it."""
    lines = listing.read_text(encoding="utf-8").split("\n")
    said = [json.loads(line) for line in lines if line]
    return sort_sources(LabelledSource(one["batch"], one["key"], Path(one["path"])) for one in said)


def sort_sources(sources: Iterable[LabelledSource]) -> list[LabelledSource]:
    """By batch, then by file: names begin with a date, so a batch's age is in its name.

    Raises:
        DataRejected: a batch whose name cannot stand in an origin.
    """
    listed = sorted(sources, key=lambda source: (source.batch, source.key))
    for source in listed:
        if not source.batch or "/" in source.batch:
            raise DataRejected(f"found batch {source.batch!r}, expected a name without /, for {source.key}")
    return listed


def is_labelled(name: str) -> bool:
    return name.lower().endswith(LABELLED_SUFFIXES) and not name.startswith(".")


def rank_batches(batches: Sequence[str]) -> dict[str, int]:
    """How much each batch's word counts: corrections by people over all else, newer ones over older, the rest alike."""
    reviews = sorted({batch for batch in batches if batch.startswith(REVIEW)})
    return {batch: reviews.index(batch) + 1 if batch in reviews else 0 for batch in batches}

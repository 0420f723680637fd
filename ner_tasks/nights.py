"""A night's work as a whole: dividing the day's documents into shards, and joining the shards' answers.

The folders joined here are those that `tag` makes: `documents.jsonl`, `rejected.jsonl`, `manifest.json`.
"""

import json
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Any

from ner_tasks import atomic
from ner_tasks.errors import ConfigInvalid
from ner_tasks.journal import REJECTED
from ner_tasks.ledger import DOCUMENTS
from ner_tasks.store import StoredFile

MAX_SHARDS = 64
MANIFEST = "manifest.json"
_SUMS = ("n_documents", "n_tagged", "n_rejected", "n_words", "n_entities", "elapsed_s")


def plan_shards(
    files: Sequence[StoredFile], *, shard_bytes: int, max_shards: int = MAX_SHARDS
) -> list[list[StoredFile]]:
    """Neighbouring files together, the shards about equally large; their order stays that of `files`.

    Few shards are better than many: each loads the model once, which takes as long as many documents.

    Args:
        files: the day's files, in order.
        shard_bytes: a shard is not made smaller than this without need, at least 1.
        max_shards: upper bound of their number, 1 to 64.

    Returns:
        As many non-empty groups as are needed; none for no files.
    """
    if shard_bytes < 1 or not 1 <= max_shards <= MAX_SHARDS:
        raise ConfigInvalid(
            f"found shard_bytes={shard_bytes}, max_shards={max_shards}, expected >= 1 and 1 to {MAX_SHARDS}"
        )
    total = sum(file.n_bytes for file in files)
    n_shards = min(max_shards, max(1, total // shard_bytes), max(1, len(files)))
    shards: list[list[StoredFile]] = [[] for _ in range(n_shards)]
    before = 0
    for file in files:
        # by the middle of the file, so that a large one does not leave its neighbours empty-handed
        shards[min(n_shards - 1, (before + file.n_bytes // 2) * n_shards // max(1, total))].append(file)
        before += file.n_bytes
    return [shard for shard in shards if shard]


def join_shards(shards: Sequence[Path], output: Path) -> dict[str, Any]:
    """Write the shards' documents and rejects one after the other, and the manifest last.

    Args:
        shards: folders made by `tag`, in order.
        output: folder to write into.

    Returns:
        The manifest: counts added up, words per second over the time that tagging took.
    """
    output.mkdir(parents=True, exist_ok=True)
    for name in (DOCUMENTS, REJECTED):
        with atomic.space_for(output / name), (output / name).open("wb") as joined:
            for shard in shards:
                with (shard / name).open("rb") as file:
                    shutil.copyfileobj(file, joined)
    manifest = add_up([atomic.read_json(shard / MANIFEST) for shard in shards])
    atomic.write_json(output / MANIFEST, manifest)
    return manifest


def add_up(manifests: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """One manifest for several; that of no documents if there are none."""
    sums: dict[str, Any] = dict.fromkeys(_SUMS, 0)
    rejected: Counter[str] = Counter()
    entities: Counter[str] = Counter()
    for manifest in manifests:
        for name in _SUMS:
            sums[name] += manifest[name]
        rejected.update(manifest["rejected"])
        entities.update(manifest["entities"])
    words_per_s = round(sums["n_words"] / sums["elapsed_s"], 1) if sums["elapsed_s"] else 0.0
    return {**sums, "rejected": dict(rejected), "entities": dict(entities), "words_per_s": words_per_s}


def file_of(document: str, files: Set[str]) -> str | None:
    """The file that a document came from: its own name, or that of a file which holds several (`a.jsonl#3`)."""
    if document in files:
        return document
    # a file's name and a document's id may both have a # in them
    ends = [index for index, character in enumerate(document) if character == "#"]
    return next((document[:end] for end in reversed(ends) if document[:end] in files), None)


def names_in(path: Path) -> Iterator[str]:
    """Document names in a `documents.jsonl` or `rejected.jsonl`, a line at a time."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield str(json.loads(line)["document"])

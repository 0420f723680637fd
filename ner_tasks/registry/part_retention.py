"""Which parts of days are needed: those that a day's manifest, a withdrawn manifest or a finished shard names.

A part that was replaced stays for a while as well, so that a reader with the manifest from before ends in peace.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ner_tasks.errors import InputMissing
from ner_tasks.records import PublishedDay, StagedShard, read_record
from ner_tasks.records.reading import Shape
from ner_tasks.store import Store, keys
from ner_tasks.tagging.merge import MANIFEST


@dataclass(frozen=True)
class NamedParts:
    """The parts of a day that something names.

    Attributes:
        names: by the key of the part, who names it.
        replaced_s: Unix time in seconds at which the day's manifest was written; minus infinity if it has none.
    """

    names: Mapping[str, str]
    replaced_s: float

    @classmethod
    def read(cls, store: Store, day: str) -> "NamedParts":
        """Read the records that may name parts of a day.

        Args:
            store: the store.
            day: name of a folder below `parts/`.

        Raises:
            ArtifactBroken: one of them cannot be read; then no part may be removed.
        """
        names = dict(_read_names(store, day))
        times = (file.modified_s for file in store.files(keys.tagged_day(day)) if file.name == MANIFEST)
        return cls(names, max(times, default=-math.inf))

    def find_reason(self, key: str, written_s: float, old_s: float) -> str:
        """Find the reason to keep a part; empty if there is none.

        Args:
            key: key of the part.
            written_s: when its newest file was written, as Unix time in seconds.
            old_s: what was written and replaced before this time is removed.
        """
        if key in self.names:
            return self.names[key]
        if written_s > old_s:
            return "written not long ago"
        return "replaced not long ago" if self.replaced_s > old_s else ""


def _read_names(store: Store, day: str) -> Iterator[tuple[str, str]]:
    for file in store.files(keys.join(keys.NIGHTS, day)):
        night, _, below = file.name.partition("/")
        # <night>/shard-<NN>/manifest.json; a shard of an earlier release has made no part
        if below.count("/") == 1 and below.endswith(f"/{MANIFEST}"):
            shard = _read(store, file.key, StagedShard)
            if shard and "part" in shard:
                yield shard["part"]["key"], f"of night {night}, which is not published"
    manifests = {
        keys.withdrawn_day(day, night, MANIFEST): "withdrawn" for night in store.folders(keys.withdrawn_day(day))
    }
    for key, why in {**manifests, keys.tagged_day(day, MANIFEST): "tagged"}.items():
        if manifest := _read(store, key, PublishedDay):
            yield from ((part["key"], f"{why} {day}") for part in manifest.get("parts", ()))


def _read(store: Store, key: str, shape: type[Shape]) -> Shape | None:
    try:
        return read_record(store, key, shape)
    except InputMissing:  # none, or removed since it was listed
        return None

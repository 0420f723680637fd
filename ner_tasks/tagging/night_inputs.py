"""Writes what the shards of a night begin with: the list of each one's files, and the records of parts that are kept."""

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path

from ner_tasks.errors import ArtifactBroken, InputMissing
from ner_tasks.records import NightDivision, PartManifest, PartRecord, PlannedShard
from ner_tasks.store import Store, keys
from ner_tasks.tagging import file_chain, planning, publication
from ner_tasks.tagging.arrivals import encode_state
from ner_tasks.tagging.kept_parts import Segment, join_segments, share_shards
from ner_tasks.tagging.merge import MANIFEST
from ner_tasks.tagging.planning import ListedFile


class NightInputs:
    """The inputs of a night in the store.

    Args:
        store: the store.
        day: YYYY-MM-DD.
        night: version of the night.
    """

    def __init__(self, store: Store, day: str, night: str) -> None:
        self._store, self._day, self._night = store, day, night
        self._planned = list[PlannedShard]()
        self._whole = dict[str, PartManifest]()  # by key of the part

    def check_parts(self, segments: Iterable[Segment], warn: Callable[[str], None]) -> list[Segment]:
        """Check the parts that could be kept; the files of one that is not whole are to be tagged.

        Args:
            segments: result of `PartRanges.segments`.
            warn: told why a part is not whole.
        """
        checked = list[Segment]()
        for segment in segments:
            try:
                if segment.part:
                    self._whole[segment.part["key"]] = publication.check_part(self._store, segment.part).manifest
                checked.append(segment)
            except (InputMissing, ArtifactBroken) as error:
                warn(f"a part of the published day is made anew: {error}")
                checked.append(segment._replace(part=None))
        return join_segments(checked)

    def write(self, listing: Path, segments: Sequence[Segment], division: NightDivision) -> list[PlannedShard]:
        """Write the inputs of all shards.

        Args:
            listing: the listed files, see `planning.write_listing`; a file is written beside it.
            segments: which of them are to be tagged, see `kept_parts.choose_segments`; their parts are checked.
            division: how long files and shards take.

        Returns:
            What files each shard has, in the order of the inbox.

        Raises:
            StorageFull: no space left on the device.
        """
        listed, times = planning.read_listing(listing), division["times"]
        shares = share_shards(segments, times, planning.MAX_SHARDS)
        for segment, max_shards in zip(segments, shares, strict=True):
            files = islice(listed, segment.n_files)
            if segment.part:
                self._keep_part(segment.part, files, segment.n_files)
                continue
            shards = planning.assign_shards(
                files, segment.sizes, times, shard_s=60 * division["shard_minutes"], max_shards=max_shards
            )
            for _, numbered in groupby(shards, key=itemgetter(0)):
                self._write_shard(map(itemgetter(1), numbered), listing.with_name("inputs.jsonl"))
        return self._planned

    def _write_shard(self, files: Iterable[ListedFile], scratch: Path) -> None:
        """Write the file list of a shard."""
        n_files, link, state = 0, file_chain.START, sha256()
        with scratch.open("w", encoding="utf-8") as lines:
            for file in files:
                lines.write(planning.format_input(file))
                n_files, link = n_files + 1, file_chain.extend_chain(link, file.name)
                state.update(encode_state(file))
        self._store.put_file(scratch, keys.shard_inputs(self._day, self._night, len(self._planned)))
        self._planned.append({"n_files": n_files, "files_sha256": link, "inbox_sha256": state.hexdigest()})

    def _keep_part(self, record: PartRecord, files: Iterable[ListedFile], n_files: int) -> None:
        """Record a part of the published day as that of a finished shard."""
        number, manifest = len(self._planned), self._whole[record["key"]]
        finished = {name: value for name, value in manifest.items() if name != "files"}
        part = {**record, "number": number, "night": manifest["night"]}
        self._store.write_json(keys.shard(self._day, self._night, number, MANIFEST), {**finished, "part": part})
        link = file_chain.chain_names(file.name for file in files)
        told: PlannedShard = {"n_files": n_files, "files_sha256": link, "kept": True}
        self._planned.append({**told, "inbox_sha256": record["inbox_sha256"]})

"""Records of nights: plans, answers, publication, verdicts of the gates."""

from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from ner_tasks.records.fields import Count, Digest, Moment, Name, Number, Seconds, any_more
from ner_tasks.records.times import ReadFiles


@any_more
class ShardManifest(TypedDict):
    """`staging/tagged/<day>/<night>/shard-<n>/manifest.json`: totals of the answers of a shard."""

    n_files: NotRequired[Count]  # since 0.3.0
    files_sha256: NotRequired[Digest]  # their names in order, see `tagging.file_chain`
    n_documents: Count
    n_tagged: Count
    n_rejected: Count
    n_reused: Count
    n_partly_read: Count
    n_entities: Count
    n_words: Count
    n_words_new: NotRequired[Count]  # without those of reused answers; since 0.3.0
    n_words_repeated: NotRequired[Count]  # in sentences that were not computed again; since 0.3.0
    repeated_share: NotRequired[Number]  # of `n_words`
    words_per_s: Number
    elapsed_s: Seconds
    model_s: Seconds
    rejected: dict[str, Count]
    ignored: dict[str, Count]
    entities: dict[str, Count]
    dropped: NotRequired[dict[str, Count]]  # by label; older manifests have none
    review: NotRequired[dict[str, Count]]  # by label; since 0.3.0
    assertions: NotRequired[dict[str, Count]]  # by status; since 0.3.0
    personal_data: NotRequired[dict[str, Count]]  # by kind; since 0.3.0
    items: dict[str, dict[str, Count]]  # by kind and fate
    formats: NotRequired[dict[str, ReadFiles]]  # by the format that a file's name says; since 0.3.0


@any_more
class Columns(TypedDict):
    text_column: str
    id_column: str


@any_more
class AnsweredBy(TypedDict):
    model_version: Name


@any_more
class FileDigest(TypedDict):
    n_bytes: Count
    sha256: Digest


@any_more
class PartManifest(ShardManifest, AnsweredBy):
    """`parts/<day>/<NN>-<id>/part.json`: totals of the answers of a part, and its files."""

    day: Name
    night: Name
    number: Annotated[int, Field(ge=0, le=63)]  # of the shard
    columns: Columns
    first_file: NotRequired[str | None]  # name of its first and last file, in the order of the inbox
    last_file: NotRequired[str | None]
    files: dict[str, FileDigest]  # by name in the part


@any_more
class PartRecord(TypedDict):
    """A part as the manifest of its day names it."""

    key: str  # `parts/<day>/<NN>-<id>`, with the number that it was made with
    sha256: Digest  # of its `part.json`
    number: Count  # its place among the parts of the day
    n_tagged: Count
    n_rejected: Count
    n_entities: Count
    first_file: NotRequired[str | None]  # as in its `part.json`: readers pass over parts without the name they seek
    last_file: NotRequired[str | None]
    inbox_sha256: NotRequired[Digest]  # names and ETags of its files, as they were planned
    night: NotRequired[Name]  # that made it, if another one than that of the day


@any_more
class PartSample(TypedDict):
    """`parts/<day>/<NN>-<id>/sample.json`: where documents for the day's page lie in `documents.jsonl`."""

    documents: list[tuple[Count, Count]]  # offset and length of each line in bytes


@any_more
class TaggedShard(ShardManifest):
    """`staging/tagged/<day>/<night>/shard-<n>/manifest.json` with the part that the shard made."""

    part: PartRecord


@any_more
class StagedShard(TypedDict):
    """`staging/tagged/<day>/<night>/shard-<n>/manifest.json` of any release: the part that the shard made, if any."""

    part: NotRequired[PartRecord]


@any_more
class PublishedDay(AnsweredBy):
    """`tagged/<day>/manifest.json` of any release: the model that gave the answers."""

    night: NotRequired[Name | None]
    n_documents: NotRequired[Count]
    n_tagged: NotRequired[Count]
    n_words: NotRequired[Count]
    words_per_s: NotRequired[Number]
    columns: NotRequired[Columns]
    inbox_sha256: NotRequired[Digest]  # of the plan; since 0.3.0
    listed_at: NotRequired[Moment]
    settings_version: NotRequired[Name]
    parts: NotRequired[list[PartRecord]]  # in the order of the inbox; without them the day's folder is the only one


@any_more
class OfDay(TypedDict):
    """`manifest.json` of an answer folder: of a published one with its day, of one made by `tag` without."""

    day: NotRequired[Name]


@any_more
class NightManifest(ShardManifest, AnsweredBy):
    """`tagged/<day>/manifest.json` in full: totals of the answers of a day."""

    day: Name
    night: Name
    parts: NotRequired[list[PartRecord]]


@any_more
class OfVersion(TypedDict):
    version: Name


@any_more
class OfModel(TypedDict):
    model: OfVersion


@any_more
class PlannedModel(TypedDict):
    version: Name
    kind: Literal["trained", "frozen", "int8"]


@any_more
class PlannedShard(TypedDict):
    """The files of a shard: how many, and the digest of their names in order."""

    n_files: Count
    files_sha256: Digest
    inbox_sha256: NotRequired[Digest]  # names and ETags
    kept: NotRequired[bool]  # the part of the published day that has their answers is kept


@any_more
class NightPlan(TypedDict):
    """`staging/runs/<run>/<day>/plan.json`: a night that is planned but not published."""

    day: Name
    night: Name
    model: PlannedModel
    n_shards: Annotated[int, Field(ge=0, le=64)]
    n_files: Count
    at: Moment
    columns: Columns
    entities: NotRequired[dict[str, Any]]  # settings of the run, see `EntityParams`; since 0.3.0
    shards: NotRequired[list[PlannedShard]]  # in order; since 0.3.0
    inbox_sha256: NotRequired[Digest]  # names and ETags of the listed files; since 0.3.0
    listed_at: NotRequired[Moment]  # when the listing began; since 0.3.0
    settings_version: NotRequired[Name]  # of all that answers follow from besides the inbox; since 0.3.0
    answered: list[Name]  # days whose answers may be reused


@any_more
class ListedInput(TypedDict):
    """A line of `inputs-<n>.jsonl`, the list of the files of a shard."""

    name: str
    key: str


@any_more
class RejectedLine(TypedDict):
    """A line of `rejected.jsonl`; only its file name is declared."""

    file: str


@any_more
class SampledFile(TypedDict):
    """A line of `files.jsonl`, written by `sample`."""

    name: str


@any_more
class NightGate(TypedDict):
    """`reports/nights/<day>.json`: the gate's verdict on a night."""

    night: str | None
    passed: bool
    lines: list[str]


@any_more
class DriftVerdict(TypedDict):
    night: NotRequired[str | None]
    alerts: list[str]
    accepted: bool


@any_more
class MeasuredDrift(TypedDict):
    """A measure of a night beside its 95 % prediction interval, see `ner_tasks/monitoring/drift.py`."""

    measure: str
    now: Number
    usual: Number
    lowest: Number
    highest: Number
    alert: bool


@any_more
class DriftReport(DriftVerdict):
    """`reports/drift/<day>.json`: a night compared with earlier ones."""

    day: Name
    model_version: Name
    model_before: NotRequired[str | None]
    judged: NotRequired[bool]
    why_not: NotRequired[str | None]
    findings: NotRequired[list[MeasuredDrift]]


@any_more
class NewMention(TypedDict):
    mention: str
    n_documents: Count
    n_entities: Count


@any_more
class NewOfLabel(TypedDict):
    n_new: Count
    mentions: list[NewMention]  # those in most documents, first


@any_more
class NewMentions(TypedDict):
    """`tagged/<day>/new_mentions.json`: mentions that no earlier day has, when the day was published."""

    night: Name
    n_days: Count  # how many earlier days were compared
    labels: dict[str, NewOfLabel]

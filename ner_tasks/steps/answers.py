"""Published answers: detect drift, sample, choose sentences for review."""

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from ner_tasks.config.base import ConfigModel
from ner_tasks.config.flags import Flag
from ner_tasks.config.types import Count, Share
from ner_tasks.enrichment.config import Labels
from ner_tasks.steps.command import Answers, Command, Folder, JsonFile, Seeded, YamlFile


class DriftCommand(Command):
    """Detect prediction drift: compare a night's statistics with those of earlier nights."""

    name: ClassVar[str] = "drift"

    night: JsonFile = Field(description="statistics.json of the night, from `publish_day`")
    before: Annotated[tuple[Path, ...], Flag("JSON")] = Field(
        (), description="statistics.json of earlier nights, newest first"
    )
    config_file: YamlFile | None = Field(None, description="limits (default: ner_tasks/config/drift.yaml)")


class SampleParams(ConfigModel):
    """How much of a night another model tags."""

    max_words: Count = Field(
        50_000, title="Maximum number of sampled words", description="Whole files of the night are sampled up to it"
    )


class SampleCommand(SampleParams, Seeded, Command):
    """Sample whole files from an answer folder, reproducibly."""

    name: ClassVar[str] = "sample"
    reads_documents: ClassVar[bool] = True

    answers: Answers = Field(description="a published day in its store, or answer folders of `tag` in order")
    output: Folder = Field(description="the folder to create: documents.jsonl, files.jsonl")


class ReviewParams(ConfigModel):
    """Which sentences are worth a person's time."""

    n_most: int = Field(200, ge=1, le=100_000, title="Maximum number of sentences")
    max_score: Share = Field(0.8, title="Maximum confidence", description="Mentions with a lower confidence are queued")


class ReviewCommand(ReviewParams, Seeded, Command):
    """Choose the sentences that a reviewer should check first, for Label Studio and doccano."""

    name: ClassVar[str] = "review"
    reads_documents: ClassVar[bool] = True

    answers: Answers = Field(
        description="a published day in its store, or answer folders of `tag` in order; with texts"
    )
    other: Folder | None = Field(None, description="another model's answers to some of the same documents")
    output: Folder = Field(description="the folder to create")
    day: Annotated[str, Flag("YYYY-MM-DD")] = Field(description="the day of the answers, for the metadata")
    n_same: int = Field(3, ge=1, description="maximum number of sentences for one mention")
    random_share: Share = Field(0.1, description="share of sentences chosen at random")
    labels: Annotated[tuple[str, ...], Flag("LABEL")] = Field(
        (), description="labels to choose from, besides those of the answers"
    )
    vocabulary: Path | None = Field(
        None,
        description="CSV of names, codes and their systems: entities whose code is ambiguous or not exact are asked about",
    )
    code_labels: Labels = Field("", description="labels that are looked up, joined by commas; empty: all")
    cache: Folder | None = Field(None, description="folder for compiled vocabularies (default: that of the vocabulary)")

"""Labelled data: validate and split it, download it."""

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from ner_tasks.config.base import ConfigModel
from ner_tasks.config.flags import Flag
from ner_tasks.config.types import Line, Share
from ner_tasks.steps.command import Command, Folder, Seeded, YamlFile

FORMATS = "a Kaggle CSV, CoNLL, spans in JSON, or a zip file of one of them"


class SnapshotParams(ConfigModel):
    """How a snapshot is validated and split."""

    labels: Line | None = Field(
        None, title="Allowed labels", description="Comma-separated; by default, all labels in the data"
    )
    max_quarantined_share: Share = Field(
        0.02, title="Maximum share of quarantined sentences", description="The run fails if more are invalid"
    )
    block_sentences: int = Field(
        32,
        ge=1,
        le=1_000_000,
        title="Sentences per block of the split",
        description="Neighbouring sentences that go into the same part; small data ends blocks early to keep its shares",
    )
    dev_share: float = Field(
        0.08,
        ge=0.001,
        le=0.5,
        title="Share of the dev part",
        description="The rest is used for training, calibration and test; use a smaller share for large data",
    )
    accept_drift: bool = Field(
        False, title="Accept data drift", description="Report a change of the data without failing"
    )


class DatasetCommand(SnapshotParams, Seeded, Command):
    """Validate labelled data, quarantine invalid sentences, and split the rest into a snapshot."""

    name: ClassVar[str] = "dataset"

    data: Annotated[tuple[Path, ...], Flag("PATH", also=("--dataset_file",))] = Field(
        (), description=f"labelled files ({FORMATS}); each folder is one batch"
    )
    sources_file: Annotated[Path | None, Flag("JSONL")] = Field(
        None, description='instead of --data: one {"batch", "key", "path"} per line'
    )
    output: Folder = Field(description="the snapshot folder to create")
    previous: Folder | None = Field(
        None, description="the last accepted snapshot: texts keep their part, drift is measured against it"
    )
    docs: Folder | None = Field(None, description="folder to create for Great Expectations' Data Docs")
    gates: YamlFile | None = Field(
        None, description="limits for a single batch, under `data` (default: ner_tasks/config/gates.yaml)"
    )


class DownloadCommand(Command):
    """Download a labelled data set from Kaggle, with the credentials in KAGGLE_*."""

    name: ClassVar[str] = "download"

    dataset: Annotated[str, Flag("OWNER/NAME")] = Field(
        description="the data set, such as abhinavwalia95/entity-annotated-corpus"
    )
    output: Folder = Field(description="the folder to create for its labelled files")
    cache: Folder = Field(description="folder of earlier downloads, which are not repeated")

"""Tagging: tag documents, write the part of a shard, compare and convert answers."""

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from ner_tasks.config.base import ConfigModel
from ner_tasks.config.flags import Flag
from ner_tasks.config.types import Day, Line, Share
from ner_tasks.enrichment.config import EnrichmentConfig, Labels
from ner_tasks.segmentation import AUTO, LANGUAGE_PATTERN
from ner_tasks.steps.command import Answers, Command, Folder, JsonFile
from ner_tasks.tagging.exports import Format

MAX_FILE_MINUTES = 7 * 24 * 60
# As Tesseract names its data, such as `eng+spa` or `script/Latin`.
_LANGUAGE = r"[A-Za-z][A-Za-z0-9_]*(?:/[A-Za-z0-9_]+)?"
_LABEL_SCORE = r"[A-Za-z][A-Za-z0-9_]*=(?:1(?:\.0*)?|0?\.[0-9]{1,6}|0)"

_LABEL_SCORES = rf"^(?:{_LABEL_SCORE}(?:,{_LABEL_SCORE})*)?(?!\n)$"


class ReadingConfig(ConfigModel):
    """How a deployment has documents read."""

    keep_text: bool = Field(True, description="0: answers hold offsets and hashes, and no text")
    language: str = Field(
        AUTO,
        pattern=LANGUAGE_PATTERN,
        examples=["auto:es", "de"],
        description="language of the documents by ISO 639, for sentences and words; auto: detected for each document among "
        "en, es, fr, de, it and pt, unclear ones are English; auto:es: unclear ones are Spanish",
    )
    ocr: bool = Field(False, description="1: read scanned pages with Tesseract")
    ocr_languages: str = Field(
        "eng",
        pattern=rf"^{_LANGUAGE}(?:\+{_LANGUAGE})*(?!\n)$",
        examples=["eng+spa"],
        description="Tesseract's names of the languages, joined by +",
    )
    min_ocr_confidence: float = Field(
        50, ge=1, le=100, description="percent; a recognized page below it is reported as unread"
    )
    file_minutes: float = Field(10, ge=1, le=MAX_FILE_MINUTES, description="maximum time for one file, in minutes")
    file_words: int = Field(10_000_000, ge=1, description="maximum number of words in one file")
    readers: int = Field(0, ge=0, description="number of processes that read documents; 0: as many as needed")


class ThresholdConfig(ConfigModel):
    """Which entities a deployment gives."""

    policy: Path | None = Field(
        None,
        description="YAML of minimum scores, review scores, and lists of allowed and denied mentions, by label "
        "(default: ner_tasks/config/policy.yaml)",
    )
    min_score: Share | None = Field(
        None, description="entities with a lower score are not given (default: as the policy's YAML says)"
    )
    min_label_scores: str = Field(
        "",
        max_length=10_000,
        pattern=_LABEL_SCORES,
        examples=["per=0.5,geo=0.2"],
        description="minimum scores of single labels, instead of that for all, such as per=0.5,geo=0.2",
    )


class EntityParams(ConfigModel):
    """What a run says of its entities in place of the deployment."""

    min_score: Share | None = Field(
        None, title="Minimum score", description="Entities with a lower score are not given. Empty: NER_MIN_SCORE"
    )
    min_label_scores: str = Field(
        "",
        max_length=10_000,
        pattern=_LABEL_SCORES,
        title="Minimum scores by label",
        description="Such as per=0.5,geo=0.2. Empty: NER_MIN_LABEL_SCORES",
    )
    assertion_labels: Labels = Field(
        "",
        title="Labels of findings",
        description="Such as dis: whether each is negated, past or a relative's. Empty: NER_ASSERTION_LABELS",
    )

    redaction: Literal["", "off", "label", "hash", "surrogate"] = Field(
        "", title="Redaction", description="What replaces personal data in redacted copies. Empty: NER_REDACTION"
    )

    def given(self) -> dict[str, Any]:
        """Return what is not empty."""
        return {name: value for name, value in self if value not in (None, "")}


class ColumnParams(ConfigModel):
    """Which columns of csv, tsv and xlsx files hold documents."""

    text_column: Line = Field(
        "text",
        min_length=1,
        title="Text column",
        description="Column of csv, tsv and xlsx files that holds the documents",
    )
    id_column: Line = Field(
        "id", min_length=1, title="ID column", description="Column of csv, tsv and xlsx files that names the documents"
    )


class TagCommand(ReadingConfig, ThresholdConfig, EnrichmentConfig, ColumnParams, Command):
    """Tag documents: entities with exact character offsets, and a receipt for each document."""

    name: ClassVar[str] = "tag"
    reads_documents: ClassVar[bool] = True

    model: Folder = Field(description="a trained, frozen or INT8 model")
    output: Folder = Field(description="the answer folder to create")
    inputs_file: Annotated[Path | None, Flag("JSONL")] = Field(
        None, description='instead of INPUT: one {"name", "path"} per line'
    )
    inputs_version: Annotated[str | None, Flag("V")] = Field(
        None, description="version of the inputs' contents (default: from their sizes and times)"
    )
    max_document_mib: float = Field(20, gt=0, description="larger files are rejected, in MiB")
    cache: Folder | None = Field(None, description="folder for compiled vocabularies (default: that of the vocabulary)")
    tuned: bool = Field(True, description="0: ignore what `tune` has chosen")
    choice_file: JsonFile | None = Field(None, description="what `tune` has chosen, if it is not beside the model")
    answered: Annotated[tuple[Path, ...], Flag("DIR")] = Field(
        (), description="earlier answer folders; documents answered there are not tagged again"
    )
    inputs: Annotated[tuple[Path, ...], Flag("INPUT", is_positional=True)] = Field(
        (), description="files, and folders of files"
    )


class WritePartCommand(ColumnParams, Command):
    """Write the part of a shard: answers, rejected files, ledger, Parquet, indexes, statistics, and their checksums."""

    name: ClassVar[str] = "write-part"
    reads_documents: ClassVar[bool] = True
    without_pandas: ClassVar[bool] = True

    answers: Folder = Field(description="the answer folder of `tag`")
    output: Folder = Field(description="the part's folder to create")
    inputs_file: Annotated[Path | None, Flag("JSONL")] = Field(
        None, description="the list of files that `tag` was given; without it rejected files are not copied"
    )
    day: Annotated[Day, Flag("YYYY-MM-DD")] = Field(description="the day")
    night: Annotated[str, Flag("V")] = Field(description="the version of the night")
    number: int = Field(0, ge=0, le=63, description="the number of the shard")
    model_version: Annotated[str, Flag("V")] = Field(description="the version of the model")


class DiffPredictionsCommand(Command):
    """Compare two models' predictions on the same documents."""

    name: ClassVar[str] = "diff-predictions"
    reads_documents: ClassVar[bool] = True

    old: Answers = Field(description="a published day in its store, or answer folders of `tag` in order")
    new: Answers = Field(description="the answers to compare with it, given the same way")
    n_examples: int = Field(3, ge=0, description="number of examples per kind of change and label")


class ConvertCommand(Command):
    """Convert an answer folder: to tables for a warehouse, for annotation tools, to CoNLL, or to one page for people."""

    name: ClassVar[str] = "convert"
    reads_documents: ClassVar[bool] = True

    answers: Answers = Field(
        description="a published day in its store, as in var/store/tagged/2026-01-31, or answer folders of `tag` in order"
    )
    to: Format = Field(description="the format")
    output: Path = Field(description="the file to create for conll, page and redacted, else the folder")
    day: Annotated[Day | None, Flag("YYYY-MM-DD")] = Field(
        None, description="the day of the answers (default: that of their manifest)"
    )
    note_ids: Annotated[Path | None, Flag("CSV")] = Field(
        None, description="for omop: note_id of each document, columns document,note_id (default: hashes of the names)"
    )

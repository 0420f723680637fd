"""Which rules a deployment applies to the entities that the tagger finds."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from ner_tasks.config.base import ConfigModel

_LABEL = r"[A-Za-z][A-Za-z0-9_-]*"
_LABELS = rf"^(?:{_LABEL}(?:,{_LABEL})*)?(?!\n)$"
Labels = Annotated[str, Field(max_length=500, pattern=_LABELS)]


class EnrichmentConfig(ConfigModel):
    """What an entity and its document are given besides labels and scores."""

    sections: bool = Field(True, description="0: entities do not name the section that they stand in")
    sections_file: Path | None = Field(None, description="YAML of section headings, which extends the built-in one")
    assertion_labels: Labels = Field(
        "",
        examples=["dis"],
        description="labels of findings, joined by commas: whether each is negated, uncertain, historical, hypothetical or "
        "a relative's; empty: not assessed",
    )
    assertion_file: Path | None = Field(
        None, description="YAML of the phrases of assertion, which extends the built-in one"
    )
    vocabulary: Path | None = Field(
        None, description="CSV of names, codes and their systems; entities that have such a name get the code"
    )
    code_labels: Labels = Field(
        "", examples=["dis"], description="labels of the entities that are looked up, joined by commas; empty: all"
    )
    redaction: Literal["off", "label", "hash", "surrogate"] = Field(
        "off",
        description="what replaces personal data in a redacted copy of each text, such as [NAME] with label; off: personal data "
        "is not looked for",
    )
    redaction_key_file: Path | None = Field(
        None, description="file of the secret for hashes and surrogates, 16 bytes or more"
    )
    personal_data_file: Path | None = Field(
        None, description="YAML of the words of personal data, which extends the built-in one"
    )


def split_labels(labels: str) -> frozenset[str]:
    """Return the labels of a list joined by commas."""
    return frozenset(filter(None, labels.split(",")))

"""The columns of a day's tables, `entities` and `documents`: their order, their types and their version.

Parquet files, a Hive-partitioned data set and a database have the same columns. They do not depend on the answers, so that
many days can be read as one table.
"""

from typing import Any

import pyarrow as pa

# Columns are only added, at the end; each addition is another version. Files without a version are of version 1.
#   1  releases up to 0.2.0
#   2  section, assertion, code, code_system, decision; redacted_text of documents
SCHEMA_VERSION = 2
VERSION_KEY = "schema_version"  # in the metadata of a Parquet file
DAY = "day"

# What rules and look-ups say of an entity: fields of `documents.jsonl`, null where nothing was said.
ENRICHMENT = ("section", "assertion", "code", "code_system", "decision")


def describe_field(name: str, kind: pa.DataType, description: str, *, nullable: bool = True) -> pa.Field:
    """Return a column that carries its description, which a Parquet file keeps and the reference shows."""
    return pa.field(name, kind, nullable=nullable, metadata={"description": description})


def _make_schema(*fields: pa.Field) -> pa.Schema:
    return pa.schema(fields, metadata={VERSION_KEY: str(SCHEMA_VERSION)})


_NAME = describe_field("document", pa.string(), "name of the document", nullable=False)
_SHA256 = describe_field("sha256", pa.string(), "SHA-256 of the document as it arrived", nullable=False)
_MODEL = describe_field("model_version", pa.string(), "version of the model that tagged it", nullable=False)
_DAY = describe_field(DAY, pa.date32(), "day on which the document arrived; null if the answers belong to no day")
_COUNTED = {
    "n_characters": "characters of the text",
    "n_sentences": "sentences",
    "n_words": "words",
    "n_pieces": "pieces that the model read",
    "n_windows": "windows that the model read",
}
COUNTS = tuple(_COUNTED)

ENTITIES = _make_schema(
    _NAME,
    _SHA256,
    describe_field("start", pa.int64(), "first character in the text, from 0", nullable=False),
    describe_field("end", pa.int64(), "character after the last one", nullable=False),
    describe_field("label", pa.string(), "label", nullable=False),
    describe_field("text", pa.string(), "the mention; null if texts are not kept"),
    describe_field("score", pa.float64(), "probability, 0 to 1, that bounds and label are right", nullable=False),
    describe_field("page", pa.int32(), "page, from 1; null if the format has none"),
    describe_field(
        "boxes",
        pa.list_(pa.list_(pa.float32())),
        "left, top, right, bottom in points from the top left of the page, one box per line; null as for `page`",
    ),
    describe_field("ocr_confidence", pa.int32(), "percent, of the least certain word; null without OCR"),
    describe_field("source", pa.string(), "cell, part or section of the file; null if the format has none"),
    _MODEL,
    _DAY,
    describe_field("section", pa.string(), "kind of the section of the text; null if none was found"),
    describe_field(
        "assertion",
        pa.list_(pa.string()),
        "`negated`, `uncertain`, `historical`, `hypothetical`, `family`; empty: affirmed, present, the patient's; "
        "null: not assessed",
    ),
    describe_field("code", pa.string(), "code of the mention in a vocabulary; null if none was found"),
    describe_field("code_system", pa.string(), "the vocabulary, such as `ICD10CM`"),
    describe_field("decision", pa.string(), "`review`: a person should look at it; null: it is published as it is"),
)
DOCUMENTS = _make_schema(
    _NAME,
    _SHA256,
    *(describe_field(name, pa.int64(), meaning, nullable=False) for name, meaning in _COUNTED.items()),
    describe_field("format", pa.string(), "format of the file", nullable=False),
    describe_field("encoding", pa.string(), "encoding of the file", nullable=False),
    describe_field("read_share", pa.float64(), "items read as a share of items read and unread", nullable=False),
    describe_field("n_unread", pa.int64(), "unread items", nullable=False),
    describe_field("unread", pa.list_(pa.string()), "a line per unread item, with the reason", nullable=False),
    describe_field("n_entities", pa.int64(), "entities", nullable=False),
    _MODEL,
    _DAY,
    describe_field("redacted_text", pa.string(), "copy of the text without personal data; null without redaction"),
)


def without_day(schema: pa.Schema) -> pa.Schema:
    """Return a schema without the column `day`, which a Hive-partitioned data set has in its paths."""
    return schema.remove(schema.get_field_index(DAY))


def read_schema_version(schema: pa.Schema) -> int | None:
    """Return the version of the schema of a Parquet file; None if it is no version."""
    metadata: dict[bytes, Any] = schema.metadata or {}
    text = metadata.get(VERSION_KEY.encode(), b"1")
    return int(text) if text.isdigit() and len(text) < 10 else None

"""Exports a day's answers: as tables for a warehouse, for annotation tools, as CoNLL, as an HTML page, or as redacted
copies.

All exports read `documents.jsonl` one document at a time. Parquet, Hive, HTML and redacted copies also support answers without
text.
"""

from typing import Literal

Format = Literal["parquet", "hive", "delta", "omop", "brat", "inception", "conll", "page", "redacted"]

"""A day's answers in other forms: Parquet for machines, CoNLL for annotators, one page for people.

All are made from the `documents.jsonl` that `tagging` writes, a document at a time, and cope with answers whose text
was not kept.
"""

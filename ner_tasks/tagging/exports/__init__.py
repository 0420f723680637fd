"""Exports a day's answers as Parquet, CoNLL, or an HTML page.

All exports read `documents.jsonl` one document at a time. Parquet and HTML also support answers without text.
"""

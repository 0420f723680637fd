"""Notices, metrics and lineage of the DAG runs. None of them contains text of a document."""

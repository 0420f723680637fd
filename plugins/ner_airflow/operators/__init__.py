"""Operators: where each step reads from and writes to. How it is done is up to `ner_tasks`."""

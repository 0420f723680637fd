"""Operators: what each step reads from the store and writes to it. `ner_tasks` does the work."""

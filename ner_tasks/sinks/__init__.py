"""Copies of published days in other systems, which other teams query. The store stays the original."""

# PostgreSQL's schema for our tables: a name that needs no quotes, and so can end none.
SCHEMA_NAME = r"^[a-z_][a-z0-9_]{0,62}(?!\n)$"

"""Readers for office files: OOXML, OpenDocument and the older binary formats."""

"""Detect the format of a file, and files that are not documents."""

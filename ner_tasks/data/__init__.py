"""Labelled data: readers, the split, and snapshots."""

"""Data gate: validation of labelled batches before they become a snapshot."""

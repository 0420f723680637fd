"""Labelled batches on their way into a snapshot, and snapshots on their way out: forms, precedence, what is frozen."""

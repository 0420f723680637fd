"""Readers of labelled data: CoNLL columns, and the spans that labelling tools export."""

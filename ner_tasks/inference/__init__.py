"""Inference: from words to tags and scores, with the fastest engine for the host."""

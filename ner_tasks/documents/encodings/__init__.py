"""Bytes to text: labels, detection, ISO 2022."""

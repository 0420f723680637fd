"""Monitoring of the nights: drift of their predictions, and days without answers."""

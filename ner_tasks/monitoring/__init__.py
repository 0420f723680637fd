"""Monitoring of nightly runs: drift of predictions, and the backlog of days without answers."""

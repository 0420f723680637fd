"""Benchmarking: timing of engines, comparison with earlier runs, charts, and tuning of the runtime configuration."""

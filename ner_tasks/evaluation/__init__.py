"""Evaluation of models: scores, confidence intervals, error analysis, and the quality gates with their limits."""

"""Evaluation: metrics of scored rows, each with its interval."""

"""Leadcast: a calibrated probability, for each lead, that it becomes a paying customer."""

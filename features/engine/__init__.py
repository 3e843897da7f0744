"""The feature engine: leads and their events to a matrix, the same for one and for millions."""

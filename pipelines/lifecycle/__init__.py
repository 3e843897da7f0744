"""A model over its life: run, tried, promoted, rolled back, retrained, watched, recalibrated."""

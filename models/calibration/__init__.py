"""Calibration: from a learner's log-odds to probabilities that mean what they say."""

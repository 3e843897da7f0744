"""Choosing the learner: candidates on rolling origins, and the winner fitted."""

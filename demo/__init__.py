"""The embedded demo: a simulated business-to-business seller whose true probabilities are known."""

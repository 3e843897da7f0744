"""Events that are not people's: scanners, prefetchers, monitors, colleagues and test leads."""

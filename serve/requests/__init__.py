"""Requests: what one may hold, how it is read, and whose turn it is."""

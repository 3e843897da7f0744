"""The service: one bundle over HTTP, the same numbers as everywhere."""

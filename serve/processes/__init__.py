"""The service's processes: one that watches, and workers that answer on one socket."""

"""One thin module a stage, and the command line."""

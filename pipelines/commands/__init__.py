"""The command line: ``leadcast COMMAND``."""

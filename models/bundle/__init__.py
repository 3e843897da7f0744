"""The bundle: all that scoring needs, as a folder of plain data."""

"""The profile of a source: what was read, as plain data, and what about it is to be doubted."""

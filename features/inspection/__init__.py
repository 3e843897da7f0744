"""Looking at tables that nobody has described: how they are written, what their columns hold."""

"""Values: what a cell of an export means, read, normalised and judged in one module each."""

"""The audit of an export: what is odd about its values, and what that does to conversion."""

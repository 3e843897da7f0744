"""Hygiene: what addresses, telephone numbers and names are worth, and by which lists."""

"""Machines and colleagues among the demo's events, for a world of their own."""

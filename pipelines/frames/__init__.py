"""The stages on tables in memory: what a notebook works with, without YAML and without DVC."""

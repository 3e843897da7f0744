"""The model that a source uses, in a place that stays: what was promoted, by whom and why."""

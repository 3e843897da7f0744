"""Charts: numbers, their pictures and words for both, for the report and for pages."""

"""The model at work, day by day: scores, call lists, reasons, and what people ask of their data."""

"""Readers: raw rows from CSV, Parquet and queries, in parts and with their place remembered."""

"""The same code where leads and events outgrow one machine: Dask for all of it, Spark to score."""

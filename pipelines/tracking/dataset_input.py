"""The export as a dataset of MLflow: name, fingerprint, columns and counts, and no row of it."""

import json
from typing import Any

import polars as pl

from leadcast.features.base.files import read_json
from leadcast.features.definitions.load import find_definition
from leadcast.features.tables import Tables
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.base.summary import count_customers

DIGEST_LENGTH = 36
"""MLflow's stores keep so many characters of a digest."""
_TYPES = {"number": "double", "flag": "boolean", "time": "datetime"}
"""MLflow's types of columns; all others are strings."""


def counts_of(tables: Tables) -> dict[str, Any]:
    """Count what an export holds.

    Parameters
    ----------
    tables : Tables

    Returns
    -------
    dict
        ``leads``, ``events``, ``customers``; where the source is dated, the days between which
        leads were created, and until when outcomes are known.
    """
    created = tables.leads["created_at"]
    counts = {
        "leads": tables.leads.height,
        "events": int(tables.events.select(pl.len()).collect().item()),
        "customers": count_customers(tables.outcomes),
        "first_lead": created.min(),
        "last_lead": created.max(),
        "observed_until": tables.observed_until,
    }
    return {
        name: value.date().isoformat() if hasattr(value, "date") else value
        for name, value in counts.items()
        if value is not None
    }


def dataset_of(run: RunFolder) -> Any:  # noqa: ANN401 - a class of MLflow's
    """Make the dataset that a run takes as its input.

    Parameters
    ----------
    run : RunFolder
        With its fingerprint and tables.

    Returns
    -------
    mlflow.data.dataset.Dataset
        Metadata alone: loading it is refused, since only the company's own systems hold the rows.
    """
    from mlflow.data.code_dataset_source import CodeDatasetSource
    from mlflow.data.meta_dataset import MetaDataset
    from mlflow.types import ColSpec, Schema

    class Export(MetaDataset):  # type: ignore[misc]
        """An export with its counts."""

        def to_dict(self) -> dict[str, str]:
            return {**super().to_dict(), "profile": json.dumps(counts)}

    tables = Tables.read(run.tables)
    counts = counts_of(tables)
    columns = sorted(tables.attribute_types.items())
    return Export(
        source=CodeDatasetSource({"definition": find_definition(run.source).file.as_posix()}),
        name=run.source,
        digest=str(read_json(run.fingerprint)["sha256"])[:DIGEST_LENGTH],
        schema=Schema([ColSpec(_TYPES.get(kind, "string"), name) for name, kind in columns]),
    )

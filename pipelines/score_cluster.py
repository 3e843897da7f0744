"""New leads to scores on a Dask cluster."""

from datetime import datetime
from pathlib import Path

from pipelines.console import progress_bar
from serve.batch import BatchSettings
from serve.cluster.connection import connected
from serve.cluster.scoring import score_on_cluster


def score_with_dask(
    bundle: Path,
    leads: Path,
    events: Path | None,
    as_of: datetime | None,
    out: Path,
    scheduler: str | None,
    resume: bool = False,
) -> str:
    """Score the leads of files in canonical columns.

    Parameters
    ----------
    bundle : Path
        The bundle's folder.
    leads, events : Path
        Parquet files or folders of them, or CSV.
    as_of : datetime or None
        The moment to score at; None: now, unless the leads have a column ``as_of``.
    out : Path
        The scores, ``.csv`` or ``.parquet``.
    scheduler : str or None
        The Dask scheduler's address; None for processes of this machine.
    resume : bool
        Whether to go on with a batch that was interrupted.

    Returns
    -------
    str
        What was done, with the warnings.

    Raises
    ------
    LeadcastError
        If the cluster, the bundle, the files or the output cannot be used.
    """
    settings = BatchSettings(as_of=as_of, resume=resume)
    with connected(scheduler) as client, progress_bar("scoring", "partitions") as tell:
        summary = score_on_cluster(client, bundle, leads, events, out, settings, progress=tell)
    warnings = "".join(f"\n  warning: {fault}" for fault in summary.warnings)
    return f"{summary.n_rows:,} leads scored into {summary.out}{warnings}"

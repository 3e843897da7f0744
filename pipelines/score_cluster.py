"""New leads to scores on a Dask cluster."""

import time
from pathlib import Path

from features.errors import LeadcastError
from pipelines.console import progress_bar
from pipelines.score import ScoreReport, ScoreRequest
from serve.cluster.connection import connected
from serve.cluster.scoring import score_on_cluster


def score_with_dask(request: ScoreRequest, scheduler: str | None) -> ScoreReport:
    """Score the leads of files in canonical columns.

    Parameters
    ----------
    request : ScoreRequest
        From files to a file.
    scheduler : str or None
        The Dask scheduler's address; None for processes of this machine.

    Returns
    -------
    ScoreReport

    Raises
    ------
    LeadcastError
        If more is asked than files in canonical columns and one output, or the cluster, the
        bundle, the files or the output cannot be used.
    """
    outputs, began = request.outputs, time.perf_counter()
    others = (request.source, request.database_env, outputs.crm, outputs.table, outputs.history)
    if outputs.file is None or any(others):
        raise LeadcastError(
            "--engine dask: scores files in canonical columns into one --out; it takes no "
            "--source, --for, --table, --history or --database-env"
        )
    events = None if request.events is None else Path(request.events)
    files = (request.bundle, Path(request.leads), events, outputs.file)
    with connected(scheduler) as client, progress_bar("scoring", "partitions") as tell:
        summary = score_on_cluster(client, *files, request.settings, progress=tell)
    return ScoreReport(summary, time.perf_counter() - began)

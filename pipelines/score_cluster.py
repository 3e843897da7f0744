"""New leads to scores on a Dask cluster."""

import time

from pipelines.console import progress_bar
from pipelines.score import ScoreReport
from pipelines.score_request import ScoreRequest
from pipelines.score_source import Export
from serve.cluster.connection import connected
from serve.cluster.scoring import score_on_cluster


def score_with_dask(request: ScoreRequest, scheduler: str | None) -> ScoreReport:
    """Score leads as `pipelines.score.score_new_leads` does.

    Parameters
    ----------
    request : ScoreRequest
    scheduler : str or None
        The Dask scheduler's address; None for processes of this machine.

    Returns
    -------
    ScoreReport

    Raises
    ------
    LeadcastError
        If the cluster, the bundle, the inputs or the outputs cannot be used.
    """
    began = time.perf_counter()
    mapped = None if request.source is None else Export.of(request)
    with connected(scheduler) as client, progress_bar("scoring", "partitions") as tell:
        summary = score_on_cluster(
            client,
            request.bundle,
            request.leads,
            request.events,
            request.outputs,
            request.settings,
            database_env=request.database_env,
            mapped=mapped,
            progress=tell,
        )
    return ScoreReport(summary, time.perf_counter() - began)

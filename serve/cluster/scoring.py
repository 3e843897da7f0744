"""Scores, by partitions of leads on a Dask cluster: the batch that outgrows one machine."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import polars as pl

from leadcast.features.base.errors import Fault, FaultsError, LeadcastError
from leadcast.serve.batch.batch import BatchSettings, BatchSummary, job_of
from leadcast.serve.batch.deliver import Outputs, deliver
from leadcast.serve.batch.inputs import BatchInputs, read_inputs
from leadcast.serve.batch.output import ROW, merged
from leadcast.serve.batch.parts import count_reasons, grades_of, ordered, summed, told_of_all
from leadcast.serve.batch.places import Place, place_of
from leadcast.serve.batch.work import Work
from leadcast.serve.cluster.connection import Progress, no_progress, run_all
from leadcast.serve.cluster.matrix import parts_for
from leadcast.serve.cluster.shuffle import ROWS_AT_ONCE, Shuffled, pieces_of, shuffle
from leadcast.serve.reasons import NO_REASONS, ReasonsAsked
from leadcast.serve.scorer import Scorer
from leadcast.serve.scores import version_of

if TYPE_CHECKING:
    from distributed import Client


@dataclass(frozen=True)
class Batch:
    """What all tasks of a batch share: all of it is small, and workers see the files."""

    bundle: Path
    """The bundle's folder."""
    leads: Shuffled
    events: Shuffled | None
    moment: datetime | None
    """The moment of those rows that have none of their own."""
    work: Work
    """The batch's folder."""
    reasons: ReasonsAsked = NO_REASONS
    """For which leads to tell reasons."""


class Mapped(Protocol):
    """Leads and events in the shape of a source's export."""

    def stamps(self) -> list[object]:
        """Tell this export apart from others, as JSON values."""

    def read(self, scorer: Scorer, folder: Path) -> BatchInputs:
        """Read it, with a folder for pieces."""


def score_on_cluster(
    client: "Client",
    bundle: Path,
    leads: Path | str,
    events: Path | str | None,
    out: Path | Outputs,
    settings: BatchSettings,
    *,
    database_env: str | None = None,
    mapped: "Mapped | None" = None,
    n_parts: int | None = None,
    rows_at_once: int = ROWS_AT_ONCE,
    progress: Progress = no_progress,
) -> BatchSummary:
    """Score leads as `leadcast.serve.batch.batch.score_files` does.

    A worker that dies costs the partitions that it had in hand; a batch that was killed as a whole
    goes on with ``settings.resume``.

    Parameters
    ----------
    client : distributed.Client
    bundle : Path
        The bundle's folder, which all workers see.
    leads, events : Path or str
        Parquet files, folders of them or globs, which all workers see; everything else, CSV and
        queries, is read here and converted.
    out : Path or Outputs
        Where the scores go. What lies between is kept in a folder beside it, which all workers
        see.
    settings : BatchSettings
        ``as_of``, ``resume`` and ``reasons`` count here.
    database_env : str, optional
        The environment variable that holds the URL of the database that is queried.
    mapped : Mapped, optional
        How to read leads and events that are not in canonical columns; read here.
    n_parts : int, optional
        How many partitions of leads; as many as seem good, if not given.
    rows_at_once : int
        How many rows of a file a worker reads at once.
    progress : callable
        Is told how many partitions are done.

    Returns
    -------
    BatchSummary
        As `leadcast.serve.batch.batch.score_files` gives it, with the same scores.

    Raises
    ------
    LeadcastError
        As `leadcast.serve.batch.batch.score_files` does.
    """
    outputs = Outputs.of(out)
    _refuse_unusable(outputs, settings)
    scorer = Scorer.load(bundle)
    own = place_of(leads, database_env)
    theirs = None if events is None else place_of(events, database_env)
    outputs.refuse_inputs(bundle, own, theirs)
    places = [own] if theirs is None else [own, theirs]
    about = [place.stamps() for place in places] if mapped is None else mapped.stamps()
    job = job_of(scorer, settings, about) | {"parts": [n_parts, rows_at_once]}
    with Work.opened(outputs.place, job, settings.resume) as work:
        into = work.folder / "read"
        inputs = (
            read_inputs(scorer, own, theirs, None, into)
            if mapped is None
            else mapped.read(scorer, into)
        )
        as_files = _as_files(inputs, places, work.folder)
        n_rows = sum(piece.count for piece in pieces_of(as_files["leads"]))
        n_parts = n_parts or parts_for(n_rows, client)
        work.divide(n_parts)
        split = (
            shuffle(
                client, table, work.folder / f"shuffled-{name}", n_parts, rows_at_once, work.key
            )
            for name, table in as_files.items()
        )
        moment = work.moment if scorer.is_dated else settings.as_of
        all_leads, all_events = (*split, None)[:2]
        assert all_leads is not None
        batch = Batch(bundle.resolve(), all_leads, all_events, moment, work, settings.reasons)
        _score_all(client, batch, n_parts, progress)
        files = [work.scores_of(part) for part in range(n_parts)]
        deliver(ordered(files, settings.reasons, work.folder), outputs, work.folder)
        warnings = [*work.mended, *(f for p in range(n_parts) for f in work.warnings_of(p))]
        grades = grades_of(files)
    return BatchSummary(
        outputs,
        n_rows,
        moment,
        version_of(scorer.bundle),
        grades,
        count_reasons(settings.reasons, n_rows, grades),
        (*inputs.warnings, *told_of_all(warnings, n_rows)),
    )


def _refuse_unusable(outputs: Outputs, settings: BatchSettings) -> None:
    outputs.refuse_unusable()
    if settings.changed_since is not None:
        raise LeadcastError(
            "--engine dask: scores all leads that it is given, and takes no --only-changed-since; "
            "give it the leads that have changed, or score on one machine"
        )


def score_part(batch: Batch, part: int) -> list[Fault]:
    """Score one partition and keep its scores in the batch's folder."""
    if batch.work.scores_of(part).exists():
        return []
    warnings: list[Fault] = []
    leads = batch.leads.part(part)
    events = None if batch.events is None else batch.events.part(part).drop(ROW)
    try:
        scores = _scorer(batch.bundle).score(
            leads.drop(ROW), events, batch.moment, warnings, batch.reasons
        )
    except FaultsError as error:
        return list(error.faults)
    batch.work.keep(part, scores.with_columns(leads[ROW]), warnings)
    return []


@lru_cache(maxsize=1)
def _scorer(bundle: Path) -> Scorer:
    return Scorer.load(bundle)


def _score_all(client: "Client", batch: Batch, n_parts: int, progress: Progress) -> None:
    """Score every part; what a scorer refuses is told of all parts together."""
    told = run_all(client, score_part, [(batch, part) for part in range(n_parts)], progress)
    if faults := summed(fault for found in told for fault in found):
        raise FaultsError("leads to score", faults, tell_counts=True)


def _as_files(inputs: BatchInputs, places: Sequence[Place], folder: Path) -> dict[str, list[Path]]:
    """Give the inputs as Parquet: where they are, or, if they had to be converted, written here."""
    if inputs.as_given:
        names = ("leads", "events")[: len(places)]
        files = ([file.resolve() for file in place.files] for place in places)
        return dict(zip(names, files, strict=True))
    by_row = ROW in inputs.pieces[0][0].collect_schema()
    leads = (
        merged([piece[0] for piece in inputs.pieces]).drop(ROW) if by_row else inputs.pieces[0][0]
    )
    tables = {"leads": leads}
    events = [events for _, events in inputs.pieces if events is not None]
    if events:
        tables["events"] = pl.concat(events)
    for name, table in tables.items():
        table.sink_parquet(folder / f"{name}.parquet")
    return {name: [(folder / f"{name}.parquet").resolve()] for name in tables}

"""Scores, by partitions of leads on a Dask cluster: the batch that outgrows one machine."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from leadcast.features.base.errors import Fault, FaultsError, LeadcastError
from leadcast.features.engine.partition import ROW
from leadcast.serve.batch.batch import BatchSettings
from leadcast.serve.batch.inputs import BatchInputs
from leadcast.serve.batch.parts import Progress, ScoredParts, summed
from leadcast.serve.batch.work import SHUFFLED, Work
from leadcast.serve.cluster.connection import run_all
from leadcast.serve.cluster.matrix import (
    ROWS_AT_ONCE,
    Shuffled,
    parts_for,
    pieces_of,
    shuffle,
)
from leadcast.serve.reasons import NO_REASONS, ReasonsAsked
from leadcast.serve.scorer import Scorer

if TYPE_CHECKING:
    from distributed import Client


@dataclass(frozen=True)
class OnCluster:
    """Parts that a Dask cluster's workers make and score.

    A worker that dies costs the partitions that it had in hand. What lies between is kept in the
    batch's folder, which all workers see; what is no Parquet as they can read it, is read here and
    converted.
    """

    client: "Client"
    bundle: Path
    """The bundle's folder, which all workers see."""
    n_parts: int | None = None
    """How many partitions of leads; as many as seem good, if not given."""
    rows_at_once: int = ROWS_AT_ONCE
    """How many rows of a file a worker reads at once."""

    def job(self, settings: BatchSettings) -> dict[str, Any]:
        """Tell on what the parts depend; see `leadcast.serve.batch.batch.Way`."""
        if settings.changed_since is not None:
            raise LeadcastError(
                "--engine dask: scores all leads that it is given, and takes no "
                "--only-changed-since; give it the leads that have changed, or score on one machine"
            )
        return {"parts": [self.n_parts, self.rows_at_once]}

    def score(
        self,
        scorer: Scorer,  # noqa: ARG002 - each worker reads the bundle itself
        inputs: BatchInputs,
        work: Work,
        settings: BatchSettings,
        moment: datetime | None,
        progress: Progress,
    ) -> ScoredParts:
        """Score all parts; see `leadcast.serve.batch.batch.Way`."""
        as_files = _as_files(inputs, work.folder)
        n_rows = sum(piece.count for piece in pieces_of(as_files[0]))
        n_parts = self.n_parts or parts_for(n_rows, self.client)
        work.divide(n_parts)
        leads, events = (
            shuffle(self.client, files, work.folder / name, n_parts, self.rows_at_once, work.key)
            if files
            else None
            for name, files in zip(SHUFFLED, as_files, strict=True)
        )
        assert leads is not None
        own = (self.bundle.resolve(), leads, events, moment, work)
        batch = Batch(*own, settings.reasons, settings.extra)
        each = [(batch, part) for part in range(n_parts)]
        told = run_all(self.client, score_part, each, progress)
        # What a scorer refuses is told of all parts together.
        if faults := summed(fault for found in told for fault in found):
            raise FaultsError("leads to score", faults, tell_counts=True)
        return ScoredParts(n_parts, n_rows)


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
    extra: tuple[str, ...] = ()
    """Optional parts of the bundle whose columns to add."""


def score_part(batch: Batch, part: int) -> list[Fault]:
    """Score one partition and keep its scores in the batch's folder."""
    if batch.work.scores_of(part).exists():
        return []
    warnings: list[Fault] = []
    leads = batch.leads.part(part)
    events = None if batch.events is None else batch.events.part(part).drop(ROW)
    try:
        scores = _scorer(batch.bundle).score(
            leads.drop(ROW), events, batch.moment, warnings, batch.reasons, batch.extra
        )
    except FaultsError as error:
        return list(error.faults)
    batch.work.keep(part, scores.with_columns(leads[ROW]), warnings)
    return []


@lru_cache(maxsize=1)
def _scorer(bundle: Path) -> Scorer:
    return Scorer.load(bundle)


def _as_files(inputs: BatchInputs, folder: Path) -> list[Sequence[Path]]:
    """Give leads and events as Parquet: as it is, or, if they had to be converted, written here."""
    if inputs.files is not None:
        files = [[file.resolve() for file in one] for one in inputs.files]
        return [files[0], files[1] if files[1:] else []]
    tables = [pl.concat([leads for leads, _ in inputs.pieces])]
    events = [theirs for _, theirs in inputs.pieces if theirs is not None]
    tables += [pl.concat(events)] if events else []
    written: list[Sequence[Path]] = [[], []]
    for number, table in enumerate(tables):
        file = (folder / f"table_{number}.parquet").resolve()
        table.sink_parquet(file)
        written[number] = [file]
    return written

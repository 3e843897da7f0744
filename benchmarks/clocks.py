"""Which single feature ranks a test's leads, and whether it did before: ``benchmarks.clocks``.

Where a peer is ahead on a test by a feature that tells the time (an index of the economy, a month),
the question is whether that could have been known. For each rolling origin of a source
(``python -m benchmarks.clocks bank_marketing``) it tells of the features that rank the test's leads
best, each alone: its share of variance between the periods of the rows learned from (a clock from
0.25 on), its AUC within those periods, on average, and over all of them, and its AUC in the test.
A number ranks by its value, a category by the share of conversions among the rows learned from;
below one half it ranks them the other way round.
"""

import argparse
from collections.abc import Iterator
from contextlib import chdir
from dataclasses import dataclass

import numpy as np

from benchmarks.fits import prepare
from benchmarks.quality import splits_to_run
from benchmarks.splits import Split
from leadcast.models.data import Floats, LabelledMatrix, Matrix
from leadcast.models.evaluation.metrics import auc
from leadcast.models.evaluation.tally import tally
from leadcast.models.learners.known_features import clock_shares
from leadcast.models.learners.rows import stretches
from leadcast.models.settings import LearnerSettings
from leadcast.pipelines.base.dataset import LEARNING, read_parts
from leadcast.pipelines.base.paths import RunFolder

SHOWN = 5
SHRUNK_BY = 20.0
"""So many rows at the overall rate are added to each category's own."""


@dataclass(frozen=True)
class Ranked:
    """How one feature ranks leads by itself.

    Parameters
    ----------
    name : str
    between : float
        The share of its variance between the periods of the rows learned from.
    within, learned, tested : float
        AUC within a period, on average; over all rows learned from; in the test.
    """

    name: str
    between: float
    within: float
    learned: float
    tested: float


def ranked(past: LabelledMatrix, later: LabelledMatrix) -> list[Ranked]:
    """Rank leads by each feature alone.

    Parameters
    ----------
    past : LabelledMatrix
        The rows learned from.
    later : LabelledMatrix
        The test's.

    Returns
    -------
    list of Ranked
        Those first that rank the test's leads best, in whichever direction.
    """
    period = stretches(past.position, LearnerSettings().periods)
    shares = clock_shares(past, period)
    found = []
    for place, feature in enumerate(past.features):
        columns = past.values[:, place], later.values[:, place]
        if feature.dtype == "category":
            columns = _by_rate(*columns, past.converted)
        own, new = (np.nan_to_num(column.astype(np.float64), nan=-np.inf) for column in columns)
        inside = [_auc(own[period == p], past.converted[period == p]) for p in np.unique(period)]
        told = float(np.nanmean(inside)), _auc(own, past.converted), _auc(new, later.converted)
        found.append(Ranked(feature.name, float(shares[place]), *told))
    return sorted(found, key=lambda one: -abs(one.tested - 0.5))


def _by_rate(own: Matrix, new: Matrix, converted: Floats) -> tuple[Matrix, Matrix]:
    overall = converted.mean()
    of_own, of_new = np.zeros(len(own), np.float32), np.full(len(new), overall, np.float32)
    for code in np.unique(own[~np.isnan(own)]):
        rows = own == code
        rate = (converted[rows].sum() + SHRUNK_BY * overall) / (rows.sum() + SHRUNK_BY)
        of_own[rows], of_new[new == code] = rate, rate
    return of_own, of_new


def _auc(values: Floats, converted: Floats) -> float:
    # Ranks, since a tally takes finite numbers only.
    return float(auc(tally(np.unique(values, return_inverse=True)[1].astype(float), converted)))


def lines_of(split: Split) -> Iterator[str]:
    """Say of a split which features rank its test best.

    Parameters
    ----------
    split : Split

    Yields
    ------
    str
    """
    run = RunFolder(split.source)
    with chdir(prepare(split).project):
        past, later = (read_parts(run, parts, None) for parts in (LEARNING, ("test",)))
    rates = f"{past.converted.mean():.1%} converted before, {later.converted.mean():.1%} in it"
    yield f"{split.source}, {split.name} ({rates})"
    for one in ranked(past, later)[:SHOWN]:
        yield (
            f"  {one.name}: AUC {one.tested:.3f}; before {one.learned:.3f}, within a period "
            f"{one.within:.3f}; {one.between:.2f} of its variance between periods"
        )


def main() -> None:
    """Print it for the rolling origins of the sources asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sources", nargs="+", metavar="SOURCE")
    for source in parser.parse_args().sources:
        for split in splits_to_run(source, quick=False):
            print("\n".join(lines_of(split)), flush=True)


if __name__ == "__main__":
    main()

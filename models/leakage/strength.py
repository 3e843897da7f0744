"""How strongly columns tell the outcome: alone, together, and within one stretch of time.

Everything here is told from a sample of whole leads: out of fold, so that a column which only fits
noise tells nothing, and compared within blocks of time, so that a mere clock tells nothing either.

References
----------
Hanley, J. A., McNeil, B. J. (1982). The meaning and use of the area under a receiver operating
characteristic (ROC) curve. Radiology 143, 29-36.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from leadcast.features.registry import Feature
from leadcast.models.data import Floats, Integers, LabelledMatrix, Matrix

MOST_ROWS = 20_000
"""Enough to tell an AUC to within 0.02 at a base rate of one in a hundred; more would only cost."""

MOST_ROWS_OF_RARE = 100_000
"""So many where fewer than `ENOUGH_RARE` leads of the rarer outcome are among `MOST_ROWS`."""
ENOUGH_RARE = 50

FOLDS = 3
_ROWS_A_BLOCK = 500
_MOST_BLOCKS = 20


@dataclass(frozen=True)
class Sample:
    """Some of the training rows."""

    rows: Integers
    """Which rows of the training matrix, increasing."""
    values: Matrix
    """Their features."""
    converted: Floats
    """Their labels."""
    group: Integers
    """A code for each lead or account."""
    fold: Integers
    """0 to `FOLDS` - 1; a group's rows share it."""
    block: Integers
    """A stretch of time of about equal numbers of rows. Rows are compared within their block only:
    a column that is a clock tells the base rate of its block, and nothing within it."""

    def fewest(self) -> int:
        """Count the groups with the rarer outcome."""
        return min(self.groups_with(1.0), self.groups_with(0.0))

    def groups_with(self, outcome: float) -> int:
        """Count the groups that have a row with an outcome."""
        return len(np.unique(self.group[self.converted == outcome]))

    def base_log_odds(self) -> Floats:
        """Give each row the log-odds of its block's base rate."""
        won = np.bincount(self.block, weights=self.converted)
        rows = np.bincount(self.block)
        return np.log((won + 0.5) / (rows - won + 0.5))[self.block]


def draw_sample(training: LabelledMatrix, seed: int) -> Sample:
    """Draw whole groups until there are about `MOST_ROWS` rows; more where an outcome is rare."""
    _, code, sizes = np.unique(training.group, return_inverse=True, return_counts=True)
    turn = np.random.default_rng(seed).permutation(len(sizes))
    before = np.empty(len(sizes), dtype=np.int64)
    before[np.argsort(turn)] = np.cumsum(sizes[np.argsort(turn)])
    sample = _drawn(training, code, turn, before, MOST_ROWS)
    if sample.fewest() >= ENOUGH_RARE or len(sample.rows) == len(training):
        return sample
    return _drawn(training, code, turn, before, MOST_ROWS_OF_RARE)


def _drawn(
    training: LabelledMatrix, code: Integers, turn: Integers, before: Integers, most: int
) -> Sample:
    kept = (before <= most) | (turn == 0)
    rows = np.flatnonzero(kept[code])
    return Sample(
        rows=rows,
        values=training.values[rows],
        converted=training.converted[rows],
        group=code[rows],
        fold=turn[code[rows]] % FOLDS,
        block=_blocks(training.position[rows]),
    )


def _blocks(position: Integers) -> npt.NDArray[np.int64]:
    number = int(np.clip(len(position) // _ROWS_A_BLOCK, 1, _MOST_BLOCKS))
    edges = np.sort(position)[(np.arange(1, number) * len(position)) // number]
    return np.searchsorted(np.unique(edges), position, side="right").astype(np.int64)


_BINS = 32
_PRIOR_ROWS = 10.0
_ROUNDS = 100
# Strongly regularised: the rows of a lead are alike, and with few winners larger trees learn so
# much noise that a model on all columns would seem to tell less than one of them.
_PARAMETERS = {
    "objective": "binary",
    "num_leaves": 7,
    "learning_rate": 0.05,
    "min_data_in_leaf": 50,
    "lambda_l2": 10.0,
    "feature_fraction": 0.5,
    "max_bin": 63,
    "num_threads": 1,
    "seed": 1,
    "deterministic": True,
    "force_col_wise": True,
    "verbose": -1,
}


@dataclass(frozen=True)
class Auc:
    """How often a converted lead is ranked above another one of the same stretch of time."""

    value: float
    """0.5 where nothing is told, 1 where everything is."""
    low: float
    """Lower end of a 95 % interval."""


def column_auc(values: Matrix, feature: Feature, sample: Sample) -> Auc:
    """Measure what one column tells alone, whatever the shape of its effect.

    Each value (or 32nd of a number's range, or missing) is given the share of its rows that
    converted in the other folds.
    """
    return codes_auc(bin_codes(values, feature), sample)


def codes_auc(codes: Integers, sample: Sample) -> Auc:
    """Measure what a classification of the rows tells alone."""
    rates = np.empty(len(codes))
    size = int(codes.max(initial=0)) + 1
    for fold in range(FOLDS):
        outside = sample.fold != fold
        won = np.bincount(codes[outside], weights=sample.converted[outside], minlength=size)
        rows = np.bincount(codes[outside], minlength=size)
        overall = won.sum() / max(rows.sum(), 1)
        by_code = (won + _PRIOR_ROWS * overall) / (rows + _PRIOR_ROWS)
        rates[~outside] = by_code[codes[~outside]]
    return auc_within_blocks(rates, sample)


def auc_within_blocks(score: Floats, sample: Sample) -> Auc:
    """Compare each converted row with each other row of its block and fold."""
    right, pairs = 0.0, 0.0
    cell = sample.block * FOLDS + sample.fold
    order = np.argsort(cell, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(cell[order])) + 1):
        won = sample.converted[rows] == 1
        n_won, n_other = int(won.sum()), int((~won).sum())
        pairs += n_won * n_other
        right += float(_ranks(score[rows])[won].sum()) - n_won * (n_won + 1) / 2
    value = right / pairs if pairs else 0.5
    error = _hanley_mcneil(value, sample.groups_with(1.0), sample.groups_with(0.0))
    return Auc(value, max(0.0, value - 1.959964 * error))


def boosted(values: Matrix, categories: Sequence[int], sample: Sample) -> Floats:
    """Fit small boosted trees on some columns, on top of each block's base rate."""
    import lightgbm

    base = sample.base_log_odds()
    log_odds = base.copy()
    for fold in range(FOLDS):
        outside = sample.fold != fold
        data = lightgbm.Dataset(
            np.ascontiguousarray(values[outside]),
            sample.converted[outside],
            init_score=base[outside],
            categorical_feature=list(categories),
            params=_PARAMETERS,
        )
        booster = lightgbm.train(_PARAMETERS, data, _ROUNDS)
        log_odds[~outside] += booster.predict(values[~outside], raw_score=True)
    return log_odds


def gain(log_odds: Floats, sample: Sample) -> float:
    """Measure what a model tells beyond each block's base rate."""
    return _log_loss(sample.base_log_odds(), sample) - _log_loss(log_odds, sample)


def _log_loss(log_odds: Floats, sample: Sample) -> float:
    return float(np.mean(np.logaddexp(0.0, log_odds) - sample.converted * log_odds))


def bin_codes(values: Matrix, feature: Feature) -> Integers:
    """Cut one column into bins: 0 where it is missing, else a number's 32nd or a category."""
    missing = np.isnan(values)
    if feature.dtype == "number":
        known = values[~missing]
        edges = np.unique(np.quantile(known, np.arange(1, _BINS) / _BINS)) if len(known) else known
        codes = np.searchsorted(edges, values, side="right")
    else:
        codes = np.where(missing, 0, values).astype(np.int64)
    return np.where(missing, 0, codes + 1).astype(np.int64)


def rank_correlation(one: pl.Series, other: pl.Series) -> float:
    """Correlate the ranks of two columns without nulls; 0 where one of them is constant."""
    ranks: tuple[Floats, Floats] = (one.rank().to_numpy(), other.rank().to_numpy())
    if min(float(rank.std()) for rank in ranks) == 0:
        return 0.0
    return float(np.corrcoef(*ranks)[0, 1])


def _ranks(score: Floats) -> Floats:
    # Average ranks from 1, which count a tie as half a pair.
    _, place, counts = np.unique(score, return_inverse=True, return_counts=True)
    last = counts.cumsum()
    return np.asarray(last - (counts - 1) / 2, dtype=np.float64)[place]


def _hanley_mcneil(auc: float, n_won: int, n_other: int) -> float:
    if min(n_won, n_other) == 0:
        return 0.5
    # Kept off 0 and 1, where the formula would be certain of whatever few leads happen to show.
    area = float(np.clip(auc, 0.05, 1 - 1 / (n_won + n_other + 2)))
    first, second = area / (2 - area), 2 * area**2 / (1 + area)
    variance = area * (1 - area) + (n_won - 1) * (first - area**2)
    variance += (n_other - 1) * (second - area**2)
    return float(np.sqrt(variance / (n_won * n_other)))

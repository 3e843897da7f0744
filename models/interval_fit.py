"""The steps of `models.intervals`, from calibration rows and draws of them."""

import numpy as np
import numpy.typing as npt

from models.bootstrap import drawn_weights
from models.calibration.shrinkage import Rows
from models.data import Floats
from models.logistic import log_odds_of, sigmoid
from models.period_drift import estimate_drift
from models.tally import Ranking, Tally
from models.venn_abers import venn_abers_pair

Steps = tuple[float, ...]


def fitted_steps(
    log_odds: npt.ArrayLike,
    converted: npt.ArrayLike,
    group: npt.ArrayLike,
    period: npt.ArrayLike | None,
    independent: int | None,
    level: float,
    replicates: int,
    seed: int,
    most_knots: int,
) -> dict[str, Steps]:
    """Compute knots, Venn-Abers pair and interval ends.

    Parameters
    ----------
    log_odds, converted, group, period, independent, level, replicates, seed
        As in `models.intervals.fit_lead_intervals`.
    most_knots : int
        More distinct log-odds than this are thinned to so many.

    Returns
    -------
    dict of str to tuple of float
        ``knots``, ``if_lost``, ``if_won``, ``low`` and ``high``.

    Raises
    ------
    ValueError
        If there are no rows, the lengths differ or a number is not finite.
    """
    ranking = Ranking.of(log_odds, converted)
    if len(ranking.value) == 0:
        raise ValueError("there are no rows to fit intervals on")
    knots = _thinned(ranking.value[::-1], most_knots)
    if_lost, if_won = _pair_at(knots, ranking.tally())
    draws = np.array(
        [
            _merged(*_pair_at(knots, ranking.weighted(weight)))
            for weight in drawn_weights(group, replicates, seed)
        ]
    ).reshape(-1, len(knots))
    low, high = if_lost, if_won
    if len(draws):
        if period is not None:
            drift = estimate_drift(Rows.of(log_odds, converted, group), period, independent)
            draws = _moved(draws, drift.shifts(knots, len(draws), seed + 1))
        ends = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2], axis=0)
        low, high = np.minimum(low, ends[0]), np.maximum(high, ends[1])
        # Where a slope was drawn that falls, the ends are moved outwards until they rise.
        low = np.minimum.accumulate(low[::-1])[::-1]
    steps = {"knots": knots, "if_lost": if_lost, "if_won": if_won, "low": low, "high": high}
    # Rounding may leave a step down in the last digit, which a reader would take for damage.
    return {name: tuple(np.maximum.accumulate(step).tolist()) for name, step in steps.items()}


def _moved(probability: Floats, shift: Floats) -> Floats:
    return sigmoid(log_odds_of(probability) + shift)


def _thinned(values: Floats, most: int) -> Floats:
    if len(values) <= most:
        return values
    # Closer towards both ends, where single rows matter and call lists begin.
    share = (1 - np.cos(np.linspace(0, np.pi, most))) / 2
    return values[np.unique(np.round(share * (len(values) - 1)).astype(np.int64))]


def _pair_at(knots: Floats, counts: Tally) -> tuple[Floats, Floats]:
    scores = counts.value[::-1]
    if_lost, if_won = venn_abers_pair(counts.mass[::-1], counts.hits[::-1])
    return (
        if_lost[np.searchsorted(scores, knots, side="right")],
        if_won[np.searchsorted(scores, knots, side="left")],
    )


def _merged(if_lost: Floats, if_won: Floats) -> Floats:
    return if_won / (1 - if_lost + if_won)

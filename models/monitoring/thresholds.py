"""How much evidence an alarm takes, so that quiet years keep to a number of false alarms.

Quiet years are simulated: Poisson counts whose weeks shake, at a level that is itself known only as
well as the time before tells it (a gamma variable with mean 1). The threshold is the quantile of
the years' highest evidence that only so many of them exceed. Ville's bound, which holds for
any law, is wider by a fifth to a third, and knows nothing of a level that was learned by luck.
"""

from functools import lru_cache

import numpy as np

from leadcast.models.data import Floats
from leadcast.models.monitoring.evidence import FEWER, MORE, WEEK_DAYS, Thresholds, detect

YEARS = 1000
WEEKS = 52
RAREST = 0.02
"""Rarer alarms are not simulated: there the threshold grows as Ville's bound does."""
_FEWEST, _MOST = 0.05, 5_000.0
_CERTAIN = 1e-5


def thresholds_for(
    a_week: float,
    dispersion: float,
    level_variance: float,
    fewer_a_year: float,
    more_a_year: float,
) -> Thresholds:
    """Find the thresholds of a stream.

    Parameters
    ----------
    a_week : float
        The counts that are expected in a week.
    dispersion : float
        The variance of weekly shocks.
    level_variance : float
        The variance of the level's own luck, relative to the level.
    fewer_a_year, more_a_year : float
        False alarms in a quiet year, each way; above 0.

    Returns
    -------
    Thresholds
        The same on each call: the simulation is seeded. Settings are taken to the nearest of a
        grid, so that streams share their simulations.
    """
    settings = (
        _on_grid(min(max(a_week, _FEWEST), _MOST), 2),
        _on_grid(dispersion),
        _on_grid(max(level_variance, _CERTAIN)),
    )
    fewer, more = _highest(*settings)
    return Thresholds(_reached(fewer, fewer_a_year), _reached(more, more_a_year))


def _on_grid(value: float, fineness: int = 1) -> float:
    """Take the nearest power of 2, or of a root of it."""
    return float(2 ** (np.round(fineness * np.log2(value)) / fineness))


def _reached(highest: Floats, a_year: float) -> float:
    simulated = max(a_year, RAREST)
    return float(np.quantile(highest, np.exp(-simulated))) * simulated / a_year


@lru_cache(maxsize=1024)
def _highest(a_week: float, dispersion: float, level_variance: float) -> tuple[Floats, Floats]:
    """Simulate the highest evidence of each quiet year, of fewer and of more."""
    rng = np.random.default_rng(7)
    level = rng.gamma(1 / level_variance, level_variance, (YEARS, 1))
    shocks = rng.gamma(1 / dispersion, dispersion, (YEARS, WEEKS))
    daily = np.repeat(level * shocks * (a_week / WEEK_DAYS), WEEK_DAYS, axis=1)
    due = np.full((1, WEEKS * WEEK_DAYS), a_week / WEEK_DAYS)
    seen = rng.poisson(daily).astype(np.float64)
    fewer, more = (detect(seen, due, dispersion, bets).max(axis=1) for bets in (FEWER, MORE))
    return fewer, more

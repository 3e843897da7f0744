r"""Evidence that a level has moved, which may be looked at every night.

What is watched is a stream of counts by day beside what was expected of them. For each ratio
:math:`\rho` of a few the likelihood ratio against 1 is an e-process: its mean is at most 1 as long
as nothing has moved, whenever one looks (Ville 1939; Ramdas, Grünwald, Vovk and Shafer 2023). One
that began long ago has lost its stake by the time that something moves, so one is begun each week,
and their sum is an e-detector (Shin, Ramdas and Rinaldo 2023, the Shiryaev-Roberts kind):

.. math::

    M_w = (1 + M_{w-1}) \, L_w

Looking every night costs nothing: on average it takes at least c weeks of quiet until M reaches c.
In truth it takes longer, as M jumps over c, and a level is itself learned by luck; the thresholds
are therefore found by simulation (`leadcast.models.monitoring.thresholds`). Fewer and more have
thresholds of their own.

Weeks shake: a fair, a holiday or a campaign moves all counts of a week together. Given such a shock
the counts are Poisson, the shock is a gamma variable with mean 1 and the variance `dispersion`, and
a week's likelihood is therefore negative binomial. Within a week the ratio goes on with each day's
counts, all under the same shock. Sums of Bernoulli variables spread less than Poisson counts of
their mean, so that probabilities that are not small make it more careful, not less.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from leadcast.models.data import Floats, Integers

WEEK_DAYS = 7
WEEKS_PER_YEAR = 365.25 / WEEK_DAYS
FEWER = (0.75, 0.5)
MORE = (4 / 3, 2.0, 4.0)
"""The ratios that are bet on, with even stakes on either side."""
USUAL_DISPERSION = 0.005
USUAL_WEEKS = 2.0
"""The variance of weekly shocks to begin from (a standard deviation of a fourteenth), and how many
weeks it is worth: what a source's own weeks say soon counts for more."""

Direction = Literal["more", "fewer"]


class Thresholds(NamedTuple):
    """What an e-detector must reach for an alarm."""

    fewer: float
    more: float


@dataclass(frozen=True)
class Raised:
    """An alarm of a stream.

    Parameters
    ----------
    day : int
        The day on whose night the threshold was reached.
    since : int
        The most likely first day of the change (maximum likelihood, at the start of a week).
    direction : {"more", "fewer"}
        Whether more or fewer were seen than expected.
    """

    day: int
    since: int
    direction: Direction


@dataclass(frozen=True)
class Watch:
    """What watching a stream gave.

    Parameters
    ----------
    evidence : ndarray of float64, shape (n_days,)
        The e-detector after each day, in units of its threshold, of fewer or more, whichever is
        nearer: 1 raises an alarm, and counting begins anew.
    raised : tuple of Raised
        The alarms, in time's order.
    """

    evidence: Floats
    raised: tuple[Raised, ...]

    def standing(self, day: int, lasting_days: int) -> Raised | None:
        """Give the alarm that stands on a day.

        Parameters
        ----------
        day : int
        lasting_days : int
            An alarm stands for so long; where it is raised again before, the same way, it is one.

        Returns
        -------
        Raised or None
            With the day on which it was raised first.
        """
        found, last = None, 0
        for one in self.raised:
            goes_on = (
                found is not None
                and one.day - last < lasting_days
                and one.direction == found.direction
            )
            found, last = found if goes_on else one, one.day
        return found if found is not None and day - last < lasting_days else None


def watch_counts(
    observed: Floats, expected: Floats, dispersion: float, thresholds: Thresholds
) -> Watch:
    """Watch a stream of counts.

    Parameters
    ----------
    observed, expected : ndarray of float64, shape (n_days,)
        What was seen on each day, and what was expected given all that was known before it; not
        negative. (Sums of numbers between 0 and 1 may take the counts' place.)
    dispersion : float
        The variance of weekly shocks, relative to their mean of 1; above 0.
    thresholds : Thresholds
        What the e-detectors must reach; above 0.

    Returns
    -------
    Watch

    Raises
    ------
    ValueError
        If a count is negative or not finite, the lengths differ, or a setting is not above 0.
    """
    _refuse_wrong(observed, expected, dispersion, thresholds)
    evidence, raised = np.zeros(len(observed)), list[Raised]()
    first = 0
    while first < len(observed):
        # Counting begins anew after an alarm, so that its week is not looked at twice.
        part = observed[None, first:], expected[None, first:], dispersion
        fewer = detect(*part, FEWER)[0] / thresholds.fewer
        more = detect(*part, MORE)[0] / thresholds.more
        highest = np.maximum(fewer, more)
        crossed = np.flatnonzero(highest >= 1)
        stop = first + int(crossed[0]) if len(crossed) else len(observed) - 1
        evidence[first : stop + 1] = highest[: stop + 1 - first]
        if len(crossed):
            direction: Direction = "more" if more[stop - first] >= 1 else "fewer"
            bets = MORE if direction == "more" else FEWER
            since = _likely_start(observed, expected, dispersion, bets, first, stop)
            raised.append(Raised(stop, since, direction))
        first = stop + 1
    return Watch(evidence, tuple(raised))


def detect(observed: Floats, expected: Floats, dispersion: float, bets: Sequence[float]) -> Floats:
    """Run e-detectors over streams, without beginning anew.

    Parameters
    ----------
    observed : ndarray of float64, shape (n_streams, n_days)
    expected : ndarray of float64, shape (n_streams, n_days) or (1, n_days)
    dispersion : float
    bets : sequence of float
        The ratios that are bet on, with even stakes.

    Returns
    -------
    ndarray of float64, shape (n_streams, n_days)
        The mean of the bets' e-detectors after each day. Its mean over streams in which nothing
        has moved is at most the number of weeks begun.
    """
    n_days = observed.shape[1]
    seen, due = (_so_far(part) for part in (observed, expected))
    logs = log_ratio(seen, due, dispersion, np.array(bets).reshape(-1, 1, 1, 1))
    # The stakes are 1 + s L, week by week: in logarithms, cumulative sums of what weeks gave.
    before = np.cumsum(logs[..., -1], axis=-1) - logs[..., -1]
    stakes = before + np.logaddexp.accumulate(-before, axis=-1)
    # A stake beyond any threshold need not grow to infinity.
    gains = np.exp(np.minimum(stakes[..., None] + logs, 230.0)).mean(axis=0)
    return np.asarray(gains.reshape(len(observed), -1)[:, :n_days])


def log_ratio(
    seen: Floats | float, due: Floats | float, dispersion: float, bet: Floats | float
) -> Floats:
    """Compute the log-likelihood ratio of a week's negative binomial count, against no change.

    Parameters
    ----------
    seen, due : ndarray of float64, or float
        The week's counts so far.
    dispersion : float
    bet : ndarray of float64, or float
        The ratio, broadcast against the counts.

    Returns
    -------
    ndarray of float64
    """
    size = 1.0 / dispersion
    change = np.log((size + bet * due) / (size + due))
    return np.asarray(seen * np.log(bet) - (seen + size) * change)


def weekly_dispersion(observed: Floats, expected: Floats) -> float:
    """Estimate the variance of weekly shocks, by moments, drawn towards the usual one.

    Parameters
    ----------
    observed, expected : ndarray of float64, shape (n_days,)
        Of a time in which the level was learned; its whole weeks are used, and its own level.

    Returns
    -------
    float
        At least half of `USUAL_DISPERSION`.
    """
    weeks = len(observed) // WEEK_DAYS
    seen, due = (
        part[: weeks * WEEK_DAYS].reshape(weeks, WEEK_DAYS).sum(axis=1)
        for part in (observed, expected)
    )
    if not due.sum() > 0:
        return USUAL_DISPERSION
    due = due * (seen.sum() / due.sum())
    spread = float((np.square(seen - due) - due).sum())
    size = float(np.square(due).sum())
    # Weeks that hold little say little: a week counts by how its shock compares with its luck.
    told = weeks * size / (size + due.sum() / USUAL_DISPERSION) if size > 0 else 0.0
    found = max(spread / size, 0.0) if size > 0 else USUAL_DISPERSION
    mixed = (USUAL_WEEKS * USUAL_DISPERSION + told * found) / (USUAL_WEEKS + told)
    return max(mixed, USUAL_DISPERSION / 2)


def ratio_interval(observed: float, expected: float, dispersion: float) -> tuple[float, float]:
    """Give a 95 % interval for how many were seen of each one expected.

    Parameters
    ----------
    observed, expected : float
        Counts over some weeks; expected is above 0.
    dispersion : float
        The variance of their mean shock.

    Returns
    -------
    tuple of float
        On the logarithmic scale, half a count added to either.
    """
    width = 1.959964 * np.sqrt(1.0 / (observed + 0.5) + dispersion)
    middle = np.log((observed + 0.5) / (expected + 0.5))
    return float(np.exp(middle - width)), float(np.exp(middle + width))


def _so_far(counts: Floats) -> Floats:
    """Sum each week's counts up to each of its days, shape (n_streams, n_weeks, 7)."""
    padded = np.pad(counts, ((0, 0), (0, -counts.shape[1] % WEEK_DAYS)))
    return np.asarray(padded.reshape(len(counts), -1, WEEK_DAYS).cumsum(axis=2))


def _likely_start(
    observed: Floats,
    expected: Floats,
    dispersion: float,
    bets: Sequence[float],
    first: int,
    day: int,
) -> int:
    starts: Integers = np.arange(first, day + 1, WEEK_DAYS)
    weeks = [slice(start, min(start + WEEK_DAYS, day + 1)) for start in starts]
    seen, due = (np.array([part[week].sum() for week in weeks]) for part in (observed, expected))
    each = log_ratio(seen, due, dispersion, np.array(bets)[:, None])
    since = np.cumsum(each[:, ::-1], axis=1)[:, ::-1]
    return int(starts[since.max(axis=0).argmax()])


def _refuse_wrong(
    observed: Floats, expected: Floats, dispersion: float, thresholds: Thresholds
) -> None:
    if observed.shape != expected.shape:
        raise ValueError(f"observed has shape {observed.shape}, expected {expected.shape}")
    for name, counts in (("observed", observed), ("expected", expected)):
        if not (np.isfinite(counts).all() and (counts >= 0).all()):
            raise ValueError(f"{name} holds a number that is negative or not finite")
    if not (dispersion > 0 and min(thresholds) > 0):
        raise ValueError("dispersion and thresholds must be above 0")

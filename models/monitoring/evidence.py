r"""Evidence that a level has moved, which may be looked at every night.

What is watched is a stream of counts by day beside what was expected of them. For each ratio
:math:`\rho` of a grid the likelihood ratio against the nearest ratio that is still tolerated is an
e-process: its mean is at most 1 as long as nothing has moved, whenever one looks (Ville 1939;
Ramdas, Grünwald, Vovk and Shafer 2023). One that began long ago has lost its stake by the time that
something moves, so one is begun each week, and their sum is an e-detector (Shin, Ramdas and Rinaldo
2023, the Shiryaev-Roberts kind):

.. math::

    M_w = (1 + M_{w-1}) \, L_w

On average it takes at least c weeks of quiet until M reaches c. The threshold is therefore the
weeks of a year over the false alarms that a year may bring; looking every night costs nothing.

Weeks shake: a fair, a holiday or a campaign moves all counts of a week together. Given such a shock
the counts are Poisson, the shock is a gamma variable with mean 1 and the variance `dispersion`, and
a week's likelihood is therefore negative binomial. Within a week the ratio goes on with each day's
counts, all under the same shock. Sums of Bernoulli variables spread less than Poisson counts of
their mean, so that probabilities that are not small make it more careful, not less.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from leadcast.models.data import Floats, Integers

WEEK_DAYS = 7
WEEKS_PER_YEAR = 365.25 / WEEK_DAYS
TOLERATED = 1.05
"""A level that is off by less than this factor, either way, is no reason to wake anybody."""
MOVES = (1.1, 1.25, 1.5, 2.0, 4.0)
"""The ratios that are bet on, in units of the tolerated one; the mixture loses at most a factor of
ten against the best of them."""
USUAL_DISPERSION = 0.01
USUAL_WEEKS = 8.0
"""The variance of weekly shocks to begin from (a standard deviation of a tenth), and how many weeks
it is worth."""

Direction = Literal["more", "fewer"]


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
        The e-detector after each day, in units of its threshold: 1 raises an alarm, and counting
        begins anew.
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
    observed: Floats, expected: Floats, dispersion: float, false_alarms_per_year: float
) -> Watch:
    """Watch a stream of counts.

    Parameters
    ----------
    observed, expected : ndarray of float64, shape (n_days,)
        What was seen on each day, and what was expected given all that was known before it; not
        negative. (Sums of numbers between 0 and 1 may take the counts' place.)
    dispersion : float
        The variance of weekly shocks, relative to their mean of 1; above 0.
    false_alarms_per_year : float
        How many alarms a year may bring, on average at most, where nothing moves; above 0.

    Returns
    -------
    Watch

    Raises
    ------
    ValueError
        If a count is negative or not finite, the lengths differ, or a setting is not above 0.
    """
    _refuse_wrong(observed, expected, dispersion, false_alarms_per_year)
    highest, bets = WEEKS_PER_YEAR / false_alarms_per_year, _bets()
    evidence, raised = np.zeros(len(observed)), list[Raised]()
    first = 0
    while first < len(observed):
        # Counting begins anew after an alarm, so that its week is not looked at twice.
        gains = _gains(observed[first:], expected[first:], dispersion, bets)
        crossed = np.flatnonzero(gains.mean(axis=1) >= highest)
        stop = first + int(crossed[0]) if len(crossed) else len(observed) - 1
        evidence[first : stop + 1] = gains[: stop + 1 - first].mean(axis=1) / highest
        if len(crossed):
            best = int(gains[stop - first].argmax())
            since = _likely_start(observed, expected, dispersion, bets[best], first, stop)
            raised.append(Raised(stop, since, "more" if best < len(MOVES) else "fewer"))
        first = stop + 1
    return Watch(evidence, tuple(raised))


def e_process(
    observed: Floats, expected: Floats, dispersion: float, tolerated: float = TOLERATED
) -> Floats:
    """Bet against a stream from its first day on, without beginning anew.

    Parameters
    ----------
    observed, expected, dispersion
        As in `watch_counts`.
    tolerated : float
        The ratio that counts as unmoved, either way; at least 1.

    Returns
    -------
    ndarray of float64, shape (n_days,)
        The mixture's wealth after each day. Its mean at any time that is chosen by looking is at
        most 1 where the ratio is tolerated: it exceeds 20 with a probability of at most 1 / 20.
    """
    bets = _bets(tolerated)
    logs = _log_ratios_of_weeks(observed, expected, dispersion, bets)
    closed = np.cumsum(logs[WEEK_DAYS - 1 :: WEEK_DAYS], axis=0)
    before = np.concatenate([np.zeros((1, len(bets))), closed])
    return np.asarray(np.exp(before[np.arange(len(logs)) // WEEK_DAYS] + logs).mean(axis=1))


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


def _bets(tolerated: float = TOLERATED) -> Floats:
    """List the ratios that are bet on, each with the tolerated one that it is held against."""
    more = [(tolerated * move, tolerated) for move in MOVES]
    return np.array([*more, *((1 / one, 1 / other) for one, other in more)])


def _log_ratios(
    seen: Floats | float, due: Floats | float, dispersion: float, bets: Floats
) -> Floats:
    """Compute the log-likelihood ratios of a week's negative binomial counts."""
    size = 1.0 / dispersion
    bet, held = bets.T
    change = np.log((size + bet * due) / (size + held * due))
    return np.asarray(seen * np.log(bet / held) - (seen + size) * change)


def _log_ratios_of_weeks(
    observed: Floats, expected: Floats, dispersion: float, bets: Floats
) -> Floats:
    """Compute each day's ratio of its week so far, shape (n_days, n_bets)."""
    seen, due = _so_far(observed)[:, None], _so_far(expected)[:, None]
    return _log_ratios(seen, due, dispersion, bets)


def _so_far(counts: Floats) -> Floats:
    """Sum each week's counts up to each of its days."""
    padded = np.append(counts, np.zeros(-len(counts) % WEEK_DAYS)).reshape(-1, WEEK_DAYS)
    return np.asarray(padded.cumsum(axis=1).ravel()[: len(counts)])


def _gains(observed: Floats, expected: Floats, dispersion: float, bets: Floats) -> Floats:
    """Run the e-detectors of all bets, shape (n_days, n_bets)."""
    ratios = np.exp(_log_ratios_of_weeks(observed, expected, dispersion, bets))
    gains, begun = np.empty_like(ratios), np.zeros(len(bets))
    for start in range(0, len(ratios), WEEK_DAYS):
        gains[start : start + WEEK_DAYS] = (1.0 + begun) * ratios[start : start + WEEK_DAYS]
        # A stake beyond any threshold need not grow to infinity.
        begun = np.minimum(gains[min(start + WEEK_DAYS, len(gains)) - 1], 1e100)
    return gains


def _likely_start(
    observed: Floats, expected: Floats, dispersion: float, bet: Floats, first: int, day: int
) -> int:
    starts: Integers = np.arange(first, day + 1, WEEK_DAYS)
    weeks = [slice(start, min(start + WEEK_DAYS, day + 1)) for start in starts]
    one = bet.reshape(1, 2)
    sums = [(float(observed[week].sum()), float(expected[week].sum())) for week in weeks]
    each = [float(_log_ratios(*pair, dispersion, one)[0]) for pair in sums]
    return int(starts[np.cumsum(each[::-1])[::-1].argmax()])


def _refuse_wrong(
    observed: Floats, expected: Floats, dispersion: float, false_alarms_per_year: float
) -> None:
    if observed.shape != expected.shape:
        raise ValueError(f"observed has shape {observed.shape}, expected {expected.shape}")
    for name, counts in (("observed", observed), ("expected", expected)):
        if not (np.isfinite(counts).all() and (counts >= 0).all()):
            raise ValueError(f"{name} holds a number that is negative or not finite")
    if not (dispersion > 0 and false_alarms_per_year > 0):
        raise ValueError("dispersion and false_alarms_per_year must be above 0")

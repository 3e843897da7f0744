"""The newest pace of a curve's intervals: which of them leads convert in more than they did.

The score of a horizon of 30 days knows of no lead younger than a month. What leads do in their
first days is known sooner, and what older ones do in their fourth week is known of yesterday as
well. So conversions are counted by interval and by the time at which they came::

    log hazard of interval j at time t = what score and curve say + level(t) + pace(t, j)

The level is common to all intervals: how many convert is the score's to tell, and a busy week says
nothing of when leads convert. The pace is what the curve follows up to now. Paces of neighbouring
intervals move together, and are relative to the interval's average, which the curve has. Level and
pace are processes that go back to their average, sooner or later (nearly a random walk). How far
and how long they move is not known: combinations are averaged by their evidence (Gaussian processes
with Poisson counts, by Laplace's approximation; Rasmussen & Williams 2006, "Gaussian Processes for
Machine Learning", 3.4). Where nothing moves, next to nothing is followed, and what does not last is
not carried on.

The score stays what it is. Of paces that together say more or less than it does until its horizon,
those give way the most that are known the least: of long shares, and of late intervals.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np

from leadcast.models.curve.conversion_curve import ConversionCurve
from leadcast.models.curve.person_periods import CurveRows, Periods
from leadcast.models.data import Floats

AVERAGE_VARIANCE = 0.5
"""Of the level's average over time, in log hazard: that of `curve_fit.STRETCHES`."""
VARIANCES = (0.0, 0.03, 0.3)
"""Of the level and of the pace around their averages, in log hazard."""
LASTING = (1.0, 4.0, 16.0)
"""How many stretches of time a move lasts: after so many, 1 / e of it is left."""
ALIKE = 0.8
"""The correlation of the paces of neighbouring intervals."""
AHEAD = 0.25
"""The paces are those of as long a time ahead as a model serves, as a share of the time seen; see
`leadcast.models.learners.drifting_level`."""
MOST_STEPS, CLOSE, FARTHEST = 40, 1e-6, 2.0
"""Newton's method: no step is longer than the last, in log hazard."""
MOST_HALVINGS, STEEPEST = 100, 300.0


def with_newest_pace(curve: ConversionCurve, rows: CurveRows) -> ConversionCurve:
    """Move the pace of each interval to where the newest time shows it.

    Parameters
    ----------
    curve : ConversionCurve
        Fitted on what was known of the same time.
    rows : CurveRows
        Who is among them must not hang on what became of them.

    Returns
    -------
    ConversionCurve
        With other rates.
    """
    rows = rows.rows(np.flatnonzero(rows.followed.is_followed))
    hazard, weight = rows.hazards(curve), rows.data.lead_weights
    edges = np.array(curve.edges_days)
    paces = newest_pace(*counted(rows, edges, hazard * weight[:, None], weight))
    shares = (weight @ hazard) * np.diff([0.0, *edges]) / (weight @ rows.cumulative_hazard)
    moved = agreeing(paces, shares, edges, curve.horizon_days)
    return curve.changed(rates=tuple((np.array(curve.rates) + moved).tolist()))


def counted(
    rows: CurveRows, edges: Floats, hazard: Floats, weight: Floats
) -> tuple[Floats, Floats]:
    """Count conversions, and those expected, by stretches of time and intervals.

    Parameters
    ----------
    rows : CurveRows
        All followed until the same moment.
    edges : ndarray of float64, shape (n_intervals,)
        Where intervals end, in days.
    hazard : ndarray of float64, shape (n, n_intervals)
        Of each row a day.
    weight : ndarray of float64, shape (n,)
        Of each row's conversion.

    Returns
    -------
    tuple of ndarray of float64, shape (n_stretches, n_intervals)
        Conversions, and those expected.
    """
    watched = rows.followed.watched_days
    # Times before the moment until which all were followed, at which a row's age is known.
    times = rows.stretch_times
    times[0] -= 1.0
    starts = np.array([0.0, *edges[:-1]])
    last = np.minimum(rows.followed.won_days(), watched)
    periods = Periods.of(rows, edges.tolist())
    won = np.zeros((rows.n_stretches, len(edges)))
    np.add.at(won, rows.ended_in(times), periods.won * weight[:, None])
    expected = np.empty_like(won)
    for place, (start, end) in enumerate(pairwise(times.tolist())):
        first = np.maximum(starts, (start + watched)[:, None])
        until = np.minimum(edges, np.minimum(last, end + watched)[:, None])
        expected[place] = (hazard * np.clip(until - first, 0.0, None)).sum(axis=0)
    return won, expected


def newest_pace(won: Floats, expected: Floats) -> Floats:
    """Estimate the pace of each interval in the time ahead: a change of its log hazard.

    Parameters
    ----------
    won, expected : ndarray of float64, shape (n_stretches, n_intervals)
        In order of time.

    Returns
    -------
    ndarray of float64, shape (n_intervals,)
    """
    evidence, newest = [], []
    for process in _processes(expected):
        excess, told = _laplace(process.seen, won.ravel(), expected.ravel())
        evidence.append(told)
        newest.append(process.ahead @ excess)
    share = np.exp(np.array(evidence) - max(evidence))
    return np.asarray(share @ np.array(newest) / share.sum())


def agreeing(paces: Floats, shares: Floats, edges: Floats, horizon_days: float) -> Floats:
    """Bring paces to where they say together what the score says.

    Parameters
    ----------
    paces : ndarray of float64, shape (n_intervals,)
        Changes of log hazards.
    shares : ndarray of float64, shape (n_intervals,)
        Of the cumulative hazard until the horizon that falls into each interval; beyond the horizon
        they do not count.
    edges : ndarray of float64, shape (n_intervals,)
        Where intervals end, in days.
    horizon_days : float

    Returns
    -------
    ndarray of float64, shape (n_intervals,)
        Of the intervals until the horizon ``paces - x * shares * edges``, with x such that the
        cumulative hazard there is what it was; of others as they were.
    """
    until = edges <= horizon_days
    share, pace = shares[until], paces[until]
    doubt = share * edges[until] / (share * edges[until]).max()
    low, high = -STEEPEST, STEEPEST
    for _ in range(MOST_HALVINGS):
        middle = (low + high) / 2
        if share @ np.exp(pace - middle * doubt) > share.sum():
            low = middle
        else:
            high = middle
    moved = paces.copy()
    moved[until] = pace - middle * doubt
    return moved


@dataclass(frozen=True)
class _Process:
    """Covariances: of log ratios seen, and of paces ahead with these."""

    seen: Floats
    ahead: Floats


def _processes(expected: Floats) -> Iterator[_Process]:
    """Give what level and pace may be."""
    n_stretches, n_intervals = expected.shape
    time = np.arange(float(n_stretches))
    coming = n_stretches + np.arange(float(max(1, round(AHEAD * n_stretches))))
    place = np.arange(n_intervals)
    alike = ALIKE ** np.abs(np.subtract.outer(place, place))
    for lasting in LASTING:
        seen = np.exp(-np.abs(np.subtract.outer(time, time)) / lasting)
        ahead = np.exp(-np.subtract.outer(coming, time) / lasting).mean(axis=0)
        pace = _relative_to_average(seen, ahead, expected, alike)
        for level, step in product(VARIANCES, VARIANCES):
            own = np.kron(AVERAGE_VARIANCE + level * seen, np.ones((n_intervals, n_intervals)))
            yield _Process(own + step * pace.seen, step * pace.ahead)


def _relative_to_average(seen: Floats, ahead: Floats, expected: Floats, alike: Floats) -> _Process:
    """Take each interval's average over the stretches, as they were seen, from its process."""
    weight = expected / np.maximum(expected.sum(axis=0), 1e-12)
    with_average = seen @ weight
    averages = weight.T @ with_average
    apart = (
        seen[:, None, :, None]
        - with_average[:, None, None, :]
        - with_average.T[None, :, :, None]
        + averages[None, :, None, :]
    )
    then = (
        ahead[None, :, None]
        - (ahead @ weight)[None, None, :]
        - with_average.T[:, :, None]
        + averages[:, None, :]
    )
    size = expected.size
    return _Process(
        (apart * alike[None, :, None, :]).reshape(size, size),
        (then * alike[:, None, :]).reshape(-1, size),
    )


def _laplace(covariance: Floats, won: Floats, expected: Floats) -> tuple[Floats, float]:
    """Find the mode of log ratios under Poisson counts.

    Returns what multiplies covariances to give it, and the log evidence but for a constant.
    """
    place = np.zeros(len(won))
    for _ in range(MOST_STEPS):
        mean = expected * np.exp(place)
        root = np.sqrt(mean)
        inner = np.eye(len(won)) + root[:, None] * covariance * root
        pulled = mean * place + won - mean
        excess = pulled - root * np.linalg.solve(inner, root * (covariance @ pulled))
        step = np.clip(covariance @ excess - place, -FARTHEST, FARTHEST)
        place = place + step
        if np.abs(step).max() < CLOSE:
            break
    fit = won @ place - mean.sum() - place @ excess / 2
    return excess, float(fit - np.linalg.slogdet(inner)[1] / 2)

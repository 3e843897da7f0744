"""An interval for each lead's probability, with no assumption about the learner.

Two things are told. The Venn-Abers pair says what isotonic regression on the calibration rows
would give the lead if it were lost and if it were won. The interval of a stated level adds the
luck of the calibration sample: the pair is computed again on rows drawn with replacement by
leads, merged into one probability (Vovk and Petej 2014), and the middle of what comes out is kept.
Where periods are told, each draw is also moved as one period's level differs from another's.
"""

from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from operator import gt
from typing import Annotated, Any, Self

import numpy as np
import numpy.typing as npt
from pydantic import FailFast, Field, model_validator

from leadcast.features.base.compiled import compiled
from leadcast.features.base.plain import Number, Plain, Share, checked
from leadcast.models.calibration.corrections import TalliedRows
from leadcast.models.calibration.period_drift import estimate_drift
from leadcast.models.data import Floats
from leadcast.models.evaluation.bootstrap import drawn_weights
from leadcast.models.evaluation.logistic import log_odds_of, sigmoid
from leadcast.models.evaluation.tally import RankedTally, Tally

MOST_KNOTS = 1000
"""More distinct log-odds than this are thinned; the pair and interval then round outwards."""
MOST_STEPS = 100_000
"""Of intervals that are read."""

_LEAST = 1e-6
WIDTH_KEPT = 0.8
"""How wide, on the log-odds scale, an interval stays when it is averaged with the calibrator, since
the average errs less than the draws: chosen on the worlds of ``benchmarks.interval_coverage`` and
one demo, and tried on other demos by ``benchmarks.demo_worlds``."""


Shares = Annotated[list[Share], FailFast(), Field(min_length=1, max_length=MOST_STEPS)]


class LeadIntervals(Plain):
    """Intervals as steps over the learner's log-odds: the plain data of ``intervals.json``."""

    level: Share
    """How often the interval should hold the true rate of leads with the same log-odds."""
    knots: Annotated[list[Number], FailFast(), Field(min_length=1, max_length=MOST_STEPS)]
    """Log-odds, strictly rising."""
    if_lost: Shares
    if_won: Shares
    """The Venn-Abers pair at each knot, never falling."""
    low: Shares
    high: Shares
    """The ends of the interval at each knot, never falling."""

    @model_validator(mode="after")
    def _are_steps(self) -> Self:
        arrays = (self.knots, self.if_lost, self.if_won, self.low, self.high)
        if len(set(map(len, arrays))) != 1:
            raise ValueError("arrays must be of one length")
        if any(gt(*pair) for array in arrays for pair in pairwise(array)):
            raise ValueError("no array may fall")
        return self

    def pair(self, log_odds: Floats) -> tuple[Floats, Floats]:
        """Give the Venn-Abers pair.

        Parameters
        ----------
        log_odds : ndarray of float64, shape (n_rows,)
            The learner's; finite.

        Returns
        -------
        if_lost, if_won : ndarray of float64, shape (n_rows,)
            In [0, 1], the first not above the second; both never fall with `log_odds`.
        """
        return self._below("if_lost", log_odds), self._above("if_won", log_odds)

    def interval(self, log_odds: Floats, probability: Floats) -> tuple[Floats, Floats]:
        """Give the interval.

        Parameters
        ----------
        log_odds : ndarray of float64, shape (n_rows,)
            The learner's; finite.
        probability : ndarray of float64, shape (n_rows,)
            The calibrated probabilities, which the intervals are stretched to hold.

        Returns
        -------
        low, high : ndarray of float64, shape (n_rows,)
            In [0, 1]; both never fall with `log_odds` where `probability` does not.
        """
        low, high = self._below("low", log_odds), self._above("high", log_odds)
        return np.minimum(low, probability), np.maximum(high, probability)

    def moved(self, change: float) -> Self:
        """Move all shares by the same amount in log-odds, as the level moves.

        Parameters
        ----------
        change : float

        Returns
        -------
        LeadIntervals
            Where a share says that nothing is known (0 or 1) it still says so.
        """
        names = ("if_lost", "if_won", "low", "high")
        shares = {name: moved_shares(getattr(self, name), change) for name in names}
        return type(self)(**self.model_dump() | shares)

    def averaged_with(self, calibrated: Floats) -> Self:
        """Move each interval half of its way to where the calibrator says.

        Isotonic draws and the calibrator estimate the same rate; on the log-odds scale their
        average errs less than the draws alone, which stay flat over long stretches. The width is
        `WIDTH_KEPT` of what it was.

        Parameters
        ----------
        calibrated : ndarray of float64, shape (n_knots,)
            The calibrated probabilities at `knots`, in (0, 1).

        Returns
        -------
        LeadIntervals
            Its ends rise, and hold the pair.
        """
        before = np.array([self.low, self.high])
        inside = np.clip(before, _LEAST, 1 - _LEAST)
        low, high = np.log(inside / (1 - inside))
        centre = np.log(calibrated / (1 - calibrated))
        middle, half = (low + high) / 2, WIDTH_KEPT * (high - low) / 2
        average = (middle + centre) / 2
        moved = 1 / (1 + np.exp(-np.array([average - half, average + half])))
        # An end that says that nothing is known still says so.
        moved = np.where(before == np.array([[0.0], [1.0]]), before, moved)
        # Halfway between the rising curves just below and just above: as wide on average.
        over = np.maximum.accumulate(moved, axis=1)
        under = np.minimum.accumulate(moved[:, ::-1], axis=1)[:, ::-1]
        lower, upper = (over + under) / 2
        lower, upper = np.minimum(lower, self.if_lost), np.maximum(upper, self.if_won)
        ends = {"low": lower.tolist(), "high": upper.tolist()}
        return type(self)(**self.model_dump() | ends)

    def holding(self, low: Floats, high: Floats) -> Self:
        """Stretch the intervals to hold others.

        Parameters
        ----------
        low, high : ndarray of float64, shape (n_knots,)
            The ends of the others at `knots`, in [0, 1] and never falling.

        Returns
        -------
        LeadIntervals
        """
        lower, upper = np.minimum(self.low, low), np.maximum(self.high, high)
        return type(self)(**self.model_dump() | {"low": lower.tolist(), "high": upper.tolist()})

    def to_json(self) -> dict[str, Any]:
        """Give plain data, from which `from_json` makes the same intervals."""
        return self.model_dump()

    @classmethod
    def from_json(cls, content: object, where: str = "intervals") -> Self:
        """Make the intervals that `to_json` told.

        Parameters
        ----------
        content : JSON value
        where : str
            The file.

        Returns
        -------
        LeadIntervals

        Raises
        ------
        FaultsError
            If an array is missing, too short, or falls; all faults, by their keys.
        """
        return checked(cls, content, "lead intervals: are damaged", where)

    @cached_property
    def _arrays(self) -> dict[str, Floats]:
        # Made once: from tuples they would cost more than one lead's interval.
        below = {name: np.array([0.0, *getattr(self, name)]) for name in ("if_lost", "low")}
        above = {name: np.array([*getattr(self, name), 1.0]) for name in ("if_won", "high")}
        return {"knots": np.array(self.knots), **below, **above}

    def _below(self, steps: str, log_odds: Floats) -> Floats:
        # The step of the last knot that is not above; below all knots nothing is known.
        place = np.searchsorted(self._arrays["knots"], log_odds, side="right")
        return self._arrays[steps][place]

    def _above(self, steps: str, log_odds: Floats) -> Floats:
        place = np.searchsorted(self._arrays["knots"], log_odds, side="left")
        return self._arrays[steps][place]


def moved_shares(shares: Sequence[float], change: float) -> list[float]:
    """Move shares by the same amount in log-odds.

    Parameters
    ----------
    shares : sequence of float
        In [0, 1].
    change : float

    Returns
    -------
    list of float
        What says that nothing is known (0 or 1) still says so.
    """
    before = np.asarray(shares, np.float64)
    after = sigmoid(log_odds_of(before) + change)
    return [float(one) for one in np.where((before == 0) | (before == 1), before, after)]


def fit_lead_intervals(
    log_odds: npt.ArrayLike,
    converted: npt.ArrayLike,
    group: npt.ArrayLike,
    *,
    period: npt.ArrayLike | None = None,
    independent: int | None = None,
    level: float = 0.9,
    replicates: int = 400,
    seed: int = 0,
) -> LeadIntervals:
    """Fit intervals on the calibration rows.

    Parameters
    ----------
    log_odds : array_like of float, shape (n_rows,)
        The learner's, for snapshots later than it was trained on; finite.
    converted : array_like of float or bool, shape (n_rows,)
        1 for a conversion, else 0.
    group : array_like of int or str, shape (n_rows,)
        The lead (or account) of each row.
    period : array_like of int or str, shape (n_rows,), optional
        The month of each row, or the origin of the model behind it. If given, the intervals are
        for leads of a period to come, whose level may differ from that of the periods seen
        (`leadcast.models.calibration.period_drift`); if not, for more leads of the same periods.
    independent : int, optional
        How many of the periods are independent, as in `period_drift.estimate_drift`.
    level : float
        How often the interval should hold the true rate of leads with the same log-odds.
    replicates : int
        How many times leads are drawn.
    seed : int
        The same seed gives the same intervals.

    Returns
    -------
    LeadIntervals
        The interval holds the Venn-Abers pair. Its ends are the quantiles, over the draws, of the
        pair merged as ``if_won / (1 - if_lost + if_won)``.

    Raises
    ------
    ValueError
        If there are no rows, the lengths differ, or a number is outside what is said above.
    """
    ranking = RankedTally.of(log_odds, converted)
    if len(ranking.value) == 0:
        raise ValueError("there are no rows to fit intervals on")
    knots = _thinned(ranking.value[::-1], MOST_KNOTS)
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
            drift = estimate_drift(TalliedRows.of(log_odds, converted, group), period, independent)
            draws = _moved(draws, drift.shifts(knots, len(draws), seed + 1))
        ends = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2], axis=0)
        low, high = np.minimum(low, ends[0]), np.maximum(high, ends[1])
        # Where a slope was drawn that falls, the ends are moved outwards until they rise.
        low = np.minimum.accumulate(low[::-1])[::-1]
    steps = {"knots": knots, "if_lost": if_lost, "if_won": if_won, "low": low, "high": high}
    # Rounding may leave a step down in the last digit, which a reader would take for damage.
    rising = {name: np.maximum.accumulate(step).tolist() for name, step in steps.items()}
    return LeadIntervals(level=level, **rising)


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


def venn_abers_pair(mass: Floats, hits: Floats) -> tuple[Floats, Floats]:
    """Compute what isotonic regression says of a new row, were it lost and were it won.

    Inductive Venn-Abers prediction (Vovk and Petej 2014; the algorithm that needs one pass for all
    scores: Vovk, Petej and Fedorova 2015, section 4). With calibration rows and new row
    exchangeable, one of the two probabilities is perfectly calibrated.
    """
    if_won = _if_won(mass, hits)
    # Turned upside down, a lost row among these is a won one among those.
    if_lost = 1.0 - _if_won(mass[::-1].copy(), (mass - hits)[::-1].copy())[::-1]
    return if_lost, if_won


@compiled
def _if_won(mass: Floats, hits: Floats) -> Floats:
    # The isotonic rate at the new row is the slope of the greatest convex minorant of the
    # cumulated (weight, conversions) where the new row's own piece, (1, 1), lies. The piece starts
    # before the first score and is moved past one score after the other; each move only lowers
    # the cumulated line at one point, so the minorant from the piece on is kept as a stack.
    stack_x, stack_y, top = _minorant(mass, hits)
    rates = np.ones(len(mass) + 1)
    x, y = -1.0, -1.0
    for place in range(len(mass)):
        from_x, from_y = stack_x[top - 1], stack_y[top - 1]
        run, rise = stack_x[top - 2] - from_x, stack_y[top - 2] - from_y
        rates[place] = rise / run
        x += mass[place]
        y += hits[place]
        if run * (y - from_y) >= rise * (x - from_x):
            continue
        top -= 1
        while top > 1 and _turns_back(x, y, stack_x, stack_y, top):
            top -= 1
        stack_x[top], stack_y[top] = x, y
        top += 1
    return rates


@compiled
def _minorant(mass: Floats, hits: Floats) -> tuple[Floats, Floats, int]:
    # Corners of the greatest convex minorant, from the right, of the cumulated line that begins
    # with the new row's piece from (-1, -1) to (0, 0).
    stack_x, stack_y = np.empty(len(mass) + 2), np.empty(len(mass) + 2)
    stack_x[0], stack_y[0] = mass.sum(), hits.sum()
    top = 1
    x, y = stack_x[0], stack_y[0]
    for place in range(len(mass) - 1, -2, -1):
        x -= mass[place] if place >= 0 else 1.0
        y -= hits[place] if place >= 0 else 1.0
        while top > 1 and _turns_back(x, y, stack_x, stack_y, top):
            top -= 1
        stack_x[top], stack_y[top] = x, y
        top += 1
    return stack_x, stack_y, top


@compiled
def _turns_back(x: float, y: float, stack_x: Floats, stack_y: Floats, top: int) -> bool:
    # Whether the stack's last corner lies on or above the line from (x, y) to the corner before.
    run, rise = stack_x[top - 1] - x, stack_y[top - 1] - y
    next_run = stack_x[top - 2] - stack_x[top - 1]
    next_rise = stack_y[top - 2] - stack_y[top - 1]
    return bool(run * next_rise <= rise * next_run)

"""An interval for each lead's probability, with no assumption about the learner.

Two things are told. The Venn-Abers pair says what isotonic regression on the calibration rows
would give the lead if it were lost and if it were won. The interval of a stated level adds the
luck of the calibration sample: the pair is computed again on rows drawn with replacement by
leads, merged into one probability (Vovk and Petej 2014), and the middle of what comes out is kept.
Where periods are told, each draw is also moved as one period's level differs from another's.

The steps of `leadcast.models.calibration.intervals`, from calibration rows and draws of them.
"""

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from leadcast.features.base.plain import checked
from leadcast.models.calibration.calibrator_schema import StoredIntervals
from leadcast.models.calibration.period_drift import estimate_drift
from leadcast.models.calibration.shrinkage import TalliedRows
from leadcast.models.calibration.venn_abers import venn_abers_pair
from leadcast.models.data import Floats
from leadcast.models.evaluation.bootstrap import drawn_weights
from leadcast.models.evaluation.logistic import log_odds_of, sigmoid
from leadcast.models.evaluation.tally import RankedTally, Tally

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
    """Compute knots, Venn-Abers pair and interval ends."""
    ranking = RankedTally.of(log_odds, converted)
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
            drift = estimate_drift(TalliedRows.of(log_odds, converted, group), period, independent)
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


MOST_KNOTS = 1000
"""More distinct log-odds than this are thinned; the pair and interval then round outwards."""

_LEAST = 1e-6
WIDTH_KEPT = 0.8
"""How wide, on the log-odds scale, an interval stays when it is averaged with the calibrator, since
the average errs less than the draws: chosen on the worlds of ``benchmarks.interval_coverage`` and
one demo, and tried on other demos by ``benchmarks.demo_worlds``."""


@dataclass(frozen=True)
class LeadIntervals:
    """Intervals as steps over the learner's log-odds; NumPy is all that using them needs.

    Parameters
    ----------
    level : float
        How often the interval should hold the true rate of leads with the same log-odds.
    knots : tuple of float
        Log-odds, strictly rising.
    if_lost, if_won : tuple of float
        The Venn-Abers pair at each knot, never falling.
    low, high : tuple of float
        The ends of the interval at each knot, never falling.
    """

    level: float
    knots: tuple[float, ...]
    if_lost: tuple[float, ...]
    if_won: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]

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

    def moved(self, shift: float) -> Self:
        """Move pair and interval as a shift of the level moves probabilities.

        Parameters
        ----------
        shift : float
            What was added to all calibrated log-odds (`leadcast.models.calibration.LevelShift`).

        Returns
        -------
        LeadIntervals
        """
        odds = float(np.exp(shift))

        def moved(steps: tuple[float, ...]) -> tuple[float, ...]:
            return tuple(step * odds / (1 - step + step * odds) for step in steps)

        return replace(
            self,
            if_lost=moved(self.if_lost),
            if_won=moved(self.if_won),
            low=moved(self.low),
            high=moved(self.high),
        )

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
        ends = np.array([self.low, self.high])
        inside = np.clip(ends, _LEAST, 1 - _LEAST)
        low, high = np.log(inside / (1 - inside))
        centre = np.log(calibrated / (1 - calibrated))
        middle, half = (low + high) / 2, WIDTH_KEPT * (high - low) / 2
        average = (middle + centre) / 2
        moved = 1 / (1 + np.exp(-np.array([average - half, average + half])))
        # An end that says that nothing is known still says so.
        moved = np.where(ends == np.array([[0.0], [1.0]]), ends, moved)
        # Halfway between the rising curves just below and just above: as wide on average.
        over = np.maximum.accumulate(moved, axis=1)
        under = np.minimum.accumulate(moved[:, ::-1], axis=1)[:, ::-1]
        lower, upper = (over + under) / 2
        lower, upper = np.minimum(lower, self.if_lost), np.maximum(upper, self.if_won)
        return replace(self, low=tuple(lower.tolist()), high=tuple(upper.tolist()))

    def to_json(self) -> dict[str, Any]:
        """Give plain data, from which `from_json` makes the same intervals."""
        content = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: list(v) if isinstance(v, tuple) else v for name, v in content.items()}

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
        stored = checked(StoredIntervals, content, "lead intervals: are damaged", where)
        names = ("knots", "if_lost", "if_won", "low", "high")
        arrays = {name: tuple(map(float, getattr(stored, name))) for name in names}
        return cls(stored.level, **arrays)

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
    # Imported here: using intervals needs neither the compiler nor the bootstrap.
    pass  # MERGED

    steps = fitted_steps(
        log_odds, converted, group, period, independent, level, replicates, seed, MOST_KNOTS
    )
    return LeadIntervals(level, **steps)

"""Fitting the curve: hazards of becoming a customer, from all snapshots however long followed.

Each snapshot is a row in every interval that it was followed into, with the days that it spent
there and whether it converted there: the likelihood of a hazard that is constant within intervals
is that of Poisson counts with these exposures (Holford 1980, Biometrics 36; Laird & Olivier 1981,
JASA 76). A snapshot that is not mature ends where it was last seen, and tells until then; one
whose lead was lost goes on being followed and converts no more, which makes the hazard that of the
subdistribution (Fine & Gray 1999): as all censoring is by the export's end, when each row would
have been censored is known, and no weights are needed.

The rows must not have been learned from by the model whose log-odds they bring.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from leadcast.features.delays import WON
from leadcast.models.choice.backtest import paired_error
from leadcast.models.curve.conversion_curve import ConversionCurve
from leadcast.models.curve.curve_trees import (
    FEWEST_WON_TREES,
    ROUNDS,
    grow_trees,
    with_trees,
)
from leadcast.models.curve.follow_up import FollowUp
from leadcast.models.curve.newest_pace import with_newest_pace
from leadcast.models.curve.person_periods import CurveRows, Periods
from leadcast.models.curve.worth_of_days import even_calendar, with_worth
from leadcast.models.data import Floats
from leadcast.models.evaluation.logistic import log_odds_of
from leadcast.models.learners.basis import Effect, Term, effects_of, expand, fit_terms

GRID_DAYS = (1.0, 3.0, 7.0, 14.0, 30.0, 60.0, 90.0, 120.0, 180.0)
"""Where intervals end, as far as the history goes; the source's horizon is added."""
HORIZONS_DAYS = (7.0, 30.0, 60.0, 90.0, 180.0)
"""The horizons that columns of scores tell, as far as the history goes."""
FEWEST_FOLLOWED, FEWEST_WON = 200, 20
"""A horizon needs so many rows that were followed through it; a curve so many conversions."""
FEWEST_IN_INTERVAL = 5
"""An interval with fewer conversions is joined to the next."""
RATE_STEPS, SLOPE_STEPS = 0.5, 20.0
"""Precisions of the steps of rates and slopes from an interval to the next: steps of rates have a
standard deviation of about 1.4 in advance, steps of slopes of 0.22."""
STRETCHES = 2.0
"""Precision of the level of a stretch of time: a standard deviation of 0.7 in advance."""
TILT_PENALTIES = (30.0, 120.0, 480.0)
"""Ridge penalties of the tilt that compete; beside no tilt at all."""
RANGE = (0.005, 0.995)
"""Slopes follow the log-odds between these quantiles."""
MOST_ROWS = 20_000
CALENDAR_ROUNDS = 4
"""What days are worth, and hazards, are found by turns so often."""
MOST_STEPS, SMALLEST_GAIN = 50, 1e-7
Form = Literal["none", "line", "trees"]


def edges_of(followed: FollowUp, horizon_days: float) -> tuple[float, ...]:
    """Lay out the intervals, up to the longest horizon that the history allows.

    Parameters
    ----------
    followed : FollowUp
    horizon_days : float
        Always one of the edges.

    Returns
    -------
    tuple of float
        Empty where the history allows no curve.
    """
    reached = [day for day in GRID_DAYS if _n_through(followed, day) >= FEWEST_FOLLOWED]
    longest = max(reached, default=0.0)
    won = followed.won_days()
    if longest <= 0 or _n_through(followed, horizon_days) < FEWEST_FOLLOWED:
        return ()
    edges = sorted({*reached, horizon_days})
    if (won <= edges[-1]).sum() < FEWEST_WON:
        return ()
    return _joined(edges, won, horizon_days)


def _n_through(followed: FollowUp, day: float) -> int:
    return int((followed.watched_days >= day).sum())


def _joined(edges: Sequence[float], won: Floats, horizon_days: float) -> tuple[float, ...]:
    """Join intervals with few conversions to the one after, or at an end to the one before."""
    kept: list[float] = []
    for edge in edges:
        start = kept[-1] if kept else 0.0
        is_needed = edge in (horizon_days, edges[-1])
        if is_needed or ((won > start) & (won <= edge)).sum() >= FEWEST_IN_INTERVAL:
            kept.append(edge)
    return tuple(kept)


@dataclass(frozen=True)
class CurveChoice:
    """A fitted curve, and how it was chosen.

    Parameters
    ----------
    curve : ConversionCurve
    form : str
        ``"line"`` with a tilt, ``"trees"``, or ``"none"`` where features tell nothing more.
    penalty : float
        The ridge penalty of the tilt, or the number of trees; 0 where there are none.
    gain, error : float
        By how much the best form lowers the loss of later rows, with its standard error; 0 where
        none was tried.
    n_rows, n_won : int
        What it was learned from.
    """

    curve: ConversionCurve
    form: Form
    penalty: float
    gain: float
    error: float
    n_rows: int
    n_won: int


def fit_curve(
    rows: CurveRows, horizon_days: float, newest: CurveRows | None = None
) -> CurveChoice | None:
    """Fit a curve, with a tilt or trees if that helps on later rows, and the newest pace.

    Which of them, and how bold, is chosen on the latest third of the rows, by curves fitted on the
    others; it must help by more than its standard error. Days count for what they are worth, and
    the pace of each interval follows the newest time.

    Parameters
    ----------
    rows : CurveRows
        In any order; only those that were followed for some time are used, and of many an even
        share.
    horizon_days : float
        Of their probabilities.
    newest : CurveRows, optional
        What the pace of intervals follows, over the time of `rows`; who is among them must not
        hang on what became of them. None for `rows`.

    Returns
    -------
    CurveChoice or None
        None where too few leads were followed, or converted.
    """
    rows = rows.rows(np.flatnonzero(rows.followed.is_followed))
    edges = edges_of(rows.followed, horizon_days)
    if not edges:
        return None
    order = np.argsort(rows.data.position, kind="stable")
    rows = rows.rows(order[np.unique(np.linspace(0, len(order) - 1, MOST_ROWS).astype(np.int64))])
    rows = _in_calendar(rows, edges, horizon_days)
    form, penalty, gain, error = _chosen_form(rows, edges, horizon_days)
    curve = _fitted(rows, edges, horizon_days, (penalty if form == "line" else None,))[0]
    if form == "trees":
        curve = with_trees(curve, grow_trees(rows, curve, int(penalty)), int(penalty))
    curve = with_newest_pace(curve, rows if newest is None else newest)
    n_won = int((rows.followed.won_days() <= edges[-1]).sum())
    return CurveChoice(curve, form, penalty, gain, error, len(rows), n_won)


def _in_calendar(rows: CurveRows, edges: tuple[float, ...], horizon_days: float) -> CurveRows:
    """Let days count for what they are worth: by turns with the hazards of a plain curve."""
    rows = even_calendar(rows)
    for _ in range(CALENDAR_ROUNDS):
        curve = _fitted(rows, edges, horizon_days, (None,))[0]
        rows = with_worth(rows, rows.hazards(curve), edges)
    return rows


def _chosen_form(
    rows: CurveRows, edges: tuple[float, ...], horizon_days: float
) -> tuple[Form, float, float, float]:
    cut = 2 * len(rows) // 3
    start = rows.data.position[cut]
    early = np.flatnonzero(
        (rows.data.position < start)
        & ~np.isin(rows.data.persons, rows.data.persons[rows.data.position >= start])
    )
    late = rows.rows(np.flatnonzero(rows.data.position >= start))
    past = rows.rows(early)
    n_won = min(int((one.followed.ending == WON).sum()) for one in (past, late))
    if n_won < FEWEST_WON:
        return "none", 0.0, 0.0, 0.0
    plain, *lines = _fitted(past, edges, horizon_days, (None, *TILT_PENALTIES))
    tried: dict[tuple[Form, float], Floats] = {
        ("line", penalty): timing_loss(curve, late)
        for penalty, curve in zip(TILT_PENALTIES, lines, strict=True)
    }
    if n_won >= FEWEST_WON_TREES:
        booster = grow_trees(past, plain, max(ROUNDS))
        for rounds in ROUNDS:
            loss = timing_loss(with_trees(plain, booster, rounds), late)
            tried["trees", float(rounds)] = loss
    form, penalty = min(tried, key=lambda one: tried[one].mean())
    gains = timing_loss(plain, late) - tried[form, penalty]
    gain, error = float(gains.mean()), paired_error(gains, late.data.group)
    return (form, penalty, gain, error) if gain > error else ("none", 0.0, gain, error)


def timing_loss(curve: ConversionCurve, rows: CurveRows) -> Floats:
    """Compute each row's negative log-likelihood: of when it converted, or how long it did not.

    Parameters
    ----------
    curve : ConversionCurve
    rows : CurveRows

    Returns
    -------
    ndarray of float64, shape (n,)
        Weighted.
    """
    periods = Periods.of(rows, curve.edges_days)
    hazard = rows.hazards(curve)
    loss = hazard * periods.exposure - periods.won * np.log(hazard)
    return np.asarray(loss.sum(axis=1) * periods.weight)


def _fitted(
    rows: CurveRows,
    edges: tuple[float, ...],
    horizon_days: float,
    penalties: Sequence[float | None],
) -> list[ConversionCurve]:
    """Fit a curve for each penalty; None for no tilt."""
    terms: tuple[Term, ...] = ()
    if any(penalty is not None for penalty in penalties):
        terms = fit_terms(rows.data, 0, 0.0, frozenset())
    columns = expand(terms, rows.data.values)
    means = columns.mean(axis=0)
    stretch = rows.stretch
    stretches = (stretch[:, None] == np.arange(stretch.max() + 1)).astype(np.float64)
    log_odds = log_odds_of(rows.probability)
    low, high = np.quantile(log_odds, RANGE)
    clipped = np.clip(log_odds, low, high)
    centre = float(clipped.mean())
    found = []
    for penalty in penalties:
        own, own_columns = (terms, columns - means) if penalty is not None else ((), columns[:, :0])
        levels = np.concatenate([stretches, own_columns], axis=1)
        periods = Periods.of(rows, edges)
        hazards = _Hazards(periods, clipped - centre, levels, own_columns, paces_of(edges))
        place = hazards.minimised(stretches.shape[1], penalty or 1.0)
        rates, slopes, _, tilt = hazards.split(place)
        found.append(
            ConversionCurve(
                horizon_days=horizon_days,
                edges_days=edges,
                rates=tuple(rates.tolist()),
                slopes=tuple(slopes.tolist()),
                paces=tuple(paces_of(edges).tolist()),
                centre=centre,
                low=float(low),
                high=float(high),
                effects=_effects(own, tilt, means),
                days=tuple(day for day in HORIZONS_DAYS if day <= edges[-1]),
            )
        )
    return found


def _effects(terms: tuple[Term, ...], tilt: Floats, means: Floats) -> tuple[Effect, ...]:
    return effects_of(terms, tilt, means, frozenset(term.feature for term in terms))


def paces_of(edges: Sequence[float]) -> Floats:
    """Tell how far the tilt counts in each interval: the logarithm of its middle, standardised."""
    middles = np.log([(start + end) / 2 for start, end in pairwise((0.0, *edges))])
    spread = middles.std()
    return np.asarray((middles - middles.mean()) / (spread if spread > 0 else 1.0))


@dataclass(frozen=True)
class _Hazards:
    """The penalised likelihood: rates, slopes, and main effects and tilts of the columns.

    Main effects, of stretches of time as well, are fitted so that neither rates nor tilt stand for
    them; a curve does not keep them, as what is the same in all intervals is the horizon's own
    model to tell.
    """

    periods: Periods
    log_odds: Floats
    levels: Floats
    columns: Floats
    paces: Floats

    def split(self, place: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        ends = np.cumsum([len(self.paces), len(self.paces), self.levels.shape[1]])
        rates, slopes, main, tilt = np.split(place, ends)
        return rates, slopes, main, tilt

    def minimised(self, n_stretches: int, penalty: float) -> Floats:
        """Find the minimum by Newton's method with halved steps."""
        j, d = len(self.paces), self.columns.shape[1]
        precision = _precision(j, n_stretches, d, penalty)
        place = np.zeros(len(precision))
        mass = self.periods.weight @ self.periods.exposure
        place[:j] = np.log((self.periods.weight @ self.periods.won + 0.5) / np.maximum(mass, 1e-9))
        prior_at = np.zeros_like(place)
        # Slopes of 1 are those of a hazard that is proportional to the odds.
        prior_at[j : 2 * j] = place[j : 2 * j] = 1.0
        loss, slope, bend = self._look(place, prior_at, precision)
        for _ in range(MOST_STEPS):
            step = np.linalg.solve(bend, -slope)
            for _ in range(30):
                there = self._look(place + step, prior_at, precision)
                if there[0] <= loss:
                    break
                step = step / 2
            gain, place = loss - there[0], place + step
            loss, slope, bend = there
            if gain <= SMALLEST_GAIN * len(self.log_odds):
                break
        return place

    def _look(
        self, place: Floats, prior_at: Floats, precision: Floats
    ) -> tuple[float, Floats, Floats]:
        rates, slopes, main, tilt = self.split(place)
        level, lean = self.levels @ main, self.columns @ tilt
        log = rates + self.log_odds[:, None] * slopes + level[:, None] + lean[:, None] * self.paces
        periods, weight = self.periods, self.periods.weight[:, None]
        with np.errstate(over="ignore"):
            expected = np.exp(np.minimum(log, 50.0)) * periods.exposure * weight
        off = place - prior_at
        loss = float((expected - weight * periods.won * log).sum() + off @ precision @ off / 2)
        error = expected - weight * periods.won
        slope = np.concatenate(
            [
                error.sum(axis=0),
                self.log_odds @ error,
                self.levels.T @ error.sum(axis=1),
                self.columns.T @ (error @ self.paces),
            ]
        )
        return loss, slope + precision @ off, self._bend(expected) + precision

    def _bend(self, expected: Floats) -> Floats:
        j, m, d = len(self.paces), self.levels.shape[1], self.columns.shape[1]
        z, x, v = self.log_odds, self.columns, self.levels
        bend = np.zeros((2 * j + m + d,) * 2)
        first, second = slice(0, j), slice(j, 2 * j)
        main, tilt = slice(2 * j, 2 * j + m), slice(2 * j + m, 2 * j + m + d)
        paced = expected * self.paces
        bend[first, first] = np.diag(expected.sum(axis=0))
        bend[first, second] = np.diag(z @ expected)
        bend[second, second] = np.diag((z * z) @ expected)
        bend[first, main], bend[first, tilt] = expected.T @ v, paced.T @ x
        bend[second, main] = expected.T @ (z[:, None] * v)
        bend[second, tilt] = paced.T @ (z[:, None] * x)
        bend[main, main] = v.T @ (expected.sum(axis=1)[:, None] * v)
        bend[tilt, tilt] = x.T @ ((paced * self.paces).sum(axis=1)[:, None] * x)
        bend[main, tilt] = v.T @ (paced.sum(axis=1)[:, None] * x)
        upper = np.triu(bend)
        return np.asarray(upper + np.triu(bend, 1).T)


def _precision(n_intervals: int, n_stretches: int, n_columns: int, penalty: float) -> Floats:
    steps = np.diff(np.eye(n_intervals), axis=0)
    smooth = steps.T @ steps
    j, first = n_intervals, 2 * n_intervals + n_stretches
    precision = np.zeros((first + 2 * n_columns,) * 2)
    precision[:j, :j] = RATE_STEPS * smooth + 1e-6 * np.eye(j)
    precision[j : 2 * j, j : 2 * j] = SLOPE_STEPS * smooth + np.eye(j) / j
    precision[2 * j : first, 2 * j : first] = STRETCHES * np.eye(n_stretches)
    precision[first:, first:] = penalty * np.eye(2 * n_columns)
    return precision

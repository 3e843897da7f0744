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
from typing import Any

import numpy as np

from leadcast.models.choice.backtest import paired_error
from leadcast.models.curve.conversion_curve import ConversionCurve
from leadcast.models.curve.follow_up import FollowUp
from leadcast.models.data import Floats, LabelledMatrix
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
TILT_PENALTIES = (30.0, 120.0, 480.0)
"""Ridge penalties of the tilt that compete; beside no tilt at all."""
RANGE = (0.005, 0.995)
"""Slopes follow the log-odds between these quantiles."""
MOST_ROWS = 20_000
MOST_STEPS, SMALLEST_GAIN = 50, 1e-7


@dataclass(frozen=True)
class CurveRows:
    """Snapshots to learn a curve from.

    Parameters
    ----------
    data : LabelledMatrix
        Their features; ``converted`` is not used.
    probability : ndarray of float64, shape (n,)
        Of becoming a customer within the horizon, by a model that had not seen them.
    followed : FollowUp
    """

    data: LabelledMatrix
    probability: Floats
    followed: FollowUp

    def __len__(self) -> int:
        return len(self.probability)

    def rows(self, index: Any) -> "CurveRows":  # noqa: ANN401 - a mask or row numbers
        """Take some of the rows."""
        return CurveRows(self.data.rows(index), self.probability[index], self.followed.rows(index))


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
class _Periods:
    """Rows by intervals: exposures in days and conversions, shape (n, n_intervals)."""

    exposure: Floats
    won: Floats
    weight: Floats

    @classmethod
    def of(cls, rows: CurveRows, edges: Sequence[float]) -> "_Periods":
        ends = np.array(edges)
        starts = np.array([0.0, *edges[:-1]])
        won = rows.followed.won_days()
        until = np.minimum(won, rows.followed.watched_days)[:, None]
        exposure = np.clip(until - starts, 0.0, ends - starts)
        place = np.searchsorted(ends, won, side="left")
        converted = place[:, None] == np.arange(len(ends))
        return cls(exposure, converted.astype(np.float64), rows.data.weights)


@dataclass(frozen=True)
class CurveChoice:
    """A fitted curve, and how it was chosen.

    Parameters
    ----------
    curve : ConversionCurve
    penalty : float or None
        The ridge penalty of the tilt; None where there is none.
    gain, error : float
        By how much the tilt lowers the loss of later rows (deviance a row followed), with its
        standard error; 0 where it was not tried.
    n_rows, n_won : int
        What it was learned from.
    """

    curve: ConversionCurve
    penalty: float | None
    gain: float
    error: float
    n_rows: int
    n_won: int


def fit_curve(rows: CurveRows, horizon_days: float) -> CurveChoice | None:
    """Fit a curve, with a tilt if that helps on later rows.

    The tilt and its penalty are chosen on the latest third of the rows, by curves fitted on the
    others; it must help by more than its standard error.

    Parameters
    ----------
    rows : CurveRows
        In any order; only those that were followed for some time are used, and of many an even
        share.
    horizon_days : float
        Of their probabilities.

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
    penalty, gain, error = _chosen_penalty(rows, edges, horizon_days)
    curve = _fitted(rows, edges, horizon_days, (penalty,))[0]
    n_won = int((rows.followed.won_days() <= edges[-1]).sum())
    return CurveChoice(curve, penalty, gain, error, len(rows), n_won)


def _chosen_penalty(
    rows: CurveRows, edges: tuple[float, ...], horizon_days: float
) -> tuple[float | None, float, float]:
    cut = 2 * len(rows) // 3
    start = rows.data.position[cut]
    early = np.flatnonzero(
        (rows.data.position < start)
        & ~np.isin(rows.data.persons, rows.data.persons[rows.data.position >= start])
    )
    late = rows.rows(np.flatnonzero(rows.data.position >= start))
    past = rows.rows(early)
    if min((one.followed.ending == 1).sum() for one in (past, late)) < FEWEST_WON:
        return None, 0.0, 0.0
    curves = _fitted(past, edges, horizon_days, (None, *TILT_PENALTIES))
    losses = [timing_loss(curve, late) for curve in curves]
    best = int(np.argmin([loss.mean() for loss in losses[1:]])) + 1
    gains = losses[0] - losses[best]
    gain, error = float(gains.mean()), paired_error(gains, late.data.group)
    return (TILT_PENALTIES[best - 1] if gain > error else None), gain, error


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
    periods = _Periods.of(rows, curve.edges_days)
    scale = -np.log1p(-rows.probability)[:, None]
    hazard = curve.hazards(rows.data.values, rows.probability) * scale
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
    log_odds = log_odds_of(rows.probability)
    low, high = np.quantile(log_odds, RANGE)
    clipped = np.clip(log_odds, low, high)
    centre = float(clipped.mean())
    found = []
    for penalty in penalties:
        own, own_columns = (terms, columns - means) if penalty is not None else ((), columns[:, :0])
        hazards = _Hazards(_Periods.of(rows, edges), clipped - centre, own_columns, paces_of(edges))
        place = hazards.minimised(penalty or 1.0)
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

    Main effects are fitted so that the tilt does not stand for them; a curve does not keep them,
    as what is the same in all intervals is the horizon's own model to tell.
    """

    periods: _Periods
    log_odds: Floats
    columns: Floats
    paces: Floats

    def split(self, place: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        j, d = len(self.paces), self.columns.shape[1]
        ends = np.cumsum([j, j, d])
        rates, slopes, main, tilt = np.split(place, ends)
        return rates, slopes, main, tilt

    def minimised(self, penalty: float) -> Floats:
        """Find the minimum by Newton's method with halved steps."""
        j, d = len(self.paces), self.columns.shape[1]
        precision = _precision(j, d, penalty)
        place = np.zeros(2 * j + 2 * d)
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
        level, lean = self.columns @ main, self.columns @ tilt
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
                self.columns.T @ error.sum(axis=1),
                self.columns.T @ (error @ self.paces),
            ]
        )
        return loss, slope + precision @ off, self._bend(expected) + precision

    def _bend(self, expected: Floats) -> Floats:
        j, d, z, x = len(self.paces), self.columns.shape[1], self.log_odds, self.columns
        bend = np.zeros((2 * j + 2 * d,) * 2)
        first, second = slice(0, j), slice(j, 2 * j)
        main, tilt = slice(2 * j, 2 * j + d), slice(2 * j + d, 2 * j + 2 * d)
        paced = expected * self.paces
        bend[first, first] = np.diag(expected.sum(axis=0))
        bend[first, second] = np.diag(z @ expected)
        bend[second, second] = np.diag((z * z) @ expected)
        bend[first, main], bend[first, tilt] = expected.T @ x, paced.T @ x
        in_z = z[:, None] * x
        bend[second, main], bend[second, tilt] = expected.T @ in_z, paced.T @ in_z
        for place, mass in ((main, expected), (tilt, paced * self.paces)):
            bend[place, place] = x.T @ (mass.sum(axis=1)[:, None] * x)
        bend[main, tilt] = x.T @ (paced.sum(axis=1)[:, None] * x)
        upper = np.triu(bend)
        return np.asarray(upper + np.triu(bend, 1).T)


def _precision(n_intervals: int, n_columns: int, penalty: float) -> Floats:
    steps = np.diff(np.eye(n_intervals), axis=0)
    smooth = steps.T @ steps
    j, d = n_intervals, n_columns
    precision = np.zeros((2 * j + 2 * d,) * 2)
    precision[:j, :j] = RATE_STEPS * smooth + 1e-6 * np.eye(j)
    precision[j : 2 * j, j : 2 * j] = SLOPE_STEPS * smooth + np.eye(j) / j
    precision[2 * j :, 2 * j :] = penalty * np.eye(2 * d)
    return precision

"""How good a curve is on later leads: over all days together, and at each horizon by itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from scipy.special import stdtrit

from leadcast.features.delays import band, count_endings, incidence
from leadcast.features.registry import DAY_US
from leadcast.models.choice.backtest import NORMAL_95, paired_error
from leadcast.models.curve.censored import (
    brier_rows,
    censoring_weights,
    integrated,
    log_loss_rows,
    marginal,
    won_by,
)
from leadcast.models.curve.conversion_curve import ConversionCurve
from leadcast.models.curve.curve_fit import FEWEST_FOLLOWED, HORIZONS_DAYS
from leadcast.models.curve.follow_up import FollowUp
from leadcast.models.curve.person_periods import CurveRows
from leadcast.models.data import Floats, Integers

FEWEST_IN_GRADE = 50
"""Of fewer snapshots no curve of a grade is drawn."""
FEWEST_WEEKS = 6
"""Fewer weeks do not tell how far they differ."""
WEEK_US = 7 * DAY_US


@dataclass(frozen=True)
class HorizonFigures:
    """A curve at one horizon, on later leads.

    Parameters
    ----------
    days : float
    n_followed : int
        Rows that were followed so long.
    predicted, observed, low, high : float
        The mean probability, and the share that was won, weighted for censoring, with its 95 %
        interval by leads or by weeks, whichever is wider.
    log_loss, brier : float
        Weighted for censoring.
    marginal_log_loss, marginal_brier : float
        Of the curve that is the same for all leads.
    """

    days: float
    n_followed: int
    predicted: float
    observed: float
    low: float
    high: float
    log_loss: float
    brier: float
    marginal_log_loss: float
    marginal_brier: float

    @property
    def is_calibrated(self) -> bool:
        """Whether the mean probability lies in the interval of what was observed."""
        return self.low <= self.predicted <= self.high


def judge_curve(curve: ConversionCurve, test: CurveRows, known: FollowUp) -> dict[str, Any] | None:
    """Judge a curve on later leads, however long each was followed.

    Parameters
    ----------
    curve : ConversionCurve
    test : CurveRows
        Snapshots later than what it was learned from, with the probabilities that users see.
    known : FollowUp
        What the curve was learned from, for the one curve of all leads that it is held against.

    Returns
    -------
    dict or None
        Plain data: ``horizons`` (a list of `HorizonFigures`), and ``integrated`` with the
        integrated Brier score until ``until_days`` (``value``), that of the marginal curve
        (``marginal``), and their ``difference`` with its 95 % interval by leads (``low``,
        ``high``; below 0 is better than the marginal curve). None where nothing was followed long
        enough.
    """
    test = test.rows(np.flatnonzero(test.followed.is_followed))
    watched = test.followed.watched_days
    judged = [
        day
        for day in sorted({*HORIZONS_DAYS, curve.horizon_days})
        if day <= curve.longest_days and (watched >= day).sum() >= FEWEST_FOLLOWED
    ]
    if not judged:
        return None
    grid = sorted({*judged, *(edge for edge in curve.edges_days if edge <= judged[-1])})
    told = curve.probability(test.data.values, test.probability, grid)
    alike = marginal(known.rows(known.is_followed), grid)
    horizons = [_at(test, day, told[:, grid.index(day)], alike[grid.index(day)]) for day in judged]
    own, theirs = (
        integrated(grid, _briers(test.followed, grid, probability))
        for probability in (told, np.broadcast_to(alike, told.shape))
    )
    return {
        "n_rows": len(test),
        "n_leads": len(np.unique(test.data.group)),
        "horizons": [vars(one) | {"is_calibrated": one.is_calibrated} for one in horizons],
        "integrated": {
            "until_days": grid[-1],
            "value": float(own.mean()),
            "marginal": float(theirs.mean()),
            **difference(own - theirs, test.data.group),
        },
    }


def difference(rows: Floats, group: Integers) -> dict[str, float]:
    """Give a mean difference with its 95 % interval, paired by row and clustered on groups.

    Parameters
    ----------
    rows : ndarray of float64, shape (n,)
    group : ndarray of int64, shape (n,)

    Returns
    -------
    dict of str to float
        ``difference``, ``low`` and ``high``.
    """
    mean, error = float(rows.mean()), paired_error(rows, group)
    return {
        "difference": mean,
        "low": mean - NORMAL_95 * error,
        "high": mean + NORMAL_95 * error,
    }


def _briers(followed: FollowUp, days: Sequence[float], probability: Floats) -> Floats:
    each = [brier_rows(followed, probability[:, place], day) for place, day in enumerate(days)]
    return np.column_stack(each)


def _at(test: CurveRows, day: float, told: Floats, alike: float) -> HorizonFigures:
    followed, same = test.followed, np.full(len(test), alike)
    observed = censoring_weights(followed, day) * won_by(followed, day)
    half, mean = _half_width(observed, told, test), float(observed.mean())
    return HorizonFigures(
        days=day,
        n_followed=int((followed.watched_days >= day).sum()),
        predicted=float(told.mean()),
        observed=mean,
        low=max(mean - half, 0.0),
        high=min(mean + half, 1.0),
        log_loss=float(log_loss_rows(followed, told, day).mean()),
        brier=float(brier_rows(followed, told, day).mean()),
        marginal_log_loss=float(log_loss_rows(followed, same, day).mean()),
        marginal_brier=float(brier_rows(followed, same, day).mean()),
    )


def _half_width(observed: Floats, told: Floats, test: CurveRows) -> float:
    """Give half of a 95 % interval: leads of a week share their luck, beyond what was foretold."""
    by_leads = NORMAL_95 * paired_error(observed, test.data.group)
    n_weeks, half = by_weeks(observed - told, test.data.position)
    return by_leads if n_weeks < FEWEST_WEEKS else max(by_leads, half)


def by_weeks(rows: Floats, position: Integers) -> tuple[int, float]:
    """Give half of a mean's 95 % interval where rows of a week hang together (Student's t).

    Parameters
    ----------
    rows : ndarray of float64, shape (n,)
    position : ndarray of int64, shape (n,)
        Moments, in microseconds since 1970.

    Returns
    -------
    tuple of int and float
        How many weeks there are, and half of the interval's width; infinite for one week.
    """
    week = position // WEEK_US
    n_weeks = len(np.unique(week))
    if n_weeks < 2:
        return n_weeks, float("inf")
    return n_weeks, float(stdtrit(n_weeks - 1, 0.975) * paired_error(rows, week))


def by_grade(
    curve: ConversionCurve, test: CurveRows, grade: Sequence[str], steps: int = 61
) -> pl.DataFrame:
    """Hold the mean curve of each grade against what was observed (Aalen and Johansen).

    Parameters
    ----------
    curve : ConversionCurve
    test : CurveRows
    grade : sequence of str
        Of each row.
    steps : int
        How many days to tell it at.

    Returns
    -------
    pl.DataFrame
        ``grade``, ``days``, ``predicted``, ``observed``, ``low``, ``high`` (null where nobody is
        followed any more) and ``leads``; of grades with too few rows nothing.
    """
    days = np.linspace(0, curve.longest_days, steps)
    tables = []
    grades = np.asarray(grade)
    for name in sorted(set(grade)):
        own = np.flatnonzero((grades == name) & test.followed.is_followed)
        if len(own) < FEWEST_IN_GRADE:
            continue
        rows = test.rows(own)
        told = curve.probability(rows.data.values, rows.probability, days.tolist())
        seen = _observed(rows, days)
        tables.append(
            pl.DataFrame({"days": days, "predicted": told.mean(axis=0), **seen}).select(
                pl.lit(name).alias("grade"), pl.all(), pl.lit(len(own)).alias("leads")
            )
        )
    schema = {"grade": pl.String} | dict.fromkeys(
        ("days", "predicted", "observed", "low", "high"), pl.Float64
    )
    return pl.concat(tables) if tables else pl.DataFrame(schema=schema | {"leads": pl.Int32})


def _observed(rows: CurveRows, days: Floats) -> dict[str, pl.Series]:
    followed = rows.followed
    times, won, lost, at_risk = count_endings(followed.days, followed.ending)
    share, error = incidence(won, lost, at_risk)
    # A lead stands there at several moments: its rows say less than as many leads would.
    middle = float(np.median(followed.watched_days))
    each = censoring_weights(followed, middle) * won_by(followed, middle)
    alone = float(each.std()) / np.sqrt(len(each))
    wider = paired_error(each, rows.data.group) / alone if alone > 0 else 1.0
    low, high = band(share, error * (max(wider, 1.0) if np.isfinite(wider) else 1.0))
    place = np.searchsorted(times, days, side="right")
    known = days <= followed.watched_days.max()
    return {
        name: pl.Series(np.where(known, np.concatenate([[0.0], values])[place], np.nan)).fill_nan(
            None
        )
        for name, values in (("observed", share), ("low", low), ("high", high))
    }

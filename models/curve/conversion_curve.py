"""The curve of a lead: the probability that it is a customer within t days, for every t.

With p the probability that users see (within the horizon H) and L the cumulative hazard of
becoming a customer, the curve is::

    F(t) = 1 - (1 - p) ** (L(t) / L(H))

so that F(H) is p, whatever moved p since (a calibrator, a level that is followed): the model of the
horizon tells *whether*, the hazards tell *when*. The ratio L(t) / L(H) is the share of the hazard
until H that falls before t; beyond H it is above 1. It rises with t, so F does.

The hazard is that of the subdistribution (Fine & Gray 1999, JASA 94): a lead that is lost stays
among those at risk and becomes a customer no more, so that F is the cumulative incidence, the
probability itself, and not 1 - Kaplan-Meier, which counts lost leads as if they could still buy.
It is constant within intervals of days, log-linear in the lead's log-odds and in a sum of curves of
its features, the tilt, which moves conversions to earlier or later days::

    log hazard in interval j = rate[j] + slope[j] * (log_odds(p) - centre) + pace[j] * tilt(x)

Where a line through log-time does not follow what the features tell of the time, boosted trees of
the features and the interval stand in the tilt's place. At a first and a last horizon the curve
goes half-way to models made for these (`leadcast.models.curve.anchors`).
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Self

import numpy as np
from pydantic import FailFast, Field, Strict, model_validator

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import write_json
from leadcast.features.base.plain import MOST_COLUMNS, Number, Plain, Positive, checked, read_plain
from leadcast.features.base.plain import rises as rise
from leadcast.models.curve.anchors import MOST_TREES_CHARACTERS, Anchor, drawn_to, read_shape
from leadcast.models.data import Floats, Matrix
from leadcast.models.evaluation.logistic import inside, log_odds_of
from leadcast.models.extra_columns import ExtraColumn, ScoredRows
from leadcast.models.learners.basis import Effect
from leadcast.models.learners.shapes import TreeShape

CURVE = "curve"
CURVE_FILE = "curve.json"
MOST_INTERVALS = 100
COOL = 0.5
"""A lead has cooled when its hazard is below this share of its highest."""
LARGEST_STEP = 50.0
"""No log hazard is told to be further from the highest until the horizon: exp would overflow."""

Numbers = Annotated[tuple[Number, ...], FailFast(), Field(min_length=1, max_length=MOST_INTERVALS)]
Days = Annotated[tuple[Positive, ...], FailFast(), Field(min_length=1, max_length=MOST_INTERVALS)]


class ConversionCurve(Plain):
    """When leads become customers: hazards by intervals of days after `as_of`.

    Parameters
    ----------
    horizon_days : float
        The horizon of the probability that the curve passes through; one of `edges_days`.
    edges_days : tuple of float
        Where the intervals end, ascending; the first begins at 0. The last is the longest horizon
        that the history allows.
    rates, slopes, paces : tuple of float
        For each interval: the log of the hazard a day at `centre`, what one unit of log-odds adds
        to it, and how far the tilt counts.
    centre, low, high : float
        The log-odds at which the rates are told, and the range that the slopes follow.
    effects : tuple of Effect
        What each feature adds to the tilt; empty where the features say no more of the time than
        the log-odds do.
    days : tuple of float
        The horizons that columns of scores tell.
    trees : str
        LightGBM's text of the trees, whose last column is the interval's number; empty for none.
    anchors : tuple of Anchor
        What models made for one horizon each add: at most one before `horizon_days` and one after
        it, each at one of `edges_days`.
    """

    horizon_days: Positive
    edges_days: Days
    rates: Numbers
    slopes: Numbers
    paces: Numbers
    centre: Number
    low: Number
    high: Number
    effects: Annotated[tuple[Effect, ...], FailFast(), Field(max_length=MOST_COLUMNS)] = ()
    days: Annotated[tuple[Positive, ...], Field(max_length=MOST_INTERVALS)] = ()
    trees: Annotated[str, Strict(), Field(max_length=MOST_TREES_CHARACTERS)] = ""
    anchors: Annotated[tuple[Anchor, ...], Field(max_length=2)] = ()

    @model_validator(mode="after")
    def _can_be_drawn(self) -> Self:
        if not rise(self.edges_days):
            raise ValueError("edges_days must rise")
        if not len(self.edges_days) == len(self.rates) == len(self.slopes) == len(self.paces):
            raise ValueError("each interval needs a rate, a slope and a pace")
        if self.horizon_days not in self.edges_days:
            raise ValueError("horizon_days must be one of edges_days")
        if not self.low <= self.centre <= self.high:
            raise ValueError("low, centre and high must ascend")
        if not rise(self.days) or (self.days and self.days[-1] > self.edges_days[-1]):
            raise ValueError("days must rise and end with the last of edges_days at the latest")
        anchored = [one.days for one in self.anchors]
        sides = {day < self.horizon_days for day in anchored}
        if not {*anchored} <= {*self.edges_days} - {self.horizon_days} or len(sides) < len(
            anchored
        ):
            raise ValueError(
                "anchors must be at one of edges_days each, one before and one after horizon_days"
            )
        if self.trees:
            _ = self._shape
        return self

    def changed(self, **fields: object) -> Self:
        """Give it with other fields; not a copy, which keeps what was made ready without them."""
        return type(self)(**{**dict(self), **fields})

    @property
    def longest_days(self) -> float:
        """The longest horizon that the history allows."""
        return self.edges_days[-1]

    def probability(self, values: Matrix, probability: Floats, days: Sequence[float]) -> Floats:
        """Tell the probability that each lead is a customer within so many days.

        Parameters
        ----------
        values : ndarray of float32, shape (n_rows, n_features)
            Features of leads at a moment.
        probability : ndarray of float64, shape (n_rows,)
            Of becoming a customer within `horizon_days`, strictly between 0 and 1, as users see it.
        days : sequence of float
            In days after `as_of`; from 0 to `longest_days`, in any order.

        Returns
        -------
        ndarray of float64, shape (n_rows, n_days)
            Between 0 (at 0 days) and 1, not falling with the days; at `horizon_days` the
            probability itself, bit for bit.

        Raises
        ------
        LeadcastError
            If a day is negative, no number, or beyond `longest_days`.
        """
        return self._within(self.hazards(values, probability), probability, days)

    def _within(self, hazard: Floats, probability: Floats, days: Sequence[float]) -> Floats:
        asked = self._checked(days)
        share = self._until(hazard, asked)
        one_less = np.log1p(-probability)[:, None]
        found = np.where(asked > 0, inside(-np.expm1(one_less * share)), 0.0)
        # Rounding may not put a day on the wrong side of the horizon.
        own = probability[:, None]
        found = np.where(asked < self.horizon_days, np.minimum(found, own), np.maximum(found, own))
        return np.where(asked == self.horizon_days, own, found)

    def hazards(self, values: Matrix, probability: Floats) -> Floats:
        """Tell each lead's hazard a day, as a share of its cumulative hazard until the horizon.

        Parameters
        ----------
        values, probability
            As in `probability`.

        Returns
        -------
        ndarray of float64, shape (n_rows, n_intervals)
        """
        log_odds = np.clip(log_odds_of(probability), self.low, self.high) - self.centre
        rates, slopes, paces = self._table
        log = rates + log_odds[:, None] * slopes + self.tilt(values)[:, None] * paces
        log = log + self._by_trees(values)
        until = self._edges <= self.horizon_days
        log = log - log[:, until].max(axis=1, keepdims=True)
        hazard = np.exp(np.clip(log, -LARGEST_STEP, LARGEST_STEP))
        cumulative = np.cumsum(hazard * self._widths, axis=1)
        place = int(np.flatnonzero(until)[-1])
        shares = hazard / cumulative[:, place, None]
        if not self.anchors:
            return np.asarray(shares)
        spent, whole = shares * self._widths, -np.log1p(-probability)
        about = (self._edges, self.horizon_days)
        return np.asarray(shares * drawn_to(self.anchors, values, spent, whole, *about))

    def tilt(self, values: Matrix) -> Floats:
        """Tell by how much each lead's features move its conversion to later days.

        Parameters
        ----------
        values : ndarray of float32, shape (n_rows, n_features)

        Returns
        -------
        ndarray of float64, shape (n_rows,)
        """
        total = np.zeros(len(values))
        for effect in self.effects:
            total += effect.of(values)
        return total

    def _by_trees(self, values: Matrix) -> Floats:
        """Tell what the trees add in each interval."""
        if self._shape is None:
            return np.zeros((1, 1))
        asked = np.column_stack([values, np.zeros(len(values), np.float32)])
        told = np.empty((len(values), len(self.edges_days)))
        for place in range(told.shape[1]):
            asked[:, -1] = place
            told[:, place] = self._shape.values(asked)
        return told

    def median_days(self, values: Matrix, probability: Floats) -> Floats:
        """Tell within how many days half of those convert that ever do, as far as is known.

        The median time to conversion of leads like this one among those that convert within
        `longest_days`: where F reaches half of F(`longest_days`). (Where F itself reaches one half
        is a day that most leads never see.)

        Parameters
        ----------
        values, probability
            As in `probability`.

        Returns
        -------
        ndarray of float64, shape (n_rows,)
            In days; above 0, below `longest_days`.
        """
        return self._median(self.hazards(values, probability), probability)

    def _median(self, hazard: Floats, probability: Floats) -> Floats:
        ends = np.cumsum(hazard * self._widths, axis=1)
        one_less = np.log1p(-probability)
        at_last = -np.expm1(one_less * ends[:, -1])
        target = np.log1p(-at_last / 2) / one_less
        place = np.minimum((ends < target[:, None]).sum(axis=1), ends.shape[1] - 1)
        row = np.arange(len(place))
        before = np.where(place > 0, ends[row, place - 1], 0.0)
        into = (target - before) / hazard[row, place]
        return np.asarray(self._starts[place] + np.clip(into, 0.0, self._widths[place]))

    def cools_after_days(self, values: Matrix, probability: Floats) -> Floats:
        """Tell after which day each lead's hazard stays below half of its highest.

        The hazard is read as a line through the middles of the intervals, log-linear between them.

        Parameters
        ----------
        values, probability
            As in `probability`.

        Returns
        -------
        ndarray of float64, shape (n_rows,)
            In days; NaN where it does not fall so far within `longest_days`.
        """
        return self._cools(self.hazards(values, probability))

    def _cools(self, hazard: Floats) -> Floats:
        log = np.log(hazard)
        limit = log.max(axis=1) + np.log(COOL)
        warm = log > limit[:, None]
        last = warm.shape[1] - 1 - np.argmax(warm[:, ::-1], axis=1)
        after = np.minimum(last + 1, warm.shape[1] - 1)
        row, middles = np.arange(len(last)), self._middles
        here, there = log[row, last], log[row, after]
        cools = last < warm.shape[1] - 1
        share = np.where(cools, (here - limit) / np.where(cools, here - there, 1.0), 0.0)
        days = middles[last] + share * (middles[after] - middles[last])
        return np.where(cools, days, np.nan)

    @property
    def columns(self) -> tuple[ExtraColumn, ...]:
        """The columns that it adds to scores; see `leadcast.models.extra_columns.ExtraPart`."""
        within = [
            ExtraColumn(day_name(day), f"probability of becoming a customer within {day:g} days")
            for day in self.days
        ]
        longest = f"{self.longest_days:g} days"
        return (
            *within,
            ExtraColumn(
                "median_days",
                f"days within which half of those like it convert that do so within {longest}",
            ),
            ExtraColumn(
                "cools_after_days",
                "day after which converting is less than half as likely a day as at its peak; null "
                f"where it is not within {longest}",
            ),
        )

    def fill(self, rows: ScoredRows) -> Mapping[str, Floats]:
        """Compute the columns; see `leadcast.models.extra_columns.ExtraPart`."""
        # Once for all columns: trees of the features take most of the time.
        hazard = self.hazards(rows.values, rows.probability)
        within = self._within(hazard, rows.probability, self.days)
        named = {day_name(day): within[:, place] for place, day in enumerate(self.days)}
        days = {
            "median_days": self._median(hazard, rows.probability),
            "cools_after_days": self._cools(hazard),
        }
        return named | {name: np.round(column, 1) for name, column in days.items()}

    def save(self, folder: Path) -> None:
        """Write it into a bundle; see `leadcast.models.extra_columns.ExtraPart`."""
        write_json(folder / CURVE_FILE, self.to_json())

    def to_json(self) -> dict[str, Any]:
        """Turn it into plain data.

        Returns
        -------
        dict
            JSON values.
        """
        return self.model_dump(mode="json")

    def unfitting(self, n_columns: int, horizon_days: float) -> Iterator[tuple[str, str, str]]:
        """Find what does not fit; see `leadcast.models.extra_columns.ExtraPart`."""
        if self.horizon_days != horizon_days:
            where = f"{CURVE_FILE}: horizon_days"
            yield where, f"{self.horizon_days:g}", f"the manifest's {horizon_days:g}"
        if self._shape is not None and len(self._shape.columns) != n_columns + 1:
            found = f"{len(self._shape.columns)} columns"
            yield f"{CURVE_FILE}: trees", found, f"the plan's {n_columns} and the interval"
        for place, anchor in enumerate(self.anchors):
            if len(anchor.shape.columns) != n_columns:
                found = f"{len(anchor.shape.columns)} columns"
                yield f"{CURVE_FILE}: anchors.{place}.trees", found, f"the plan's {n_columns}"
        for place, effect in enumerate(self.effects):
            if effect.feature >= n_columns:
                where = f"{CURVE_FILE}: effects.{place}.feature"
                yield where, f"{effect.feature}", f"one of the plan's {n_columns} columns"

    def _checked(self, days: Sequence[float]) -> Floats:
        asked = np.asarray(days, np.float64).reshape(-1)
        wrong = asked[~((asked >= 0) & (asked <= self.longest_days))]
        if len(wrong):
            raise LeadcastError(
                f"days: found {', '.join(f'{day:g}' for day in wrong[:5])}; expected from 0 to "
                f"{self.longest_days:g} days, the longest horizon that the history allows"
            )
        return asked

    def _until(self, hazard: Floats, days: Floats) -> Floats:
        """Add up hazards until each day; shape (n_rows, n_days)."""
        ends = np.cumsum(hazard * self._widths, axis=1)
        place = np.minimum(np.searchsorted(self._edges, days), len(self._edges) - 1)
        left = self._edges[place] - days
        return np.asarray(ends[:, place] - hazard[:, place] * left)

    @cached_property
    def _shape(self) -> TreeShape | None:
        return read_shape(self.trees) if self.trees else None

    @cached_property
    def _edges(self) -> Floats:
        return np.array(self.edges_days)

    @cached_property
    def _starts(self) -> Floats:
        return np.array((0.0, *self.edges_days[:-1]))

    @cached_property
    def _widths(self) -> Floats:
        return self._edges - self._starts

    @cached_property
    def _middles(self) -> Floats:
        return (self._edges + self._starts) / 2

    @cached_property
    def _table(self) -> tuple[Floats, Floats, Floats]:
        return np.array(self.rates), np.array(self.slopes), np.array(self.paces)


def curve_of(
    curve: ConversionCurve, matrix: Matrix, scores: Floats, days: Sequence[float]
) -> Floats:
    """Tell the probability that each lead is a customer within so many days.

    Parameters
    ----------
    curve : ConversionCurve
        A bundle's: ``bundle.extras["curve"]``, there where the source has dates.
    matrix : ndarray of float32, shape (n_rows, n_features)
        Features of leads at a moment, as the bundle's plan computes them.
    scores : ndarray of float64, shape (n_rows,)
        Their probability within the horizon, as users see it (strictly between 0 and 1).
    days : sequence of float
        From 0 to ``curve.longest_days``.

    Returns
    -------
    ndarray of float64, shape (n_rows, n_days)
        See `ConversionCurve.probability`.

    Raises
    ------
    LeadcastError
        If a day is beyond what the history allows.
    """
    return curve.probability(matrix, scores, days)


def read_curve(folder: Path) -> ConversionCurve:
    """Read a bundle's curve.

    Parameters
    ----------
    folder : Path
        The bundle, or another folder with ``curve.json``.

    Returns
    -------
    ConversionCurve

    Raises
    ------
    FaultsError
        If the file is damaged; tells every fault.
    """
    path = folder / CURVE_FILE
    return checked(ConversionCurve, read_plain(path), "the curve is damaged", f"{path}")


def day_name(day: float) -> str:
    """Name the column of a horizon: ``probability_7d``, ``probability_0_5d``.

    Parameters
    ----------
    day : float

    Returns
    -------
    str
    """
    return f"probability_{day:g}d".replace(".", "_")

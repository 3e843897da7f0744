"""What segments (countries, product lines, teams) have of their own beside the whole, shrunken.

To the log-odds of the learner of all leads a segment adds ``level + slope * (log-odds - centre) +
slopes @ numbers``: a level of its own, a steeper or flatter trust in what the whole says, and a
slope of its own on a few numbers. Each is drawn from a normal distribution around 0 whose variance
all segments of a column share and tell by expectation-maximisation around Laplace's approximation
(empirical Bayes, Efron & Morris 1975, "Data analysis using Stein's estimator and its
generalizations", JASA 70; partial pooling, Gelman & Hill 2007): a segment of few leads stays with
the whole, one of many goes its own way as far as its leads say, and where segments do not differ
none does. A segment that is not among those learned adds nothing at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import FailFast, Field, model_validator

from leadcast.features.base.plain import (
    Column,
    Count,
    NotNegative,
    Number,
    Plain,
    Positive,
    Share,
    rises,
)
from leadcast.models.data import Floats, Integers, LabelledMatrix, Matrix
from leadcast.models.evaluation.logistic import sigmoid
from leadcast.models.learners.basis import TAIL
from leadcast.models.learners.rows import periods_of, row_weights

Form = Literal["level", "slope", "numbers"]
FORMS: tuple[Form, ...] = ("level", "slope", "numbers")
"""What a segment may have of its own, the simplest first; each has what those before it have."""
MOST_SEGMENTS = 1_000
MOST_NUMBERS = 20
STEEPEST = 100.0
PERIODS = 12
PRIOR_VARIANCES = (0.1, 0.03, 0.02)
"""A priori of levels, of the trust in the whole, and of slopes on numbers; each counts as
`PRIOR_SEGMENTS` segments."""
PRIOR_SEGMENTS = 2.0
SWEEPS = 12
CLOSE = 0.02
"""How close the variances are brought, on the log scale, before they are taken as found."""
NUISANCE_PRECISION = 0.1
"""Of the periods' common levels, which may move freely."""
MOST_STEPS = 25
ENOUGH = 1e-7


class OwnNumber(Plain):
    """A number of the leads on which segments have slopes of their own."""

    feature: Column
    low: Number
    high: Number
    """Beyond these it counts as them, so that outliers have no leverage."""
    mean: Number
    scale: Positive

    @model_validator(mode="after")
    def _has_a_range(self) -> Self:
        if self.low > self.high:
            raise ValueError("low must not be above high")
        return self

    def of(self, values: Matrix) -> Floats:
        """Give the number of each row in standard deviations from its mean; 0 where missing."""
        column = values[:, self.feature].astype(np.float64)
        line = (np.clip(column, self.low, self.high) - self.mean) / self.scale
        return np.where(np.isnan(column), 0.0, line)


class OwnSegment(Plain):
    """One segment, and what it has of its own."""

    code: Number
    leads: Count
    won: Count
    """Of the leads learned from, each once."""
    level: Number
    """Added to the log-odds."""
    slope: Annotated[float, Field(strict=True, ge=-1.0, le=STEEPEST, allow_inf_nan=False)]
    """Added to the whole's log-odds less their centre, times this."""
    slopes: Annotated[list[Number], FailFast(), Field(max_length=MOST_NUMBERS)]
    """On each number, a standard deviation of it."""
    own: Share
    """How much of its level is told by its own leads: 0 is the whole's, 1 not shrunken at all."""


class SegmentColumn(Plain):
    """The segments of one column."""

    feature: Column
    spread: NotNegative
    """How much the segments' levels differ, as a standard deviation in log-odds."""
    segments: Annotated[list[OwnSegment], FailFast(), Field(max_length=MOST_SEGMENTS)]

    @model_validator(mode="after")
    def _are_told_apart(self) -> Self:
        if not rises([segment.code for segment in self.segments]):
            raise ValueError("codes of segments must rise")
        return self

    def own(self, values: Matrix) -> Floats:
        """Give what each row's segment has of its own: level, slope and slopes, 0 if unknown."""
        codes, table = self._arrays
        column = values[:, self.feature].astype(np.float64)
        if len(codes) == 0:
            return np.zeros((len(values), table.shape[1]))
        place = np.minimum(np.searchsorted(codes, column), len(codes) - 1)
        return np.where((codes[place] == column)[:, None], table[place], 0.0)

    @cached_property
    def _arrays(self) -> tuple[Floats, Floats]:
        codes = np.array([segment.code for segment in self.segments], float)
        table = [[one.level, one.slope, *one.slopes] for one in self.segments]
        return codes, np.array(table, float).reshape(len(codes), -1)


class SegmentParts(Plain):
    """What the segments of one or more columns add to the log-odds of the whole."""

    centre: Number
    """Of the whole's log-odds."""
    numbers: Annotated[list[OwnNumber], FailFast(), Field(max_length=MOST_NUMBERS)]
    columns: Annotated[list[SegmentColumn], FailFast(), Field(max_length=MOST_NUMBERS)]

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        own = [len(one.slopes) for column in self.columns for one in column.segments]
        if any(length != len(self.numbers) for length in own):
            raise ValueError(f"each segment needs {len(self.numbers)} slopes, one a number")
        if len({column.feature for column in self.columns}) != len(self.columns):
            raise ValueError("columns must be of different features")
        return self

    @property
    def features(self) -> list[int]:
        """The columns of the matrix that it looks at."""
        return [*(one.feature for one in self.columns), *(one.feature for one in self.numbers)]

    def of(self, log_odds: Floats, values: Matrix) -> Floats:
        """Tell what is added to each row: exactly 0 where the segment is none of those learned.

        Parameters
        ----------
        log_odds : ndarray of float64, shape (n,)
            Of the whole.
        values : ndarray of float32, shape (n, n_features)

        Returns
        -------
        ndarray of float64, shape (n,)
        """
        design = self._design(log_odds, values)
        total = np.zeros(len(values))
        for column in self.columns:
            total += (column.own(values) * design).sum(axis=1)
        return total

    def contributions(self, part: Floats, base: Floats, values: Matrix) -> Floats:
        """Split the sum of the whole and of the segments among the features.

        A steeper or flatter trust goes to the features that are trusted, a slope to its number,
        all else to the segment's feature.

        Parameters
        ----------
        part : ndarray of float64, shape (n, n_features)
        base : ndarray of float64, shape (n,)
            Of the whole.
        values : ndarray of float32, shape (n, n_features)

        Returns
        -------
        ndarray of float64, shape (n, n_features)
            What adds up to the sum with the whole's base as it is.
        """
        result = part.copy()
        numbers = [one.of(values) for one in self.numbers]
        for column in self.columns:
            own = column.own(values)
            result += own[:, 1:2] * part
            result[:, column.feature] += own[:, 0] + own[:, 1] * (base - self.centre)
            for place, (one, line) in enumerate(zip(self.numbers, numbers, strict=True), start=2):
                result[:, one.feature] += own[:, place] * line
        return result

    def _design(self, log_odds: Floats, values: Matrix) -> Floats:
        lines = [one.of(values) for one in self.numbers]
        return np.column_stack([np.ones(len(values)), log_odds - self.centre, *lines])


def fit_segments(
    rows: LabelledMatrix,
    log_odds: Floats,
    columns: Sequence[int],
    numbers: Sequence[int],
    form: Form,
) -> SegmentParts:
    """Learn what segments have of their own.

    Parameters
    ----------
    rows : LabelledMatrix
        In canonical order.
    log_odds : ndarray of float64, shape (n_snapshots,)
        What the whole says of each row without having learned from its person.
    columns : sequence of int
        The columns of the matrix whose values are the segments.
    numbers : sequence of int
        The columns on which they may have slopes; looked at by the form "numbers" only.
    form : {"level", "slope", "numbers"}

    Returns
    -------
    SegmentParts
    """
    lines = [_own_number(rows.values[:, place], place) for place in numbers]
    known = [line for line in lines if line is not None] if form == "numbers" else []
    parts = SegmentParts(centre=float(log_odds.mean()), numbers=known, columns=[])
    design = parts._design(log_odds, rows.values)[:, : 1 if form == "level" else None]
    fit = _Fit.of(rows, log_odds, design, columns)
    fit.run()
    width = 2 + len(known)
    told = [_column(rows, group, width) for group in fit.groups]
    return parts.model_copy(update={"columns": told})


def segment_codes(rows: LabelledMatrix, place: int) -> Floats:
    """List the segments of a column: the codes of what has a name, sorted."""
    feature, column = rows.features[place], rows.values[:, place]
    found = np.unique(column[~np.isnan(column)]).astype(np.float64)
    # The code 0 of a category is whatever is rare or new: no segment.
    return np.asarray(found[found >= 1] if feature.dtype == "category" else found)


def _own_number(column: Matrix, place: int) -> OwnNumber | None:
    present = column[~np.isnan(column)].astype(np.float64)
    if len(present) == 0:
        return None
    low, high = np.quantile(present, [TAIL, 1 - TAIL])
    inside = np.clip(present, low, high)
    if low == high:
        return None
    mean, scale = float(inside.mean()), float(inside.std())
    return OwnNumber(feature=place, low=float(low), high=float(high), mean=mean, scale=scale)


@dataclass
class _Group:
    """The segments of one column while they are learned."""

    feature: int
    codes: Floats
    members: list[Integers]
    """The rows of each."""
    place: Floats
    """What each segment has of its own, shape (n_segments, width)."""
    doubt: Floats
    """The posterior variances, likewise."""
    variance: Floats
    """A priori, shape (width,)."""

    def update(self, free: Floats) -> bool:
        """Learn the variances from what the segments have and how sure that is; tell if near."""
        told = (np.square(self.place) + self.doubt).sum(axis=0) + PRIOR_SEGMENTS * free
        before, self.variance = self.variance, told / (len(self.codes) + PRIOR_SEGMENTS)
        return bool(np.abs(np.log(self.variance / before)).max() < CLOSE)


@dataclass
class _Fit:
    """Levels of the periods and what the segments have, in turns until the variances stand."""

    converted: Floats
    weight: Floats
    log_odds: Floats
    common: Floats
    """Levels of periods and the trust in the whole, which all rows share and no score gets."""
    design: Floats
    groups: list[_Group]
    prior: Floats

    @classmethod
    def of(
        cls, rows: LabelledMatrix, log_odds: Floats, design: Floats, columns: Sequence[int]
    ) -> Self:
        period = periods_of(rows, PERIODS)
        common = np.column_stack(
            [np.eye(int(period.max()) + 1)[period], log_odds - log_odds.mean()]
        )
        level, slope, numbers = PRIOR_VARIANCES
        prior = np.array([level, slope, *[numbers] * design.shape[1]])[: design.shape[1]]
        groups = []
        for place in columns:
            codes = segment_codes(rows, place)
            members = [np.flatnonzero(rows.values[:, place] == code) for code in codes]
            shape = (len(codes), design.shape[1])
            doubt = np.tile(prior, (len(codes), 1))
            groups.append(_Group(place, codes, members, np.zeros(shape), doubt, prior.copy()))
        weight = row_weights(rows, None)
        return cls(rows.converted, weight, log_odds, common, design, groups, prior)

    def run(self) -> None:
        added = [np.zeros(len(self.log_odds)) for _ in self.groups]
        shared, start = np.zeros(len(self.log_odds)), np.zeros(self.common.shape[1])
        precision = np.full(len(start), NUISANCE_PRECISION)
        everyone = np.arange(len(self.log_odds))
        for _ in range(SWEEPS):
            start, _ = self._ridge(
                everyone, self.common, sum(added, self.log_odds), precision, start
            )
            shared, near = self.common @ start, True
            for place, group in enumerate(self.groups):
                others = sum((a for n, a in enumerate(added) if n != place), self.log_odds + shared)
                added[place] = self._fit(group, others)
                near &= group.update(self.prior)
            if near:
                return

    def _fit(self, group: _Group, offset: Floats) -> Floats:
        added = np.zeros(len(offset))
        for place, rows in enumerate(group.members):
            own, precision = self.design[rows], 1 / group.variance
            found, doubt = self._ridge(rows, own, offset, precision, group.place[place])
            group.place[place], group.doubt[place] = found, doubt
            added[rows] = own @ found
        return added

    def _ridge(
        self, rows: Integers, design: Floats, offset: Floats, precision: Floats, start: Floats
    ) -> tuple[Floats, Floats]:
        """Fit a ridge regression by Newton's method; give the place and its variances."""
        y, w, known = self.converted[rows], self.weight[rows], offset[rows]

        def loss(place: Floats) -> float:
            total = known + design @ place
            each = np.logaddexp(0.0, total) - y * total
            return float(w @ each + precision @ np.square(place) / 2)

        place, now = start, loss(start)
        for _ in range(MOST_STEPS):
            expected = sigmoid(known + design @ place)
            slope = design.T @ (w * (expected - y)) + precision * place
            bend = (design * (w * expected * (1 - expected))[:, None]).T @ design
            bend += np.diag(precision)
            step = np.asarray(np.linalg.solve(bend, slope), np.float64)
            if float(slope @ step) < ENOUGH:
                break
            length = 1.0
            while (then := loss(place - length * step)) > now and length > 1e-4:
                length /= 2
            place, now = place - length * step, then
        return place, np.diag(np.linalg.inv(bend)).astype(np.float64)


def _column(rows: LabelledMatrix, group: _Group, width: int) -> SegmentColumn:
    own = 1 - group.doubt[:, 0] / group.variance[0] if len(group.codes) else np.zeros(0)
    place = np.zeros((len(group.codes), width))
    place[:, : group.place.shape[1]] = group.place
    # Not below -1, where a segment would turn the whole's order around.
    place[:, 1] = np.clip(place[:, 1], -1.0, STEEPEST)
    segments = []
    for number, members in enumerate(group.members):
        leads = rows.group[members]
        segments.append(
            OwnSegment(
                code=float(group.codes[number]),
                leads=len(np.unique(leads)),
                won=len(np.unique(leads[rows.converted[members] == 1.0])),
                level=float(place[number, 0]),
                slope=float(place[number, 1]),
                slopes=place[number, 2:].tolist(),
                own=float(np.clip(own[number], 0.0, 1.0)),
            )
        )
    spread = float(np.sqrt(group.variance[0]))
    return SegmentColumn(feature=group.feature, spread=spread, segments=segments)

"""One origin's trial: every setup of every learner, fitted before it and tried after it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from leadcast.models.choice.backtest import loss_at_their_level
from leadcast.models.data import Floats, Integers, LabelledMatrix, Matrix
from leadcast.models.learners.boosting import (
    Grove,
    added_between,
    for_trials,
    parameters,
)
from leadcast.models.learners.drifting_level import Level
from leadcast.models.learners.imported_shape import fit_estimator
from leadcast.models.learners.prior import fit_prior
from leadcast.models.learners.regression import (
    Ground,
    Layout,
    Regression,
    fit_regressions,
    lay_out,
    level_in_training,
)
from leadcast.models.learners.rows import row_weights
from leadcast.models.settings import Capacity, EstimatorCandidate, LearnerSettings

HalfLife = float | None
Stage = tuple[Capacity, int]
"""Trees of a capacity (`learners.boosting.CAPACITIES`) after so many rounds."""
PATIENCE = 2
"""Boosting ends after so many stages in a row that did worse on later rows than one before."""


@dataclass(frozen=True)
class Added:
    """What one shape adds to the level."""

    tried: Floats
    """To the rows tried."""
    learned: Floats
    """To the rows that it was learned from."""

    def __add__(self, other: "Added") -> "Added":
        return Added(self.tried + other.tried, self.learned + other.learned)

    @property
    def centred(self) -> "Added":
        """The same, with a mean of 0 over the rows learned from."""
        centre = float(self.learned.mean())
        return Added(self.tried - centre, self.learned - centre)

    def __mul__(self, weight: float) -> "Added":
        return Added(self.tried * weight, self.learned * weight)


@dataclass(frozen=True)
class EarlyRows:
    """Rows that were fresh at an origin: of their level something was known."""

    values: Matrix
    added: Floats
    """What a regression with the middle penalty and the first half-life adds to the level."""


@dataclass(frozen=True)
class Trial:
    """All predictions at one origin."""

    index: Integers
    """The rows tried, as numbers of the data given."""
    converted: Floats
    group: Integers
    values: Matrix
    prior: Floats
    """Log-odds."""
    ground: Ground
    """The rows learned from."""
    curves: dict[tuple[HalfLife, float], Added]
    trees: dict[tuple[HalfLife, Stage], Added]
    """As far as was boosted; see `PATIENCE`."""
    estimators: dict[str, Added] = field(default_factory=dict)
    """By the names of estimators of others; all rows weigh alike in them."""
    early: EarlyRows | None = None
    """None where nothing is known of rows before their labels are."""

    @property
    def nothing(self) -> Added:
        """A shape that adds nothing."""
        return Added(np.zeros(len(self.index)), np.zeros(len(self.ground.data)))

    def level(self, shape: Added, half_life: HalfLife) -> Level:
        """Fit the level under a shape."""
        return self.ground.level_under(shape.learned, half_life)

    def log_odds(self, shape: Added, half_life: HalfLife) -> Floats:
        """Put a shape on its level."""
        level = self.level(shape, half_life)
        return _on_level(level, self.values, shape.tried)

    def early_log_odds(self, settings: LearnerSettings) -> Floats:
        """Score the early rows by a regression, on the level that all learners get.

        Any shape will do, as in `clocks`: what is asked for is the level.
        """
        if self.early is None:
            return np.zeros(0)
        half_life = settings.half_lives[0]
        level = self.level(self.curves[half_life, settings.middle_penalty], half_life)
        return _on_level(level, self.early.values, self.early.added)


def _on_level(level: Level, values: Matrix, added: Floats) -> Floats:
    return np.asarray(level.trust(values) * (level.mean(values) + added))


@dataclass(frozen=True)
class Start:
    """What all trials at one origin begin with."""

    index: Integers
    """The rows tried, as numbers of the data given."""
    past: LabelledMatrix
    later: LabelledMatrix
    """The rows to learn from, and those tried."""
    prior: Floats
    """Log-odds of the rows tried."""
    layout: Layout
    """Of the rows to learn from."""
    early: Matrix | None = None
    """Of rows that were fresh."""

    @property
    def nothing(self) -> Added:
        """A shape that adds nothing."""
        return Added(np.zeros(len(self.later)), np.zeros(len(self.layout.data)))

    @classmethod
    def at(
        cls,
        data: LabelledMatrix,
        train: Integers,
        valid: Integers,
        settings: LearnerSettings,
        early: Matrix | None = None,
    ) -> Self:
        """Prepare an origin."""
        past, later = data.rows(train), data.rows(valid)
        layout = lay_out(past, settings)
        return cls(valid, past, later, fit_prior(past).log_odds(later.values), layout, early)


@dataclass(frozen=True)
class TriedCurves:
    """The regressions that were learned at one origin with one half-life."""

    curves: dict[float, Added]
    """By penalty."""
    first: Regression
    """Whose level trees start from."""
    middle: Regression
    """The middle penalty's."""


def try_curves(start: Start, half_life: HalfLife, settings: LearnerSettings) -> TriedCurves:
    """Fit and try the regressions with one half-life at one origin."""
    layout = start.layout
    fits = fit_regressions(layout, half_life, settings.penalties)
    curves = {
        penalty: Added(fit.curves.values(start.later.values), fit.curves.values(layout.data.values))
        for penalty, fit in zip(settings.penalties, fits, strict=True)
    }
    return TriedCurves(curves, fits[0], fits[settings.penalties.index(settings.middle_penalty)])


def trial_of(
    start: Start, tried: Mapping[HalfLife, TriedCurves], settings: LearnerSettings
) -> Trial:
    """Put together what was tried at one origin, without trees."""
    later, early = start.later, None
    if start.early is not None:
        middle = tried[settings.half_lives[0]].middle
        early = EarlyRows(start.early, middle.curves.values(start.early))
    return Trial(
        index=start.index,
        converted=later.converted,
        group=later.group,
        values=later.values,
        prior=start.prior,
        ground=Ground.of(start.layout),
        curves={(h, penalty): a for h, own in tried.items() for penalty, a in own.curves.items()},
        trees={},
        early=early,
    )


def try_trees(
    start: Start,
    half_life: HalfLife,
    regression: Regression,
    settings: LearnerSettings,
    capacity: Capacity,
) -> dict[Stage, Added]:
    """Grow and try trees of one capacity with one half-life at one origin."""
    layout = start.layout
    columns = layout.seen_by_trees
    if len(columns) == 0:
        return {(capacity, rounds): start.nothing for rounds in settings.rounds_of(capacity)}
    few = for_trials(settings)
    options = parameters(len(start.past), few, capacity)
    weight = row_weights(start.past, half_life)
    level = level_in_training(layout, regression, start.past)
    grove = Grove.planted(start.past, weight, level, columns, few, options)
    newest = regression.level.mean(start.later.values)
    seen = WhatTreesSee.of(layout, start.later)
    found, losses = dict[Stage, Added](), list[float]()
    so_far, done = start.nothing, 0
    for rounds in settings.rounds_of(capacity):
        grove.grow_to(rounds, few.num_threads)
        so_far, done = so_far + seen.added(grove.boosters(), done, rounds), rounds
        found[capacity, rounds] = added = so_far.centred
        losses.append(
            float(loss_at_their_level(newest + added.tried, start.later.converted).mean())
        )
        if len(losses) - 1 - int(np.argmin(losses)) >= PATIENCE:
            break
    return found


def try_estimator(start: Start, candidate: EstimatorCandidate, settings: LearnerSettings) -> Added:
    """Fit and try an estimator of others at one origin."""
    layout = start.layout
    shape, learned = fit_estimator(candidate, layout.data, layout.seen_by_trees, settings.seed)
    return Added(shape.values(start.later.values), learned)


@dataclass(frozen=True)
class WhatTreesSee:
    """The columns that trees see, of the rows tried and of those that they were learned from."""

    tried: Matrix
    learned: Matrix

    @classmethod
    def of(cls, layout: Layout, later: LabelledMatrix) -> Self:
        """Take the columns from both."""
        columns = layout.seen_by_trees
        tried, learned = (
            np.ascontiguousarray(data.values[:, columns]) for data in (later, layout.data)
        )
        return cls(tried, learned)

    def added(self, boosters: list[Any], done: int, rounds: int) -> Added:
        """Tell what boosters add by the rounds after the first `done`, not centred."""
        tried, learned = (
            added_between(boosters, values, done, rounds) for values in (self.tried, self.learned)
        )
        return Added(tried, learned)

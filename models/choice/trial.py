"""One origin's trial: every setup of every learner, fitted before it and tried after it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from leadcast.models.data import Floats, Integers, LabelledMatrix, Matrix
from leadcast.models.learners.boosting import boost, for_trials, staged
from leadcast.models.learners.drifting_level import Level
from leadcast.models.learners.prior import fit_prior
from leadcast.models.learners.regression import (
    Ground,
    Layout,
    fit_regressions,
    lay_out,
    level_in_training,
)
from leadcast.models.learners.rows import row_weights
from leadcast.models.settings import LearnerSettings

HalfLife = float | None


@dataclass(frozen=True)
class Added:
    """What one shape adds to the level."""

    tried: Floats
    """To the rows tried."""
    learned: Floats
    """To the rows that it was learned from."""

    def __add__(self, other: "Added") -> "Added":
        return Added(self.tried + other.tried, self.learned + other.learned)

    def __mul__(self, weight: float) -> "Added":
        return Added(self.tried * weight, self.learned * weight)


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
    ground: Ground | None
    """The rows learned from; None where only the prior was tried."""
    curves: dict[tuple[HalfLife, float], Added]
    trees: dict[tuple[HalfLife, int], Added]

    @property
    def nothing(self) -> Added:
        """A shape that adds nothing."""
        learned = 0 if self.ground is None else len(self.ground.data)
        return Added(np.zeros(len(self.index)), np.zeros(learned))

    def level(self, shape: Added, half_life: HalfLife) -> Level:
        """Fit the level under a shape."""
        if self.ground is None:
            raise ValueError("only the prior was tried: there is no level to put a shape on")
        return self.ground.level_under(shape.learned, half_life)

    def log_odds(self, shape: Added, half_life: HalfLife) -> Floats:
        """Put a shape on its level."""
        level = self.level(shape, half_life)
        return np.asarray(level.trust(self.values) * (level.mean(self.values) + shape.tried))


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
    layout: Layout | None
    """Of the rows to learn from; None where only the prior is tried."""

    @classmethod
    def at(
        cls,
        data: LabelledMatrix,
        train: Integers,
        valid: Integers,
        settings: LearnerSettings,
        deepest: str,
    ) -> Self:
        """Prepare an origin."""
        past, later = data.rows(train), data.rows(valid)
        layout = None if deepest == "prior" else lay_out(past, settings)
        return cls(valid, past, later, fit_prior(past).log_odds(later.values), layout)


@dataclass(frozen=True)
class Tried:
    """All shapes that were learned at one origin with one half-life."""

    curves: dict[float, Added]
    trees: dict[int, Added]


def try_half_life(
    start: Start, half_life: HalfLife, settings: LearnerSettings, deepest: str
) -> Tried:
    """Fit and try all setups with one half-life at one origin."""
    if start.layout is None:
        return Tried({}, {})
    fits = fit_regressions(start.layout, half_life, settings.penalties)
    curves = {
        penalty: Added(
            fit.curves.values(start.later.values), fit.curves.values(start.layout.data.values)
        )
        for penalty, fit in zip(settings.penalties, fits, strict=True)
    }
    if deepest != "lightgbm":
        return Tried(curves, {})
    level = level_in_training(start.layout, fits[0], start.past)
    return Tried(curves, _trees(start, start.layout, half_life, level, settings))


def trial_of(start: Start, tried: Mapping[HalfLife, Tried]) -> Trial:
    """Put together what was tried at one origin."""
    later = start.later
    return Trial(
        index=start.index,
        converted=later.converted,
        group=later.group,
        values=later.values,
        prior=start.prior,
        ground=None if start.layout is None else Ground.of(start.layout),
        curves={(h, penalty): a for h, own in tried.items() for penalty, a in own.curves.items()},
        trees={(h, rounds): a for h, own in tried.items() for rounds, a in own.trees.items()},
    )


def _trees(
    start: Start, layout: Layout, half_life: HalfLife, level: Floats, settings: LearnerSettings
) -> dict[int, Added]:
    columns = layout.seen_by_trees
    if len(columns) == 0:
        nothing = Added(np.zeros(len(start.later)), np.zeros(len(layout.data)))
        return dict.fromkeys(settings.rounds, nothing)
    weight = row_weights(start.past, half_life)
    few = for_trials(settings)
    boosters = boost(start.past, weight, level, columns, max(settings.rounds), few)
    return added_by(boosters, columns, settings.rounds, layout, start.later)


def added_by(
    boosters: list[Any],
    columns: Integers,
    stages: Sequence[int],
    layout: Layout,
    later: LabelledMatrix,
) -> dict[int, Added]:
    """Tell what boosters add after some of their rounds, centred over the rows learned from."""
    seen, own = (np.ascontiguousarray(data.values[:, columns]) for data in (later, layout.data))
    tried, learned = staged(boosters, seen, stages), staged(boosters, own, stages)
    centres = {rounds: float(learned[rounds].mean()) for rounds in stages}
    return {n: Added(tried[n] - centre, learned[n] - centre) for n, centre in centres.items()}

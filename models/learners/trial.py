"""One origin's trial: every setup of every learner, fitted before it and tried after it."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from models.data import Floats, Integers, LabelledMatrix, Matrix
from models.learners.boosting import boost, staged
from models.learners.ground import Ground
from models.learners.level import Level
from models.learners.prior import fit_prior
from models.learners.regression import Layout, fit_regressions, lay_out, level_in_training
from models.learners.rows import row_weights
from models.settings import LearnerSettings

HalfLife = float | None


@dataclass(frozen=True)
class Added:
    """What one shape adds to the level.

    Parameters
    ----------
    tried : ndarray of float64, shape (n_valid,)
        To the rows tried.
    learned : ndarray of float64, shape (n_train,)
        To the rows that it was learned from.
    """

    tried: Floats
    learned: Floats

    def __add__(self, other: "Added") -> "Added":
        return Added(self.tried + other.tried, self.learned + other.learned)

    def __mul__(self, weight: float) -> "Added":
        return Added(self.tried * weight, self.learned * weight)


@dataclass(frozen=True)
class Trial:
    """All predictions at one origin.

    Parameters
    ----------
    index : ndarray of int64, shape (n_valid,)
        The rows tried, as numbers of the data given.
    converted : ndarray of float64, shape (n_valid,)
    group : ndarray of int64, shape (n_valid,)
    values : ndarray of float32, shape (n_valid, n_features)
    prior : ndarray of float64, shape (n_valid,)
        Log-odds.
    ground : Ground or None
        The rows learned from; None where only the prior was tried.
    curves : dict of (half-life, penalty) to Added
    trees : dict of (half-life, rounds) to Added
    """

    index: Integers
    converted: Floats
    group: Integers
    values: Matrix
    prior: Floats
    ground: Ground | None
    curves: dict[tuple[HalfLife, float], Added]
    trees: dict[tuple[HalfLife, int], Added]

    @property
    def nothing(self) -> Added:
        """A shape that adds nothing."""
        learned = 0 if self.ground is None else len(self.ground.data)
        return Added(np.zeros(len(self.index)), np.zeros(learned))

    def level(self, shape: Added, half_life: HalfLife) -> Level:
        """Fit the level under a shape.

        Parameters
        ----------
        shape : Added
        half_life : float or None
            Of the recency weights.

        Returns
        -------
        Level

        Raises
        ------
        ValueError
            If only the prior was tried.
        """
        if self.ground is None:
            raise ValueError("only the prior was tried: there is no level to put a shape on")
        return self.ground.level_under(shape.learned, half_life)

    def log_odds(self, shape: Added, half_life: HalfLife) -> Floats:
        """Put a shape on its level.

        Parameters
        ----------
        shape, half_life
            As in `level`.

        Returns
        -------
        ndarray of float64, shape (n_valid,)
        """
        level = self.level(shape, half_life)
        return np.asarray(level.trust(self.values) * (level.mean(self.values) + shape.tried))


def try_at(
    data: LabelledMatrix, train: Integers, valid: Integers, settings: LearnerSettings, deepest: str
) -> Trial:
    """Fit and try all setups at one origin.

    Parameters
    ----------
    data : LabelledMatrix
        In canonical order.
    train, valid : ndarray of int64
        Row numbers.
    settings : LearnerSettings
    deepest : str
        "prior", "logistic" or "lightgbm": the richest learner to fit.

    Returns
    -------
    Trial
    """
    past, later = data.rows(train), data.rows(valid)
    prior = fit_prior(past).log_odds(later.values)
    seen = (valid, later.converted, later.group, later.values, prior)
    if deepest == "prior":
        return Trial(*seen, None, {}, {})
    layout = lay_out(past, settings)
    trial = Trial(*seen, Ground.of(layout), {}, {})
    for half_life in settings.half_lives:
        fits = fit_regressions(layout, half_life, settings.penalties)
        for penalty, fit in zip(settings.penalties, fits, strict=True):
            trial.curves[half_life, penalty] = Added(
                fit.curves.values(later.values), fit.curves.values(layout.data.values)
            )
        if deepest == "lightgbm":
            level = level_in_training(layout, fits[0], past)
            trial.trees.update(_trees(layout, past, later, half_life, level, settings))
    return trial


def _trees(
    layout: Layout,
    past: LabelledMatrix,
    later: LabelledMatrix,
    half_life: HalfLife,
    level: Floats,
    settings: LearnerSettings,
) -> dict[tuple[HalfLife, int], Added]:
    columns = layout.seen_by_trees
    if len(columns) == 0:
        nothing = Added(np.zeros(len(later)), np.zeros(len(layout.data)))
        return {(half_life, rounds): nothing for rounds in settings.rounds}
    weight = row_weights(past, half_life)
    # One seed will do: seeds steady the final model, the choice steadies itself over origins.
    single = settings.model_copy(update={"seeds": 1})
    boosters = boost(past, weight, level, columns, max(settings.rounds), single)
    return {
        (half_life, rounds): added_by(boosters, columns, rounds, layout, later)
        for rounds in settings.rounds
    }


def added_by(
    boosters: list[Any], columns: Integers, rounds: int, layout: Layout, later: LabelledMatrix
) -> Added:
    """Tell what boosters add after some of their rounds, centred over the rows learned from.

    Parameters
    ----------
    boosters : list of lightgbm.Booster
    columns : ndarray of int64
        The features that they see.
    rounds : int
    layout : Layout
        Of the rows learned from.
    later : LabelledMatrix
        The rows tried.

    Returns
    -------
    Added
    """
    seen, own = (np.ascontiguousarray(data.values[:, columns]) for data in (later, layout.data))
    learned = staged(boosters, own, rounds)
    centre = float(learned.mean())
    return Added(staged(boosters, seen, rounds) - centre, learned - centre)

"""One origin's trial: every setup of every learner, fitted before it and tried after it."""

from dataclasses import dataclass

import numpy as np

from models.data import Floats, Integers, LabelledMatrix
from models.learners.boosting import boost, staged
from models.learners.prior import fit_prior
from models.learners.regression import fit_regressions, lay_out, level_in_training
from models.learners.rows import recency_weights
from models.settings import LearnerSettings

HalfLife = float | None


@dataclass(frozen=True)
class Tried:
    """What one fitted regression says of the rows tried.

    Parameters
    ----------
    level, trust, curves : ndarray of float64, shape (n_valid,)
    """

    level: Floats
    trust: Floats
    curves: Floats

    def log_odds(self, shape: Floats) -> Floats:
        """Put a shape on the level.

        Parameters
        ----------
        shape : ndarray of float64, shape (n_valid,)

        Returns
        -------
        ndarray of float64, shape (n_valid,)
        """
        return np.asarray(self.trust * (self.level + shape))


@dataclass(frozen=True)
class Trial:
    """All predictions at one origin.

    Parameters
    ----------
    index : ndarray of int64, shape (n_valid,)
        The rows tried, as numbers of the data given.
    converted : ndarray of float64, shape (n_valid,)
    group : ndarray of int64, shape (n_valid,)
    n_train : int
        The rows learned from.
    prior : ndarray of float64, shape (n_valid,)
        Log-odds.
    regressions : dict of (half-life, penalty) to Tried
    trees : dict of (half-life, rounds) to ndarray
        What the trees add to the level of the regression with the first penalty.
    """

    index: Integers
    converted: Floats
    group: Integers
    n_train: int
    prior: Floats
    regressions: dict[tuple[HalfLife, float], Tried]
    trees: dict[tuple[HalfLife, int], Floats]


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
    trial = Trial(valid, later.converted, later.group, len(past), prior, {}, {})
    if deepest == "prior":
        return trial
    layout = lay_out(past, settings)
    for half_life in settings.half_lives:
        fits = fit_regressions(layout, half_life, settings.penalties)
        for penalty, fit in zip(settings.penalties, fits, strict=True):
            trust = fit.level.trust(later.values)
            level, curves = fit.level.mean(later.values), fit.curves.values(later.values)
            trial.regressions[half_life, penalty] = Tried(level, trust, curves)
        if deepest == "lightgbm":
            level = level_in_training(layout, fits[0], past)
            added = _trees(past, later, half_life, level, layout.seen_by_trees, settings)
            trial.trees.update(added)
    return trial


def _trees(
    past: LabelledMatrix,
    later: LabelledMatrix,
    half_life: HalfLife,
    level: Floats,
    columns: Integers,
    settings: LearnerSettings,
) -> dict[tuple[HalfLife, int], Floats]:
    if len(columns) == 0:
        return {(half_life, rounds): np.zeros(len(later)) for rounds in settings.rounds}
    weight = recency_weights(past.position, half_life)
    # One seed will do: seeds steady the final model, the choice steadies itself over origins.
    single = settings.model_copy(update={"seeds": 1})
    boosters = boost(past, weight, level, columns, max(settings.rounds), single)
    seen, own = (np.ascontiguousarray(d.values[:, columns]) for d in (later, past))
    added = {}
    for rounds in settings.rounds:
        centre = float(staged(boosters, own, rounds).mean())
        added[half_life, rounds] = staged(boosters, seen, rounds) - centre
    return added

"""How far a regression is to be trusted where the leads won are too few for a choice by origins.

Among many setups, judged by a handful of leads won at an origin or two, chance would choose. One
setup is taken instead, and how much of it is told by all rows: they are split into folds of
persons, each fold is scored by a regression fitted on the others, and the curves get the weight
that would have done best (the shrinkage factor of van Houwelingen & le Cessie 1990, "Predictive
value of statistical models", Statistics in Medicine 9): 0 where they set no leads apart, so that
nothing but the base rate is told.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from leadcast.models.choice.setups import Contender, Setup, blend_weights, single
from leadcast.models.choice.trial import Trial
from leadcast.models.data import Floats, LabelledMatrix
from leadcast.models.evaluation.logistic import log_odds_of
from leadcast.models.learners.regression import fit_regressions, lay_out
from leadcast.models.settings import LearnerSettings

FOLDS = 5
PRECISION = 4.0
"""Of the prior belief in half of what the regression says: about that of a few dozen leads."""


def shrunken(setup: Setup, rows: LabelledMatrix, settings: LearnerSettings) -> Setup:
    """Weigh a regression's curves by what they are worth on leads that it was not fitted on.

    Parameters
    ----------
    setup : Setup
        Of a regression: curves of one penalty.
    rows : LabelledMatrix
        The training rows, in canonical order.
    settings : LearnerSettings

    Returns
    -------
    Setup
        With weights between 0 and 1; the same where some fold holds no lead won, or none lost.
    """
    (penalty, _), *_ = setup.curves
    fold = np.unique(rows.persons, return_inverse=True)[1] % FOLDS
    said, level = np.zeros(len(rows)), np.zeros(len(rows))
    for number in range(FOLDS):
        known, new = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        past = rows.rows(known)
        if past.converted.min() == past.converted.max():
            return setup
        said[new], level[new] = _out_of_fold(past, rows.rows(new), setup, settings)
    origin = np.zeros(len(rows), np.int64)
    (weight,) = blend_weights(level, said[:, None], rows.converted, origin, PRECISION)
    return replace(setup, curves=((penalty, min(1.0, float(weight))),))


def shrunken_contender(
    contender: Contender, rows: LabelledMatrix, trials: Sequence[Trial], settings: LearnerSettings
) -> Contender:
    """Give a regression's contender with its curves shrunken."""
    return single("logistic", shrunken(contender.setups[0], rows, settings), trials)


def with_one_setup(settings: LearnerSettings) -> LearnerSettings:
    """Leave one penalty, in the middle, and all rows weighed alike."""
    return settings.model_copy(
        update={"penalties": (settings.middle_penalty,), "half_lives": (None,)}
    )


def _out_of_fold(
    past: LabelledMatrix, new: LabelledMatrix, setup: Setup, settings: LearnerSettings
) -> tuple[Floats, float]:
    layout = lay_out(past, settings)
    curves = fit_regressions(layout, setup.half_life, (setup.curves[0][0],))[0].curves
    centre = float(curves.values(layout.data.values).mean())
    rate = np.array([past.converted.mean()])
    return curves.values(new.values) - centre, float(log_odds_of(rate)[0])

"""Reading the trials: the best setup of each learner, and their out-of-time predictions."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from models.backtest import paired_error, row_log_loss
from models.data import Floats
from models.learners.trial import HalfLife, Trial
from models.learners.weights import PRIOR_WEIGHT, blend_weights
from models.settings import LearnerSettings


@dataclass(frozen=True)
class Setup:
    """How a learner is to be fitted.

    Parameters
    ----------
    half_life : float or None
        Of the recency weights, as a share of the training span.
    penalty : float
        Of the logistic regression.
    rounds : int
        Of the boosting.
    weights : tuple of float
        Of curves and trees.
    """

    half_life: HalfLife
    penalty: float
    rounds: int
    weights: tuple[float, float]


@dataclass(frozen=True)
class Contender:
    """A learner's best setup.

    Parameters
    ----------
    kind : str
    setup : Setup
    log_odds : tuple of ndarray
        For each origin, of the rows tried. A blend's weights are there those of other origins.
    losses : tuple of ndarray
        Likewise, each row's log loss.
    """

    kind: str
    setup: Setup
    log_odds: tuple[Floats, ...]
    losses: tuple[Floats, ...]

    @property
    def loss(self) -> float:
        """Average the log loss over origins, each counting the same.

        Returns
        -------
        float
        """
        return float(np.mean([own.mean() for own in self.losses]))


def contenders(
    trials: Sequence[Trial], kinds: Sequence[str], settings: LearnerSettings
) -> dict[str, Contender]:
    """Find each learner's best setup.

    Parameters
    ----------
    trials : sequence of Trial
        At least one.
    kinds : sequence of str
        The learners wanted.
    settings : LearnerSettings

    Returns
    -------
    dict of str to Contender
    """
    makers = {"prior": _priors, "logistic": _logistics, "lightgbm": _forests, "blend": _blends}
    return {kind: steadiest(makers[kind](trials, settings), trials) for kind in kinds}


def steadiest(tried: Sequence[Contender], trials: Sequence[Trial]) -> Contender:
    """Pick the best contender; weigh all rows alike where recency does no better than by chance.

    Parameters
    ----------
    tried : sequence of Contender
        The half-lives in order of preference.
    trials : sequence of Trial

    Returns
    -------
    Contender
        The best of the first half-life that is within one standard error of the best of all
        (Breiman et al. 1984, "Classification and Regression Trees": the one-standard-error rule).
    """
    best = min(tried, key=lambda contender: contender.loss)
    for half_life in dict.fromkeys(contender.setup.half_life for contender in tried):
        own = [contender for contender in tried if contender.setup.half_life == half_life]
        candidate = min(own, key=lambda contender: contender.loss)
        if candidate.loss - best.loss <= _error(candidate, best, trials):
            return candidate
    return best


def default_setup(settings: LearnerSettings) -> Setup:
    """Give the setup for data that no origin can be placed in.

    Parameters
    ----------
    settings : LearnerSettings

    Returns
    -------
    Setup
    """
    penalty = settings.penalties[len(settings.penalties) // 2]
    return Setup(None, penalty, settings.rounds[0], (PRIOR_WEIGHT, PRIOR_WEIGHT))


def _error(one: Contender, other: Contender, trials: Sequence[Trial]) -> float:
    triples = zip(one.losses, other.losses, trials, strict=True)
    errors = [paired_error(a - b, trial.group) for a, b, trial in triples]
    return float(np.sqrt(np.square(errors).sum())) / len(errors)


def _contender(
    kind: str, setup: Setup, log_odds: list[Floats], trials: Sequence[Trial]
) -> Contender:
    losses = (
        row_log_loss(own, trial.converted) for own, trial in zip(log_odds, trials, strict=True)
    )
    return Contender(kind, setup, tuple(log_odds), tuple(losses))


def _priors(trials: Sequence[Trial], settings: LearnerSettings) -> list[Contender]:
    return [_contender("prior", default_setup(settings), [t.prior for t in trials], trials)]


def _logistics(trials: Sequence[Trial], settings: LearnerSettings) -> list[Contender]:
    result = []
    for half_life, penalty in product(settings.half_lives, settings.penalties):
        tried = [trial.regressions[half_life, penalty] for trial in trials]
        setup = Setup(half_life, penalty, 0, (1.0, 0.0))
        result.append(_contender("logistic", setup, [t.log_odds(t.curves) for t in tried], trials))
    return result


def _forests(trials: Sequence[Trial], settings: LearnerSettings) -> list[Contender]:
    result, first = [], settings.penalties[0]
    for half_life, rounds in product(settings.half_lives, settings.rounds):
        log_odds = [
            trial.regressions[half_life, first].log_odds(trial.trees[half_life, rounds])
            for trial in trials
        ]
        setup = Setup(half_life, first, rounds, (0.0, 1.0))
        result.append(_contender("lightgbm", setup, log_odds, trials))
    return result


def _blends(trials: Sequence[Trial], settings: LearnerSettings) -> list[Contender]:
    options = product(settings.half_lives, settings.penalties, settings.rounds)
    return [_blend(trials, *option) for option in options]


def _blend(trials: Sequence[Trial], half_life: HalfLife, penalty: float, rounds: int) -> Contender:
    tried = [trial.regressions[half_life, penalty] for trial in trials]
    levels = [own.level for own in tried]
    shapes = [
        np.column_stack([own.curves, trial.trees[half_life, rounds]])
        for own, trial in zip(tried, trials, strict=True)
    ]
    everyone = list(range(len(trials)))
    log_odds = []
    for place in everyone:
        # Honest: an origin is judged with the weights that the others ask for.
        others = [other for other in everyone if other != place]
        log_odds.append(
            tried[place].log_odds(shapes[place] @ _weights(levels, shapes, trials, others))
        )
    weights = _weights(levels, shapes, trials, everyone)
    setup = Setup(half_life, penalty, rounds, (float(weights[0]), float(weights[1])))
    return _contender("blend", setup, log_odds, trials)


def _weights(
    levels: list[Floats], shapes: list[Floats], trials: Sequence[Trial], places: list[int]
) -> Floats:
    if not places:
        return np.full(2, PRIOR_WEIGHT)
    return blend_weights(
        np.concatenate([levels[place] for place in places]),
        np.concatenate([shapes[place] for place in places]),
        np.concatenate([trials[place].converted for place in places]),
        np.repeat(np.arange(len(places)), [len(levels[place]) for place in places]),
    )

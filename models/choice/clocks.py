"""How far the level of conversion may follow clocks: as far as that has held out of time.

A clock that foretold the level at the rolling origins is followed, one that misled it is held, and
where the origins cannot tell the level goes half of the way, as half-lives that cannot be told
apart are averaged. However far, it stays between its bounds (`learners.drifting_level`).
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from leadcast.models.choice.backtest import error_over_origins, paired_error, row_log_loss
from leadcast.models.choice.setups import NEAR
from leadcast.models.choice.trial import Trial
from leadcast.models.data import Floats
from leadcast.models.settings import LearnerSettings

FEWEST_ORIGINS = 2
"""One origin cannot tell whether what helped once will help again."""
UNTRIED = 0.0


def settled(trials: Sequence[Trial], settings: LearnerSettings) -> tuple[LearnerSettings, float]:
    """Decide how far clocks are followed.

    Parameters
    ----------
    trials : sequence of Trial
        As they were tried, one an origin; may be empty.
    settings : LearnerSettings

    Returns
    -------
    LearnerSettings
        With `follow_clocks` a number.
    float
        That number.
    """
    share = settings.follow_clocks
    if share == "auto":
        share = _share(trials, settings)
    return settings.model_copy(update={"follow_clocks": share}), share


def following(trial: Trial, share: float) -> Trial:
    """Give a trial whose level follows clocks so far.

    Parameters
    ----------
    trial : Trial
    share : float

    Returns
    -------
    Trial
    """
    return replace(trial, ground=replace(trial.ground, follow=share))


def _share(trials: Sequence[Trial], settings: LearnerSettings) -> float:
    with_clocks = [trial for trial in trials if trial.ground.clocks]
    if len(with_clocks) < FEWEST_ORIGINS:
        return UNTRIED
    gains = [_loss(trial, 0.0, settings) - _loss(trial, 1.0, settings) for trial in with_clocks]
    means = np.array([float(gain.mean()) for gain in gains])
    within = [paired_error(g, trial.group) for g, trial in zip(gains, with_clocks, strict=True)]
    of_rows = float(np.sqrt(np.square(within).sum())) / len(means)
    error = max(of_rows, error_over_origins(means))
    if abs(means.mean()) <= NEAR * error:
        return 0.5
    return 1.0 if means.mean() > 0 else 0.0


def _loss(trial: Trial, share: float, settings: LearnerSettings) -> Floats:
    # Any shape will do: what differs is the level. The curves of a middling penalty are there
    # whatever competes.
    half_life = settings.half_lives[0]
    curves = trial.curves[half_life, settings.middle_penalty]
    return row_log_loss(following(trial, share).log_odds(curves, half_life), trial.converted)

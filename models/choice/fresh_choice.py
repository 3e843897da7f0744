"""Whether to learn from fresh snapshots as well: asked of the same backtest as the learner."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from leadcast.models.choice.backtest import NORMAL_95, Origin, paired_error, row_log_loss
from leadcast.models.choice.fitting import Grow, fit_learner, grow_here
from leadcast.models.choice.fresh import Pool, joined
from leadcast.models.choice.setups import Setup
from leadcast.models.data import Floats, Integers, LabelledMatrix
from leadcast.models.learners.learner_store import FittedLearner
from leadcast.models.settings import LearnerSettings

FEWEST_ORIGINS = 2
"""One origin cannot tell how much the gain differs from origin to origin."""
FEWEST_FRESH = 20
"""Fewer fresh rows than this change nothing that could be seen."""


@dataclass(frozen=True)
class Recipe:
    """How the learner that was chosen is fitted."""

    kind: str
    setups: tuple[Setup, ...]
    settings: LearnerSettings
    changed: Mapping[str, Any]
    """LightGBM's parameters that a search changed."""
    grow: Grow = grow_here
    """Grows its trees."""

    def fitted(self, data: LabelledMatrix) -> FittedLearner:
        """Fit the learner."""
        setups, settings = self.setups, self.settings
        return fit_learner(self.kind, data, setups, settings, self.changed, self.grow)


@dataclass(frozen=True)
class TriedFresh:
    """What fresh rows did at one origin."""

    position: int
    """The origin's."""
    n_fresh: int
    n_won: int
    n_open: int
    """Fresh rows there were, those won already, and those still open."""
    log_odds: Floats
    """Of the rows tried, by the learner that had the fresh rows as well."""
    log_loss_without: float
    log_loss_with: float
    gain: float
    error: float
    """By how much the fresh rows lowered the log loss, and its standard error within the origin."""

    def to_json(self) -> dict[str, Any]:
        """Give the figures as plain data, without the predictions."""
        return {name: value for name, value in vars(self).items() if name != "log_odds"}


@dataclass(frozen=True)
class Verdict:
    """Whether fresh rows are used, and what the backtest says of them."""

    used: bool
    tried: tuple[TriedFresh, ...]
    """The origins; empty where nothing could be tried."""
    words: str
    """For people."""

    def to_json(self) -> dict[str, Any]:
        """Give the verdict as plain data."""
        gain, error = gain_of(self.tried) if self.tried else (None, None)
        origins = [one.to_json() for one in self.tried]
        return {
            "used": self.used,
            "gain": gain,
            "standard_error": error,
            "origins": origins,
            "words": self.words,
        }


def fit_with_fresh(
    recipe: Recipe, data: LabelledMatrix, pool: Pool, cutoff: int, fresh: Integers
) -> tuple[FittedLearner, FittedLearner]:
    """Fit a learner on mature rows, and again on them and the fresh ones that it labelled."""
    without = recipe.fitted(data)
    log_odds = without.log_odds(pool.rows.values[fresh])
    return without, recipe.fitted(joined(data, pool.labelled_at(fresh, cutoff, log_odds)))


def judge_fresh(
    recipe: Recipe, rows: LabelledMatrix, origins: Sequence[Origin], pool: Pool
) -> Verdict:
    """Try fresh rows at each origin, with what was known then."""
    always = recipe.settings.fresh_snapshots is True
    available = len(pool.fresh_at(pool.cutoff, np.zeros(0, np.int64)))
    if available < FEWEST_FRESH:
        words = f"fresh snapshots: {available} of them, too few to learn from"
        return Verdict(False, (), words)
    tried = [_try(recipe, rows, origin, pool) for origin in origins]
    found = tuple(one for one in tried if one is not None)
    if len(found) < max(len(tried), FEWEST_ORIGINS):
        words = (
            f"fresh snapshots {'used, as asked for' if always else 'not used'}: "
            f"{len(found)} of {len(tried)} origins have enough of them, too few to tell their gain"
        )
        return Verdict(always, found, words)
    gain, error = gain_of(found)
    return Verdict(always or gain > NORMAL_95 * error, found, _words(found, always))


def untold() -> Verdict:
    """Say that without a backtest fresh rows are not used, whatever the settings say."""
    words = "fresh snapshots not used: too little data for a backtest that could tell their gain"
    return Verdict(False, (), words)


def gain_of(tried: Sequence[TriedFresh]) -> tuple[float, float]:
    """Average the gain over origins, each counting the same."""
    gains = np.array([one.gain for one in tried])
    within = float(np.sqrt(np.square([one.error for one in tried]).sum())) / len(gains)
    between = float(gains.std(ddof=1)) / np.sqrt(len(gains)) if len(gains) > 1 else 0.0
    return float(gains.mean()), max(within, float(between))


def _try(recipe: Recipe, rows: LabelledMatrix, origin: Origin, pool: Pool) -> TriedFresh | None:
    past, later = rows.rows(origin.train), rows.rows(origin.valid)
    # Where the mature rows were thinned, the fresh ones are thinned as much.
    kept = min(1.0, len(past) / max(int(pool.mature_at(origin.position).sum()), 1))
    fresh = pool.fresh_at(origin.position, later.group, kept)
    if len(fresh) < FEWEST_FRESH:
        return None
    pair = fit_with_fresh(recipe, past, pool, origin.position, fresh)
    seen = pool.seen_at(fresh, origin.position)
    log_odds = [learner.log_odds(later.values) for learner in pair]
    losses = [row_log_loss(own, later.converted) for own in log_odds]
    gains = losses[0] - losses[1]
    return TriedFresh(
        position=origin.position,
        n_fresh=len(fresh),
        n_won=int((seen == 1).sum()),
        n_open=int(np.isnan(seen).sum()),
        log_odds=log_odds[1],
        log_loss_without=float(losses[0].mean()),
        log_loss_with=float(losses[1].mean()),
        gain=float(gains.mean()),
        error=paired_error(gains, later.group),
    )


def _words(tried: Sequence[TriedFresh], always: bool) -> str:
    gain, error = gain_of(tried)
    low, high = gain - NORMAL_95 * error, gain + NORMAL_95 * error
    without = np.mean([one.log_loss_without for one in tried])
    with_them = np.mean([one.log_loss_with for one in tried])
    where = "1 origin" if len(tried) == 1 else f"{len(tried)} rolling origins"
    used = "used" if always or low > 0 else "not used"
    asked = ", as asked for" if always and low <= 0 else ""
    return (
        f"fresh snapshots {used}{asked}: log loss {with_them:.4f} with them and {without:.4f} "
        f"without, over {where} (gain {gain:+.4f}, 95 %: {low:+.4f} to {high:+.4f})"
    )

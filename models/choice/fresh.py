"""Whether to learn from fresh snapshots (`pool`), and fitting the recipe that was chosen.

Whether it helps to learn from them is asked of the same backtest as the learner.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from leadcast.features.registry import Feature
from leadcast.models.choice.backtest import (
    NORMAL_95,
    Origin,
    error_over_origins,
    paired_error,
    row_log_loss,
)
from leadcast.models.choice.fitting import Grow, fit_learner, grow_here
from leadcast.models.choice.pool import FEWEST_FRESH, NOBODY, Pool
from leadcast.models.choice.segment_form import SegmentForm, fit_segmented
from leadcast.models.choice.setups import Setup, plain_setups, setups_of
from leadcast.models.data import Floats, Integers, LabelledMatrix
from leadcast.models.learners.learner_store import FittedLearner
from leadcast.models.settings import LearnerSettings

FEWEST_ORIGINS = 2
"""One origin cannot tell how much the gain differs from origin to origin."""


def joined(one: LabelledMatrix, other: LabelledMatrix) -> LabelledMatrix:
    """Put the rows of two matrices into one."""
    return replace(
        one,
        values=np.concatenate([one.values, other.values]),
        converted=np.concatenate([one.converted, other.converted]),
        position=np.concatenate([one.position, other.position]),
        group=np.concatenate([one.group, other.group]),
        weight=np.concatenate([one.weights, other.weights]),
        person=np.concatenate([one.persons, other.persons]),
        lead=(
            None
            if one.lead is None or other.lead is None
            else np.concatenate([one.lead, other.lead])
        ),
    )


_OF_THE_MACHINE = ("num_threads", "search_seconds", "search_file")
"""Settings that say how long and where one may work."""


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
    segments: SegmentForm | None = None
    """What segments have of their own; None where all leads are scored alike."""

    @property
    def held(self) -> tuple[str, ...]:
        """The features whose direction is constrained."""
        return tuple(self.settings.monotone)

    def fitted(self, data: LabelledMatrix) -> FittedLearner:
        """Fit the learner."""
        whole = self._whole(data, self.grow)
        if self.segments is None:
            return whole
        return fit_segmented(self.whole_here, whole, data, self.segments, self.held)

    def whole_here(self, data: LabelledMatrix) -> FittedLearner:
        """Fit the learner of all leads without segments, on this machine."""
        return self._whole(data, grow_here)

    def _whole(self, data: LabelledMatrix, grow: Grow) -> FittedLearner:
        return fit_learner(self.kind, data, self.setups, self.settings, self.changed, grow)

    def on(self, features: Sequence[Feature]) -> Self:
        """Leave out the constraints on features that no longer tell anything.

        Parameters
        ----------
        features : sequence of Feature
            Those that the recipe, tested with others maybe, is to be fitted on.

        Returns
        -------
        Recipe
        """
        names, settings = {feature.name for feature in features}, self.settings
        kept = {name: sign for name, sign in settings.monotone.items() if name in names}
        return replace(self, settings=settings.model_copy(update={"monotone": kept}))

    def to_json(self) -> dict[str, Any]:
        """Give the recipe as plain data, without what has no influence on what is learned.

        Returns
        -------
        dict
            ``kind``, ``members`` (a setup each), ``parameters`` (of LightGBM, that a search
            changed) and ``settings``; ``segments`` where they have something of their own.
        """
        segments = {} if self.segments is None else {"segments": self.segments.to_json()}
        return {
            "kind": self.kind,
            "members": plain_setups(self.setups),
            "parameters": dict(self.changed),
            "settings": self.settings.model_dump(mode="json", exclude=set(_OF_THE_MACHINE)),
            **segments,
        }

    @classmethod
    def from_json(
        cls, content: Mapping[str, Any], num_threads: int = 1, grow: Grow = grow_here
    ) -> Self:
        """Read a recipe back.

        Parameters
        ----------
        content : mapping
            As `to_json` gives it.
        num_threads : int
            Threads of LightGBM.
        grow : callable
            Grows the trees.

        Returns
        -------
        Recipe

        Raises
        ------
        pydantic.ValidationError
            If it is not what this version writes.
        """
        settings = LearnerSettings(**content["settings"], num_threads=num_threads)
        setups = setups_of(content["members"])
        segments = SegmentForm.from_json(content.get("segments"))
        return cls(content["kind"], setups, settings, content["parameters"], grow, segments)


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


def fit_final(recipe: Recipe, data: LabelledMatrix, pool: Pool | None) -> FittedLearner:
    """Fit a learner on all that is known.

    Parameters
    ----------
    recipe : Recipe
    data : LabelledMatrix
        The mature rows.
    pool : Pool or None
        These rows and fresh ones, where the latter are learned from as well.

    Returns
    -------
    FittedLearner
    """
    if pool is None:
        return recipe.fitted(data)
    fresh = pool.fresh_at(pool.cutoff, NOBODY)
    return fit_with_fresh(recipe, data, pool, pool.cutoff, fresh)[1]


def judge_fresh(
    recipe: Recipe, rows: LabelledMatrix, origins: Sequence[Origin], pool: Pool
) -> Verdict:
    """Try fresh rows at each origin, with what was known then."""
    always = recipe.settings.fresh_snapshots is True
    available = len(pool.fresh_at(pool.cutoff, NOBODY))
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
    return float(gains.mean()), max(within, error_over_origins(gains))


def _try(recipe: Recipe, rows: LabelledMatrix, origin: Origin, pool: Pool) -> TriedFresh | None:
    past, later = rows.rows(origin.train), rows.rows(origin.valid)
    # Where the mature rows were thinned, the fresh ones are thinned as much.
    kept = min(1.0, len(past) / max(int(pool.mature_at(origin.position).sum()), 1))
    fresh = pool.fresh_at(origin.position, later.persons, kept)
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
        f"without, over {where} (gain {gain:+z.4f}, 95 %: {low:+z.4f} to {high:+z.4f})"
    )

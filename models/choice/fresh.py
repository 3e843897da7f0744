"""Fresh snapshots: rows whose window has not ended, labelled with what is known of them so far.

A fresh row that has been won or lost is what it is. One that is still open was either not going to
be won, or is won later; the probability of the latter follows from the row's own probability and
from how long winners, and leads that end otherwise, take::

    P(won later | open) = p (1 - F) / (p (1 - F) + (1 - p) S)

where p is the probability of a win within the horizon, F the share of winners won by the age the
row has reached, and S the share of the others still open by then (Chapelle 2014, "Modeling delayed
feedback in display advertising", with empirical delays). F and S come from mature rows only, by
landmark. The level of p is first moved to where it makes the fresh rows' outcomes so far most
likely, by expectation-maximisation. Each fresh row weighs F: what its elapsed time can tell.

Whether to learn from them is asked of the same backtest as the learner.
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
from leadcast.models.choice.segment_form import SegmentForm, fit_segmented
from leadcast.models.choice.setups import Setup, plain_setups, setups_of
from leadcast.models.data import Flags, Floats, Integers, LabelledMatrix
from leadcast.models.evaluation.logistic import sigmoid
from leadcast.models.learners.learner_store import FittedLearner
from leadcast.models.learners.rows import canonical_order, thinned_places
from leadcast.models.settings import LearnerSettings

LEVEL_SPREAD = 0.5
"""How far the level may have moved since the mature rows (standard deviation, log-odds)."""
FEWEST_WINNERS = 20
"""A landmark with so many mature winners has delays of its own; others share those of all."""
MOST_ROUNDS = 200
CLOSE = 1e-6
_TINY = 1e-12
FEWEST_ORIGINS = 2
"""One origin cannot tell how much the gain differs from origin to origin."""
FEWEST_FRESH = 20
"""Fewer fresh rows than this change nothing that could be seen."""


@dataclass(frozen=True)
class Pool:
    """Rows with the moments at which more became known of them.

    Parameters
    ----------
    rows : LabelledMatrix
        Of a dated source, in canonical order: what may be learned from, and the rows after them
        whose label the test's begin came too early for.
    settled, won : ndarray of int64, shape (n,)
        From when on each row's label is known, and since when that it is won, as
        `leadcast.models.splits.settlement` gives them; what comes after a cutoff is not looked at.
    last_look : ndarray of int64, shape (n,)
        When each row's lead is, or would be, looked at last, whatever becomes of it.
    landmark : ndarray of float64, shape (n,)
        The lead's age at the snapshot.
    cutoff : int
        The position at which the test begins.
    """

    rows: LabelledMatrix
    settled: Integers
    won: Integers
    last_look: Integers
    landmark: Floats
    cutoff: int

    @classmethod
    def of(
        cls,
        rows: LabelledMatrix,
        settled: Integers,
        won: Integers,
        last_look: Integers,
        landmark: Floats,
        cutoff: int,
    ) -> Self:
        """Put rows in canonical order.

        Parameters
        ----------
        rows, settled, won, last_look, landmark, cutoff
            As the class has them, the rows in any order.

        Returns
        -------
        Pool
        """
        order = canonical_order(rows)
        parts = (settled[order], won[order], last_look[order], landmark[order])
        return cls(rows.rows(order), *parts, cutoff)

    def mature_at(self, cutoff: int) -> Flags:
        """Tell which rows' windows had ended.

        Parameters
        ----------
        cutoff : int

        Returns
        -------
        ndarray of bool, shape (n,)
        """
        return self.rows.position + self.rows.horizon <= cutoff

    def fresh_at(self, cutoff: int, tried: Integers, kept: float = 1.0) -> Integers:
        """Choose the rows that were fresh at a moment.

        Whether a lead is among them must not depend on how it ended: one that is won early has no
        later snapshot. So leads that could still be looked at after the cutoff are left out,
        whether or not they were, and so are others of the same person.

        Parameters
        ----------
        cutoff : int
        tried : ndarray of int64
            Persons of the rows that will be tried: none of them is taken.
        kept : float
            Which share of the rows to keep, evenly spaced.

        Returns
        -------
        ndarray of int64
            Row numbers, ascending.
        """
        person, before = self.rows.persons, self.rows.position < cutoff
        to_come = np.unique(person[before & (self.last_look >= cutoff)])
        apart = ~np.isin(person, to_come) & ~np.isin(person, tried)
        index = np.flatnonzero(before & ~self.mature_at(cutoff) & apart)
        return index[thinned_places(len(index), int(np.ceil(kept * len(index))))]

    def seen_at(self, index: Integers, cutoff: int) -> Floats:
        """Tell how rows had ended by a moment.

        Parameters
        ----------
        index : ndarray of int64, shape (m,)
        cutoff : int

        Returns
        -------
        ndarray of float64, shape (m,)
            1.0 won within the horizon, 0.0 certainly not, NaN open.
        """
        ended = np.where(self.settled[index] <= cutoff, 0.0, np.nan)
        return np.where(self.won[index] <= cutoff, 1.0, ended)

    def labelled_at(self, index: Integers, cutoff: int, log_odds: Floats) -> LabelledMatrix:
        """Label fresh rows with what was known at a moment.

        Parameters
        ----------
        index : ndarray of int64, shape (m,)
            As `fresh_at` gives them.
        cutoff : int
        log_odds : ndarray of float64, shape (m,)
            Of a win within the horizon, by a model that learned from mature rows alone.

        Returns
        -------
        LabelledMatrix
            Of open rows ``converted`` is how likely they are won later within the horizon, and
            each row's ``weight`` the share of winners that are won by the age it has reached.
        """
        chosen = self.rows.rows(index)
        elapsed, seen = cutoff - chosen.position, self.seen_at(index, cutoff)
        caught, still_open = self._delays(index, cutoff, elapsed)
        label = expected_labels(log_odds, seen, caught, still_open)
        return replace(chosen, converted=label, weight=caught)

    def _delays(self, index: Integers, cutoff: int, elapsed: Integers) -> tuple[Floats, Floats]:
        mature, own = self.mature_at(cutoff), self.landmark[index]
        won, lost = mature & (self.won <= cutoff), mature & (self.won > cutoff)
        caught, still_open = np.empty(len(index)), np.empty(len(index))
        for landmark in np.unique(own):
            at, alike = own == landmark, self.landmark == landmark
            enough = (won & alike).sum() >= FEWEST_WINNERS and (lost & alike).any()
            winners, others = (won & alike, lost & alike) if enough else (won, lost)
            caught[at] = _ended_by(self._delay(winners), elapsed[at])
            still_open[at] = 1 - _ended_by(self._delay(others), elapsed[at])
        return caught, still_open

    def _delay(self, which: Flags) -> Integers:
        return np.sort(self.settled[which] - self.rows.position[which])


def expected_labels(log_odds: Floats, seen: Floats, caught: Floats, still_open: Floats) -> Floats:
    """Say how likely each fresh row is won within its horizon, by what is known so far."""
    shift, label = 0.0, seen
    for _ in range(MOST_ROUNDS):
        probability = sigmoid(log_odds + shift)
        later = probability * (1 - caught)
        doubt = later + (1 - probability) * still_open
        label = np.where(np.isnan(seen), later / np.maximum(doubt, _TINY), seen)
        # A step of Newton's method on the expected log likelihood, rows weighed as in training.
        slope = float(caught @ (label - probability)) - shift / LEVEL_SPREAD**2
        bend = float(caught @ (probability * (1 - probability))) + 1 / LEVEL_SPREAD**2
        shift += slope / bend
        if abs(slope / bend) < CLOSE:
            break
    return np.asarray(label, np.float64)


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
    )


def _ended_by(delays: Integers, elapsed: Integers) -> Floats:
    return np.searchsorted(delays, elapsed, side="right") / max(len(delays), 1)


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
    fresh = pool.fresh_at(pool.cutoff, np.zeros(0, np.int64))
    return fit_with_fresh(recipe, data, pool, pool.cutoff, fresh)[1]


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
        f"without, over {where} (gain {gain:+.4f}, 95 %: {low:+.4f} to {high:+.4f})"
    )

"""Whether segments get levels and slopes of their own: what the rolling origins say of it.

At each origin what segments have of their own is learned from the past alone, and added to what
the winner said of the rows that came next; likewise to what the logistic regression said, since
trees look for what differs between segments themselves, and a regression leaves all of it to them.
Of the forms that it may have the simplest is taken that
is worse than the best by chance only, and it is used only where it does better than the whole alone
by more than chance explains.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from leadcast.models.choice.backtest import NORMAL_95, Origin, loss_at_their_level
from leadcast.models.choice.fresh import Recipe
from leadcast.models.choice.segment_form import (
    CrossFitted,
    SegmentForm,
    has_segments,
)
from leadcast.models.choice.setups import Contender, error_between
from leadcast.models.choice.trial import Trial
from leadcast.models.data import Floats, LabelledMatrix
from leadcast.models.learners.learner_store import SEGMENTED, learner_words
from leadcast.models.learners.segmented import FORMS, Form

FEWEST_ORIGINS = 2
"""One origin cannot tell how much the gain differs from origin to origin."""
UNTESTED = "too little data for a backtest that could tell their gain"
FORM_WORDS: dict[Form, str] = {
    "level": "own levels",
    "slope": "own levels and an own trust in the whole's score",
    "numbers": "own levels and own slopes",
}


@dataclass(frozen=True)
class SegmentVerdict:
    """Whether segments have anything of their own, and what the backtest says of it."""

    form: SegmentForm | None
    """As it is used; None where the whole is used alone."""
    contender: Contender | None
    """The best form in the backtest; None where nothing could be tried."""
    gain: float | None
    error: float | None
    """By how much it lowered the log loss, and the standard error of that."""
    words: str
    """For people."""
    base: Contender | None = None
    """The learner of all leads that they stand on, where they are used."""

    def to_json(self) -> dict[str, Any]:
        """Give the verdict as plain data."""
        return {
            "used": self.form is not None,
            "form": None if self.form is None else self.form.form,
            "columns": [] if self.form is None else list(self.form.columns),
            "gain": self.gain,
            "standard_error": self.error,
            "words": self.words,
        }


def judge_segments(
    recipe: Recipe,
    rows: LabelledMatrix,
    origins: Sequence[Origin],
    winner: Contender,
    trials: Sequence[Trial],
    logistic: Contender | None = None,
) -> SegmentVerdict:
    """Try segments at each origin.

    Parameters
    ----------
    recipe : Recipe
        Of the winner; its settings name the segments, features all of them.
    rows : LabelledMatrix
        The training rows, in canonical order.
    origins : sequence of Origin
    winner : Contender
    trials : sequence of Trial
        One an origin.
    logistic : Contender or None
        The logistic regression, where it competed.

    Returns
    -------
    SegmentVerdict
    """
    columns = recipe.settings.segments_by or ()
    if winner.kind == "prior":
        return untried(columns, "the base rate has segments of its own")
    if not has_segments(rows, columns):
        return untried(columns, "the training leads are all of one")
    if len(trials) < FEWEST_ORIGINS:
        return untried(columns, UNTESTED)
    bases = [winner, *([logistic] if logistic is not None and logistic is not winner else [])]
    tried = []
    for base in bases:
        found = _try(based_on(recipe, base), rows, origins, base, trials, columns)
        if found is None:
            return untried(columns, "some part of the leads holds one outcome only")
        tried.append((base, *_simplest(found, trials)))
    base, form, contender = min(tried, key=lambda one: one[2].loss)
    gain, error = winner.loss - contender.loss, error_between(winner, contender, trials)
    used = SegmentForm(columns, form) if gain > NORMAL_95 * error else None
    how = FORM_WORDS[form] + ("" if base is winner else f" beside a {learner_words(base.kind)}")
    losses = contender.loss, winner.loss
    words = _words(", ".join(columns), how, used is not None, losses, gain, error)
    return SegmentVerdict(used, contender, gain, error, words, base)


def based_on(recipe: Recipe, base: Contender) -> Recipe:
    """Give the recipe of another contender that was tried beside the winner.

    Parameters
    ----------
    recipe : Recipe
        Of the winner.
    base : Contender

    Returns
    -------
    Recipe
    """
    if base.kind == recipe.kind:
        return recipe
    return replace(recipe, kind=base.kind, setups=base.setups, changed={})


def untried(columns: Sequence[str], why: str) -> SegmentVerdict:
    """Say why segments were not tried.

    Parameters
    ----------
    columns : sequence of str
    why : str

    Returns
    -------
    SegmentVerdict
    """
    return SegmentVerdict(None, None, None, None, _not_used(columns, why))


def _not_used(columns: Sequence[str], why: str) -> str:
    return f"segments by {', '.join(columns)} not used: {why}"


def _try(
    recipe: Recipe,
    rows: LabelledMatrix,
    origins: Sequence[Origin],
    winner: Contender,
    trials: Sequence[Trial],
    columns: Sequence[str],
) -> dict[Form, Contender] | None:
    log_odds: dict[Form, list[Floats]] = {form: [] for form in FORMS}
    for origin, trial, said in zip(origins, trials, winner.log_odds, strict=True):
        crossed = CrossFitted.of(recipe.whole_here, rows.rows(origin.train), recipe.held)
        if crossed is None:
            return None
        for form in FORMS:
            added = crossed.parts(columns, form).of(said, trial.values)
            log_odds[form].append(said + added)
    return {form: _contender(winner, log_odds[form], trials) for form in FORMS}


def _contender(winner: Contender, log_odds: list[Floats], trials: Sequence[Trial]) -> Contender:
    pairs = zip(log_odds, trials, strict=True)
    losses = tuple(loss_at_their_level(own, trial.converted) for own, trial in pairs)
    return replace(winner, kind=SEGMENTED, log_odds=tuple(log_odds), losses=losses)


def _simplest(found: dict[Form, Contender], trials: Sequence[Trial]) -> tuple[Form, Contender]:
    best = min(found.values(), key=lambda contender: contender.loss)
    return next(
        (form, one)
        for form, one in found.items()
        if one.loss - best.loss <= error_between(one, best, trials)
    )


def _words(
    columns: str,
    form: str,
    used: bool,
    losses: tuple[float, float],
    gain: float,
    error: float,
) -> str:
    low, high = gain - NORMAL_95 * error, gain + NORMAL_95 * error
    how = "used" if used else "not used"
    why = "" if used else "; all leads are scored by the whole"
    return (
        f"segments by {columns} {how}: log loss {losses[0]:.4f} with {form}, shrunken "
        f"to the whole, and {losses[1]:.4f} without (gain {gain:+z.4f}, 95 %: {low:+z.4f} to "
        f"{high:+z.4f}){why}"
    )

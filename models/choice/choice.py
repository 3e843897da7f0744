"""Choosing the learner: by the backtest, or by how little data there is."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any

import numpy as np

from leadcast.features.base.errors import LeadcastError
from leadcast.models.choice.backtest import Origin, Result, compare, rolling_origins, thinned_origin
from leadcast.models.choice.clocks import following, settled
from leadcast.models.choice.early_level import EarlyBacktest, EarlyLevel
from leadcast.models.choice.fitting import Grow, clocks_of, grow_here
from leadcast.models.choice.fresh import Recipe, Verdict, fit_final, judge_fresh, untold
from leadcast.models.choice.ladder import Progress, run_trials
from leadcast.models.choice.pool import Pool
from leadcast.models.choice.search import search_parameters
from leadcast.models.choice.segment_form import segment_features
from leadcast.models.choice.segment_trial import (
    UNTESTED,
    SegmentVerdict,
    based_on,
    judge_segments,
    untried,
)
from leadcast.models.choice.setups import Contender, contenders, default_setup, winner_of
from leadcast.models.choice.shrinkage import shrunken, shrunken_contender, with_one_setup
from leadcast.models.choice.trial import Trial
from leadcast.models.data import Floats, Integers, LabelledMatrix
from leadcast.models.learners.learner_store import FittedLearner, learner_words
from leadcast.models.learners.rows import canonical_order, leads_with
from leadcast.models.settings import LearnerSettings


@dataclass(frozen=True)
class OutOfTime:
    """Predictions of training rows by models that had not seen them: for the calibrator."""

    index: Integers
    """Row numbers of the data given to `choose`."""
    log_odds: Floats
    """Of the learner chosen, fitted before each row's origin."""
    origin: Integers
    """Which origin, 0 for the earliest."""
    early: Floats
    """By how much early conversions moved the level at each row's origin."""


@dataclass(frozen=True)
class Choice:
    """The learner chosen, and why.

    Parameters
    ----------
    learner : FittedLearner
        Fitted on all training rows.
    backtest : tuple of Result
        Each candidate at each origin; empty where no origin could be placed.
    notes : tuple of str
        For people.
    warnings : tuple of str
        Those of the notes that a reader of the scores must know: what there was too little data
        for.
    setup : dict
        The recipe by which the learner was fitted, as `leadcast.models.choice.fresh.Recipe.to_json`
        gives it: by it the same can be fitted on other rows.
    out_of_time : OutOfTime
        Empty where no origin could be placed.
    fresh : Verdict or None
        Whether fresh snapshots were learned from; None where that was not asked.
    segments : SegmentVerdict or None
        Whether segments have levels and slopes of their own; None where that was not asked.
    early : EarlyLevel or None
        By how much early conversions move the level of `learner`; None where they tell nothing.
    """

    learner: FittedLearner
    backtest: tuple[Result, ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    setup: dict[str, Any]
    out_of_time: OutOfTime
    fresh: Verdict | None = None
    segments: SegmentVerdict | None = None
    early: EarlyLevel | None = None


def choose(
    data: LabelledMatrix,
    settings: LearnerSettings,
    progress: Progress | None = None,
    pool: Pool | None = None,
    grow: Grow = grow_here,
) -> Choice:
    """Let the learners compete, and fit the winner on all rows.

    Parameters
    ----------
    data : LabelledMatrix
        The training rows, mature, in any order.
    settings : LearnerSettings
    progress : callable, optional
        Told what is being done, and the share done.
    pool : Pool, optional
        These rows and fresh ones: by the latter the level is moved, and where the settings ask for
        it they may be learned from as well.
    grow : callable
        Grows the trees of the winner.

    Returns
    -------
    Choice

    Raises
    ------
    LeadcastError
        If no lead was won, or none was not; if `settings.monotone` names what cannot be.
    """
    began, tell = monotonic(), progress or _say_nothing
    settings = _with_known_segments(settings.for_rows(len(data)), data)
    order = canonical_order(data)
    rows = data.rows(order)
    kinds, warnings = _affordable(rows, settings)
    few = bool(warnings) and "logistic" in kinds
    settings = with_one_setup(settings) if few else settings
    origins = _origins(rows, settings) if kinds != ("prior",) else ()
    early = EarlyBacktest.of(pool, origins, settings)
    tried = pool if settings.fresh_snapshots else None
    trials = run_trials(rows, origins, settings, kinds, tell, early.values)
    settings, follow = settled(trials, settings)
    trials = [following(trial, follow) for trial in trials]
    if not trials:
        untried = None if tried is None else untold()
        choice = _without_backtest(rows, kinds, warnings, settings, grow)
        return replace(choice, fresh=untried, early=early.now(choice.learner))
    found = contenders(trials, kinds, settings)
    if few:
        found["logistic"] = shrunken_contender(found["logistic"], rows, trials, settings)
    winner = winner_of(found, trials)
    search_began = monotonic()
    changed, winner, more = search_parameters(rows, origins, winner, trials, settings, tell)
    search_ended = monotonic()
    recipe = Recipe(winner.kind, winner.setups, settings, changed, grow)
    segments = None
    if settings.segments_by:
        tell("backtest, segments", 0.8)
        logistic = found.get("logistic")
        segments = judge_segments(recipe, rows, origins, winner, trials, logistic)
        recipe, winner = _with_segments(segments, found, recipe, winner)
    fresh = None if tried is None else judge_fresh(recipe, rows, origins, tried)
    warnings += _of_others(recipe.kind, settings)
    tell(f"fitting {learner_words(recipe.kind)} on all rows", 0.9)
    used = tried if fresh is not None and fresh.used else None
    learner = fit_final(recipe, data, used)
    # Early conversions that are learned from one by one do not move the level again.
    early = early if used is None else EarlyBacktest()
    if more:
        search = search_ended - search_began
        rest = monotonic() - began - search
        more += (f"the search took {search:.0f} s, training without it {rest:.0f} s",)
    told = (_words(found, winner, len(origins)), *more, *_clock_words(learner, rows, trials))
    told += () if segments is None else (segments.words,)
    table = _table(found, winner, rows, origins)
    past = _out_of_time(order, trials, winner, fresh, early.shifts(trials, settings))
    notes, setup, now = (*warnings, *told), recipe.to_json(), early.now(learner)
    return Choice(learner, table, notes, warnings, setup, past, fresh, segments, now)


def _with_segments(
    segments: SegmentVerdict, found: dict[str, Contender], recipe: Recipe, winner: Contender
) -> tuple[Recipe, Contender]:
    """Let segments compete, and take them where they won."""
    if segments.contender is None:
        return recipe, winner
    found[segments.contender.kind] = segments.contender
    if segments.form is None or segments.base is None:
        return recipe, winner
    used = replace(based_on(recipe, segments.base), segments=segments.form)
    return used, segments.contender


def _with_known_segments(settings: LearnerSettings, data: LabelledMatrix) -> LearnerSettings:
    """Look segments up before anything is tried: it takes minutes."""
    named = segment_features(data.features, settings.segments_by or ())
    return settings.model_copy(update={"segments_by": named or None})


def _say_nothing(_what: str, _share: float) -> None:
    pass


def _affordable(
    data: LabelledMatrix, settings: LearnerSettings
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    won, lost = leads_with(data, 1.0), leads_with(data, 0.0)
    if won == 0 or lost == 0:
        missing = "was won" if won == 0 else "was not won"
        raise LeadcastError(
            f"of {len(np.unique(data.persons))} training leads with a mature label none {missing}: "
            "there is nothing to learn from. Take a longer horizon or export, or check the outcome "
            "columns of the source."
        )
    scarce, noun = (won, "won") if won <= lost else (lost, "not won")
    if scarce < settings.fewest_won_logistic:
        need = settings.fewest_won_logistic
        return ("prior",), (f"{scarce} {noun} leads: base rate only (a model needs {need})",)
    if scarce < settings.fewest_won_lightgbm:
        simple = tuple(k for k in settings.kinds if k in ("prior", "logistic")) or ("logistic",)
        need = settings.fewest_won_lightgbm
        what = (
            "boosted trees, and no estimators of others" if settings.estimators else "boosted trees"
        )
        return simple, (f"{scarce} {noun} leads: no {what} (they need {need})",)
    return settings.kinds, ()


def _origins(rows: LabelledMatrix, settings: LearnerSettings) -> tuple[Origin, ...]:
    most = settings.backtest_rows
    return tuple(thinned_origin(o, most) for o in rolling_origins(rows, settings.origins))


def _without_backtest(
    rows: LabelledMatrix,
    kinds: tuple[str, ...],
    warnings: tuple[str, ...],
    settings: LearnerSettings,
    grow: Grow,
) -> Choice:
    kind = kinds[0] if len(kinds) == 1 else next(k for k in ("logistic", *kinds) if k in kinds)
    if kind != "prior":
        warnings += (
            f"{learner_words(kind)}, untested: the rows are too few, or too close in time, for a "
            "backtest",
            *_of_others(kind, settings),
        )
    setup = default_setup(settings, kind)
    if kind == "logistic":
        setup = shrunken(setup, rows, settings)
    recipe = Recipe(kind, (setup,), settings, {}, grow)
    nothing = np.zeros(0, np.int64)
    learner = recipe.fitted(rows)
    past = OutOfTime(nothing, np.zeros(0), nothing, np.zeros(0))
    told = _clock_words(learner, rows)
    segments = None
    if settings.segments_by:
        segments = untried(settings.segments_by, UNTESTED)
        told += (segments.words,)
    notes = (*warnings, *told)
    return Choice(learner, (), notes, warnings, recipe.to_json(), past, segments=segments)


def _words(found: dict[str, Contender], winner: Contender, origins: int) -> str:
    losses = {c.kind: f"{learner_words(c.kind)} {c.loss:.4f}" for c in found.values()}
    others = [words for kind, words in losses.items() if kind != winner.kind]
    against = f" against {', '.join(others)}" if others else ""
    where = "1 origin" if origins == 1 else f"{origins} rolling origins"
    return (
        f"{learner_words(winner.kind)} chosen: log loss {winner.loss:.4f}{against}, at the level "
        f"of the later leads, over {where}"
        f"{_recency(winner)}"
    )


def _of_others(kind: str, settings: LearnerSettings) -> tuple[str, ...]:
    """Say of an estimator of others what its reasons are."""
    if kind not in settings.estimators:
        return ()
    return (
        f"{kind} ({settings.estimators[kind].estimator}) is no learner of Leadcast's: the reasons "
        "of its scores are Shapley values by sampling, as for any model; they add up to the score "
        "exactly, and which feature has how much of it is estimated",
    )


def _recency(winner: Contender) -> str:
    half_lives = [s.half_life for s in winner.setups if s.half_life is not None]
    if not half_lives:
        return ""
    whose = "" if len(half_lives) == len(winner.setups) else " in a part of it"
    spans = ", ".join(f"{half_life:.0%}" for half_life in half_lives)
    return f"; recent leads weigh more{whose} (half-life {spans} of the training span)"


def _clock_words(
    learner: FittedLearner, data: LabelledMatrix, trials: Sequence[Trial] = ()
) -> tuple[str, ...]:
    followed = clocks_of(learner)
    held = trials[-1].ground.clocks if trials else ()
    names = [data.features[place].name for place in followed or sorted(held)]
    if not names or learner.kind == "prior":
        return ()
    does = (
        "they move the level of all leads alike, as far as it has been known to move"
        if followed
        else "the level does not follow them, since that has not held on later leads"
    )
    told = ", ".join(names)
    return (
        f"clocks, which tell the time rather than the lead: {told}; {does}, and no tree sees them",
    )


def _table(
    found: dict[str, Contender],
    winner: Contender,
    rows: LabelledMatrix,
    origins: tuple[Origin, ...],
) -> tuple[Result, ...]:
    log_odds = {kind: contender.log_odds for kind, contender in found.items()}
    log_odds[winner.kind] = winner.log_odds
    return compare(log_odds, winner.kind, rows, origins)


def _out_of_time(
    order: Integers,
    trials: list[Trial],
    winner: Contender,
    fresh: Verdict | None,
    early: Sequence[float],
) -> OutOfTime:
    log_odds = winner.log_odds
    if fresh is not None and fresh.used and len(fresh.tried) == len(trials):
        # What is calibrated is what is used.
        log_odds = tuple(tried.log_odds for tried in fresh.tried)
    each = [len(trial.index) for trial in trials]
    return OutOfTime(
        index=order[np.concatenate([trial.index for trial in trials])],
        log_odds=np.concatenate(log_odds),
        origin=np.repeat(np.arange(len(trials)), each),
        early=np.repeat(early, each),
    )

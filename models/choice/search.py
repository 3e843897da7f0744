"""An optional search for LightGBM's parameters, within a time budget.

Optuna's tree-structured Parzen estimator, pruned after each origin by the median of the other
trials; the study is kept in a SQLite file if one is named, and goes on where it stopped. It is a
study of these rows and of this winner: with others, the same file begins another one, since losses
on other rows cannot be compared.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from time import monotonic
from typing import Any

import numpy as np

from leadcast.features.base.errors import LeadcastError
from leadcast.models.choice.backtest import Origin, loss_at_their_level
from leadcast.models.choice.setups import Contender
from leadcast.models.choice.trial import Trial, WhatTreesSee
from leadcast.models.data import Floats, LabelledMatrix
from leadcast.models.learners.boosting import CAUTIOUS, OutOfTimeError, boost, for_trials
from leadcast.models.learners.regression import fit_regressions, lay_out, level_in_training
from leadcast.models.learners.rows import row_weights
from leadcast.models.settings import LearnerSettings

Progress = Callable[[str, float], None]
Retry = Callable[[Mapping[str, Any], Callable[[], bool] | None], Trial]


def search_parameters(
    rows: LabelledMatrix,
    origins: Sequence[Origin],
    winner: Contender,
    trials: Sequence[Trial],
    settings: LearnerSettings,
    tell: Progress,
) -> tuple[dict[str, Any], Contender, tuple[str, ...]]:
    """Look for parameters with which the winner's trees do better."""
    if settings.search_seconds == 0 or winner.kind not in ("lightgbm", "blend"):
        return {}, winner, ()
    search = _Search(rows, origins, winner, trials, settings, tell)
    study = _study(_study_name(rows, winner, settings), settings)
    search.run(study)
    tested = [t for t in study.trials if t.state.name == "COMPLETE"]
    # The settings searched are judged with the final weights, so the default is too.
    default = float(np.mean([_loss(_log_odds(winner, trial), trial) for trial in trials]))
    if not tested:
        words = "no setting was tested to the end; give it more time (model.search_seconds)"
        return {}, winner, (f"search: {words}",)
    if study.best_value >= default:
        return {}, winner, (f"search: {_counted(tested)}, none better than the default",)
    found = f"log loss {study.best_value:.4f} with the best, {default:.4f} by default"
    log_odds = search.log_odds_of(study.best_trial)
    losses = tuple(
        loss_at_their_level(own, t.converted) for own, t in zip(log_odds, trials, strict=True)
    )
    note = f"search: {_counted(tested)}, {found}"
    best = dict(study.best_params)
    return best, replace(winner, log_odds=log_odds, losses=losses), (note,)


class _Search:
    """Tries parameters at every origin, until the time is over."""

    def __init__(
        self,
        rows: LabelledMatrix,
        origins: Sequence[Origin],
        winner: Contender,
        trials: Sequence[Trial],
        settings: LearnerSettings,
        tell: Progress,
    ) -> None:
        self._began, self._seconds, self._tell = monotonic(), settings.search_seconds, tell
        self._told(0)
        self._winner = winner
        self._best: tuple[float, int, list[Floats]] = (np.inf, -1, [])
        self._retries = [
            _retry(rows, origin, trial, winner, settings)
            for origin, trial in zip(origins, trials, strict=True)
        ]

    def run(self, study: Any) -> None:  # noqa: ANN401 - optuna.Study, imported lazily
        """Try until the time is over; what is being tried then is cut off, and counts as pruned."""

        def after_each(study: Any, trial: Any) -> None:  # noqa: ANN401 - optuna's types
            self._told(trial.number + 1)
            if self._is_over():
                study.stop()

        if not self._is_over():
            study.optimize(self._try, callbacks=[after_each])

    def log_odds_of(self, best: Any) -> tuple[Floats, ...]:  # noqa: ANN401 - optuna.FrozenTrial
        """Give the winner's predictions with the best parameters.

        Where an earlier search has found them, they are tried once more, which takes its time.
        """
        _, number, kept = self._best
        if best.number == number:
            return tuple(kept)
        again = (retry(best.params, None) for retry in self._retries)
        return tuple(_log_odds(self._winner, trial) for trial in again)

    def _try(self, suggested: Any) -> float:  # noqa: ANN401 - optuna.Trial
        import optuna

        changed = _suggest(suggested)
        losses, kept = list[float](), list[Floats]()
        for place, retry in enumerate(self._retries):
            try:
                trial = retry(changed, self._is_over)
            except OutOfTimeError:
                raise optuna.TrialPruned from None
            kept.append(_log_odds(self._winner, trial))
            losses.append(_loss(kept[-1], trial))
            suggested.report(float(np.mean(losses)), place)
            self._told(suggested.number)
            if suggested.should_prune():
                raise optuna.TrialPruned
        loss = float(np.mean(losses))
        if loss < self._best[0]:
            self._best = (loss, suggested.number, kept)
        return loss

    def _is_over(self) -> bool:
        return monotonic() - self._began >= self._seconds

    def _told(self, n_tested: int) -> None:
        done = min((monotonic() - self._began) / self._seconds, 1.0)
        self._tell(f"search, {n_tested} settings tested", 0.8 + 0.1 * done)


def _suggest(suggested: Any) -> dict[str, Any]:  # noqa: ANN401 - optuna.Trial, imported lazily
    return {
        "learning_rate": suggested.suggest_float("learning_rate", 0.02, 0.2, log=True),
        "num_leaves": suggested.suggest_int("num_leaves", 4, 63, log=True),
        "min_data_in_leaf": suggested.suggest_int("min_data_in_leaf", 5, 200, log=True),
        "feature_fraction": suggested.suggest_float("feature_fraction", 0.2, 1.0),
        "bagging_fraction": suggested.suggest_float("bagging_fraction", 0.4, 1.0),
        "lambda_l2": suggested.suggest_float("lambda_l2", 0.1, 100.0, log=True),
        "extra_trees": suggested.suggest_categorical("extra_trees", [True, False]),
    }


def _study_name(rows: LabelledMatrix, winner: Contender, settings: LearnerSettings) -> str:
    told = settings.model_dump(exclude={"search_seconds", "search_file", "num_threads"})
    digest = hashlib.sha256(repr((told, winner.kind, winner.setups)).encode())
    for part in (rows.values, rows.converted, rows.position, rows.group):
        digest.update(np.ascontiguousarray(part).data)
    return f"lightgbm-{digest.hexdigest()[:16]}"


def _study(name: str, settings: LearnerSettings) -> Any:  # noqa: ANN401 - optuna.Study, imported lazily
    import optuna
    from sqlalchemy.exc import DatabaseError

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    file = settings.search_file
    try:
        study = optuna.create_study(
            study_name=name,
            storage=None if file is None else f"sqlite:///{file}",
            load_if_exists=True,
            pruner=optuna.pruners.MedianPruner(n_startup_trials=5),
        )
    except DatabaseError as error:
        raise LeadcastError(
            f"model.search_file: {file!r} cannot be used ({error.orig}); name a new file, or one "
            "that a search has written, in a folder that exists and can be written to"
        ) from None
    # A search that goes on must not draw again what it has drawn.
    study.sampler = optuna.samplers.TPESampler(seed=settings.seed + len(study.trials))
    return study


def _counted(tested: Sequence[object]) -> str:
    return f"{len(tested)} setting{'' if len(tested) == 1 else 's'} tested to the end"


def _retry(
    rows: LabelledMatrix, origin: Origin, trial: Trial, winner: Contender, settings: LearnerSettings
) -> Retry:
    past, later = rows.rows(origin.train), rows.rows(origin.valid)
    layout = lay_out(past, settings)
    columns = layout.seen_by_trees
    few, seen = for_trials(settings), WhatTreesSee.of(layout, later)
    starts = {
        setup.half_life: fit_regressions(layout, setup.half_life, settings.penalties[:1])[0]
        for setup in winner.setups
    }

    def retry(changed: Mapping[str, Any], is_over: Callable[[], bool] | None) -> Trial:
        trees = {}
        for setup in winner.setups:
            level = level_in_training(layout, starts[setup.half_life], past)
            weight = row_weights(past, setup.half_life)
            stages = [stage.rounds for stage in setup.trees] or [1]
            capacity = setup.trees[0].capacity if setup.trees else CAUTIOUS
            how = (few, dict(changed), is_over, capacity)
            boosters = boost(past, weight, level, columns, max(stages), *how)
            for rounds in stages:
                added = seen.added(boosters, 0, rounds).centred
                trees[setup.half_life, (capacity, rounds)] = added
        return replace(trial, trees=trees)

    return retry


def _loss(log_odds: Floats, trial: Trial) -> float:
    return float(loss_at_their_level(log_odds, trial.converted).mean())


def _log_odds(winner: Contender, trial: Trial) -> Floats:
    return np.asarray(np.mean([setup.log_odds(trial) for setup in winner.setups], axis=0))

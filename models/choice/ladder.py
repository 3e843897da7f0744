"""The trials of all learners at all origins, with trees as bold as the data allow.

Little data bear cautious trees only; much data with interactions want deep ones
(`learners.boosting.CAPACITIES`). Bolder trees are first tried at the latest origin, where there is
most to learn from, and at the others only where they do better there than the best so far. All
rows weigh alike in them: what recent rows tell more of, the cautious ones are tried for.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from threadpoolctl import threadpool_limits

from leadcast.models.choice.backtest import Origin, loss_at_their_level
from leadcast.models.choice.trial import (
    HalfLife,
    Start,
    Trial,
    trial_of,
    try_curves,
    try_estimator,
    try_trees,
)
from leadcast.models.data import LabelledMatrix, Matrix
from leadcast.models.learners.boosting import CAUTIOUS
from leadcast.models.learners.regression import Regression
from leadcast.models.learners.rows import leads_with
from leadcast.models.settings import Capacity, EstimatorCandidate, LearnerSettings

Progress = Callable[[str, float], None]
"""Called with what is being done and the share done."""
FEWEST_WON_DEEP = 1_000
"""So many leads of the rarer outcome are needed for deep trees to compete; for the other bolder
ones as many as for trees at all: rules that hold without exception show in few leads."""


def run_trials(
    rows: LabelledMatrix,
    origins: Sequence[Origin],
    settings: LearnerSettings,
    kinds: Sequence[str],
    tell: Progress,
    early: Sequence[Matrix] = (),
) -> list[Trial]:
    """Fit and try all setups of all learners at all origins, each with its early rows, if any."""
    if not origins:
        return []
    tell(f"backtest, {len(origins)} origins", 0.0)
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(settings.num_threads) as pool:
        ladder = _Ladder(pool, rows, origins, settings, early)
        for candidate in settings.estimators.values():
            if candidate.kind in kinds:
                tell(f"backtest, {candidate.kind}", 0.1)
                ladder.try_estimator(candidate)
        if not {"lightgbm", "blend"} & set(kinds):
            return ladder.trials
        ladder.grow(CAUTIOUS, ladder.places, settings.half_lives)
        tell("backtest, bolder trees", 0.3)
        ladder.climb(_affordable(rows, settings), tell)
        return ladder.trials


def _affordable(rows: LabelledMatrix, settings: LearnerSettings) -> list[Capacity]:
    scarce = min(leads_with(rows, outcome) for outcome in (0.0, 1.0))
    bolder = (name for name in settings.capacities if name != CAUTIOUS)
    return [name for name in bolder if name != "deep" or scarce >= FEWEST_WON_DEEP]


class _Ladder:
    """The trials at all origins, to which bolder and bolder trees are added."""

    def __init__(
        self,
        pool: ThreadPoolExecutor,
        rows: LabelledMatrix,
        origins: Sequence[Origin],
        settings: LearnerSettings,
        early: Sequence[Matrix],
    ) -> None:
        self._pool = pool
        self._losses: dict[tuple[int, Capacity], float] = {}
        # What is done inside of a thread keeps to it.
        self._settings = settings.model_copy(update={"num_threads": 1})
        self.places = range(len(origins))
        self._starts = list(
            pool.map(
                lambda one, own: Start.at(rows, one.train, one.valid, self._settings, own),
                origins,
                early or [None] * len(origins),
            )
        )
        half_lives = settings.half_lives
        jobs = [(start, half_life) for start in self._starts for half_life in half_lives]
        tried = iter(list(pool.map(lambda job: try_curves(job[0], job[1], self._settings), jobs)))
        by_half_life = [{h: next(tried) for h in half_lives} for _ in origins]
        self._regressions: list[dict[HalfLife, Regression]] = [
            {h: one.first for h, one in own.items()} for own in by_half_life
        ]
        pairs = zip(self._starts, by_half_life, strict=True)
        self.trials = [trial_of(*pair, self._settings) for pair in pairs]

    def grow(
        self, capacity: Capacity, places: Sequence[int], half_lives: Sequence[HalfLife]
    ) -> None:
        """Grow trees of a capacity at some of the origins."""
        jobs = [(place, half_life) for place in places for half_life in half_lives]

        def run(job: tuple[int, HalfLife]) -> None:
            place, half_life = job
            regression = self._regressions[place][half_life]
            found = try_trees(self._starts[place], half_life, regression, self._settings, capacity)
            # Each job writes keys of its own.
            self.trials[place].trees.update({(half_life, stage): a for stage, a in found.items()})

        list(self._pool.map(run, jobs))

    def try_estimator(self, candidate: EstimatorCandidate) -> None:
        """Try an estimator of others at all origins."""
        for start, trial in zip(self._starts, self.trials, strict=True):
            trial.estimators[candidate.kind] = try_estimator(start, candidate, self._settings)

    def climb(self, bolder: Sequence[Capacity], tell: Progress) -> None:
        """Try bolder trees, as long as they do better than the best so far."""
        steady = self._settings.half_lives[:1]
        best, latest = CAUTIOUS, self.places[-1]
        for number, capacity in enumerate(bolder, start=1):
            self.grow(capacity, [latest], steady)
            if self._excess(latest, capacity, best) > 0:
                break
            self.grow(capacity, self.places[:-1], steady)
            if np.mean([self._excess(place, capacity, best) for place in self.places]) < 0:
                best = capacity
            tell(f"backtest, bolder trees: {capacity}", 0.3 + 0.4 * number / len(bolder))

    def _excess(self, place: int, capacity: Capacity, best: Capacity) -> float:
        return self._loss(place, capacity) - self._loss(place, best)

    def _loss(self, place: int, capacity: Capacity) -> float:
        """Give the log loss after the rounds that did best at the origin, computed once."""
        if (place, capacity) not in self._losses:
            trial, steady = self.trials[place], self._settings.half_lives[0]
            stages = [a for (h, (c, _)), a in trial.trees.items() if (h, c) == (steady, capacity)]
            losses = (
                loss_at_their_level(trial.log_odds(a, steady), trial.converted) for a in stages
            )
            self._losses[place, capacity] = min(float(own.mean()) for own in losses)
        return self._losses[place, capacity]

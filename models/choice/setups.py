"""Reading the trials: the best setup of each learner, and their out-of-time predictions.

The blend's weights: how far each shape is to be trusted, from out-of-time predictions.

Stacking on the log-odds scale with weights that are not negative (Breiman 1996, "Stacked
regressions"), drawn towards a half each, with an intercept for each origin so that a level that
was missed does not bend them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from leadcast.models.choice.backtest import error_over_origins, loss_at_their_level, paired_error
from leadcast.models.choice.trial import Added, HalfLife, Stage, Trial
from leadcast.models.data import Flags, Floats, Integers
from leadcast.models.learners.boosting import CAPACITIES, CAUTIOUS
from leadcast.models.settings import Capacity, LearnerSettings

PRIOR_WEIGHT = 0.5
PRIOR_PRECISION = 200.0
"""Strong: the origins are few, and their rows are less alike than independent rows would be."""
LEVEL_PRECISION = 1.0
MOST_STEPS = 50
LONGEST_STEP = 1.0


def blend_weights(
    level: Floats,
    shapes: Floats,
    converted: Floats,
    origin: Integers,
    strength: float = PRIOR_PRECISION,
) -> Floats:
    """Fit the weights of shapes; by `strength` they are drawn to a half each."""
    number = shapes.shape[1]
    design = np.column_stack([shapes, np.eye(int(origin.max()) + 1)[origin]])
    levels = design.shape[1] - number
    precision = np.r_[np.full(number, strength), np.full(levels, LEVEL_PRECISION)]
    centre = np.r_[np.full(number, PRIOR_WEIGHT), np.zeros(levels)]
    free, place = np.ones(len(centre), dtype=bool), centre.copy()
    for _ in range(number + 1):
        place = _fit(level, design, converted, precision, np.where(free, centre, 0.0), free)
        # A weight that came out negative is held at 0 and the rest is fitted again.
        negative = (place < 0) & (np.arange(len(place)) < number)
        if not negative.any():
            break
        free &= ~negative
    return np.asarray(place[:number])


def _fit(
    level: Floats,
    design: Floats,
    converted: Floats,
    precision: Floats,
    centre: Floats,
    free: Flags,
) -> Floats:
    place, own = centre.copy(), design[:, free]
    for _ in range(MOST_STEPS):
        expected = 1 / (1 + np.exp(-(level + own @ place[free])))
        slope = own.T @ (expected - converted) + precision[free] * (place - centre)[free]
        curvature = (own * (expected * (1 - expected))[:, None]).T @ own
        curvature[np.diag_indices(len(slope))] += precision[free]
        step = np.linalg.solve(curvature, slope)
        place[free] -= step / max(1.0, float(np.abs(step).max()) / LONGEST_STEP)
        if np.abs(step).max() < 1e-9:
            break
    return place


NEAR = 2.0
"""Half-lives within so many standard errors of the best are averaged: they cannot be told apart."""
BEST_ROUNDS = 2
"""So many numbers of rounds are averaged for each half-life; a blend averages all penalties."""

Weights = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class WeighedTrees:
    """Trees of a setup."""

    capacity: Capacity
    """A key of `learners.boosting.CAPACITIES`."""
    rounds: int
    weight: float
    """Of the trees after so many rounds."""


@dataclass(frozen=True)
class Setup:
    """How an additive learner is to be fitted."""

    half_life: HalfLife
    """Of the recency weights, as a share of the training span."""
    curves: Weights = ()
    """Penalties, each with the weight of its regression's curves."""
    trees: tuple[WeighedTrees, ...] = ()
    estimator: str | None = None
    """The name of an estimator of others, which stands alone."""

    @property
    def damped(self) -> "Setup":
        """The same, its weights brought down to a sum of 1 where they exceed it."""
        over = max(1.0, sum(w for _, w in self.curves) + sum(each.weight for each in self.trees))
        curves = tuple((penalty, weight / over) for penalty, weight in self.curves)
        trees = tuple(replace(each, weight=each.weight / over) for each in self.trees)
        return replace(self, curves=curves, trees=trees)

    def log_odds(self, trial: Trial) -> Floats:
        """Predict an origin's rows."""
        total = trial.nothing
        for penalty, weight in self.curves:
            total += trial.curves[self.half_life, penalty] * weight
        for trees in self.trees:
            stage = (trees.capacity, trees.rounds)
            total += trial.trees[self.half_life, stage] * trees.weight
        if self.estimator is not None:
            total += trial.estimators[self.estimator]
        return trial.log_odds(total, self.half_life)


_SETUPS = TypeAdapter(tuple[Setup, ...])


def plain_setups(setups: Sequence[Setup]) -> list[dict[str, Any]]:
    """Give setups as plain data; an estimator is named where there is one."""
    told = [asdict(setup) for setup in setups]
    return [{key: v for key, v in one.items() if (key, v) != ("estimator", None)} for one in told]


def setups_of(content: object) -> tuple[Setup, ...]:
    """Read back what `plain_setups` gave, JSON in between or not."""
    return _SETUPS.validate_python(content)


@dataclass(frozen=True)
class Contender:
    """A learner's best setup."""

    kind: str
    setups: tuple[Setup, ...]
    """One; of a blend, one for each half-life that is averaged."""
    log_odds: tuple[Floats, ...]
    """For each origin, of the rows tried. A blend's weights are there those of other origins."""
    losses: tuple[Floats, ...]
    """Likewise, each row's log loss."""

    @property
    def caution(self) -> tuple[Capacity, HalfLife]:
        """The capacity of its first trees, if any, and the half-life of its rows."""
        first = self.setups[0]
        return first.trees[0].capacity if first.trees else CAUTIOUS, first.half_life

    @property
    def loss(self) -> float:
        """Average the log loss over origins, each counting the same."""
        return float(np.mean([own.mean() for own in self.losses]))


def contenders(
    trials: Sequence[Trial], kinds: Sequence[str], settings: LearnerSettings
) -> dict[str, Contender]:
    """Find each learner's best setup."""
    makers = {"prior": _priors, "logistic": _logistics, "lightgbm": _forests, "blend": _blends}
    found = {}
    for kind in kinds:
        if kind in settings.estimators:
            found[kind] = single(kind, default_setup(settings, kind), trials)
        else:
            found[kind] = steadiest(makers[kind](trials, settings), trials)
    return found


def winner_of(found: dict[str, Contender], trials: Sequence[Trial]) -> Contender:
    """Pick the learner: the best, or the blend where the best is better by chance only.

    A blend that is taken for steadiness alone says no more than its parts do together.
    """
    best = min(found.values(), key=lambda contender: contender.loss)
    if best.kind == "blend" or "blend" not in found:
        return best
    hedge = _damped(found["blend"], trials)
    return hedge if hedge.loss - best.loss <= error_between(hedge, best, trials) else best


def steadiest(tried: Sequence[Contender], trials: Sequence[Trial]) -> Contender:
    """Pick the best contender, or the first kind that is worse than it by chance only.

    Those tried come with the steadiest kind first: of trees the cautious ones, and all rows
    weighed alike before recent rows weighing more.
    """
    best = min(tried, key=lambda contender: contender.loss)
    for kind in dict.fromkeys(contender.caution for contender in tried):
        own = [contender for contender in tried if contender.caution == kind]
        candidate = min(own, key=lambda contender: contender.loss)
        if candidate.loss - best.loss <= error_between(candidate, best, trials):
            return candidate
    return best


def default_setup(settings: LearnerSettings, kind: str) -> Setup:
    """Give the setup for data that no origin can be placed in, and the one of an estimator."""
    if kind in settings.estimators:
        return Setup(None, estimator=kind)
    penalty = settings.middle_penalty
    weight = PRIOR_WEIGHT if kind == "blend" else 1.0
    curves = () if kind == "lightgbm" else ((penalty, weight),)
    has_trees = kind in ("lightgbm", "blend")
    trees = (WeighedTrees(CAUTIOUS, settings.rounds[0], weight),) if has_trees else ()
    return Setup(None, curves, trees)


def _damped(blend: Contender, trials: Sequence[Trial]) -> Contender:
    return _mean_of([single("blend", setup.damped, trials) for setup in blend.setups], trials)


def _mean_of(members: Sequence[Contender], trials: Sequence[Trial]) -> Contender:
    """Average blends of several half-lives."""
    origins = zip(*(member.log_odds for member in members), strict=True)
    log_odds = [np.asarray(np.mean(parts, axis=0)) for parts in origins]
    return _contender("blend", tuple(member.setups[0] for member in members), log_odds, trials)


def error_between(one: Contender, other: Contender, trials: Sequence[Trial]) -> float:
    """Estimate the standard error of how much two contenders differ, over rows and origins.

    Parameters
    ----------
    one, other : Contender
    trials : sequence of Trial

    Returns
    -------
    float
    """
    triples = list(zip(one.losses, other.losses, trials, strict=True))
    within = [paired_error(a - b, trial.group) for a, b, trial in triples]
    means = np.array([float((a - b).mean()) for a, b, _ in triples])
    of_rows = float(np.sqrt(np.square(within).sum())) / len(means)
    return max(of_rows, error_over_origins(means))


def _contender(
    kind: str, setups: tuple[Setup, ...], log_odds: list[Floats], trials: Sequence[Trial]
) -> Contender:
    pairs = zip(log_odds, trials, strict=True)
    losses = (loss_at_their_level(own, trial.converted) for own, trial in pairs)
    return Contender(kind, setups, tuple(log_odds), tuple(losses))


def single(kind: str, setup: Setup, trials: Sequence[Trial]) -> Contender:
    """Judge what one setup predicts at each origin."""
    return _contender(kind, (setup,), [setup.log_odds(trial) for trial in trials], trials)


def _priors(trials: Sequence[Trial], settings: LearnerSettings) -> list[Contender]:
    setup = default_setup(settings, "prior")
    return [_contender("prior", (setup,), [t.prior for t in trials], trials)]


def _logistics(trials: Sequence[Trial], settings: LearnerSettings) -> list[Contender]:
    options = product(settings.half_lives, settings.penalties)
    setups = (Setup(half_life, curves=((penalty, 1.0),)) for half_life, penalty in options)
    return [single("logistic", setup, trials) for setup in setups]


def _kinds_of_trees(
    trials: Sequence[Trial], settings: LearnerSettings
) -> Iterator[tuple[HalfLife, Capacity, list[int]]]:
    """List half-lives, capacities and rounds that were tried at all origins, steadiest first."""
    everywhere = set.intersection(*(set(trial.trees) for trial in trials))
    for capacity, half_life in product(CAPACITIES, settings.half_lives):
        tried = settings.rounds_of(capacity)
        rounds = [n for n in tried if (half_life, (capacity, n)) in everywhere]
        if rounds:
            yield half_life, capacity, rounds


def _forests(trials: Sequence[Trial], settings: LearnerSettings) -> list[Contender]:
    return [_forest(trials, *kind) for kind in _kinds_of_trees(trials, settings)]


def _forest(
    trials: Sequence[Trial], half_life: HalfLife, capacity: Capacity, rounds: Sequence[int]
) -> Contender:
    options = (
        single("lightgbm", Setup(half_life, trees=(WeighedTrees(capacity, n, 1.0),)), trials)
        for n in rounds
    )
    best = sorted(options, key=lambda option: option.loss)[:BEST_ROUNDS]
    share = 1 / len(best)
    stages = tuple(replace(option.setups[0].trees[0], weight=share) for option in best)
    return single("lightgbm", Setup(half_life, trees=stages), trials)


def _blends(trials: Sequence[Trial], settings: LearnerSettings) -> list[Contender]:
    penalties = settings.penalties
    members = [_member(trials, *kind, penalties) for kind in _kinds_of_trees(trials, settings)]
    capacity = steadiest(members, trials).caution[0]
    alike = [member for member in members if member.caution[0] == capacity]
    best = min(alike, key=lambda member: member.loss)
    near = [m for m in alike if m.loss - best.loss <= NEAR * error_between(m, best, trials)]
    return [_mean_of(near, trials)]


def _member(
    trials: Sequence[Trial],
    half_life: HalfLife,
    capacity: Capacity,
    rounds: Sequence[int],
    penalties: tuple[float, ...],
) -> Contender:
    options = [_Option(trials, half_life, penalties, (capacity, each)) for each in rounds]
    best = sorted(options, key=lambda option: option.loss)[:BEST_ROUNDS]
    everyone = list(range(len(trials)))
    log_odds = []
    for place in everyone:
        # Honest: an origin is judged with the weights that the others ask for.
        setup = _averaged(best, [other for other in everyone if other != place])
        log_odds.append(setup.log_odds(trials[place]))
    return _contender("blend", (_averaged(best, everyone),), log_odds, trials)


class _Option:
    """Curves of all penalties with trees of one number of rounds, weighed out of time."""

    def __init__(
        self,
        trials: Sequence[Trial],
        half_life: HalfLife,
        penalties: tuple[float, ...],
        stage: Stage,
    ) -> None:
        self.trials, self.half_life = trials, half_life
        self.penalties, self.stage = penalties, stage
        everyone = range(len(trials))
        losses = []
        for place, trial in enumerate(trials):
            setup = _averaged([self], [other for other in everyone if other != place])
            losses.append(loss_at_their_level(setup.log_odds(trial), trial.converted).mean())
        self.loss = float(np.mean(losses))

    def weights(self, places: list[int]) -> Floats:
        """Fit the weights of curves and trees on some origins."""
        if not places:
            return np.full(2, PRIOR_WEIGHT)
        chosen = [self.trials[place] for place in places]
        shapes = [(self._curves(t), t.trees[self.half_life, self.stage]) for t in chosen]
        levels = [
            trial.level((curves + trees) * PRIOR_WEIGHT, self.half_life).mean(trial.values)
            for trial, (curves, trees) in zip(chosen, shapes, strict=True)
        ]
        return blend_weights(
            np.concatenate(levels),
            np.concatenate([np.column_stack([c.tried, t.tried]) for c, t in shapes]),
            np.concatenate([trial.converted for trial in chosen]),
            np.repeat(np.arange(len(places)), [len(trial.index) for trial in chosen]),
        )

    def _curves(self, trial: Trial) -> Added:
        each = (trial.curves[self.half_life, penalty] for penalty in self.penalties)
        return sum(each, trial.nothing) * (1 / len(self.penalties))


def _averaged(options: list[_Option], places: list[int]) -> Setup:
    first = options[0]
    weights = np.array([option.weights(places) for option in options]) / len(options)
    own = float(weights[:, 0].sum()) / len(first.penalties)
    trees = (WeighedTrees(*o.stage, float(w)) for o, w in zip(options, weights[:, 1], strict=True))
    return Setup(
        half_life=first.half_life,
        curves=tuple((penalty, own) for penalty in first.penalties if own > 0),
        trees=tuple(sorted((each for each in trees if each.weight > 0), key=lambda t: t.rounds)),
    )

"""How often the comparison's intervals hold the truth, and how often it declares a false winner.

Run ``python -m benchmarks.comparison_coverage``: samples of worlds in which the difference of two
scores is known, among them two in which there is none. About eight minutes of one core.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from benchmarks.results import write_result
from features.tables import TIME
from models.comparison import Compared
from models.comparison.lists import Reached, Segments
from models.comparison.parts import Difference
from models.comparison.ranking import Replicated, rank, replicate
from models.data import Floats

REPETITIONS, REPLICATES, TRUTHS = 400, 300, 600
WEEK_US = 7 * 86_400_000_000
NAMES = ("auc_snapshots", "auc", "average_precision", "reached", "gain")


@dataclass(frozen=True)
class ScoredWorld:
    """Accounts of two leads, each lead at two ages, ranked by a learned score and by points.

    Parameters
    ----------
    accounts : int
        In a sample; two leads each.
    weeks : int
    learned_noise, points_noise : float
        What each score has beyond the true log-odds, in log-odds.
    points_step : float
        Points are rounded to multiples of it, in log-odds: the larger, the more ties.
    calls_per_week : float
    level : float
        Mean of the true log-odds.
    """

    accounts: int = 1000
    weeks: int = 20
    learned_noise: float = 0.6
    points_noise: float = 1.2
    points_step: float = 0.25
    calls_per_week: float = 20.0
    level: float = -2.6

    def draw(self, seed: int) -> Compared:
        """Draw a sample.

        Parameters
        ----------
        seed : int

        Returns
        -------
        Compared
            Both ages of each lead; the first stands on the call list.
        """
        generator = np.random.default_rng(seed)
        leads = 2 * self.accounts
        account = np.repeat(np.arange(self.accounts), 2)
        shared = generator.normal(0, 0.8, self.accounts)[account]
        log_odds = self.level + shared + generator.normal(0, 0.9, leads)
        converted = generator.random(leads) < 1 / (1 + np.exp(-log_odds))
        created = np.sort(generator.integers(0, self.weeks * WEEK_US, leads))
        rows = [
            self._rows(generator, log_odds, converted, account, created, age) for age in (0.0, 7.0)
        ]
        return Compared.of(pl.concat(rows), ())

    def _rows(
        self,
        generator: np.random.Generator,
        log_odds: Floats,
        converted: np.ndarray[Any, np.dtype[np.bool_]],
        account: np.ndarray[Any, np.dtype[np.int64]],
        created: np.ndarray[Any, np.dtype[np.int64]],
        age: float,
    ) -> pl.DataFrame:
        n = len(log_odds)
        learned = log_odds + self.learned_noise * generator.normal(size=n)
        points = log_odds + self.points_noise * generator.normal(size=n)
        # Monday, 6 January 2025: weeks begin where the sample does.
        position = created + 1_736_121_600_000_000 + int(age / 7 * WEEK_US)
        nothing = pl.Series([None] * n, dtype=pl.Float64)
        unknown = pl.Series([None] * n, dtype=pl.Boolean)
        return pl.DataFrame(
            {
                "lead_id": np.arange(n).astype(str),
                "as_of": pl.Series(position).cast(TIME),
                "landmark_days": np.full(n, age),
                "position": position,
                "group": account,
                "converted": converted,
                "probability": 1 / (1 + np.exp(-learned)),
                "points": np.round(points / self.points_step),
                "grade": ["A"] * n,
                **dict.fromkeys(("amount", "lower", "upper"), nothing),
                **dict.fromkeys(("worked", "random_slice"), unknown),
            }
        )


WORLDS = {
    "learned better": ScoredWorld(),
    "learned better, few leads": ScoredWorld(accounts=300, weeks=10, calls_per_week=12.0),
    "learned better, coarse points": ScoredWorld(points_step=2.0),
    "no difference": ScoredWorld(points_noise=0.6, points_step=1e-6),
    "no difference, few leads": ScoredWorld(
        accounts=300, weeks=10, calls_per_week=12.0, points_noise=0.6, points_step=1e-6
    ),
}


def coverage(
    world: ScoredWorld, repetitions: int, replicates: int, truths: int
) -> dict[str, dict[str, float]]:
    """Measure how often the intervals of the differences hold the truth.

    Parameters
    ----------
    world : ScoredWorld
    repetitions : int
        How many samples.
    replicates : int
        Of each bootstrap.
    truths : int
        How many further samples tell the truth: the mean difference over them.

    Returns
    -------
    dict of str to dict of str to float
        For each figure: ``truth``, ``mean`` of the differences seen, ``covered``, ``wins``
        (samples in which a difference showed).
    """
    truth = _truth(world, truths)
    found: dict[str, list[Difference]] = {name: [] for name in NAMES}
    for sample, seed in _samples(world, repetitions):
        drawn = _replicated(sample, world, replicates, seed)
        ranking = rank(sample, sample.capacities(world.calls_per_week), drawn)
        for name in NAMES:
            found[name].append(getattr(ranking, name).difference)
    return {name: _summary(found[name], truth[name]) for name in NAMES}


def _samples(world: ScoredWorld, repetitions: int) -> Iterator[tuple[Compared, int]]:
    return ((world.draw(seed), seed) for seed in range(repetitions))


def _replicated(sample: Compared, world: ScoredWorld, replicates: int, seed: int) -> Replicated:
    listed, capacities = sample.on_list, sample.capacities(world.calls_per_week)
    # Only the team's capacity is looked at, so that a replicate is quick.
    few = replace(capacities, per_week=np.array([world.calls_per_week]), chosen=0)
    nothing = Segments.none(listed.frame.height)
    drawn = replicate(listed, few, nothing, replicates=replicates, seed=seed)
    wide = len(capacities.per_week)
    return replace(
        drawn,
        seen=(_widened(drawn.seen[0], wide), _widened(drawn.seen[1], wide)),
        customers=np.repeat(drawn.customers, wide, axis=2),
    )


def _widened(reached: Reached, wide: int) -> Reached:
    return reached._replace(customers=np.repeat(reached.customers, wide))


def _truth(world: ScoredWorld, truths: int) -> dict[str, float]:
    sums = dict.fromkeys(NAMES, 0.0)
    for seed in range(10**6, 10**6 + truths):
        sample = world.draw(seed)
        ranking = rank(
            sample, sample.capacities(world.calls_per_week), _replicated(sample, world, 0, seed)
        )
        for name in NAMES:
            sums[name] += (getattr(ranking, name).difference.value or 0.0) / truths
    return sums


def _summary(found: list[Difference], truth: float) -> dict[str, float]:
    held = [
        one.low is not None and one.high is not None and one.low <= truth <= one.high
        for one in found
    ]
    return {
        "truth": truth,
        "mean": float(np.mean([one.value for one in found if one.value is not None])),
        "covered": float(np.mean(held)),
        "wins": float(np.mean([one.shows for one in found])),
    }


def main() -> None:
    """Measure every world, print and write what was found."""
    result: dict[str, Any] = {"repetitions": REPETITIONS, "replicates": REPLICATES}
    for name, world in WORLDS.items():
        result[name] = coverage(world, REPETITIONS, REPLICATES, TRUTHS)
        print(f"\n{name}")
        for figure, told in result[name].items():
            words = ", ".join(f"{key} {value:.3f}" for key, value in told.items())
            print(f"  {figure:<18} {words}", flush=True)
    write_result("comparison_coverage", result)


if __name__ == "__main__":
    main()

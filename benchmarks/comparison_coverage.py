"""How often the comparison's intervals hold the truth, and how often it declares a false winner.

Run ``python -m benchmarks.comparison_coverage``: samples of worlds in which the difference of two
scores is known, among them three in which there is none. About ten minutes of two cores.
"""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from typing import Any

import numpy as np
import polars as pl

from benchmarks.results import write_result
from leadcast.features.tables import TIME
from leadcast.models.comparison import Compared
from leadcast.models.comparison.lists import Segments
from leadcast.models.comparison.result import Difference
from leadcast.models.comparison.score_ranking import rank, replicate
from leadcast.models.data import Floats

REPETITIONS, REPLICATES, TRUTHS = 2000, 300, 4000
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


SAME = ScoredWorld(points_noise=0.6, points_step=1e-6)
"""Two scores that are equally good and differ by chance alone."""

WORLDS = {
    "learned better": ScoredWorld(),
    "learned better, few leads": ScoredWorld(accounts=300, weeks=10, calls_per_week=12.0),
    "learned better, coarse points": ScoredWorld(points_step=2.0),
    "learned better, ten customers": ScoredWorld(
        accounts=150, weeks=5, calls_per_week=10.0, level=-4.0
    ),
    "no difference": SAME,
    "no difference, few leads": replace(SAME, accounts=300, weeks=10, calls_per_week=12.0),
    "no difference, ten customers": replace(
        SAME, accounts=150, weeks=5, calls_per_week=10.0, level=-4.0
    ),
}


def coverage(
    world: ScoredWorld, repetitions: int, replicates: int, truths: int, processes: int = 2
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
        How many further samples tell the truth, together with these: the mean difference.
    processes : int

    Returns
    -------
    dict of str to dict of str to float
        For each figure: ``truth``, ``covered`` and ``wins`` (samples in which a difference
        showed), with the standard errors of these shares by chance, and ``error_ratio``: the mean
        standard error over the true one.
    """
    measured = partial(_differences, world, replicates)
    further = partial(_differences, world, 0)
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        found = list(pool.map(measured, range(repetitions), chunksize=20))
        told = list(pool.map(further, range(10**6, 10**6 + truths), chunksize=50))
    every = zip(NAMES, zip(*found, strict=True), zip(*(*found, *told), strict=True), strict=True)
    return {name: _summary(of, known) for name, of, known in every}


def _differences(world: ScoredWorld, replicates: int, seed: int) -> tuple[Difference, ...]:
    sample = world.draw(seed)
    capacities = sample.capacities(world.calls_per_week).only_team
    nothing = Segments.none(sample.on_list.frame.height)
    drawn = replicate(sample.on_list, capacities, nothing, replicates=replicates, seed=seed)
    ranking = rank(sample, capacities, drawn)
    return tuple(getattr(ranking, name).difference for name in NAMES)


def _summary(found: Sequence[Difference], known: Sequence[Difference]) -> dict[str, float]:
    truth = float(np.mean([one.value for one in known if one.value is not None]))
    held = [
        one.low is not None and one.high is not None and one.low <= truth <= one.high
        for one in found
    ]
    covered, wins = float(np.mean(held)), float(np.mean([one.shows for one in found]))
    spread = np.std([one.value for one in known if one.value is not None])
    errors = [one.standard_error for one in found if one.standard_error is not None]
    return {
        "truth": truth,
        "error_ratio": float(np.sqrt(np.mean(np.square(errors))) / spread),
        "covered": covered,
        "covered_by_chance": _chance(covered, len(found)),
        "wins": wins,
        "wins_by_chance": _chance(wins, len(found)),
    }


def _chance(share: float, repetitions: int) -> float:
    return float(np.sqrt(share * (1 - share) / repetitions))


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

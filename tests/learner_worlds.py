"""Small worlds with a known truth, for the tests of the learners."""

from dataclasses import replace

import numpy as np

from leadcast.features.registry import Feature
from leadcast.models.data import Floats, LabelledMatrix
from leadcast.models.settings import LearnerSettings

QUICK = LearnerSettings(
    num_threads=1,
    rounds=(20, 60),
    penalties=(10.0, 100.0),
    half_lives=(None,),
    capacities=("cautious",),
    seeds=1,
)

FEATURES = (
    Feature("visits", "engagement", "number", ("events",), "visits"),
    Feature("budget", "fit", "number", ("leads",), "budget"),
    Feature("channel", "source", "category", ("leads",), "channel", ("search", "mail", "fair")),
    Feature("opened", "engagement", "flag", ("events",), "has opened a mail"),
)


def logistic_world(n: int, seed: int = 0) -> tuple[LabelledMatrix, Floats]:
    """Make leads whose true log-odds are additive; give both."""
    random = np.random.default_rng(seed)
    values = np.empty((n, 4), dtype=np.float32)
    values[:, 0] = random.normal(size=n)
    values[:, 1] = np.where(random.random(n) < 0.15, np.nan, random.normal(size=n))
    values[:, 2] = np.where(random.random(n) < 0.1, np.nan, random.integers(0, 4, n))
    values[:, 3] = random.random(n) < 0.4
    truth = -0.7 + values[:, 0] + 0.6 * np.nan_to_num(values[:, 1]) + 0.5 * (values[:, 2] == 2)
    truth = np.asarray(truth - 0.4 * values[:, 3], dtype=np.float64)
    converted = (random.random(n) < 1 / (1 + np.exp(-truth))).astype(np.float64)
    place = np.arange(n, dtype=np.int64)
    return LabelledMatrix(values, FEATURES, converted, place, place, 0), truth


def with_clock(data: LabelledMatrix, clock: Floats) -> LabelledMatrix:
    """Add a feature that is a calendar in disguise."""
    values = np.column_stack([data.values, clock.astype(np.float32)])
    feature = Feature("interest_rate", "timing", "number", ("leads",), "interest rate")
    return replace(data, values=values, features=(*data.features, feature))


def with_won(data: LabelledMatrix, won: int) -> LabelledMatrix:
    """Keep so many leads won, evenly spaced, and make all others lost."""
    converted = np.zeros(len(data))
    converted[np.linspace(0, len(data) - 1, won).astype(int)] = 1.0
    return replace(data, converted=converted)

"""Won leads whose amounts follow a known law: by size, with a lognormal spread."""

import numpy as np

from leadcast.features.registry import Feature
from leadcast.models.amounts.amount_rows import AmountRows
from leadcast.models.data import Floats, LabelledMatrix

SPREAD = 0.5
FEATURES = (
    Feature("size", "fit", "number", ("leads.size",), "size"),
    Feature("channel", "source", "category", ("leads.channel",), "channel", ("a", "b")),
    Feature("noise", "fit", "number", ("leads.noise",), "noise"),
)
DAY = 86_400_000_000


def true_mean(values: Floats) -> Floats:
    """The mean amount given the features: 100 times the size, of a lognormal."""
    return np.asarray(100 * 10 ** values[:, 0] * np.exp(SPREAD**2 / 2))


def labelled(n: int, seed: int = 1, told: float = 1.0) -> tuple[LabelledMatrix, Floats]:
    """Won snapshots, one a lead and a day, and their amounts; `told` scales what size tells."""
    random = np.random.default_rng(seed)
    size = random.normal(0, 0.5, n)
    values = np.stack([size, random.integers(1, 3, n), random.normal(0, 1, n)], axis=1)
    values = values.astype(np.float32)
    wide = values.astype(np.float64)
    wide[:, 0] *= told
    amount = 100 * 10 ** wide[:, 0] * random.lognormal(0, SPREAD, n)
    position = np.arange(n) * DAY
    data = LabelledMatrix(values, FEATURES, np.ones(n), position, np.arange(n), 30 * DAY)
    return data, amount


def rows(n: int, seed: int = 1, told: float = 1.0) -> AmountRows:
    """The same as rows that amounts are learned from."""
    data, amount = labelled(n, seed, told)
    return AmountRows.of(data, amount, np.arange(n))

"""Tables whose true probabilities are known, to see what a learner makes of more and more rows.

Each kind is one sort of dependence, among columns that say nothing: 6 to 30 numbers and categories,
some values missing, base rates of 5 to 40 %. A table's rows come one after the other, and its test
is what comes next. With drift the level of all rows wanders over the time.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from leadcast.models.data import Floats, Integers
from leadcast.models.evaluation.logistic import sigmoid

TEST_ROWS = 5_000
TEST_SPAN = 0.05
"""How long the test goes on, as a share of the time of the rows before it."""
DRIFT_STEPS, DRIFT = 20, 0.15
"""Over the training rows the level takes so many random steps, each of this standard deviation."""
MISSING = 0.1

Effect = Callable[[Floats, Integers, np.random.Generator], Floats]
"""From numbers (0 where missing), codes of categories and a source of coefficients to log-odds, up
to their level and scale. Whatever is drawn must not depend on the number of rows."""


@dataclass(frozen=True)
class Kind:
    """One sort of dependence.

    Parameters
    ----------
    effect : callable
        What the columns do.
    numbers : int
        Columns of numbers; every second one has missing values, and every third is skewed.
    levels : tuple of int
        Values of each category; the last of one with more than two is a missing value.
    base_rate : float
        The mean of the true probabilities.
    spread : float
        The standard deviation of the true log-odds, without drift.
    rarity : float
        How unequal the values of a category are: the share of value k is that of
        ``(k + 1) ** -rarity``.
    """

    effect: Effect
    numbers: int
    levels: tuple[int, ...]
    base_rate: float
    spread: float = 1.2
    rarity: float = 0.7


@dataclass(frozen=True)
class Table:
    """Rows in time's order, with what was to be expected of each.

    Parameters
    ----------
    columns : pl.DataFrame
        Float64 and String, null where missing; the last are the test.
    truth : ndarray of float64, shape (n,)
        The probability of each row.
    converted : ndarray of float64, shape (n,)
        1.0 or 0.0, drawn with that probability.
    tested : int
        How many rows are the test.
    """

    columns: pl.DataFrame
    truth: Floats
    converted: Floats
    tested: int = TEST_ROWS


def additive(numbers: Floats, codes: Integers, draw: np.random.Generator) -> Floats:
    """Add lines and one number for each value of a category."""
    slopes = draw.normal(size=6)
    return np.asarray(numbers[:, :6] @ slopes + _by_code(codes[:, :3], draw))


def pairs(numbers: Floats, codes: Integers, draw: np.random.Generator) -> Floats:
    """Let two columns decide together: two numbers, a number and a category, two categories."""
    sizes = codes.max(axis=0) + 1
    slopes, cells = draw.normal(size=sizes[0]), draw.normal(size=(sizes[1], sizes[2]))
    mild = 0.3 * (numbers[:, 0] + numbers[:, 3])
    together = numbers[:, 0] * numbers[:, 1] + slopes[codes[:, 0]] * numbers[:, 2]
    return np.asarray(mild + together + cells[codes[:, 1], codes[:, 2]])


def triples(numbers: Floats, codes: Integers, draw: np.random.Generator) -> Floats:
    """Let three columns decide together, of numbers and of categories."""
    cells = draw.normal(size=tuple(codes[:, :3].max(axis=0) + 1))
    of_codes = cells[codes[:, 0], codes[:, 1], codes[:, 2]]
    of_numbers = numbers[:, 0] * numbers[:, 1] * (numbers[:, 2] > 0)
    return np.asarray(0.4 * numbers[:, 3] + of_numbers + of_codes)


def many_values(numbers: Floats, codes: Integers, draw: np.random.Generator) -> Floats:
    """Give each of thousands of values its own effect."""
    return np.asarray(0.5 * (numbers[:, 0] - numbers[:, 1]) + _by_code(codes[:, :3], draw))


def exclusive(numbers: Floats, codes: Integers, _: np.random.Generator) -> Floats:
    """Let one of two things count, but not both: no column tells anything alone."""
    of_numbers = np.sign(numbers[:, 0]) * np.sign(numbers[:, 1])
    of_codes = np.where((codes[:, 0] + codes[:, 1]) % 2, 1.0, -1.0)
    return np.asarray(of_numbers + of_codes)


def rare(numbers: Floats, codes: Integers, draw: np.random.Generator) -> Floats:
    """Let values that few rows have count for much, on top of two lines."""
    return np.asarray(0.3 * (numbers[:, 0] + numbers[:, 1]) + _by_code(codes, draw))


def needles(numbers: Floats, codes: Integers, draw: np.random.Generator) -> Floats:
    """Let three columns of thirty count."""
    return np.asarray(numbers[:, 0] - 0.8 * np.abs(numbers[:, 1]) + _by_code(codes[:, :1], draw))


def thresholds(numbers: Floats, _: Integers, draw: np.random.Generator) -> Floats:
    """Jump at three places of each of five numbers."""
    places, heights = draw.normal(size=(5, 3)), draw.normal(size=(5, 3))
    return np.asarray(((numbers[:, :5, None] > places) * heights).sum(axis=(1, 2)))


def curves(numbers: Floats, codes: Integers, draw: np.random.Generator) -> Floats:
    """Bend smoothly: a wave, a hill, a saturation and a bowl."""
    wave, hill = np.sin(2.5 * numbers[:, 0]), np.exp(-2 * (numbers[:, 1] - 0.5) ** 2)
    rise, bowl = np.tanh(1.5 * numbers[:, 2]), 0.3 * np.minimum(numbers[:, 3] ** 2, 9.0)
    return np.asarray(wave + 1.5 * hill + rise + bowl + 0.5 * _by_code(codes[:, :1], draw))


KINDS: Mapping[str, Kind] = {
    "additive": Kind(additive, 10, (3, 6, 12, 4), 0.25),
    "interactions of two": Kind(pairs, 8, (5, 6, 4, 8), 0.2, 1.4),
    "interactions of three": Kind(triples, 6, (4, 4, 4, 10), 0.3, 1.4),
    "high cardinality": Kind(many_values, 5, (2_000, 300, 40, 6), 0.1, rarity=0.9),
    "exclusive or": Kind(exclusive, 6, (2, 2, 5), 0.4, 1.4),
    "rare values": Kind(rare, 4, (2,) * 10 + (30, 30), 0.08, 1.0, rarity=6.0),
    "useless columns": Kind(needles, 18, (5,) * 6 + (15,) * 6, 0.12),
    "thresholds": Kind(thresholds, 9, (4, 7), 0.2, 1.4),
    "smooth curves": Kind(curves, 10, (5, 9), 0.05),
}


def draw_table(kind: Kind, rows: int, drifts: bool, seed: int) -> Table:
    """Draw a table: `rows` to learn from, and those of the test after them.

    Parameters
    ----------
    kind : Kind
    rows : int
        Rows before the test.
    drifts : bool
        Whether the level wanders.
    seed : int
        Of coefficients, rows and outcomes; the same coefficients whatever `rows` is.

    Returns
    -------
    Table
    """
    draw = np.random.default_rng([seed, rows])
    n = rows + TEST_ROWS
    numbers = draw.normal(size=(n, kind.numbers))
    numbers[:, ::3] = np.sign(numbers[:, ::3]) * numbers[:, ::3] ** 2 / np.sqrt(3)
    gone = draw.random(numbers.shape) < MISSING * (np.arange(kind.numbers) % 2)
    codes = np.column_stack([_codes(n, size, kind.rarity, draw) for size in kind.levels])
    seen = np.where(gone, 0.0, numbers)
    effect = kind.effect(seen, codes, np.random.default_rng([seed, 1]))
    centred = kind.spread * (effect - effect.mean()) / effect.std()
    passed = np.concatenate(
        [np.arange(rows) / rows, 1 + TEST_SPAN * np.arange(TEST_ROWS) / TEST_ROWS]
    )
    level = _wandering(passed, np.random.default_rng([seed, 2])) if drifts else np.zeros(n)
    truth = sigmoid(centred + level + _intercept(centred + level, kind.base_rate))
    converted = (draw.random(n) < truth).astype(np.float64)
    return Table(_frame(np.where(gone, np.nan, numbers), codes, kind.levels), truth, converted)


def _codes(n: int, size: int, rarity: float, draw: np.random.Generator) -> Integers:
    shares = (np.arange(size) + 1.0) ** -rarity
    return np.asarray(draw.choice(size, n, p=shares / shares.sum()), np.int64)


def _by_code(codes: Integers, draw: np.random.Generator) -> Floats:
    total = np.zeros(len(codes))
    for column in codes.T:
        # As many as there could be: what comes after must not hang on the rows that were drawn.
        total += draw.normal(size=4_096)[column]
    return total


def _wandering(passed: Floats, draw: np.random.Generator) -> Floats:
    steps = DRIFT * draw.normal(size=2 * DRIFT_STEPS).cumsum()
    return np.interp(passed * DRIFT_STEPS, np.arange(2 * DRIFT_STEPS), steps)


def _intercept(log_odds: Floats, base_rate: float) -> float:
    low, high = -20.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (
            (middle, high) if sigmoid(log_odds + middle).mean() < base_rate else (low, middle)
        )
    return (low + high) / 2


def _frame(numbers: Floats, codes: Integers, levels: tuple[int, ...]) -> pl.DataFrame:
    columns = [
        pl.Series(f"number_{place}", values).fill_nan(None)
        for place, values in enumerate(numbers.T)
    ]
    for place, (column, size) in enumerate(zip(codes.T, levels, strict=True)):
        names = [f"value {code}" for code in range(size)]
        texts: list[str | None] = [*names[:-1], None] if size > 2 else [*names]
        columns.append(pl.Series(f"category_{place}", texts, pl.String)[column])
    return pl.DataFrame(columns)

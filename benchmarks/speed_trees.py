"""The forest against LightGBM's own predict and pred_contrib: 500 trees of 63 leaves."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from benchmarks.timing import in_turns, ratio_of
from leadcast.models.data import Floats, Matrix
from leadcast.models.trees.trees import Forest

if TYPE_CHECKING:
    from lightgbm import Booster

N_FEATURES, N_CATEGORIES = 100, 10
TREES, LEAVES = 500, 63
TRAINED_ROWS = 20_000
MATRIX_ROWS = 100_000
"""So many rows of a stored matrix are read at a time."""


def make_matrix(n_rows: int, seed: int = 0) -> Matrix:
    """Draw rows with missing values and categories, as a feature matrix has them.

    Parameters
    ----------
    n_rows : int
    seed : int

    Returns
    -------
    ndarray of float32, shape (n_rows, N_FEATURES)
        The last `N_CATEGORIES` columns are codes from 0 to 29.
    """
    generator = np.random.default_rng(seed)
    values = generator.normal(size=(n_rows, N_FEATURES)).astype(np.float32)
    values[:, -N_CATEGORIES:] = generator.integers(0, 30, (n_rows, N_CATEGORIES))
    values[generator.random((n_rows, N_FEATURES), dtype=np.float32) < 0.1] = np.nan
    return values


def make_booster(trees: int = TREES) -> "Booster":
    """Train a model of the size that is asked, on little data.

    Parameters
    ----------
    trees : int

    Returns
    -------
    lightgbm.Booster
    """
    values = make_matrix(TRAINED_ROWS, seed=1)
    known = np.nan_to_num(values)
    liking = known[:, 0] + known[:, 1] * known[:, 2] + (known[:, -1] > 15) - 1
    return train_booster(values, liking, list(range(N_FEATURES - N_CATEGORIES, N_FEATURES)), trees)


def train_booster(
    values: Matrix, log_odds: Floats, categories: list[int], trees: int = TREES
) -> "Booster":
    """Train a model of the size that is asked on outcomes that are drawn.

    Parameters
    ----------
    values : ndarray of float32, shape (n_rows, n_features)
    log_odds : ndarray of float64, shape (n_rows,)
        Of the outcomes.
    categories : list of int
        The columns that hold codes.
    trees : int

    Returns
    -------
    lightgbm.Booster
    """
    import lightgbm

    generator = np.random.default_rng(2)
    converted = generator.random(len(values)) < 1 / (1 + np.exp(-log_odds))
    options = {
        "objective": "binary",
        "num_leaves": LEAVES,
        "min_data_in_leaf": 20,
        "learning_rate": 0.02,
        "feature_fraction": 0.5,
        "num_threads": 1,
        "verbose": -1,
    }
    data = lightgbm.Dataset(values, converted, categorical_feature=categories)
    return lightgbm.train(options, data, trees)


def measure_predictions(
    booster: "Booster", n_rows: int, threads: int, rounds: int, tell: Callable[[str], None]
) -> dict[str, Any]:
    """Score a prepared matrix with both.

    Parameters
    ----------
    booster : lightgbm.Booster
    n_rows, threads, rounds : int
    tell : callable
        Told what is being done.

    Returns
    -------
    dict
        ``rows_per_second_against_lightgbm`` and ``largest_difference``.
    """
    tell(f"predict, {n_rows:,} rows, {threads} threads")
    values, forest = make_matrix(n_rows), Forest.from_lightgbm_text(booster.model_to_string())
    ours = forest.raw(values[:1000], threads)
    theirs = booster.predict(values[:1000], raw_score=True, num_threads=threads)
    seconds = in_turns(
        {
            "leadcast": lambda: forest.raw(values, threads),
            "lightgbm": lambda: booster.predict(values, raw_score=True, num_threads=threads),
        },
        rounds,
    )
    return {
        "n_rows": n_rows,
        "threads": threads,
        "rows_per_second_against_lightgbm": round(ratio_of(seconds, "lightgbm", "leadcast"), 2),
        "rows_per_second": round(n_rows / min(seconds["leadcast"])),
        "largest_difference": float(np.abs(ours - theirs).max()),
    }


def measure_from_parquet(
    booster: "Booster", n_rows: int, threads: int, rounds: int, folder: Path
) -> dict[str, Any]:
    """Score a prepared matrix from Parquet to Parquet, against prediction alone.

    Parameters
    ----------
    booster, n_rows, threads, rounds
        As in `measure_predictions`.
    folder : Path
        For the files.

    Returns
    -------
    dict
        ``parquet_to_parquet_against_prediction``.
    """
    values, forest = make_matrix(n_rows), Forest.from_lightgbm_text(booster.model_to_string())
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "matrix.parquet"
    pl.DataFrame(values, schema=[f"feature {n}" for n in range(N_FEATURES)]).write_parquet(
        file, row_group_size=MATRIX_ROWS
    )

    def whole() -> None:
        told = []
        for first in range(0, n_rows, MATRIX_ROWS):
            some = pl.scan_parquet(file).slice(first, MATRIX_ROWS).collect()
            told.append(pl.DataFrame({"log_odds": forest.raw(some.to_numpy(order="c"), threads)}))
        pl.concat(told).write_parquet(folder / "out.parquet")

    seconds = in_turns({"whole": whole, "predict": lambda: forest.raw(values, threads)}, rounds)
    assert np.array_equal(
        pl.read_parquet(folder / "out.parquet")["log_odds"], forest.raw(values, threads)
    )
    return {
        "parquet_to_parquet_against_prediction": round(ratio_of(seconds, "whole", "predict"), 2)
    }


def measure_contributions(
    booster: "Booster", n_rows: int, threads: int, rounds: int, tell: Callable[[str], None]
) -> dict[str, Any]:
    """Explain rows with both.

    Parameters
    ----------
    booster, n_rows, threads, rounds, tell
        As in `measure_predictions`.

    Returns
    -------
    dict
        Likewise.
    """
    tell(f"contributions, {n_rows:,} rows, {threads} threads")
    values, forest = make_matrix(n_rows), Forest.from_lightgbm_text(booster.model_to_string())
    ours = forest.contributions(values[:50])
    theirs = booster.predict(values[:50], pred_contrib=True, num_threads=1)
    seconds = in_turns(
        {
            "leadcast": lambda: forest.contributions(values, threads),
            "lightgbm": lambda: booster.predict(values, pred_contrib=True, num_threads=threads),
        },
        rounds,
    )
    return {
        "n_rows": n_rows,
        "threads": threads,
        "rows_per_second_against_lightgbm": round(ratio_of(seconds, "lightgbm", "leadcast"), 2),
        "rows_per_second": round(n_rows / min(seconds["leadcast"])),
        "largest_difference": float(np.abs(ours - theirs).max()),
    }

"""What a careful practitioner does with the newest rows: search CatBoost's parameters, and a level.

Imports nothing of Leadcast, as `benchmarks.peers`, which uses it.
"""

import time
from typing import Any

import numpy as np
import pandas as pd

Options = dict[str, float | int]
"""Parameters of CatBoost."""
NEWEST_SHARE = 0.2
"""The newest rows, held out to see what is right for what comes next."""
PATIENCE = 50
"""A fit of the search ends when so many more trees did not help on the newest rows."""


def begin_of_newest(n: int) -> int:
    """Give the number of the first row of the newest.

    Parameters
    ----------
    n : int
        Rows in time's order.

    Returns
    -------
    int
    """
    return n - max(1, round(NEWEST_SHARE * n))


def shift_to(probability: Any, converted: "pd.Series[Any]") -> float:
    """Give what makes probabilities true on average when it is added to their log-odds.

    Parameters
    ----------
    probability : ndarray of float64, shape (n,)
    converted : pd.Series of float, shape (n,)
        Half a row is added to the won and to the lost.

    Returns
    -------
    float
    """
    said = np.clip(np.asarray(probability, dtype=float), 1e-9, 1 - 1e-9)
    log_odds, wanted = np.log(said / (1 - said)), (converted.sum() + 0.5) / (len(converted) + 1)
    low, high = -20.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        is_low = (1 / (1 + np.exp(-(log_odds + middle)))).mean() < wanted
        low, high = (middle, high) if is_low else (low, middle)
    return (low + high) / 2


def search_catboost(
    train: pd.DataFrame, converted: "pd.Series[Any]", seconds: float, threads: int
) -> tuple[Options, float]:
    """Search CatBoost's parameters: its defaults first, then at random, until the time is over.

    Each is fitted on the older rows and ended by its log loss on the newest, which also says how
    good it is.

    Parameters
    ----------
    train : pd.DataFrame
        In time's order.
    converted : pd.Series of float
    seconds : float
        The budget; the fit that is under way when it is spent is cut short.
    threads : int

    Returns
    -------
    options : dict
        With ``iterations`` and ``learning_rate``, whatever else was drawn.
    shift : float
        How far the best one's level is from that of the newest rows, in log-odds.
    """
    deadline, draw = time.perf_counter() + seconds, np.random.default_rng(1)
    cut = begin_of_newest(len(train))
    newest = train[cut:], converted[cut:]
    best: tuple[float, Options, float] | None = None
    while best is None or time.perf_counter() < deadline:
        tried = {} if best is None else _drawn(draw)
        model = fit_catboost(train[:cut], converted[:cut], threads, tried, newest, deadline)
        loss = model.get_best_score()["validation"]["Logloss"]
        if best is None or loss < best[0]:
            # Left to itself it takes another rate where there are no newest rows.
            rate = model.get_all_params()["learning_rate"]
            found = tried | {"learning_rate": rate, "iterations": model.get_best_iteration() + 1}
            said = model.predict_proba(as_texts(newest[0]))[:, 1]
            best = loss, found, shift_to(said, newest[1])
    return best[1:]


def fit_catboost(
    train: pd.DataFrame,
    converted: "pd.Series[Any]",
    threads: int,
    options: Options,
    newest: "tuple[pd.DataFrame, pd.Series[Any]] | None" = None,
    deadline: float = np.inf,
) -> Any:
    """Fit CatBoost with its own handling of categories.

    Parameters
    ----------
    train : pd.DataFrame
    converted : pd.Series of float
    threads : int
    options : dict
        What is not at its default.
    newest : (pd.DataFrame, pd.Series), optional
        Rows and labels by which it ends early.
    deadline : float
        On the clock of `time.perf_counter`; with `newest` alone.

    Returns
    -------
    CatBoostClassifier
        It takes what `as_texts` gives.
    """
    from catboost import CatBoostClassifier

    model = CatBoostClassifier(
        verbose=0,
        allow_writing_files=False,
        cat_features=list(train.select_dtypes("category").columns),
        thread_count=threads,
        **options,
    )
    if newest is None:
        return model.fit(as_texts(train), converted)
    return model.fit(
        as_texts(train),
        converted,
        eval_set=(as_texts(newest[0]), newest[1]),
        early_stopping_rounds=PATIENCE,
        callbacks=[_Until(deadline)],
    )


def as_texts(frame: pd.DataFrame) -> pd.DataFrame:
    """Turn categories into texts, as CatBoost takes them.

    Parameters
    ----------
    frame : pd.DataFrame

    Returns
    -------
    pd.DataFrame
        A missing value is ``"nan"``.
    """
    categories = frame.select_dtypes("category").columns
    return frame.assign(**{name: frame[name].astype(str) for name in categories})


class _Until:
    """Ends a fit when its time is over."""

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline

    def after_iteration(self, _: Any) -> bool:
        return time.perf_counter() < self.deadline


def _drawn(draw: np.random.Generator) -> Options:
    def between(low: float, high: float) -> float:
        return float(np.exp(draw.uniform(np.log(low), np.log(high))))

    return {
        "learning_rate": between(0.02, 0.3),
        "depth": int(draw.integers(3, 11)),
        "l2_leaf_reg": between(1, 30),
        "random_strength": between(0.1, 10),
        "bagging_temperature": float(draw.uniform(0, 1)),
        "one_hot_max_size": int(between(2, 50)),
    }

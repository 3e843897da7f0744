"""Peers on a prepared split, in their own environment: ``python -m benchmarks.peers``.

Reads a folder with ``train.parquet``, ``test.parquet`` (the same columns: features, then
``converted``, in time's order) and ``columns.json`` (name to ``number`` or ``category``), fits a
peer and writes ``OUT.npy``, its probabilities for the test rows, and ``OUT.json``: the seconds that
it took and, with ``--level``, how far its level is from that of the newest rows, in log-odds.
Imports nothing of Leadcast: what these packages pin never touches the product's environment.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.peer_search import (
    as_texts,
    begin_of_newest,
    fit_catboost,
    search_catboost,
    shift_to,
)

Predict = Callable[[pd.DataFrame, "pd.Series[Any]", pd.DataFrame, int, int], Any]
"""From training rows, their labels, test rows, a budget in seconds and threads to probabilities."""
SEARCHED = "CatBoost (searched)"
NUMBER_BINS = 10
ODOO_SMOOTHING = 0.1


def naive_bayes(
    train: pd.DataFrame, converted: "pd.Series[Any]", test: pd.DataFrame, seconds: int, threads: int
) -> Any:
    """Naive Bayes as in Odoo's predictive lead scoring: smoothed frequencies of each value.

    Every value's count among won and among lost leads gets 0.1 added, and is divided by the sum
    of its field's counts; a value never seen says nothing. Odoo knows no numbers: here they are
    cut into tenths. Two things are done in its favour. A category that is missing counts as a
    value, where Odoo passes over fields that are not set. And its rounding to a hundredth of a
    percent is left out, because a probability of 0 would lose infinitely much.
    """
    won, lost = float(converted.sum()), float((1 - converted).sum())
    log_odds = np.full(len(test), np.log(won / lost))
    for name in train.columns:
        seen, new = _as_values(train[name], test[name])
        counts = pd.crosstab(seen, converted).reindex(columns=[0.0, 1.0], fill_value=0)
        share = (counts + ODOO_SMOOTHING) / (counts + ODOO_SMOOTHING).sum()
        ratio = np.log(share[1.0] / share[0.0])
        log_odds += new.map(ratio).astype(float).fillna(0.0).to_numpy()
    return 1 / (1 + np.exp(-log_odds))


def logistic(
    train: pd.DataFrame, converted: "pd.Series[Any]", test: pd.DataFrame, seconds: int, threads: int
) -> Any:
    """Logistic regression at its defaults: one-hot categories, standardised numbers, medians."""
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = make_pipeline(
        SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler()
    )
    encode = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_include="category")),
        (numbers, make_column_selector(dtype_exclude="category")),
    )
    model = make_pipeline(encode, LogisticRegression(max_iter=2000))
    return model.fit(train, converted).predict_proba(test)[:, 1]


def lightgbm(
    train: pd.DataFrame, converted: "pd.Series[Any]", test: pd.DataFrame, seconds: int, threads: int
) -> Any:
    """LightGBM at its defaults, with its own handling of categories."""
    from lightgbm import LGBMClassifier

    return (
        LGBMClassifier(verbose=-1, n_jobs=threads).fit(train, converted).predict_proba(test)[:, 1]
    )


def catboost(
    train: pd.DataFrame, converted: "pd.Series[Any]", test: pd.DataFrame, seconds: int, threads: int
) -> Any:
    """CatBoost at its defaults, with its own handling of categories."""
    return fit_catboost(train, converted, threads, {}).predict_proba(as_texts(test))[:, 1]


def ebm(
    train: pd.DataFrame, converted: "pd.Series[Any]", test: pd.DataFrame, seconds: int, threads: int
) -> Any:
    """Explainable boosting machine at its defaults, with its own handling of categories.

    Among many columns it gets ten pairs of them, its default until version 0.6, and fewer bags:
    its defaults (three pairs a column) then take hours.
    """
    from interpret.glassbox import ExplainableBoostingClassifier

    spared = {"interactions": 10, "outer_bags": 4} if train.shape[1] > MANY_COLUMNS else {}
    model = ExplainableBoostingClassifier(n_jobs=threads, **spared)
    return model.fit(train, converted).predict_proba(test)[:, 1]


def searched_catboost(
    train: pd.DataFrame, converted: "pd.Series[Any]", test: pd.DataFrame, seconds: int, threads: int
) -> Any:
    """CatBoost with the parameters that are best on the newest rows, fitted on all."""
    return _search_and_fit(train, converted, test, seconds, threads)[0]


def flaml(
    train: pd.DataFrame, converted: "pd.Series[Any]", test: pd.DataFrame, seconds: int, threads: int
) -> Any:
    """FLAML on log loss, with a budget of seconds."""
    from flaml import AutoML

    model = AutoML()
    model.fit(
        train,
        converted.astype(int),
        task="classification",
        metric="log_loss",
        time_budget=seconds,
        verbose=0,
        n_jobs=threads,
        seed=1,
    )
    return model.predict_proba(test)[:, 1]


def autogluon(
    train: pd.DataFrame, converted: "pd.Series[Any]", test: pd.DataFrame, seconds: int, threads: int
) -> Any:
    """AutoGluon, preset good_quality, on log loss, with a budget of seconds."""
    from autogluon.tabular import TabularPredictor

    with tempfile.TemporaryDirectory() as folder:
        predictor = TabularPredictor("converted", eval_metric="log_loss", path=folder, verbosity=0)
        labelled = train.assign(converted=converted.astype(int))
        predictor.fit(labelled, presets="good_quality", time_limit=seconds, num_cpus=threads)
        return predictor.predict_proba(test)[1].to_numpy()


PEERS: dict[str, Predict] = {
    "naive Bayes (Odoo)": naive_bayes,
    "logistic regression": logistic,
    "LightGBM": lightgbm,
    "CatBoost": catboost,
    "EBM": ebm,
    SEARCHED: searched_catboost,
    "FLAML": flaml,
    "AutoGluon": autogluon,
}
MANY_COLUMNS = 50
"""Above, EBM is spared pairs and bags."""
SEARCHING = (SEARCHED, "FLAML", "AutoGluon")
"""Those that search for as long as they are told to: what they find differs from run to run."""


def say(
    peer: str,
    train: pd.DataFrame,
    converted: "pd.Series[Any]",
    test: pd.DataFrame,
    seconds: int,
    threads: int,
) -> tuple[Any, float | None]:
    """Fit a peer, and tell how far its level is from that of the newest rows.

    What a careful practitioner does against drift: hold out the newest rows, compare what the model
    says of them with what they came to, and move the model that is fitted on all rows by as much.

    Parameters
    ----------
    peer : str
        A name in `PEERS`.
    train : pd.DataFrame
        In time's order.
    converted : pd.Series of float
    test : pd.DataFrame
    seconds : int
        The budget of those that search.
    threads : int

    Returns
    -------
    probability : ndarray of float64, shape (n_test,)
        As the peer says it.
    shift : float or None
        What to add to its log-odds; None of those whose search a second fit would double, and
        where the older rows hold one outcome only.
    """
    if peer == SEARCHED:
        return _search_and_fit(train, converted, test, seconds, threads)
    said = PEERS[peer](train, converted, test, seconds, threads)
    cut = begin_of_newest(len(train))
    if peer in SEARCHING or converted[:cut].nunique() < 2:
        return said, None
    before = PEERS[peer](train[:cut], converted[:cut], train[cut:], seconds, threads)
    return said, shift_to(before, converted[cut:])


def _search_and_fit(
    train: pd.DataFrame, converted: "pd.Series[Any]", test: pd.DataFrame, seconds: int, threads: int
) -> tuple[Any, float]:
    options, shift = search_catboost(train, converted, seconds, threads)
    model = fit_catboost(train, converted, threads, options)
    return model.predict_proba(as_texts(test))[:, 1], shift


def _as_values(train: "pd.Series[Any]", test: "pd.Series[Any]") -> tuple[Any, Any]:
    if isinstance(train.dtype, pd.CategoricalDtype):
        return train.astype(str), test.astype(str)
    edges = np.unique(train.quantile(np.linspace(0, 1, NUMBER_BINS + 1)).dropna())
    inner = edges[1:-1]
    cut = (
        pd.Series(np.searchsorted(inner, column, "right"), index=column.index).where(column.notna())
        for column in (train, test)
    )
    return next(cut), next(cut)


def read_split(folder: Path) -> tuple[pd.DataFrame, "pd.Series[Any]", pd.DataFrame]:
    """Read a prepared split; a category's value that training never saw becomes missing.

    Parameters
    ----------
    folder : Path
        With ``train.parquet``, ``test.parquet`` and ``columns.json``.

    Returns
    -------
    train : pd.DataFrame
        Numbers and categories.
    converted : pd.Series of float
        The labels of the training rows.
    test : pd.DataFrame
        The same columns and categories as `train`.
    """
    kinds = json.loads((folder / "columns.json").read_text())
    train, test = (pd.read_parquet(folder / f"{part}.parquet") for part in ("train", "test"))
    converted = train.pop("converted")
    categories = [name for name, kind in kinds.items() if kind == "category"]
    for name in categories:
        train[name] = train[name].astype("category")
        known = train[name].cat.categories
        test[name] = pd.Categorical(test[name].where(test[name].isin(known)), known)
    return train, converted, test.drop(columns="converted")


def main() -> None:
    """Fit peers on prepared splits, one after the other, and write their probabilities."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--job",
        nargs=3,
        action="append",
        required=True,
        metavar=("FOLDER", "PEER", "OUT"),
        help=f"a prepared split, one of {list(PEERS)}, and where to write, without ending",
    )
    parser.add_argument("--seconds", type=int, default=60, help="the budget of those that search")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--level", action="store_true", help="fit again without the newest rows")
    arguments = parser.parse_args()
    budget = (arguments.seconds, arguments.threads)
    for folder, peer, name in arguments.job:
        if peer not in PEERS:
            parser.error(f"there is no peer {peer!r}; there are {list(PEERS)}")
        split, shift = read_split(Path(folder)), None
        started = time.perf_counter()
        if arguments.level:
            said, shift = say(peer, *split, *budget)
        else:
            said = PEERS[peer](*split, *budget)
        about, out = {"seconds": time.perf_counter() - started, "shift": shift}, Path(name)
        np.save(out.with_suffix(".npy"), np.asarray(said, dtype=float))
        # Written last: it says that the probabilities are whole.
        out.with_suffix(".json").write_text(json.dumps(about))


if __name__ == "__main__":
    main()

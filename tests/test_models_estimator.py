"""LeadcastClassifier keeps scikit-learn's manners, and is the recipe that the stages use."""

import pickle
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import polars as pl
import pytest
from sklearn.inspection import permutation_importance
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from leadcast import LeadcastClassifier
from leadcast.models.estimator.classifier import _codes

Array = npt.NDArray[Any]
SMALL: dict[str, Any] = {
    "seeds": 1,
    "rounds": (20,),
    "capacities": ("cautious",),
    "penalties": (10.0,),
}


def quick(**changed: object) -> LeadcastClassifier:
    options: dict[str, Any] = {"candidates": ("prior", "logistic"), "origins": 2, "settings": SMALL}
    return LeadcastClassifier(**(options | changed))


@parametrize_with_checks([quick()])  # type: ignore[untyped-decorator]
def test_the_checks_of_scikit_learn_pass(
    estimator: LeadcastClassifier, check: Callable[..., None]
) -> None:
    check(estimator)


def leads(rows: int, seed: int = 0) -> tuple[pd.DataFrame, Array, Array]:
    """Leads of whom a category and a flag tell something, whether they were won, and the truth."""
    rng = np.random.default_rng(seed)
    industry = rng.choice(["software", "retail", "banking"], rows)
    table = pd.DataFrame(
        {
            "employees": np.where(rng.random(rows) < 0.1, np.nan, rng.lognormal(4, 1, rows)),
            "industry": pd.Categorical(industry),
            "asked_for_demo": rng.random(rows) < 0.3,
            "noise": rng.normal(size=rows),
        }
    )
    log_odds = -1.5 + 1.5 * (industry == "software") + 1.5 * table["asked_for_demo"].to_numpy()
    truth = 1 / (1 + np.exp(-log_odds))
    return table, (rng.random(rows) < truth), truth


TABLE, WON, TRUTH = leads(2_000)
LATER, LATER_WON, LATER_TRUTH = leads(2_000, seed=1)
FITTED = quick().fit(TABLE, WON)


def test_probabilities_are_near_the_truth_on_later_rows() -> None:
    said = FITTED.predict_proba(LATER)[:, 1]
    assert np.abs(said - LATER_TRUTH).mean() < 0.05
    assert log_loss(LATER_WON, said) < log_loss(LATER_WON, LATER_TRUTH) + 0.005
    names = list(FITTED.get_feature_names_out())
    assert names == list(TABLE.columns)
    assert FITTED.feature_importances_[[1, 2]].sum() > 0.8
    low, high = FITTED.predict_interval(LATER).T
    assert ((low <= said) & (said <= high)).all()
    assert ((low <= LATER_TRUTH) & (high >= LATER_TRUTH)).mean() > 0.75


def test_frames_of_other_libraries_are_the_same_table() -> None:
    said = FITTED.predict_proba(LATER)
    texts = LATER.assign(industry=LATER["industry"].astype(str))
    assert np.array_equal(said, FITTED.predict_proba(texts))
    assert np.array_equal(said, FITTED.predict_proba(pl.from_pandas(texts)))
    assert np.array_equal(said, FITTED.predict_proba(pl.from_pandas(texts).to_arrow()))


def test_an_order_of_the_rows_changes_no_prediction() -> None:
    order = np.random.default_rng(3).permutation(len(TABLE))
    time = np.arange("2025-01-01", "2030-06-24", dtype="datetime64[D]")[: len(TABLE)]
    one = quick(horizon=30.0).fit(TABLE, WON, time=time)
    other = quick(horizon=30.0).fit(TABLE.iloc[order], WON[order], time=time[order])
    assert np.array_equal(one.predict_proba(LATER), other.predict_proba(LATER))


def test_moments_with_a_zone_are_moments() -> None:
    time = np.arange("2025-01-01", "2030-06-24", dtype="datetime64[D]")[: len(TABLE)]
    plain_moments = pd.Series(time)
    zoned = plain_moments.dt.tz_localize("UTC")
    plain = quick(horizon=30.0).fit(TABLE, WON, time=time).predict_proba(LATER)
    for one in (
        zoned,
        pd.DatetimeIndex(zoned),
        pl.from_pandas(plain_moments).dt.replace_time_zone("UTC"),
    ):
        found = quick(horizon=30.0).fit(TABLE, WON, time=one)
        assert np.array_equal(found.predict_proba(LATER), plain)


def test_contributions_sum_to_the_log_odds() -> None:
    parts = FITTED.contributions(LATER)
    assert np.allclose(parts.sum(axis=1), FITTED._learner.log_odds(FITTED._matrix(LATER)))


def test_it_works_within_the_tools_of_scikit_learn() -> None:
    numbers = TABLE[["employees", "noise"]].fillna(0.0).assign(demo=TABLE["asked_for_demo"] * 1.0)
    pipe = make_pipeline(StandardScaler(), quick())
    scores = cross_val_score(pipe, numbers, WON, scoring="roc_auc", cv=3)
    assert scores.mean() > 0.6
    found = permutation_importance(FITTED, LATER, LATER_WON, n_repeats=2, random_state=0)
    assert found.importances_mean.argmax() in (1, 2)


def test_trees_compete_too_and_survive_a_pickle() -> None:
    trees = quick(candidates=("lightgbm",)).fit(TABLE, WON)
    again = pickle.loads(pickle.dumps(trees))
    said = again.predict_proba(LATER)
    assert np.array_equal(said, trees.predict_proba(LATER))
    assert roc_auc_score(LATER_WON, said[:, 1]) > 0.7
    assert trees.chosen_ == "lightgbm"
    assert {row["candidate"] for row in trees.backtest_} == {"lightgbm"}


@pytest.mark.parametrize(
    ("changed", "time", "words"),
    [
        ({"candidates": ("forest",)}, None, "candidates"),
        ({"settings": {"round": (5,)}}, None, "round"),
        ({"settings": {"sedes": 1}}, None, "settings: 'sedes': found no such .* mean 'seeds'"),
        ({"settings": {"seed": "x"}}, None, "settings: 'seed': found 'x'; expected"),
        ({"origins": "many"}, None, "^'origins': found 'many'; expected"),
        ({}, np.array(["NaT"] * 2_000, "datetime64[D]"), "2000 of 2000 moments are missing"),
        ({}, np.arange(3), "inconsistent numbers of samples"),
        ({"horizon": -1}, None, "horizon: found -1; expected .* 0 or more"),
        ({"horizon": np.inf}, None, "horizon: found inf"),
        ({}, np.array(["2026-01-01"] * 2_000), "time: found '2026-01-01'; expected moments"),
        ({}, np.array(["x"] * 2_000, object), "time: found 'x'; expected moments"),
        ({}, np.array([pd.NA, 1] * 1_000, object), "time: 1000 of 2000 moments are not finite"),
        ({}, np.array([date(2026, 1, 1), None] * 1_000), "1000 of 2000 moments are missing"),
    ],
)
def test_what_cannot_be_is_said(changed: dict[str, Any], time: Array | None, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        quick(**changed).fit(TABLE, WON, time=time)


def test_a_column_of_dates_is_refused_by_name() -> None:
    dated = TABLE.assign(created=pd.Timestamp("2026-01-01"))
    with pytest.raises(TypeError, match="'created' holds datetime64"):
        quick().fit(dated, WON)


def test_what_a_column_cannot_hold_is_told_by_its_name() -> None:
    texts = LATER.assign(employees=LATER["employees"].astype(str).replace("nan", None))
    n = int(texts["employees"].notna().sum())
    with pytest.raises(ValueError, match=rf"column 'employees': found '[0-9.]+' \({n:,} rows\)"):
        FITTED.predict_proba(texts)
    infinite = LATER.assign(noise=np.where(np.arange(len(LATER)) == 7, np.inf, LATER["noise"]))
    for ask in (FITTED.predict_proba, lambda X: quick().fit(X, LATER_WON)):
        with pytest.raises(ValueError, match=r"column 'noise': found infinity \(1 row\)"):
            ask(infinite)


def test_a_column_of_which_nothing_is_known_is_missing() -> None:
    row = LATER.head(3)
    nothing = row.assign(employees=pd.Series([None] * 3, dtype=object))
    missing = row.assign(employees=np.nan)
    assert np.array_equal(FITTED.predict_proba(nothing), FITTED.predict_proba(missing))


@pytest.mark.parametrize("held", [date(2026, 1, 1), datetime(2026, 1, 1), timedelta(1)])
def test_a_column_of_pythons_dates_is_refused_as_well(held: object) -> None:
    dated = TABLE.assign(created=pd.Series([held, None] * 1_000, dtype=object))
    with pytest.raises(TypeError, match=f"'created' holds {type(held).__name__}"):
        quick().fit(dated, WON)


def test_one_class_is_told_plainly() -> None:
    with pytest.raises(ValueError, match=r"one class only, 0\.0:"):
        quick().fit(TABLE, np.zeros(len(TABLE)))


def test_moments_may_stand_in_a_list() -> None:
    time = np.arange("2025-01-01", "2030-06-24", dtype="datetime64[D]")[: len(TABLE)]
    plain = quick(horizon=30.0).fit(TABLE, WON, time=time).predict_proba(LATER)
    moments = list(pd.to_datetime(time))
    lists: list[Any] = [
        moments,
        [moment.tz_localize("UTC") for moment in moments],
        time.tolist(),
    ]
    for one in lists:
        found = quick(horizon=30.0).fit(TABLE, WON, time=one)
        assert np.array_equal(found.predict_proba(LATER), plain)


ACCOUNTS = [f"account {row // 2}" if row % 4 < 2 else None for row in range(len(TABLE))]


@pytest.mark.parametrize(
    "groups",
    [
        ACCOUNTS,
        [float("nan") if one is None else one for one in ACCOUNTS],
        np.array(ACCOUNTS, dtype=object),
        pd.Series(ACCOUNTS, dtype="string"),
        pd.Series(ACCOUNTS, dtype="category"),
        pl.Series(ACCOUNTS),
        np.array([np.nan if one is None else row // 2 for row, one in enumerate(ACCOUNTS)]),
        pd.Series(
            [None if one is None else row // 2 for row, one in enumerate(ACCOUNTS)], dtype="Int64"
        ),
    ],
    ids=["list", "list of NaN", "object", "string", "category", "polars", "float", "Int64"],
)
def test_each_row_without_a_group_is_one_by_itself(groups: npt.ArrayLike) -> None:
    codes = _codes(groups, len(TABLE))
    counts = np.bincount(codes)[codes]
    assert counts.tolist() == [2 if row % 4 < 2 else 1 for row in range(len(TABLE))]


def test_groups_that_are_missing_change_nothing() -> None:
    nobody = quick().fit(TABLE, WON, groups=np.full(len(TABLE), np.nan))
    alone = quick().fit(TABLE, WON)
    assert np.array_equal(nobody.predict_interval(LATER), alone.predict_interval(LATER))


def test_constraints_are_refused_beside_who_is_not_held_to_them() -> None:
    theirs = ("prior", {"estimator": "sklearn.ensemble.RandomForestClassifier"})
    with pytest.raises(ValueError, match=r"monotone.*beside the candidate RandomForestClassifier"):
        quick(candidates=theirs, settings=SMALL | {"monotone": {"noise": 1}}).fit(TABLE, WON)

"""The peers' own logic, where a hand can follow it."""

from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from benchmarks.columns import OTHER, peer_columns
from benchmarks.peers import naive_bayes, read_split
from leadcast.features.engine.plan import FeaturePlan
from leadcast.features.settings import FeatureSettings
from leadcast.features.tables import Tables, TimeOrder, empty_events

WON = pd.Series([1.0, 1.0, 1.0, 0.0])
COLOUR = pd.Series(["red", "red", "blue", "blue"], dtype="category")


def categories(values: list[str | None]) -> "pd.Series[str]":
    return pd.Series(pd.Categorical(values, COLOUR.cat.categories))


def test_naive_bayes_gives_what_a_hand_computes_with_a_tenth_added_to_each_count() -> None:
    # Red: 3/4 * 2.1/3.2 won against 1/4 * 0.1/1.2 lost. Blue: 3/4 * 1.1/3.2 against 1/4 * 1.1/1.2.
    test = pd.DataFrame({"colour": categories(["red", "blue"])})
    train = pd.DataFrame({"colour": COLOUR})
    expected = [0.4921875 / (0.4921875 + 0.25 / 12), 0.2578125 / (0.2578125 + 0.275 / 1.2)]
    assert naive_bayes(train, WON, test, 0, 1) == pytest.approx(expected, rel=1e-12)


def test_naive_bayes_hears_nothing_in_a_value_that_training_never_saw() -> None:
    train = pd.DataFrame({"colour": COLOUR})
    test = pd.DataFrame({"colour": categories([None])})
    assert naive_bayes(train, WON, test, 0, 1) == pytest.approx([0.75])


def test_naive_bayes_tells_numbers_apart_by_their_tenth() -> None:
    number = pd.Series(np.arange(100.0))
    train, converted = pd.DataFrame({"n": number}), (number >= 50).astype(float)
    test = pd.DataFrame({"n": [5.0, 95.0, np.nan]})
    low, high, missing = naive_bayes(train, converted, test, 0, 1)
    assert low < 0.05
    assert high > 0.95
    assert missing == pytest.approx(0.5)


def test_a_category_that_training_never_saw_is_missing_in_the_test(tmp_path: Path) -> None:
    for part, values in (("train", ["a", "b"]), ("test", ["b", "new"])):
        frame = pl.DataFrame({"kind": values, "converted": [1.0, 0.0]})
        frame.write_parquet(tmp_path / f"{part}.parquet")
    (tmp_path / "columns.json").write_text('{"kind": "category"}')
    train, converted, test = read_split(tmp_path)
    assert list(train["kind"]) == ["a", "b"]
    assert list(converted) == [1.0, 0.0]
    assert test["kind"].isna().tolist() == [False, True]


def test_peers_see_every_value_of_a_category_and_no_outcome() -> None:
    leads = pl.DataFrame(
        {"lead_id": ["x", "y"], "position": [0, 1], "town": ["Ulm", "Rare"], "cost": [1.0, 2.0]}
    )
    types = {"town": "category", "cost": "number"}
    outcomes = pl.DataFrame({"lead_id": ["x", "y"], "converted": [True, False]})
    tables = Tables(leads, empty_events(), outcomes, None, TimeOrder.ORDERED, types)
    plan = FeaturePlan(time_order=TimeOrder.ORDERED, settings=FeatureSettings())
    frame, kinds = peer_columns(tables, leads.select("lead_id").reverse(), plan, pl.DataFrame())
    assert kinds == {"town": "category"}, "what a lead costs is never learned from"
    assert frame["town"].to_list() == ["Rare", "Ulm"], "rows stand in the snapshots' order"
    assert OTHER not in frame["town"]

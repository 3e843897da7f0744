"""The peers' own logic, where a hand can follow it."""

from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from benchmarks.columns import OTHER, peer_columns
from benchmarks.fits import PEER_CODE
from benchmarks.peer_search import NEWEST_SHARE, begin_of_newest, shift_to
from benchmarks.peers import PEERS, naive_bayes, read_split, say
from benchmarks.quality import read_arguments
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


@pytest.mark.parametrize("rate", [0.03, 0.5, 0.9])
def test_the_shift_makes_the_mean_what_it_came_to(rate: float) -> None:
    said = np.random.default_rng(2).uniform(0.01, 0.6, 2_000)
    converted = pd.Series((np.arange(2_000) < 2_000 * rate).astype(float))
    log_odds = np.log(said / (1 - said)) + shift_to(said, converted)
    assert (1 / (1 + np.exp(-log_odds))).mean() == pytest.approx(rate, abs=5e-4)
    of_none = np.log(said / (1 - said)) + shift_to(said, pd.Series(np.zeros(2_000)))
    seldom = (1 / (1 + np.exp(-of_none))).mean()
    assert seldom == pytest.approx(0.5 / 2_001), "nobody converted: seldom, not never"


def test_the_level_is_told_by_rows_that_the_fit_had_not_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Of a hundred rows the newest fifth convert three times as often as those before.
    converted = pd.Series([1.0, 0.0, 0.0, 0.0] * 20 + [1.0, 1.0, 1.0, 0.0] * 5)
    train = pd.DataFrame({"n": np.arange(100.0)})
    fitted_on: list[int] = []

    def base_rate(
        train: pd.DataFrame, converted: "pd.Series[float]", test: pd.DataFrame, *_: int
    ) -> object:
        fitted_on.append(len(train))
        return np.full(len(test), converted.mean())

    monkeypatch.setitem(PEERS, "LightGBM", base_rate)
    said, shift = say("LightGBM", train, converted, train[:7], 0, 1)
    assert fitted_on == [100, begin_of_newest(100)] == [100, round(100 * (1 - NEWEST_SHARE))]
    assert said == pytest.approx(np.full(7, 0.35)), "the peer's own words are not touched"
    assert shift == pytest.approx(np.log(3) + np.log(15.5 / 5.5), abs=1e-6)
    monkeypatch.setitem(PEERS, "FLAML", base_rate)
    assert say("FLAML", train, converted, train, 0, 1)[1] is None, "no search is done twice"


def test_what_peers_said_is_kept_whatever_becomes_of_the_learner() -> None:
    names = {str(path) for path in PEER_CODE}
    assert names == {
        "benchmarks/peers.py",
        "benchmarks/peer_search.py",
        "requirements/peers.txt",
    }
    for name in names - {"requirements/peers.txt"}:
        assert "leadcast." not in Path(name).read_text(encoding="utf-8"), name


def test_peers_and_sources_are_asked_for_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.quality.PEERS_PYTHON", Path(__file__))
    asked = ["--only", "mine, demo,mine", "--peers", ",".join(PEERS).upper()]
    monkeypatch.setattr("sys.argv", ["quality", *asked])
    found = read_arguments()
    assert found.peers == tuple(PEERS), "no name of a peer holds a comma"
    assert found.only == ("mine", "demo")
    assert (found.seconds, found.runs) == (60, 1)

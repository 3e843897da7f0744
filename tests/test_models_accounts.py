"""Accounts at moments and their model: by hand, by laws, and against a known truth."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from leadcast.features.accounts.matching import match_leads
from leadcast.features.tables import TIME, Tables, TimeOrder, empty_events
from leadcast.models.accounts.account_judged import accounts_words, judge_accounts
from leadcast.models.accounts.account_model import (
    LEVEL_SPREAD,
    WORDS,
    AccountModel,
    choose_kind,
    clustered_error,
    log_losses,
)
from leadcast.models.accounts.account_moments import INPUTS, AccountTables, accounts_at, noisy_or
from leadcast.models.evaluation.logistic import log_odds_of, sigmoid

START = datetime(2025, 1, 6, tzinfo=UTC)
HORIZON = 30.0


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def small_tables(won: float | None = None, more_events: tuple[float, ...] = ()) -> Tables:
    """An account of three leads, one of another."""
    leads = pl.DataFrame(
        {
            "lead_id": ["a", "b", "c", "x"],
            "created_at": [day(0), day(5), day(40), day(0)],
            "account_id": ["A", "A", "A", "X"],
            "job_title": ["CEO", "Accountant", "developer", None],
        },
        schema_overrides={"created_at": TIME},
    )
    outcomes = pl.DataFrame(
        {
            "lead_id": ["a", "b", "c", "x"],
            "won_at": [None, None if won is None else day(won), None, None],
            "lost_at": [day(8), None, None, None],
        },
        schema={"lead_id": pl.String, "won_at": TIME, "lost_at": TIME},
    )
    times = (6.0, *more_events)
    events = pl.LazyFrame(
        [("b", day(at), "x", None) for at in times],
        schema=empty_events().collect_schema(),
        orient="row",
    )
    matches = match_leads(leads).matches
    return Tables(leads, events, outcomes, day(365), TimeOrder.DATED, {}, matches=matches)


SCORES = pl.DataFrame(
    {
        "lead_id": ["a", "b", "b", "x"],
        "as_of": [day(0), day(5), day(6), day(0)],
        "probability": [0.5, 0.2, 0.4, 0.1],
    },
    schema_overrides={"as_of": TIME},
)


def at(tables: Tables, moment: float, scores: pl.DataFrame = SCORES) -> dict[str, object]:
    rows = accounts_at(AccountTables.of(tables), scores, [day(moment)], HORIZON)
    return rows.filter(account_id="A").row(0, named=True)


def test_an_account_is_what_its_open_leads_and_colleagues_tell() -> None:
    both = at(small_tables(), 7)
    assert both["lead_ids"] == ["a", "b"]
    assert both["role_names"] == ["decision_maker", "finance"]
    told = sigmoid(np.array([both["noisy_or"], both["best"]]))
    assert told == pytest.approx([0.7, 0.5])
    counts = [both[name] for name in ("open_leads", "events", "lost_before")]
    assert counts == pytest.approx(np.log1p([2, 1, 0]).tolist())
    # One was lost on day 8: it is open no more, and known.
    later = at(small_tables(), 9)
    assert later["lead_ids"] == ["b"]
    assert later["lost_before"] == pytest.approx(np.log1p(1))


@pytest.mark.parametrize(("won", "label"), [(7.0, False), (7.5, True), (37, True), (37.5, False)])
def test_an_account_is_won_where_an_open_lead_is_within_the_horizon(
    won: float, label: bool
) -> None:
    rows = accounts_at(AccountTables.of(small_tables(won)), SCORES, [day(7)], HORIZON)
    found = dict(rows.select("account_id", "won").iter_rows())
    # A lead that is won at the very moment is open no more.
    assert found == {"A": label, "X": False}
    assert at(small_tables(won), 7)["lead_ids"] == (["a"] if won == 7.0 else ["a", "b"])


def test_nothing_from_the_moment_on_changes_what_is_told_of_an_account() -> None:
    scores = SCORES.vstack(SCORES.head(1).with_columns(as_of=pl.lit(day(7.1)).cast(TIME)))
    told = at(small_tables(20, (7, 7.5)), 7, scores)
    expected = at(small_tables(), 7)
    assert {name: told[name] for name in INPUTS} == {name: expected[name] for name in INPUTS}


def test_scores_that_are_older_than_the_horizon_do_not_count() -> None:
    rows = accounts_at(AccountTables.of(small_tables()), SCORES, [day(36)], HORIZON)
    assert rows.is_empty()


def world(seed: int, *, helped: float = 0.0, n: int = 4_000) -> tuple[pl.DataFrame, np.ndarray]:
    """Account-moments whose truth is known: a hidden budget, and what a decision maker brings."""
    rng = np.random.default_rng(seed)
    accounts = rng.integers(0, n // 5, n)
    budget = np.where(rng.random(n // 5) < 0.4, 1.8, -2.5)[accounts]
    n_open = rng.integers(1, 6, n)
    lead = rng.normal(-2.6, 0.7, n)
    decides = rng.random(n) < 0.4
    each = sigmoid(lead + budget + helped * decides)
    truth = 1 - (1 - each) ** n_open
    marginal = 0.4 * sigmoid(lead + 1.8) + 0.6 * sigmoid(lead - 2.5)
    rows = pl.DataFrame(
        {
            "account_id": accounts.astype(str),
            "as_of": [day(14.0 * (place * 30 // n)) for place in range(n)],
            "won": rng.random(n) < truth,
            "noisy_or": log_odds_of(1 - (1 - marginal) ** n_open),
            "best": log_odds_of(marginal),
            "open_leads": np.log1p(n_open),
            "decision_maker": np.log1p(decides),
        },
        schema_overrides={"as_of": TIME},
    )
    others = [pl.Series(name, rng.normal(size=n)) for name in INPUTS if name not in rows.columns]
    return rows.with_columns(others), truth


def test_the_probability_is_calibrated_where_the_noisy_or_is_not() -> None:
    rows, truth = world(1)
    learn, later = rows.filter(pl.col("as_of") < day(250)), rows.filter(pl.col("as_of") >= day(250))
    model = AccountModel.fit("noisy_or", learn)
    probability, lower, upper = model.predict(later)
    mean = truth[-later.height :].mean()
    raw = sigmoid(later["noisy_or"].to_numpy())
    assert abs(probability.mean() - mean) < 0.02 < raw.mean() - mean
    assert (lower < probability).all()
    assert (probability < upper).all()


@pytest.mark.parametrize(("helped", "chosen"), [(0.0, "noisy_or"), (2.0, "account")])
def test_what_is_known_of_accounts_is_used_where_it_shows(helped: float, chosen: str) -> None:
    rows, truth = world(2, helped=helped)
    trial = choose_kind(rows, HORIZON)
    assert trial.chosen == chosen
    later = rows.filter(pl.col("as_of") >= day(250))
    known = rows.filter(pl.col("as_of") < day(220))
    told = truth[-later.height :]
    losses = {
        kind: log_losses(AccountModel.fit(kind, known).predict(later)[0], told).mean()
        for kind in ("noisy_or", "account")
    }
    assert (losses["account"] < losses["noisy_or"] - 0.01) == (chosen == "account")


def test_few_customers_teach_no_more_than_the_level() -> None:
    rows, _ = world(3, n=60)
    model = AccountModel.fit("account", rows)
    assert set(model.coefficients[1:]) == {0.0}
    assert choose_kind(rows, HORIZON).chosen == "noisy_or"


def test_of_few_won_accounts_the_level_stays_near_the_leads_own() -> None:
    """Of right scores some won accounts more or less are luck, and little is made of them."""
    rows, truth = world(7, n=3_000)
    off, losses = [], []
    right = rows.with_columns(noisy_or=pl.Series(log_odds_of(truth)))
    raw = float(log_losses(truth, truth).mean())
    for part in range(20):
        few = right[part * 60 : (part + 1) * 60]
        model = AccountModel.fit("noisy_or", few)
        off.append(model.coefficients[0])
        losses.append(float(log_losses(model.predict(right)[0], truth).mean()) - raw)
    assert np.abs(off).max() < 2 * LEVEL_SPREAD
    assert np.mean(losses) < 0.01
    # Many tell it.
    wrong = right.with_columns(noisy_or=pl.col("noisy_or") + 1)
    assert AccountModel.fit("noisy_or", wrong).coefficients[0] == pytest.approx(-1, abs=0.25)


def test_a_won_account_counts_once_however_often_it_was_looked_at() -> None:
    rows, _ = world(8, n=400)
    again = pl.concat([rows] * 4)
    once, often = (AccountModel.fit("noisy_or", one) for one in (rows, again))
    np.testing.assert_allclose(once.coefficients, often.coefficients, atol=1e-6)
    np.testing.assert_allclose(once.covariance, often.covariance, rtol=1e-4)
    # Without any account there is the doubt that was there before.
    none = AccountModel.fit("noisy_or", rows.clear())
    assert none.covariance[0][0] == pytest.approx(LEVEL_SPREAD**2)


def test_a_model_is_the_same_after_json() -> None:
    rows, _ = world(4, n=500)
    model = AccountModel.fit("account", rows)
    again = AccountModel.from_json(model.to_json())
    np.testing.assert_array_equal(model.predict(rows), again.predict(rows))


def test_the_order_of_the_rows_changes_no_coefficient() -> None:
    rows, _ = world(5, n=500)
    model = AccountModel.fit("account", rows)
    other = AccountModel.fit("account", rows.sample(fraction=1, shuffle=True, seed=1))
    np.testing.assert_allclose(model.coefficients, other.coefficients, atol=1e-9)


def test_the_judgement_tells_the_noisy_or_and_the_best_lead_beside() -> None:
    rows, _ = world(6, n=800)
    model = AccountModel.fit("noisy_or", rows)
    found = judge_accounts(model, rows, replicates=50, seed=1)
    assert found is not None
    assert {"account", "noisy_or", "best", "against", "reliability"} <= found.keys()
    assert found["against"]["noisy_or"]["log_loss"] > 0
    trial = choose_kind(rows, HORIZON)
    words = " ".join(accounts_words(trial, found))
    assert "Against the noisy-or" in words
    # What was chosen is named, and not only why.
    for told in (words, " ".join(accounts_words(trial, None))):
        assert f"Chosen: {WORDS[trial.chosen]}; {trial.why}." in told
    assert judge_accounts(model, rows.filter(~pl.col("won")), replicates=50, seed=1) is None


def test_noisy_or_is_of_independent_leads() -> None:
    assert noisy_or(np.array([0.1, 0.2, 0.3])) == pytest.approx(1 - 0.9 * 0.8 * 0.7)


def test_the_error_knows_of_accounts() -> None:
    values = np.array([1.0, 1.0, 0.0, 0.0])
    apart = clustered_error(values, pl.Series(["a", "b", "c", "d"]))
    together = clustered_error(values, pl.Series(["a", "a", "b", "b"]))
    assert together == pytest.approx(np.sqrt(2) * apart)

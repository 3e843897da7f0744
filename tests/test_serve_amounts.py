"""Amounts in scores: alike through every door, and fitting the bundle that holds them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from leadcast.features.base.errors import LeadcastError
from leadcast.models.amounts.amount_choice import choose_amounts
from leadcast.models.amounts.amount_model import AMOUNTS, AmountModel
from leadcast.models.amounts.amount_rows import AmountRows
from leadcast.models.bundle.bundle import load_bundle, write_bundle
from leadcast.models.data import LabelledMatrix
from leadcast.serve.batch.batch import BatchSettings, score_files
from leadcast.serve.scorer import Scorer
from tests.scoring_world import END, bundle_folder, origin, scoring_world

COLUMNS = ["amount_median", "amount_mean", "amount_low", "amount_high", "expected_revenue"]
ASKED = (AMOUNTS,)


def model_of_amounts(known: str | None = None) -> AmountModel:
    """A model of amounts that follow the company's size."""
    world = scoring_world()
    n = len(world.values)
    place = [one.name for one in world.plan.features].index("company_size_log")
    size = 10.0 ** np.nan_to_num(world.values[:, place].astype(np.float64))
    amount = 50 * size * np.random.default_rng(4).lognormal(0, 0.4, n)
    days = np.arange(n, dtype=np.int64) * 86_400_000_000
    data = LabelledMatrix(world.values, world.plan.features, np.ones(n), days, np.arange(n), 0)
    chosen = choose_amounts(AmountRows.of(data, amount, np.arange(n)), 1, known)
    assert chosen is not None
    return chosen.model.in_money("EUR", 30.0)


def bundle_with(folder: Path, model: AmountModel) -> Path:
    bundle = load_bundle(bundle_folder())
    kept = ("plan", "learner", "calibrator", "reference", "metrics", "intervals", "rates")
    parts = {name: getattr(bundle, name) for name in kept}
    write_bundle(folder, origin=origin(scoring_world()), extras={AMOUNTS: model}, **parts)
    return folder


@pytest.fixture(scope="module")
def scorer(tmp_path_factory: pytest.TempPathFactory) -> Scorer:
    folder = tmp_path_factory.mktemp("amounts") / "bundle"
    return Scorer.load(bundle_with(folder, model_of_amounts()))


@pytest.fixture(scope="module")
def scores(scorer: Scorer) -> pl.DataFrame:
    tables = scoring_world().tables
    return scorer.score(tables.leads.head(40), tables.events, END, extra=ASKED)


def test_expected_revenue_is_the_probability_times_the_mean_amount(scores: pl.DataFrame) -> None:
    assert scores.columns[-5:] == COLUMNS
    assert (scores["expected_revenue"] == scores["probability"] * scores["amount_mean"]).all()
    assert (scores["amount_low"] < scores["amount_median"]).all()
    assert (scores["amount_median"] < scores["amount_high"]).all()
    assert scores["amount_mean"].n_unique() > 20


def test_a_batch_and_one_lead_are_told_the_same(
    scorer: Scorer, scores: pl.DataFrame, tmp_path: Path
) -> None:
    tables = scoring_world().tables
    tables.leads.head(40).write_parquet(tmp_path / "leads.parquet")
    events = tables.events.collect()
    events.write_parquet(tmp_path / "events.parquet")
    settings = BatchSettings(as_of=END, extra=ASKED, chunk_leads=9)
    files = (tmp_path / "leads.parquet", tmp_path / "events.parquet", tmp_path / "out.parquet")
    score_files(scorer, *files, settings)
    assert pl.read_parquet(tmp_path / "out.parquet").equals(scores)
    for lead in tables.leads.head(4).drop("position").iter_rows(named=True):
        own = events.filter(pl.col("lead_id") == lead["lead_id"]).sort("occurred_at")
        done = list(own.select("occurred_at", "event_type", "value").iter_rows())
        one = scorer.score_one(lead, done, END, extra=ASKED)
        assert one.extra == scores.filter(lead_id=lead["lead_id"]).select(COLUMNS).row(
            0, named=True
        )


def test_an_amount_known_in_advance_is_the_leads_own(tmp_path: Path) -> None:
    scorer = Scorer.load(bundle_with(tmp_path / "bundle", model_of_amounts("budget")))
    leads = scoring_world().tables.leads.head(5)
    leads = leads.with_columns(budget=pl.Series([100.0, 250.0, None, 0.0, 12_345.0]))
    told = scorer.score(leads, None, END, extra=ASKED)
    assert told["amount_mean"].to_list()[:2] == [100.0, 250.0]
    assert told["amount_mean"].to_list()[3:] == [0.0, 12_345.0]
    assert told["amount_mean"][2] > 0
    assert told["amount_low"][1] == told["amount_high"][1] == 250.0


def test_amounts_of_another_horizon_or_matrix_are_refused(tmp_path: Path) -> None:
    model = model_of_amounts()
    with pytest.raises(LeadcastError, match="horizon_days: found 60"):
        bundle_with(tmp_path / "one", model.in_money("EUR", 60.0))
    with pytest.raises(LeadcastError, match="n_features: found 900"):
        bundle_with(tmp_path / "two", replace(model, n_features=900))


def test_columns_name_the_currency(scorer: Scorer) -> None:
    words = [one.words for one in scorer.bundle.extras[AMOUNTS].columns]
    assert all(one.endswith(", EUR") for one in words)

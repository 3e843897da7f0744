"""Amounts if won: laws, and the truth of a world whose law of amounts is known."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadcast.demo.outcomes import true_mean_amounts
from leadcast.demo.parts import draw_part
from leadcast.demo.simulate import true_sizes
from leadcast.features.base.errors import FaultsError
from leadcast.features.base.files import read_json
from leadcast.models.amounts.amount_choice import (
    Chosen,
    choose_amounts,
    mean_of_all,
    origins,
)
from leadcast.models.amounts.amount_judged import RevenueRows, judge_amounts, judge_revenue
from leadcast.models.amounts.amount_level import AmountLevel, gamma_loss, quantiles
from leadcast.models.amounts.amount_model import AmountModel
from leadcast.models.amounts.amount_rows import AmountRows
from leadcast.models.amounts.value_ranking import rank_by_value
from tests.amounts_world import SPREAD, labelled, rows, true_mean

SEED = 3
LATER = rows(3000, seed=8)
"""Leads that nobody has learned from."""


def chosen_of(given_rows: AmountRows) -> Chosen:
    found = choose_amounts(given_rows, SEED)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def learned() -> Chosen:
    return chosen_of(rows(400, seed=2))


def test_means_and_intervals_are_those_of_the_law(learned: Chosen) -> None:
    told, truth = learned.model.predict(LATER.values), true_mean(LATER.values.astype(np.float64))
    error = np.log(told.mean / truth)
    assert abs(error.mean()) < 0.1
    assert np.sqrt((error**2).mean()) < 0.15
    median = truth * np.exp(-(SPREAD**2) / 2)
    assert abs(np.log(told.median / median).mean()) < 0.12
    assert told.mean.sum() / LATER.amount.sum() == pytest.approx(1, abs=0.12)
    for level in (0.8, 0.9):
        low, high = learned.model.interval(LATER.values, level)
        held = ((LATER.amount >= low) & (LATER.amount <= high)).mean()
        assert held == pytest.approx(level, abs=0.07)


def test_what_does_not_tell_amounts_apart_is_the_mean_and_says_so() -> None:
    found = chosen_of(rows(200, told=0.0))
    assert found.model.kind == "mean"
    assert "nothing was surely better" in found.describe()
    assert len(set(found.model.predict(LATER.values[:50]).mean.tolist())) == 1


def test_few_leads_get_the_mean_and_hardly_any_get_nothing() -> None:
    few = chosen_of(rows(20))
    assert few.model.kind == "mean"
    assert few.model.mean_amount == pytest.approx(rows(20).amount.mean())
    assert choose_amounts(rows(9), SEED) is None


@settings(max_examples=3)
@given(factor=st.floats(1e-3, 1e4), order=st.randoms())
def test_scaling_all_amounts_scales_what_is_told_and_no_order_matters(
    factor: float, order: object
) -> None:
    data, amount = labelled(80)
    mixed = np.arange(80)
    order.shuffle(mixed)  # type: ignore[attr-defined]
    other = AmountRows.of(data.rows(mixed), amount[mixed] * factor, mixed)
    one, two = chosen_of(rows(80)).model, chosen_of(other).model
    assert one.kind == two.kind
    for mine, theirs in zip(one.predict(LATER.values), two.predict(LATER.values), strict=True):
        scaled = mine if set(mine.tolist()) == {0.0} else factor * mine
        np.testing.assert_allclose(theirs, scaled, rtol=1e-6)


def test_a_leads_snapshots_count_as_one_lead() -> None:
    data, amount = labelled(30)
    twice = np.repeat(np.arange(30), 2)
    doubled = AmountRows.of(data.rows(twice), amount[twice], twice)
    assert doubled.leads == pytest.approx(30)
    one, two = (mean_of_all(each, SEED).model.mean_amount for each in (rows(30), doubled))
    assert one == pytest.approx(two)


def test_only_won_leads_with_an_amount_above_0_are_learned_from() -> None:
    data, amount = labelled(12)
    amount[:3] = (np.nan, 0.0, -5.0)
    converted = np.where(np.arange(12) == 5, 0.0, 1.0)
    assert len(AmountRows.of(replace(data, converted=converted), amount, np.arange(12))) == 8


def test_no_origin_learns_from_what_was_known_later_or_from_the_leads_that_it_is_tried_on() -> None:
    some = rows(200)
    some = replace(some, group=some.group // 3)
    tried = list(origins(some))
    assert len(tried) == 3
    for before, after in tried:
        known_at = some.position[before] + some.horizon
        assert known_at.max() <= some.position[after].min()
        assert not set(some.group[before]) & set(some.group[after])


def test_an_amount_known_in_advance_is_taken_as_it_is() -> None:
    found = choose_amounts(rows(60), SEED, known="size")
    assert found is not None
    values = np.array([[250.0, 1, 0], [np.nan, 1, 0]], dtype=np.float32)
    told = found.model.predict(values)
    assert told.is_known.tolist() == [1, 0]
    assert [one[0] for one in (told.median, told.mean, told.low, told.high)] == [250.0] * 4
    assert told.low[1] < told.median[1] < told.mean[1] < told.high[1]
    assert "size is taken as the amount where it is there" in found.describe()


@pytest.mark.parametrize("n", [20, 80, 400])
def test_what_is_kept_tells_the_same_for_one_row_as_for_many(
    n: int, tmp_path: Path, learned: Chosen
) -> None:
    model = learned.model if n == 400 else chosen_of(rows(n)).model
    model.in_money("EUR", 60.0).save(tmp_path)
    again = AmountModel.load(tmp_path)
    assert (again.currency, again.horizon_days) == ("EUR", 60.0)
    many = again.predict(LATER.values[:40])
    for mine, theirs in zip(model.predict(LATER.values[:40]), many, strict=True):
        assert mine.tolist() == theirs.tolist()
    for row in range(0, 40, 7):
        one = again.predict(LATER.values[row : row + 1])
        assert [each[0] for each in one] == [each[row] for each in many]


@pytest.mark.parametrize(
    ("key", "value"),
    [("weights", [0.5, 0.5, 0.5]), ("kind", "median"), ("n_features", 0), ("extra", 1)],
)
def test_damaged_amounts_are_refused(
    key: str, value: object, tmp_path: Path, learned: Chosen
) -> None:
    learned.model.save(tmp_path)
    content = read_json(tmp_path / "amounts.json")
    (tmp_path / "amounts.json").write_text(json.dumps(content | {key: value}))
    with pytest.raises(FaultsError, match="the model of amounts is damaged"):
        AmountModel.load(tmp_path)


def test_the_gamma_loss_is_least_at_the_mean_and_knows_no_unit() -> None:
    amount = np.array([1.0, 2.0, 9.0])
    losses = {mean: gamma_loss(amount, np.full(3, mean)).mean() for mean in (3.0, 3.9, 4.0, 4.1)}
    assert min(losses, key=lambda mean: losses[mean]) == 4.0
    assert gamma_loss(amount, amount).tolist() == [0, 0, 0]
    np.testing.assert_allclose(
        gamma_loss(7 * amount, 7 * amount[::-1]), gamma_loss(amount, amount[::-1])
    )


def test_the_level_makes_means_add_up_and_halves_lie_beside_the_median() -> None:
    random = np.random.default_rng(5)
    deviation, weight = random.normal(0, 1, 500), random.uniform(0.2, 1, 500)
    amount = np.exp(3 + deviation + random.normal(0, 0.7, 500))
    level = AmountLevel.fit(deviation, amount, weight)
    ratio = amount / np.exp(level.log_mean(deviation))
    assert weight @ ratio == pytest.approx(weight.sum())
    below = np.log(ratio) < level.median
    assert weight[below].sum() / weight.sum() == pytest.approx(0.5, abs=0.01)


def test_weighted_quantiles_are_those_of_repeated_values() -> None:
    value, weight = np.array([3.0, 1.0, 2.0]), np.array([1.0, 2.0, 1.0])
    assert quantiles(value, weight, np.array([0.0, 0.25, 1.0])).tolist() == [1.0, 1.0, 3.0]


def test_judging_tells_too_large_means_and_who_is_better(learned: Chosen) -> None:
    mean, some = mean_of_all(rows(400), SEED).model, LATER.rows(np.arange(300))
    found = judge_amounts(learned.model, mean, some, replicates=100, seed=1)
    assert found["difference"]["absolute_error"]["low"] > 0
    assert found["model"]["log_error"]["value"] < found["mean"]["log_error"]["value"]
    level = learned.model.level
    twice = replace(learned.model, level=replace(level, level=level.level + np.log(2)))
    other = judge_amounts(twice, mean, some, replicates=100, seed=1)["model"]["ratio"]
    assert other["value"] == pytest.approx(2 * found["model"]["ratio"]["value"])
    assert other["low"] > 1


def test_revenue_adds_up_where_probabilities_and_amounts_do_and_leaves_out_what_nobody_knows() -> (
    None
):
    random = np.random.default_rng(2)
    mean, probability = random.uniform(1, 9, 4000), random.uniform(0.05, 0.5, 4000)
    converted = (random.random(4000) < probability).astype(np.float64)
    amount = mean * random.lognormal(-0.125, 0.5, 4000)
    amount[0], converted[0] = np.nan, 1.0
    given_rows = RevenueRows(probability, mean, converted, amount, np.arange(4000))
    found = judge_revenue(given_rows, 5.0, replicates=100, seed=1)
    assert found["unknown"] == 1
    assert found["ratio"]["low"] < 1 < found["ratio"]["high"]
    assert [band["rows"] for band in found["bands"]].count(400) == 9


def ranked(amounts: list[float], means: list[float]) -> pl.DataFrame:
    n = len(amounts)
    return pl.DataFrame(
        {
            "lead_id": [f"L{i}" for i in range(n)],
            "as_of": pl.Series([None] * n, dtype=pl.Datetime("us", "UTC")),
            "landmark_days": pl.Series([None] * n, dtype=pl.Float64),
            "position": range(n),
            "group": range(n),
            "converted": [1.0] * n,
            "amount": amounts,
            "probability": [0.9, 0.1] * (n // 2),
            "expected_revenue": [p * m for p, m in zip([0.9, 0.1] * (n // 2), means, strict=True)],
        }
    )  # fmt: skip


def test_calling_by_value_reaches_the_large_deals_and_equals_probability_where_all_are_alike() -> (
    None
):
    large = ranked([10.0, 1000.0] * 50, [10.0, 1000.0] * 50)
    found = rank_by_value(large, 50, None, replicates=100, seed=1)
    assert found is not None
    assert found["customers"]["difference"]["value"] == 0
    assert found["money"]["by_value"]["value"] == 50 * 1000.0
    assert found["money"]["by_probability"]["value"] == 50 * 10.0
    alike = ranked([10.0, 1000.0] * 50, [7.0] * 100)
    same = rank_by_value(alike, 50, None, replicates=100, seed=1)
    assert same is not None
    assert same["money"]["difference"]["value"] == 0


def test_the_demo_tells_the_sizes_that_its_amounts_follow() -> None:
    part = draw_part(np.random.default_rng(np.random.SeedSequence(5).spawn(1)[0]), 0, 400, 400)
    sizes = true_sizes(400, 5)
    assert sizes.tolist() == part.people.size.tolist()
    ratio = np.log(part.endings.amount / true_mean_amounts()[sizes])
    won = np.isfinite(ratio)
    assert np.exp(ratio[won]).mean() == pytest.approx(1, abs=0.35)

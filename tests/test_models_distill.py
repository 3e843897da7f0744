"""Distilled points: truths by construction, whole numbers, signs, the table as it is written."""

from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadcast.features.base.errors import LeadcastError
from leadcast.features.definitions.yaml_lines import plain_yaml
from leadcast.features.tables import TIME, Tables, TimeOrder, empty_events
from leadcast.models.data import Floats
from leadcast.models.distill import Distilled, as_markdown, distill
from leadcast.models.distill.candidates import candidates_of
from leadcast.models.distill.distillation import truths
from leadcast.models.distill.points_choice import (
    TOTAL,
    AdditivePoints,
    as_points,
    fit_logistic,
    limits_of,
    logistic,
    select,
)
from leadcast.models.rules import evaluate, parse_rules
from tests.feature_world import START

N = 1500
ROWS = pl.DataFrame(
    {"lead_id": [f"L{i}" for i in range(N)], "as_of": [START + timedelta(days=20)] * N},
    schema={"lead_id": pl.String, "as_of": TIME},
)


@pytest.fixture(scope="module")
def world() -> tuple[Tables, Floats]:
    """Leads whose log-odds are known: +2 in software, -1.5 where small, +1.5 after three forms."""
    rng = np.random.default_rng(3)
    industry = rng.choice(["Software", "Retail", "Mining"], N)
    size = rng.integers(1, 200, N).astype(np.float64)
    forms = rng.integers(0, 6, N)
    leads = ROWS.select(
        "lead_id", created_at=pl.lit(START).cast(TIME), industry=industry, size=size
    )
    lead = np.repeat(np.arange(N), forms)
    events = pl.DataFrame(
        {
            "lead_id": ROWS["lead_id"][lead],
            "occurred_at": pl.Series(
                [
                    START + timedelta(days=18, minutes=int(i))
                    for i in rng.integers(0, 900, len(lead))
                ]
            ).cast(TIME),
            "event_type": ["form"] * len(lead),
            "value": pl.Series([None] * len(lead), dtype=pl.Float64),
        }
    )
    kinds = {"industry": "category", "size": "number"}
    tables = Tables(leads, events.lazy(), pl.DataFrame(), None, TimeOrder.DATED, kinds)
    log_odds = -2 + 2.0 * (industry == "Software") - 1.5 * (size < 60) + 1.5 * (forms >= 3)
    return tables, logistic(log_odds.astype(np.float64))


@pytest.fixture(scope="module")
def distilled(world: tuple[Tables, Floats]) -> Distilled:
    tables, probability = world
    return distill(tables, ROWS, probability, np.rint(probability), max_rules=6, title="Known")


def test_what_makes_the_world_is_found(world: tuple[Tables, Floats], distilled: Distilled) -> None:
    tables, probability = world
    points = evaluate(distilled.table, tables.leads, tables.events, ROWS).points
    above = points[:, None] > points[None, :]
    order = probability[:, None] > probability[None, :] + 1e-9
    assert above[order].mean() > 0.9
    when = {rule.name: rule.points for rule in distilled.table.rules}
    assert when["industry: Software"] > 0
    assert any("form" in name and points > 0 for name, points in when.items())


def test_the_written_table_is_the_table(world: tuple[Tables, Floats], distilled: Distilled) -> None:
    tables, _ = world
    again = parse_rules(distilled.text)
    data = (tables.leads, tables.events, ROWS)
    one, other = evaluate(distilled.table, *data), evaluate(again, *data)
    np.testing.assert_array_equal(one.points, other.points)
    assert all(rule.points == int(rule.points) != 0 for rule in again.rules)
    assert all(isinstance(rule["points"], int) for rule in plain_yaml(distilled.text)["rules"])
    assert all(group.limit == int(group.limit or 0) for group in again.groups.values())


def test_points_are_what_the_answers_add_up_to(
    world: tuple[Tables, Floats], distilled: Distilled
) -> None:
    tables, probability = world
    candidates = {one.name: one for one in candidates_of(tables, ROWS, probability)}
    rules = distilled.table.rules
    holds = truths([candidates[rule.name] for rule in rules], tables, ROWS)
    total = np.zeros(N)
    for name, group in distilled.table.groups.items():
        own = [rule.points if rule.group == name else 0.0 for rule in rules]
        total += np.minimum(holds @ np.array(own), np.inf if group.limit is None else group.limit)
    points = evaluate(distilled.table, tables.leads, tables.events, ROWS).points
    np.testing.assert_array_equal(points, total)


def test_the_page_has_every_rule_in_both_styles(distilled: Distilled) -> None:
    page = as_markdown(distilled, None)
    assert page.count("| `industry` is any of Software |") == 2
    assert "HubSpot" in page
    assert "Eloqua" in page


def test_nothing_to_tell_leads_apart_is_said(world: tuple[Tables, Floats]) -> None:
    flat = np.full(N, 0.2)
    with pytest.raises(LeadcastError, match="nothing to make points of"):
        distill(world[0], ROWS, flat, flat)
    with pytest.raises(LeadcastError, match="--max-rules: found 0"):
        distill(world[0], ROWS, flat, flat, max_rules=0)


def test_a_source_without_dates_or_events_is_distilled_by_its_attributes(
    world: tuple[Tables, Floats],
) -> None:
    tables, probability = world
    leads = tables.leads.with_columns(created_at=pl.lit(None, dtype=TIME))
    undated = Tables(
        leads, empty_events(), pl.DataFrame(), None, TimeOrder.ORDERED, tables.attribute_types
    )
    found = distill(undated, ROWS.select("lead_id"), probability, np.rint(probability), max_rules=3)
    assert {rule.group for rule in found.table.rules} == {"fit"}


@settings(max_examples=15)
@given(st.integers(0, 10_000))
def test_a_family_has_one_sign_and_columns_are_chosen_once(seed: int) -> None:
    rng = np.random.default_rng(seed)
    holds = rng.random((200, 8)) < 0.4
    target = rng.random(200) ** 2
    families = ["a", "a", "a", "b", "b", "b", None, None]
    model = select(holds, target, families, 6)
    assert len(set(model.chosen)) == len(model.chosen)
    for family in ("a", "b"):
        signs = {np.sign(c) for c, i in zip(model.coefficients, model.chosen, strict=True)
                 if families[i] == family}  # fmt: skip
        assert len(signs) <= 1


def test_a_mixture_gives_way_to_what_it_is_mixed_of() -> None:
    random = np.random.default_rng(5)
    one, other = random.random((2, 20_000)) < 0.3
    holds = np.column_stack([one | other, one, other])
    target = logistic(-2.0 + 1.5 * one + 1.5 * other)
    # By itself the mixture tells most, so that it is chosen first.
    assert select(holds, target, [None] * 3, 1).chosen == (0,)
    assert sorted(select(holds, target, [None] * 3, 2).chosen) == [1, 2]


def test_where_all_conditions_are_chosen_none_is_chosen_twice() -> None:
    random = np.random.default_rng(6)
    strong, weak = random.random((2, 4_000)) < 0.5
    target = logistic(-2.0 + 4.0 * strong + 0.3 * weak)
    assert select(np.column_stack([strong, weak]), target, [None] * 2, 5).chosen == (0, 1)


def test_the_fit_is_that_of_maximum_likelihood() -> None:
    rng = np.random.default_rng(1)
    columns = rng.normal(size=(400, 2))
    target = logistic(0.3 + columns @ np.array([1.0, -2.0]))
    found = fit_logistic(columns, target, np.ones(400), ridge=0.0)
    np.testing.assert_allclose(found, [0.3, 1.0, -2.0], atol=1e-6)


def test_points_keep_the_proportions_and_none_is_lost() -> None:
    model = AdditivePoints((0, 1, 2, 3), np.array([2.0, 2.0, -1.0, 0.001]), 0.0)
    assert as_points(model).tolist() == [50, 50, -25, 1]
    assert sum(point for point in as_points(model) if point > 1) == TOTAL


def test_a_limit_cuts_what_makes_no_difference_and_nothing_else() -> None:
    rng = np.random.default_rng(2)
    holds = rng.random((3000, 3)) < 0.5
    points = np.array([10, 10, 10])
    saturated = np.where(holds.any(axis=1), 0.6, 0.1)
    rising = 0.1 + 0.2 * holds.sum(axis=1)
    assert limits_of(holds, points, ["fit"] * 3, saturated) == {"fit": 20}
    assert limits_of(holds, points, ["fit"] * 3, rising) == {"fit": 30}

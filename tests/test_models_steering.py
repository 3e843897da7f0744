"""The deny-list: by name, by declared meaning, by association; nothing that is paid is scored."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest

from leadcast.features.base.errors import FaultsError, LeadcastError
from leadcast.features.registry import Feature
from leadcast.features.tables import Tables
from leadcast.models.data import Floats, Matrix
from leadcast.models.leakage.gate import LeakageReport
from leadcast.models.steering import (
    PAY,
    SteeringContext,
    associations,
    denied_by_name,
    refuse,
    steer,
    strongest,
    tried_invariance,
)
from leadcast.models.steering.deny_checks import COPIES
from tests.leak_worlds import context, undated

PAID = """
payout Payout_EUR lead_payout affiliatePayout partner_fee revenue_share commission Commission_Rate
Provision Provisionssatz Vergütung Auszahlung Rémunération comisión provvigione commissie bid
max_bid Bid_Price Gebot enchère puja CPL cpa cost_per_lead costPerLead lead_cost LeadPrice
lead_price_eur price_paid PricePaid purchase_price vendor_price Leadpreis Lead_Kosten
Einkaufspreis prix_du_lead precio_del_lead custom_payout payout__c
"""
PROTECTED = """
gender Gender__c sex Geschlecht Anrede Salutation sexe género age Age_Group Alter edad customer_age
birthdate Date_of_Birth DOB Geburtsdatum date_naissance race ethnicity nationality
Staatsangehörigkeit nationalité religion Konfession disability Behinderung pregnant marital_status
marital Familienstand état_civil estado_civil sexual_orientation union_membership number_of_children
"""
HARMLESS = """
account_age age_days domain_age company_age lead_age price_range bid_count bidder budget revenue
cost source vendor vendor_type lead_source country city industry paid_search lead_value body title
page stage engagement average_visits european_commission commissioning_date herkunft language
raceway
"""


@pytest.mark.parametrize("name", PAID.split())
def test_names_of_pay_are_denied(name: str) -> None:
    assert denied_by_name(name) in PAY


@pytest.mark.parametrize("name", PROTECTED.split())
def test_names_of_protected_attributes_are_denied(name: str) -> None:
    assert denied_by_name(name) == "protected"


@pytest.mark.parametrize("name", HARMLESS.split())
def test_what_only_sounds_alike_is_not_denied(name: str) -> None:
    assert denied_by_name(name) is None


# A feature and a denied column, and how well the one should reproduce the other.
NUMBER = Feature("x", "fit", "number", ("leads.x",), "x")
CATEGORY = Feature("x", "fit", "category", ("leads.x",), "x", levels=("a", "b"))


def figure(
    values: npt.NDArray[Any], denied: pl.Series, feature: Feature = NUMBER
) -> tuple[float, float]:
    matrix: Matrix = values.astype(np.float32)[:, None]
    (found,) = associations(matrix, [feature], denied, seed=1)
    return found.figure, found.chance


def test_a_copy_has_1_whatever_its_scale_and_what_is_independent_is_within_chance() -> None:
    rng = np.random.default_rng(0)
    paid = rng.lognormal(3, 1, 2_000)
    for scaled in (paid, 100 * paid + 3, np.log(paid), -(paid**2)):
        assert figure(scaled, pl.Series("paid", paid))[0] > 0.99
    value, chance = figure(rng.normal(size=2_000), pl.Series("paid", paid))
    assert value <= max(chance, 0.02)


def test_a_category_is_told_by_the_share_of_its_uncertainty() -> None:
    rng = np.random.default_rng(0)
    sex = rng.integers(0, 2, 4_000)
    denied = pl.Series("sex", np.array(["f", "m"])[sex])
    assert figure(sex + 1.0, denied, CATEGORY)[0] > 0.98
    # One in ten is another's: 1 - H(0.1) / H(0.5) = 1 - 0.325 / 0.693 = 0.531.
    flipped = np.where(rng.random(4_000) < 0.1, 1 - sex, sex)
    found, chance = figure(flipped + 1.0, denied, CATEGORY)
    assert found == pytest.approx(0.531, abs=0.04)
    assert found > COPIES["share of its uncertainty"] > chance


def test_noise_of_half_the_spread_leaves_the_threshold_of_numbers() -> None:
    rng = np.random.default_rng(0)
    paid = rng.normal(size=4_000)
    found, _ = figure(paid + 0.5 * rng.normal(size=4_000), pl.Series("paid", paid))
    assert found == pytest.approx(COPIES["R²"], abs=0.04)


def test_chance_is_reached_once_in_twenty_times_over_all_columns() -> None:
    rng = np.random.default_rng(0)
    beyond = 0
    for seed in range(40):
        matrix: Matrix = rng.normal(size=(300, 5)).astype(np.float32)
        found = associations(matrix, [NUMBER] * 5, pl.Series("y", rng.normal(size=300)), seed)
        beyond += found[0].figure > found[0].chance
    # Of 40 a binomial of 1 in 20 has at most 6 in 98.6 of 100 cases; the seeds are fixed.
    assert beyond <= 6


def test_of_few_leads_or_one_value_nothing_is_told() -> None:
    matrix: Matrix = np.ones((50, 1), dtype=np.float32)
    assert associations(matrix, [NUMBER], pl.Series("y", np.arange(50)), 0) == []
    matrix = np.ones((500, 1), dtype=np.float32)
    assert associations(matrix, [NUMBER], pl.Series("y", np.ones(500)), 0) == []


# The checks, on a world that a definition describes.


@cache
def world() -> Tables:
    return undated(600)


def with_column(tables: Tables, name: str, values: pl.Series, kind: str | None = None) -> Tables:
    leads = tables.leads.with_columns(values.alias(name))
    types = tables.attribute_types | ({} if kind is None else {name: kind})
    return replace(tables, leads=leads, attribute_types=types)


def examined(tables: Tables, **about: Any) -> LeakageReport:  # noqa: ANN401
    return steer(SteeringContext.of(context(tables), **about))


def told(report: LeakageReport) -> Mapping[str, tuple[str, ...]]:
    found = report.findings
    return {
        level: tuple(one.code for one in found if one.severity == level)
        for level in ("error", "warning")
    }


def random_numbers(seed: int = 4) -> pl.Series:
    return pl.Series(np.random.default_rng(seed).lognormal(3, 1, world().leads.height))


def test_an_honest_source_has_no_finding() -> None:
    assert examined(world()).findings == ()


@pytest.mark.parametrize("name", ["payout", "gender"])
def test_an_attribute_that_is_named_like_a_denied_one_fails_the_run(name: str) -> None:
    report = examined(with_column(world(), name, random_numbers(), "number"))
    assert told(report)["error"] == ("S001",)
    with pytest.raises(FaultsError, match=f"column '{name}'.*S001.*add it to `denied`"):
        refuse(report, "deny-list of source 'ours'")


def test_what_the_export_calls_an_attribute_is_read_too() -> None:
    tables = with_column(world(), "x1", random_numbers(), "number")
    assert told(examined(tables, columns={"x1": "Provision"}))["error"] == ("S001",)
    assert told(examined(tables, columns={"x1": "Visits"}))["error"] == ()


def test_a_reason_permits_a_protected_name_and_never_what_is_paid() -> None:
    protected = with_column(world(), "age", random_numbers(), "number")
    report = examined(protected, permitted={"age": "insurance by age"})
    assert told(report) == {"error": (), "warning": ("S001",)}
    assert "permitted: insurance by age" in report.findings[0].found
    paid = with_column(world(), "payout", random_numbers(), "number")
    assert told(examined(paid, permitted={"payout": "we want it"}))["error"] == ("S001",)


def test_a_kind_of_event_that_is_paid_fails_the_run() -> None:
    report = examined(world(), kinds=("page", "payout"))
    assert [one.subject for one in report.errors] == ["event type 'payout'"]


def test_a_feature_of_a_declared_column_fails_the_run() -> None:
    tables = with_column(world(), "fee", random_numbers(), "number")
    report = examined(tables, denied={"fee": "payout"})
    assert "S002" in told(report)["error"]
    carried = with_column(world(), "withheld_fee", random_numbers())
    assert examined(carried, denied={"withheld_fee": "payout"}).findings == ()


def test_a_copy_under_another_name_is_a_proxy_with_its_figure() -> None:
    paid = random_numbers()
    tables = with_column(with_column(world(), "withheld_fee", paid), "x1", paid * 3, "number")
    about: dict[str, Any] = {"denied": {"withheld_fee": "payout"}}
    report = examined(tables, **about)
    assert told(report)["error"] == ("S003",)
    assert "reproduces 'fee'" in report.errors[0].found
    assert "R² 0.9" in report.errors[0].found
    allowed = examined(tables, **about, permitted={"x1": "its sum is public"})
    assert told(allowed) == {"error": (), "warning": ("S003",)}
    (first, *_) = strongest(SteeringContext.of(context(tables), **about))
    assert (first["denied"], first["feature"]) == ("fee", "x1")


def test_a_vendors_price_list_is_told_and_does_not_fail_the_run() -> None:
    vendor = pl.Series(np.random.default_rng(1).choice(["a", "b", "c"], world().leads.height))
    price = vendor.replace_strict({"a": 10.0, "b": 25.0, "c": 40.0})
    tables = with_column(with_column(world(), "vendor", vendor, "category"), "cost", price)
    assert told(examined(tables)) == {"error": (), "warning": ("S003",)}
    # What follows from the vendor as well is the same price list, and no second finding.
    source = vendor.replace({"a": "web", "b": "web", "c": "mail"})
    twice = examined(with_column(tables, "source", source, "category"))
    assert told(twice) == {"error": (), "warning": ("S003",)}
    assert sum("; so do " in one.found for one in twice.findings) == 1


# Payout invariance.


def test_scores_that_read_no_payout_are_invariant_and_others_are_found() -> None:
    leads = pl.DataFrame({"size": np.arange(200.0), "withheld_fee": np.arange(200.0)[::-1]})

    def honest(rows: pl.DataFrame) -> Floats:
        return np.tanh(rows["size"].to_numpy().astype(np.float64) / 50)

    def steered(rows: pl.DataFrame) -> Floats:
        paid: Floats = rows["withheld_fee"].fill_null(0).to_numpy()
        return honest(rows) + 1e-12 * paid

    def by_cost(rows: pl.DataFrame) -> Floats:
        paid: Floats = rows["cost"].fill_null(0).to_numpy()
        return honest(rows) + paid

    assert tried_invariance(honest, leads, ["withheld_fee"], 0).holds
    for scored in (steered, by_cost):
        found = tried_invariance(scored, leads, ["withheld_fee"], 0)
        assert not found.holds
        assert found.changed_scores > 100
        with pytest.raises(LeadcastError, match=r"payout invariance: .* of 200 scores changed"):
            found.require("evaluate ours")

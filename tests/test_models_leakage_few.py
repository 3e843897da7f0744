"""Where winners are few, leaks are still found, chance is excluded, and silence is told."""

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations

import numpy as np
import polars as pl
import pytest

from leadcast.features.tables import Tables
from leadcast.models.leakage import LeakageReport, examine
from leadcast.models.leakage.exact import best_split, log_of_chance
from leadcast.models.leakage.few_checks import FewToldApart, TooFewOutcomes
from leadcast.models.leakage.strength import draw_sample
from tests.leak_worlds import (
    SPOILT,
    context,
    dated,
    spoilt,
    undated,
    with_few,
    with_honest_columns,
    won,
)

WORLDS = (undated, dated)


def of_column(report: LeakageReport, name: str) -> set[str]:
    return {finding.severity for finding in report.findings if f"'{name}'" in finding.subject}


@pytest.mark.parametrize("kind", SPOILT)
@pytest.mark.parametrize("winners", [4, 8, 25])
def test_a_leak_is_an_error_however_few_are_won(winners: int, kind: str) -> None:
    tables = with_few(undated(leads=1_000), winners)
    assert "error" in of_column(examine(context(spoilt(tables, kind))), "x")


@pytest.mark.parametrize("kind", ["flag", "number", "levels"])
def test_dated_leaks_are_errors_too(kind: str) -> None:
    tables = with_few(dated(leads=600, seed=1), 12)
    assert "error" in of_column(examine(context(spoilt(tables, kind))), "x")


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("winners", [3, 8, 19])
def test_honest_columns_are_no_errors(world: Callable[..., Tables], winners: int) -> None:
    tables = with_few(world(leads=500, seed=winners), winners, winners)
    assert examine(context(with_honest_columns(tables, winners))).errors == ()


def test_few_lost_leads_are_looked_at_as_well() -> None:
    tables = undated(leads=600)
    outcomes = tables.outcomes.with_columns(~pl.col("converted"))
    few = with_few(replace(tables, outcomes=outcomes), 6)
    mirrored = replace(few, outcomes=few.outcomes.with_columns(~pl.col("converted")))
    report = examine(context(spoilt(mirrored, "flag")))
    assert of_column(report, "x") == {"error"}
    assert any("6 of 6 not converted leads" in finding.found for finding in report.errors)


@pytest.mark.parametrize("winners", [1, 2])
def test_one_or_two_winners_are_told_with_what_separates_them(winners: int) -> None:
    tables = with_few(undated(leads=400), winners)
    report = examine(context(spoilt(tables, "level")))
    (told,) = [finding for finding in report.findings if finding.code == "L018"]
    assert told.severity == "warning"
    assert f"it could not look: {winners} converted lead" in told.found
    assert "column 'x'" in told.found
    report.refuse()


def test_a_kind_of_event_that_few_winners_alone_have() -> None:
    tables = with_few(dated(), 6)
    signed = tables.leads.filter(pl.Series(won(tables))).select(
        "lead_id",
        occurred_at=pl.col("created_at") + pl.duration(hours=12),
        event_type=pl.lit("contract returned"),
        value=pl.lit(None, pl.Float64),
    )
    told = examine(context(replace(tables, events=pl.concat([tables.events, signed.lazy()]))))
    assert "event type 'contract returned'" in {finding.subject for finding in told.errors}


def test_a_clock_does_not_tell_few_winners_apart() -> None:
    tables = undated(leads=1_000)
    early = tables.leads["position"] < 12
    outcomes = tables.leads.select("lead_id", converted=early)
    outcomes = tables.outcomes.drop("converted").join(outcomes, on="lead_id", how="left")
    clock = tables.leads["position"].cast(pl.Float64) // 3
    leads = tables.leads.with_columns(price_index=clock)
    kinds = tables.attribute_types | {"price_index": "number"}
    spoilt_by_time = replace(tables, leads=leads, outcomes=outcomes, attribute_types=kinds)
    assert of_column(examine(context(spoilt_by_time)), "price_index") == set()


def test_chance_is_counted_as_by_listing_every_choice() -> None:
    # 3 of 9 leads are rare; a part of 4 leads is the first four.
    choices = list(combinations(range(9), 3))
    for at_least in range(4):
        share = np.mean([sum(i < 4 for i in choice) >= at_least for choice in choices])
        k, m = np.array([float(at_least)]), np.array([4.0 - at_least])
        assert np.exp(log_of_chance(k, 3, m, 6))[0] == pytest.approx(share)


@pytest.mark.parametrize("kind", ["number", "few values", "category", "filled"])
def test_chance_is_not_underestimated(kind: str) -> None:
    rng = np.random.default_rng(0)
    rare = np.arange(200) < 6
    chances = []
    for _ in range(250):
        noise = {
            "number": pl.Series(rng.normal(0, 1, 200)),
            "few values": pl.Series(rng.integers(0, 5, 200).astype(float)),
            "category": pl.Series([f"c{code}" for code in rng.integers(0, 40, 200)]),
            "filled": pl.Series([1.0 if x < 0.1 else None for x in rng.random(200)]),
        }[kind]
        split = best_split(noise, rare)
        chances.append(0.0 if split is None else split.log_chance)
    # Three standard errors above what a bound promises.
    for level in (0.01, 0.05, 0.2):
        excess = 3 * np.sqrt(level * (1 - level) / len(chances))
        assert np.mean(np.array(chances) <= np.log(level)) <= level + excess


def test_winners_that_a_sample_would_lose_are_looked_at_exactly() -> None:
    # 150 winners are not few; that hardly any of them is in the sample makes them so.
    tables = with_few(undated(leads=4_000), 150)
    whole = context(spoilt(tables, "levels"))
    first = np.flatnonzero(whole.training.converted)[10:]
    starved = replace(whole)
    keep = np.setdiff1d(np.arange(len(whole.training)), first)
    starved.__dict__["sample"] = draw_sample(whole.training.rows(keep), 0)
    report = examine(starved, [FewToldApart(), TooFewOutcomes()])
    assert of_column(report, "x") == {"error"}
    assert "L018" in {finding.code for finding in report.findings}

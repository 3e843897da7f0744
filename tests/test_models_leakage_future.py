"""Columns in their last state are known by what they do, whatever they are called."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from leadcast.features.tables import TIME, Tables
from leadcast.models.leakage import Finding, inspect
from leadcast.models.leakage.column_checks import FilledAfterOutcome
from leadcast.models.leakage.future_checks import FutureAttributes
from tests.leak_worlds import DAY, context, dated, undated, with_attribute, won


def found_of(tables: Tables, kind: str = "number") -> list[Finding]:
    spoilt = context(tables)
    assert any(name == "x" for name in spoilt.attribute_features), "the matrix reads the column"
    found = list(FutureAttributes().look(spoilt))
    return [one for one in found if one.subject == "column 'x'"]


def with_history(tables: Tables, per_lead: int = 6) -> Tables:
    """Give each lead many visits before its creation, so that later ones are the fewer."""
    rng = np.random.default_rng(4)
    number = np.repeat(np.arange(tables.leads.height), rng.poisson(per_lead, tables.leads.height))
    created = tables.leads["created_at"].to_physical().to_numpy()[number]
    times = created - rng.integers(DAY, 30 * DAY, len(number))
    earlier = pl.DataFrame(
        {
            "lead_id": tables.leads["lead_id"][number],
            "occurred_at": pl.Series(times).cast(TIME),
            "event_type": pl.Series(["page"] * len(number)),
            "value": pl.Series([None] * len(number), dtype=pl.Float64),
        }
    )
    return replace(tables, events=pl.concat([tables.events, earlier.lazy()]))


def counted(tables: Tables, which: pl.Expr) -> Tables:
    created = tables.leads.lazy().select("lead_id", "created_at")
    events = tables.events.join(created, on="lead_id").filter(which)
    counts = events.group_by("lead_id").len().collect()
    leads = tables.leads.join(counts, on="lead_id", how="left", maintain_order="left")
    return with_attribute(tables, "x", leads["len"].fill_null(0).cast(pl.Float64), "number")


@pytest.mark.parametrize("kind", [None, "pricing", "email"])
def test_a_count_that_goes_on_until_the_export(kind: str | None) -> None:
    tables = with_history(dated())
    which = pl.lit(value=True) if kind is None else pl.col("event_type") == kind
    (found,) = found_of(counted(tables, which))
    assert found.severity == "error"
    assert "until the export" in found.found or "came after" in found.found
    assert kind is None or kind in found.found or "came after" in found.found


def test_a_count_of_what_came_before_the_lead_is_honest() -> None:
    tables = with_history(dated())
    assert found_of(counted(tables, pl.col("occurred_at") < pl.col("created_at"))) == []


def ends(tables: Tables) -> pl.Series:
    joined = tables.leads.join(tables.outcomes, on="lead_id", how="left", maintain_order="left")
    return joined.select(pl.min_horizontal("won_at", "lost_at")).to_series()


def test_a_count_that_grows_with_the_life_of_a_lead() -> None:
    tables = dated()
    lived = (ends(tables) - tables.leads["created_at"]).dt.total_seconds().to_numpy() / 86_400
    contacts = np.random.default_rng(0).poisson(3 * lived).astype(float)
    (found,) = found_of(with_attribute(tables, "x", pl.Series(contacts), "number"))
    assert "the time that they took to end" in found.found


def test_a_clock_does_not_grow_with_the_life_of_a_lead() -> None:
    tables = dated()
    age = -tables.leads["created_at"].to_physical().cast(pl.Float64) // DAY
    assert found_of(with_attribute(tables, "x", age, "number")) == []


def test_a_time_near_the_end_is_known_by_being_missing() -> None:
    tables = dated()
    hours = np.random.default_rng(1).integers(-20, 20, tables.leads.height)
    paid = ends(tables) + pl.Series(hours * 3_600_000_000).cast(pl.Duration("us"))
    early = tables.leads["created_at"].dt.offset_by("-3d")
    every_third = pl.Series(np.arange(tables.leads.height) % 3 == 0)
    x = pl.select(pl.when(every_third).then(early).otherwise(paid)).to_series()
    (found,) = found_of(with_attribute(tables, "x", x, "time"), "time")
    assert found.severity == "error"
    assert "within a day of the end of the lead" in found.found


def test_the_time_of_the_last_event_is_found() -> None:
    tables = with_history(dated())
    last = tables.events.group_by("lead_id").agg(x=pl.col("occurred_at").max()).collect()
    leads = tables.leads.join(last, on="lead_id", how="left", maintain_order="left")
    (found,) = found_of(with_attribute(tables, "x", leads["x"], "time"), "time")
    assert "its last event" in found.found


def test_a_date_that_lies_ahead_for_everybody_is_honest() -> None:
    tables = dated()
    days = np.random.default_rng(2).integers(-40, 40, tables.leads.height)
    planned = tables.leads["created_at"] + pl.Series(days * DAY).cast(pl.Duration("us"))
    assert found_of(with_attribute(tables, "x", planned, "time"), "time") == []


@pytest.mark.parametrize("share", [0.4, 1.0])
def test_a_number_other_than_zero_for_winners_only(share: float) -> None:
    tables = undated()
    paid = won(tables) & (np.random.default_rng(3).random(tables.leads.height) < share)
    amounts = np.random.default_rng(4).lognormal(7, 1, tables.leads.height)
    spoilt = context(with_attribute(tables, "x", pl.Series(np.where(paid, amounts, 0.0)), "number"))
    (found,) = list(FilledAfterOutcome().look(spoilt))
    assert found.subject == "column 'x'"
    assert "other than zero" in found.found
    assert all(one.subject != "column 'visits'" for one in inspect(spoilt))

"""Learning a plan: only from training leads, only from what was known, the same from any order."""

import random
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from leadcast.features.engine.engine import compute, compute_one
from leadcast.features.engine.fitting import fit_plan
from leadcast.features.engine.plan import FeaturePlan
from leadcast.features.settings import FeatureSettings
from leadcast.features.snapshots import SnapshotSettings, make_snapshots
from leadcast.features.tables import TIME, Tables, TimeOrder, empty_events

START = datetime(2025, 1, 1, tzinfo=UTC)
SNAPSHOTS = SnapshotSettings(landmarks_days=(0, 1, 7), horizon_days=10)
SETTINGS = FeatureSettings(min_level_count=5, history_prior_leads=5)
N = 240
TYPES = {"source": "category", "job_title": "text", "visits": "number", "seen_at": "time",
         "opted_in": "flag", "email": "text", "company_size": "text"}  # fmt: skip


def made_up_tables(seed: int = 0) -> Tables:
    generator = np.random.default_rng(seed)
    ids = [f"lead {number:03}" for number in range(N)]
    created = [START + timedelta(hours=6 * number) for number in range(N)]
    won = generator.random(N) < 0.3

    def pick(values: list[object]) -> list[object]:
        return [values[place] for place in generator.integers(0, len(values), N)]

    leads = pl.DataFrame(
        {
            "lead_id": ids,
            "created_at": created,
            "position": range(N),
            "source": pick(["ads", "fair", "web", None]),
            "job_title": pick(["CEO", "Developer", "Sales manager", "?"]),
            "visits": np.where(generator.random(N) < 0.2, np.nan, generator.poisson(3, N)),
            "seen_at": [at + timedelta(days=int(d)) for at, d in zip(created,
                        generator.integers(-9, 9, N), strict=True)],
            "opted_in": pick([True, False, None]),
            "email": pick(["a@acme.com", "b2@gmail.com", "bad", None]),
            "company_size": pick(["11-50", "1000+", "Small", None]),
        },
        schema_overrides={"created_at": TIME, "seen_at": TIME, "position": pl.Int64},
    )  # fmt: skip
    outcomes = pl.DataFrame(
        {
            "lead_id": ids,
            "won_at": [at + timedelta(days=9) if w else None
                       for at, w in zip(created, won, strict=True)],
            "lost_at": None,
            "converted": None,
        },
        schema_overrides={"won_at": TIME, "lost_at": TIME, "converted": pl.Boolean},
    )  # fmt: skip
    until = created[-1] + timedelta(days=20)
    return Tables(leads, made_up_events(generator, ids, created), outcomes, until, TimeOrder.DATED,
                  TYPES)  # fmt: skip


def made_up_events(
    generator: np.random.Generator, ids: list[str], created: list[datetime]
) -> pl.LazyFrame:
    leads = generator.integers(0, N, 3000)
    hours = generator.exponential(60, 3000)
    return pl.LazyFrame(
        {
            "lead_id": [ids[lead] for lead in leads],
            "occurred_at": [created[lead] + timedelta(hours=h)
                            for lead, h in zip(leads, hours, strict=True)],
            "event_type": generator.choice(["Email Opened", "form", "call"], 3000),
            "value": np.where(generator.random(3000) < 0.5, np.nan, 1.0),
        },
        schema_overrides={"occurred_at": TIME},
    )  # fmt: skip


TABLES = made_up_tables()
ROWS = make_snapshots(TABLES, SNAPSHOTS, seed=0)
TRAIN = ROWS.filter(pl.col("as_of") < START + timedelta(days=40))
KNOWN_UNTIL = START + timedelta(days=40)


def fitted(tables: Tables = TABLES, rows: pl.DataFrame = TRAIN) -> FeaturePlan:
    return fit_plan(tables, rows, SETTINGS, KNOWN_UNTIL, SNAPSHOTS)


def with_events(events: pl.LazyFrame) -> Tables:
    return Tables(TABLES.leads, events, TABLES.outcomes, TABLES.observed_until, TABLES.time_order,
                  TYPES)  # fmt: skip


def test_all_four_groups_are_there() -> None:
    features = {feature.name: feature for feature in fitted().features}
    assert {feature.group for feature in features.values()} == {
        "fit",
        "engagement",
        "source",
        "timing",
    }
    assert {"job_title_seniority", "company_size_log", "email_kind", "seen_at_days_before",
            "email_opened_count_ever", "source_past_rate", "age_days", "profile_filled"} <= set(
        features
    )  # fmt: skip
    assert all(feature.words and feature.inputs for feature in features.values())


def test_levels_and_kinds_are_those_of_the_training_leads() -> None:
    plan = fitted()
    later = ROWS.join(TRAIN, on="lead_id", how="anti")["lead_id"].unique().implode()
    of_later = pl.col("lead_id").is_in(later)
    leads = TABLES.leads.with_columns(
        source=pl.when(of_later).then(pl.lit("new")).otherwise("source")
    )
    kind = pl.when(of_later).then(pl.lit("new")).otherwise("event_type").alias("event_type")
    changed = Tables(leads, TABLES.events.with_columns(kind), TABLES.outcomes,
                     TABLES.observed_until, TimeOrder.DATED, TYPES)  # fmt: skip
    assert fitted(changed) == plan


def test_the_future_of_the_training_leads_changes_no_plan() -> None:
    last = TRAIN.group_by("lead_id").agg(pl.col("as_of").max())
    known = (
        TABLES.events.join(last.lazy(), on="lead_id", how="left")
        .filter((pl.col("occurred_at") < pl.col("as_of")).fill_null(value=True))
        .drop("as_of")
    )
    at_the_moment = last.lazy().select("lead_id", "as_of", pl.lit("new").alias("event_type"))
    future = at_the_moment.rename({"as_of": "occurred_at"}).with_columns(value=pl.lit(5.0))
    columns = ["lead_id", "occurred_at", "event_type", "value"]
    more = pl.concat([known.select(columns), future.select(columns)])
    assert fitted(with_events(more)) == fitted()


def test_outcomes_that_mature_later_change_no_plan() -> None:
    created = TABLES.leads["created_at"]
    late = created + timedelta(days=SNAPSHOTS.horizon_days) >= KNOWN_UNTIL
    won = pl.when(late).then(created + timedelta(hours=1)).otherwise("won_at").alias("won_at")
    outcomes = TABLES.outcomes.with_columns(won)
    changed = Tables(TABLES.leads, TABLES.events, outcomes, TABLES.observed_until, TimeOrder.DATED,
                     TYPES)  # fmt: skip
    assert fitted(changed) == fitted()
    earlier = TABLES.outcomes.with_columns(won_at=created + timedelta(hours=1))
    told_apart = Tables(TABLES.leads, TABLES.events, earlier, TABLES.observed_until,
                        TimeOrder.DATED, TYPES)  # fmt: skip
    assert fitted(told_apart) != fitted()


def test_the_order_of_the_tables_rows_changes_no_plan() -> None:
    events = TABLES.events.collect().sample(fraction=1, shuffle=True, seed=3).lazy()
    shuffled = Tables(TABLES.leads.sample(fraction=1, shuffle=True, seed=4), events,
                      TABLES.outcomes.reverse(), TABLES.observed_until, TimeOrder.DATED,
                      TYPES)  # fmt: skip
    assert fitted(shuffled) == fitted()


def test_every_row_from_python_values_equals_the_matrix_bit_for_bit() -> None:
    plan = fitted()
    matrix = compute(plan, TABLES.leads, TABLES.events, ROWS)
    leads = {row["lead_id"]: row for row in TABLES.leads.iter_rows(named=True)}
    events: dict[str, list[tuple[int, str, float | None]]] = {lead: [] for lead in leads}
    for lead, at, kind, value in TABLES.events.with_columns(
        pl.col("occurred_at").to_physical()
    ).collect().rows():  # fmt: skip
        events[lead].append((at, kind, value))
    for number in random.Random(1).sample(range(ROWS.height), 100):
        lead, as_of = ROWS["lead_id"][number], ROWS["as_of"].to_physical()[number]
        row = compute_one(plan, leads[lead], events[lead], as_of)
        np.testing.assert_array_equal(row.view(np.uint32), matrix[number].view(np.uint32))


def test_a_time_is_used_only_where_it_was_known() -> None:
    plan = fitted()
    column = plan.columns.index("seen_at_days_before")
    found = compute(plan, TABLES.leads, None, ROWS)[:, column]
    joined = ROWS.join(TABLES.leads, on="lead_id", how="left", maintain_order="left")
    days = ((joined["as_of"] - joined["seen_at"]).dt.total_microseconds() / 86_400_000_000).cast(
        pl.Float32
    )
    assert (days == 0).any()
    expected = days.to_frame().select(pl.when(pl.first() > 0).then(pl.first())).to_series()
    np.testing.assert_array_equal(found, expected.fill_null(np.nan).to_numpy())


@pytest.mark.parametrize("order", [TimeOrder.ORDERED, TimeOrder.UNORDERED])
def test_without_dates_there_are_attributes_only(order: TimeOrder) -> None:
    leads = TABLES.leads.with_columns(created_at=pl.lit(None, TIME))
    tables = Tables(leads, empty_events(), TABLES.outcomes, None, order, TYPES)
    rows = leads.select("lead_id").with_columns(as_of=pl.lit(None, TIME))
    plan = fit_plan(tables, rows, SETTINGS, None, SNAPSHOTS)
    assert {feature.group for feature in plan.features} == {"fit", "source"}
    assert not any("days_before" in name or "past" in name for name in plan.columns)
    matrix = compute(plan, leads, None, rows)
    one = compute_one(plan, leads.row(7, named=True), [], None)
    np.testing.assert_array_equal(one, matrix[7])


def test_undated_outcomes_have_no_past_rates() -> None:
    outcomes = TABLES.outcomes.with_columns(converted=pl.col("won_at").is_not_null(),
                                            won_at=pl.lit(None, TIME))  # fmt: skip
    tables = Tables(TABLES.leads, TABLES.events, outcomes, TABLES.observed_until, TimeOrder.DATED,
                    TYPES)  # fmt: skip
    assert fitted(tables).histories == ()


def test_few_leads_still_give_a_plan() -> None:
    few = TRAIN.filter(pl.col("lead_id").is_in(TABLES.leads["lead_id"][:30].implode()))
    plan = fitted(rows=few)
    assert compute(plan, TABLES.leads, TABLES.events, few).shape == (few.height, len(plan.columns))


def test_a_past_rate_is_the_rate_of_the_leads_that_had_matured() -> None:
    plan = fitted()
    as_of = KNOWN_UNTIL + timedelta(days=30)
    ended = TABLES.leads.join(TABLES.outcomes, on="lead_id").filter(
        pl.col("created_at") + timedelta(days=SNAPSHOTS.horizon_days) < KNOWN_UNTIL
    )
    overall = ended["won_at"].count() / ended.height
    ads = ended.filter(source="ads")["won_at"]
    expected = (ads.count() + 5 * overall) / (len(ads) + 5)
    microseconds = int(as_of.timestamp()) * 1_000_000
    row = compute_one(plan, {"created_at": as_of, "source": "ADS "}, [], microseconds)
    assert row[plan.columns.index("source_past_rate")] == pytest.approx(expected, rel=1e-6)

"""Accounts that come again and again: what became of their earlier leads is learned from."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from leadcast.features.snapshots import SnapshotSettings, make_snapshots
from leadcast.features.tables import TIME, Tables, TimeOrder, empty_events
from leadcast.models.splits import SplitSettings, split_snapshots, split_summary

DEALS, ACCOUNTS, DAYS = 8_300, 85, 420
SETTINGS = SnapshotSettings(landmarks_days=(0.0, 7.0), horizon_days=60.0)
START = datetime(2024, 1, 1, tzinfo=UTC)


def deals(*, accounts: bool = True) -> Tables:
    """Deals of a few accounts that come by turns; every fourth is won, three weeks later."""
    rng = np.random.default_rng(17)
    created = pl.Series(np.sort(rng.uniform(0, DAYS, DEALS)))
    frame = pl.DataFrame({"lead_id": [f"deal {n}" for n in range(DEALS)], "day": created})
    days = pl.duration(seconds=(pl.col("day") * 86_400).round().cast(pl.Int64))
    leads = frame.select("lead_id", created_at=(pl.lit(START) + days).cast(TIME))
    if accounts:
        leads = leads.with_columns(account_id=pl.int_range(pl.len()) % ACCOUNTS)
    is_won, three_weeks = pl.Series(rng.random(DEALS) < 0.25), pl.duration(days=21)
    outcomes = leads.select(
        "lead_id",
        won_at=pl.when(is_won).then(pl.col("created_at") + three_weeks).cast(TIME),
        lost_at=pl.lit(None, TIME),
        converted=pl.lit(None, pl.Boolean),
    )
    until = START + timedelta(days=DAYS)
    return Tables(leads, empty_events(), outcomes, until, TimeOrder.DATED, {})


def split(tables: Tables) -> pl.DataFrame:
    snapshots = make_snapshots(tables, SETTINGS, seed=0)
    return split_snapshots(snapshots, SplitSettings(), SETTINGS.horizon_days)


def test_accounts_that_come_again_take_nothing_from_training() -> None:
    own = split(deals())
    columns = ("lead_id", "landmark_days", "part", "reason")
    assert own.select(columns).equals(split(deals(accounts=False)).select(columns))
    train = own.filter(part="train")
    assert train["group_id"].n_unique() == ACCOUNTS
    assert train.height > 8_000
    assert train["converted"].mean() == pytest.approx(0.25, abs=0.02)
    assert split_summary(own, SETTINGS.horizon_days).warnings == ()


def test_by_account_nothing_would_be_left() -> None:
    # As splits of earlier versions were: the world is one in which it matters.
    own = split(deals())
    tested = own.filter(part="test")["group_id"].unique().implode()
    assert own.filter(~pl.col("group_id").is_in(tested)).is_empty()

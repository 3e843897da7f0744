"""Events of kinds that a plan does not know are counted and named, however they are read."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from leadcast.features.base.errors import Fault
from leadcast.features.engine.coded import EventTable, ParquetEvents, split_events
from leadcast.features.engine.engine import compute, compute_one
from leadcast.features.engine.events import learn_kinds
from leadcast.features.engine.other_kinds import (
    MOST_NAMED,
    other_kinds,
    other_kinds_of_one,
    reads_kinds,
)
from leadcast.features.engine.partition import part_of
from leadcast.features.engine.plan import FeaturePlan
from leadcast.features.settings import FeatureSettings
from leadcast.features.tables import TIME
from tests.feature_world import KINDS, START, every_column

N_LEADS = 6
LEADS = pl.DataFrame(
    {"lead_id": [f"lead {n}" for n in range(N_LEADS)], "created_at": [START] * N_LEADS},
    schema={"lead_id": pl.String, "created_at": TIME},
)
SNAPSHOTS = LEADS.select("lead_id", as_of=pl.lit(START).cast(TIME).dt.offset_by("9d"))


def plan(other_share: float | None = 0.0) -> FeaturePlan:
    return every_column().model_copy(update={"other_share": other_share})


def events(kinds: list[str]) -> pl.DataFrame:
    """One event of each kind, by turns of the leads and of one whom nobody asks for."""
    ids = [f"lead {n % (N_LEADS + 1)}" for n in range(len(kinds))]
    at = pl.lit(START).cast(TIME)
    columns = {"lead_id": ids, "event_type": kinds, "value": [1.0] * len(kinds)}
    return pl.DataFrame(columns).with_columns(occurred_at=at)


def told_by(table: EventTable, asked: FeaturePlan, leads: pl.DataFrame = LEADS) -> list[Fault]:
    found: list[Fault] = []
    snapshots = SNAPSHOTS.join(leads.select("lead_id"), on="lead_id", how="semi")
    compute(asked, leads, table, snapshots, found)
    return [fault for fault in found if "event_type" in fault.where]


def coded(folder: Path, table: pl.DataFrame) -> ParquetEvents:
    table.write_parquet(folder / "events.parquet", row_group_size=9)
    opened = ParquetEvents.opened([folder / "events.parquet"])
    assert opened is not None
    return opened


KINDS_SEEN = ["page viewed"] * 21 + [*KINDS] * 7 + ["pigeon"] * 7


def test_however_events_are_read_the_same_is_told_of_their_kinds(tmp_path: Path) -> None:
    table = events(KINDS_SEEN)
    (fault,) = told_by(table.lazy(), plan())
    # Of each seven events in a row one is another lead's.
    assert fault.count == 18 + 6
    assert "'page viewed' (perhaps 'page_viewed'), 'pigeon'" in fault.found
    by_codes = coded(tmp_path, table)
    assert told_by(by_codes, plan()) == [fault]
    parts = split_events(tmp_path / "split", by_codes, 3, KINDS, with_values=True)
    homes = LEADS.select(part_of(3)).to_series()
    split = [
        one
        for number, part in enumerate(parts)
        for one in told_by(part, plan(), LEADS.filter(homes == number))
    ]
    assert sum(one.count for one in split) == fault.count
    assert {one.found for one in split} == {fault.found}


def test_one_lead_is_told_what_a_table_is(tmp_path: Path) -> None:
    mine = events(KINDS_SEEN).filter(pl.col("lead_id") == "lead 0")
    assert told_by(mine.lazy(), plan()) == other_kinds_of_one(plan(), mine["event_type"])


def test_known_kinds_alone_are_no_warning(tmp_path: Path) -> None:
    known = events([*KINDS] * 7)
    assert told_by(known.lazy(), plan()) == []
    assert told_by(coded(tmp_path, known), plan()) == []


def test_a_plan_that_reads_no_kinds_tells_nothing() -> None:
    every = every_column()
    names = tuple(one.name for one in every.features if "events.event_type" not in one.inputs)
    blind = every.with_columns(names)
    assert not reads_kinds(blind)
    assert told_by(events(KINDS_SEEN).lazy(), blind) == []
    assert other_kinds_of_one(blind, KINDS_SEEN) == []


@pytest.mark.parametrize(
    ("share", "n_other", "usual"),
    [
        (0.0, 1, True),
        (0.0, 60, False),
        (0.0, 1000, False),
        (0.02, 30, True),
        (0.02, 90, False),
        (0.7, 720, True),
        (0.7, 960, False),
        (0.7, 1000, False),
        (1.0, 1000, True),
    ],
)
def test_as_many_as_in_training_are_usual(share: float, n_other: int, usual: bool) -> None:
    (fault,) = other_kinds(plan(share), {"pigeon": n_other}, n_other, 1000)
    assert fault.is_usual == usual


def test_a_plan_of_before_takes_most_events_for_unusual() -> None:
    every = plan(None)
    without = every.with_columns(tuple(name for name in every.columns if "other" not in name))
    for asked, n_other, usual in ((every, 300, True), (every, 1000, False), (without, 300, False)):
        (fault,) = other_kinds(asked, {"pigeon": n_other}, n_other, 1000)
        assert fault.is_usual == usual


def test_what_is_told_has_a_bound() -> None:
    counts = {f"{'x' * 5000}{n}": 1 for n in range(1000)}
    (fault,) = other_kinds(plan(), counts, 1000, 1000)
    assert fault.found.count("…") == MOST_NAMED
    assert len(fault.found) < 1000


def test_more_kinds_than_a_number_holds_are_counted(tmp_path: Path) -> None:
    table = events([f"session {n}" for n in range(70_000)])
    parts = split_events(tmp_path / "split", coded(tmp_path, table), 1, KINDS, with_values=False)
    (fault,) = told_by(parts[0], plan())
    assert fault.count == 60_000
    lead = {"lead_id": "lead 0", "created_at": START}
    mine = table.filter(pl.col("lead_id") == "lead 0")["event_type"].to_list()
    us = int(START.timestamp() * 1e6)
    row = compute_one(plan(), lead, [(us, kind, 1.0) for kind in mine], us + 9 * 86_400_000_000)
    np.testing.assert_array_equal(compute(plan(), LEADS, parts[0], SNAPSHOTS)[0, :6], row[:6])


def test_a_plan_remembers_how_many_events_were_of_other_kinds() -> None:
    table = events(["page_viewed"] * 70 + ["fax"] * 7 + ["pigeon"] * 7)
    # Of each seven events in a row one is another lead's, of whom there is no training row.
    settings = FeatureSettings(min_level_count=20)
    kinds, _, share = learn_kinds(table.lazy(), SNAPSHOTS, settings)
    assert kinds == ("page_viewed",)
    assert share == pytest.approx(12 / 72)
    assert learn_kinds(table.head(0).lazy(), SNAPSHOTS, settings)[2] is None
    learned = plan(share)
    assert FeaturePlan.from_json(learned.to_json()) == learned
    # As plans were written before.
    assert "other_share" not in plan(None).to_json()

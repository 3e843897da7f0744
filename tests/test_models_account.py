"""From leads to test part every lead at every landmark is counted once, with its reason."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadcast.demo.simulate import simulate
from leadcast.features.base.errors import LeadcastError
from leadcast.features.definitions.load import load_definition
from leadcast.features.ingest.ingest import ingest
from leadcast.features.snapshots import (
    ENDED,
    NOT_YET,
    SnapshotSettings,
    count_looks,
    make_snapshots,
)
from leadcast.features.tables import TIME, Tables, TimeOrder, empty_events
from leadcast.models.account import LOOKS, SNAPSHOTS, account_frame, left_out_words, unseen_words
from leadcast.models.splits import ANOTHER_PARTS, PARTS, SplitSettings, split_snapshots, with_fresh
from tests.conftest import PROJECT

START = datetime(2024, 1, 1, tzinfo=UTC)
SETTINGS = SnapshotSettings(landmarks_days=(0, 7), horizon_days=10)
SPLIT = SplitSettings(test_fraction=0.3)
Lead = tuple[int, int | None, int | None]


def tables_of(leads: list[Lead], until: int) -> Tables:
    """Leads as (created, won, lost), in days since `START`."""
    moments = [
        [None if one[place] is None else START + timedelta(days=one[place]) for one in leads]  # type: ignore[arg-type]
        for place in range(3)
    ]
    ids = [f"L{number}" for number in range(len(leads))]
    frame = pl.DataFrame({"lead_id": ids, "created_at": pl.Series(moments[0], dtype=TIME)})
    outcomes = frame.select("lead_id").with_columns(
        won_at=pl.Series(moments[1], dtype=TIME),
        lost_at=pl.Series(moments[2], dtype=TIME),
        converted=pl.lit(None, pl.Boolean),
    )
    until_at = START + timedelta(days=until)
    return Tables(frame, empty_events(), outcomes, until_at, TimeOrder.DATED, {})


ends = st.one_of(st.none(), st.integers(0, 130))
some_leads = st.lists(st.tuples(st.integers(0, 120), ends, ends), min_size=40, max_size=80)


@given(leads=some_leads)
@settings(max_examples=40)
def test_the_sums_add_up_from_leads_to_parts(leads: list[Lead]) -> None:
    tables = tables_of(leads, until=100)
    looks = count_looks(tables, SETTINGS)
    try:
        split = split_snapshots(make_snapshots(tables, SETTINGS, 0), SPLIT, 10.0)
    except LeadcastError:
        return
    account = account_frame([], looks, with_fresh(split))
    at_landmarks, snapshots = (account.filter(step=step) for step in (LOOKS, SNAPSHOTS))
    assert at_landmarks["rows"].sum() == 2 * len(leads)
    assert at_landmarks.filter(fate="snapshot")["rows"].sum() == split.height
    assert snapshots["rows"].sum() == split.height
    for part in PARTS:
        assert snapshots.filter(fate=f"{part} part")["rows"].to_list() == [
            split.filter(part=part).height
        ]
    assert looks[NOT_YET] == sum(created + age > 100 for created, _, _ in leads for age in (0, 7))
    assert looks.get(ENDED, 0) == sum(
        created + age <= 100
        and any(end is not None and end <= created + age for end in (won, lost))
        for created, won, lost in leads
        for age in (0, 7)
    )


def test_what_is_in_no_part_is_told_by_reason() -> None:
    leads: list[Lead] = [
        (day, day + 20 + day % 30 if day % 3 else None, None) for day in range(100)
    ]
    tables = tables_of(leads, until=100)
    old = SETTINGS.model_copy(update={"landmarks_days": (0, 30)})
    # Three leads each are one person, who comes again and again.
    person = "person " + (pl.col("lead_id").hash() % 34).cast(pl.String)
    snapshots = make_snapshots(tables, old, 0).with_columns(person_id=person)
    split = split_snapshots(snapshots, SPLIT, 10.0)
    account = account_frame([], count_looks(tables, old), split)
    unseen = account.filter(step=LOOKS, fate="left out")["rows"].to_list()
    assert unseen_words(account) == (
        f"; no snapshot of {unseen[0]} later than outcomes are known, {unseen[1]} no longer open "
        "then"
    )
    counts = split.filter(part="left_out")["reason"].value_counts()
    told = dict(counts.iter_rows())

    def share(rows: int) -> str:
        return f"{rows / split.height:.0%}"

    assert left_out_words(account) == (
        f"left out {sum(told.values())}, {share(sum(told.values()))} "
        f"({told['immature']} outcome not known yet, {share(told['immature'])}; "
        f"{told['purged']} outcome not known when the test began, {share(told['purged'])}; "
        f"{told[ANOTHER_PARTS]} person of the test part, {share(told[ANOTHER_PARTS])})"
    )


@pytest.mark.parametrize("order", [TimeOrder.ORDERED, TimeOrder.UNORDERED])
def test_without_dates_each_lead_is_looked_at_once(order: TimeOrder) -> None:
    leads = pl.DataFrame({"lead_id": ["a", "b"], "position": [0, 1]})
    outcomes = pl.DataFrame({"lead_id": ["a", "b"], "converted": [True, False]})
    tables = Tables(leads, empty_events(), outcomes, None, order, {})
    assert count_looks(tables, SETTINGS) == {"": 2}


def test_the_demo_adds_up_from_its_files_to_its_test_part(tmp_path: Path) -> None:
    simulate(3000, 5, tmp_path / "demo")
    definition = load_definition(PROJECT / "data" / "sources" / "demo.yaml")
    definition = definition.model_copy(update={"root": tmp_path / "demo"})
    ingest(definition, tmp_path / "tables")
    tables = Tables.read(tmp_path / "tables")
    lines = json.loads((tmp_path / "tables" / "quality.json").read_text())["account"]
    looks = SnapshotSettings(landmarks_days=(0, 7, 30), horizon_days=30)
    split = split_snapshots(make_snapshots(tables, looks, 0), SplitSettings(), 30.0)
    account = account_frame(lines, count_looks(tables, looks), split)
    # Each step takes what the step before has left.
    written = {
        "leads": pl.scan_parquet(tmp_path / "demo" / "leads.parquet"),
        "events": pl.scan_parquet(tmp_path / "demo" / "events" / "*.parquet"),
        "outcomes": pl.scan_parquet(tmp_path / "demo" / "outcomes.parquet"),
    }
    for name, files in written.items():
        read = files.select(pl.len()).collect().item()
        assert account.filter(step=name)["rows"].sum() == read
    kept = account.filter(step="leads", fate="kept")["rows"].sum()
    assert kept == tables.leads.height
    assert account.filter(step=LOOKS)["rows"].sum() == 3 * kept
    snapshots = account.filter(step=LOOKS, fate="snapshot")["rows"].sum()
    assert account.filter(step=SNAPSHOTS)["rows"].sum() == snapshots == split.height
    tested = account.filter(step=SNAPSHOTS, fate="test part")["rows"].sum()
    assert tested == split.filter(part="test").height > 0

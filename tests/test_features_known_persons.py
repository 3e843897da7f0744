"""A source whose leads are one person: found at ingest, and what they share."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadcast.features.base.errors import FaultsError
from leadcast.features.base.files import read_json
from leadcast.features.engine.engine import compute, compute_one
from leadcast.features.engine.plan import FeaturePlan
from leadcast.features.identity.persons import LINKED, resolve
from leadcast.features.identity.pooling import (
    LEAD,
    LOSS,
    WIN,
    Pool,
    pooled_events,
    pooled_of_one,
    pooled_outcomes,
)
from leadcast.features.ingest.ingest import ingest
from leadcast.features.snapshots import SnapshotSettings, make_snapshots
from leadcast.features.tables import TIME, Tables, TimeOrder, empty_events
from tests.feature_world import SETTINGS, in_microseconds
from tests.source_samples import make_source

LEADS = """\
id,created,revenue,source,who,mail
L1,2024-01-01T08:00:00Z,1000,Google,Jane Doe,jane.doe+a@googlemail.com
L2,2024-01-02T08:00:00Z,,Referral,"Doe, Jane",janedoe@gmail.com
L3,2024-01-03T08:00:00Z,3000.5,Google,Tom Kurz,
L4,2024-01-04T08:00:00Z,0,,Tom Lang,info@x.example
"""
MERGES = """\
stays,gone,when
L3,L4,2024-01-10T08:00:00Z
L3,elsewhere,2024-01-11T08:00:00Z
"""


def source(root: Path, **identity: Any) -> Tables:  # noqa: ANN401 - what YAML has
    root.mkdir(exist_ok=True)
    (root / "merges.csv").write_text(MERGES, encoding="utf-8")
    columns = {"canonical_id": "stays", "merged_id": "gone", "merged_at": "when"}
    merges = {"read": {"files": "merges.csv"}, "columns": columns}
    changes = {
        "tables.leads.attributes.email": {"column": "mail", "type": "text"},
        "tables.leads.person": {"name": "who"},
        "identity": {"match": "exact", "merges": merges} | identity,
    }
    ingest(make_source(root, changes, leads=LEADS), root / "tables")
    return Tables.read(root / "tables")


def test_persons_are_found_and_who_they_are_is_not_kept(tmp_path: Path) -> None:
    tables = source(tmp_path)
    assert tables.persons is not None
    told = tables.persons.select("person_id", "evidence").rows()
    mail, merge = "the same e-mail address", "merged in the CRM"
    assert told == [("L1", mail), ("L1", mail), ("L3", merge), ("L3", merge)]
    assert not [name for name in tables.leads.columns if "name" in name]
    account = read_json(tmp_path / "tables/quality.json")["account"]
    assert [line["rows"] for line in account if line["table"] == "merges"] == [2]
    assert read_json(tmp_path / "tables/identity.json")["pool_history"] == "no"
    assert tables.events.collect().height == 4


def test_a_split_keeps_a_person_together(tmp_path: Path) -> None:
    tables = source(tmp_path)
    looks = SnapshotSettings(landmarks_days=(0.0,), horizon_days=40)
    snapshots = make_snapshots(tables, looks, seed=1).sort("lead_id")
    assert snapshots["person_id"].to_list() == ["L1", "L1", "L3", "L3"]
    assert snapshots["group_id"].to_list() == ["L1", "L1", "L3", "L3"]


def test_history_is_pooled_from_when_it_was_known(tmp_path: Path) -> None:
    tables = source(tmp_path, pool_history="from_known")
    events = tables.events.filter(pl.col("lead_id") == "L4").collect().sort("occurred_at")
    # The merge told of 10 January that L3's visit of the 6th was this person's.
    assert events.select("event_type", pl.col("occurred_at").dt.to_string("%d")).rows() == [
        ("email_opened", "10"),
        (LEAD, "10"),
    ]
    won = dict(tables.outcomes.select("lead_id", "won_at").iter_rows())
    assert won["L2"] == won["L1"] == datetime(2024, 2, 1, tzinfo=UTC)
    from_start = source(tmp_path / "again", pool_history="from_start")
    day = pl.col("occurred_at").dt.day()
    assert from_start.events.filter(pl.col("lead_id") == "L4").select(day).collect()[
        "occurred_at"
    ].sort().to_list() == [3, 6]


def test_a_table_of_merges_is_read_with_care(tmp_path: Path) -> None:
    with pytest.raises(FaultsError, match="merges"):
        source(tmp_path, merges={"read": {"files": "merges.csv"}, "columns": {
            "canonical_id": "stays", "merged_id": "Gone"}})  # fmt: skip


START = datetime(2026, 1, 1, tzinfo=UTC)
days = st.integers(0, 12)
lead = st.tuples(days, st.none() | days, st.sampled_from("pq"))
event = st.tuples(st.sampled_from("abcd"), days)
merge = st.tuples(st.sampled_from("abcd"), st.sampled_from("abcd"), days)


def day(number: int) -> datetime:
    return START + timedelta(days=number)


def seen(
    leads: list[tuple[int, int | None, str]],
    events: list[tuple[str, int]],
    merges: list[tuple[str, str, int]],
    pool: Pool,
    as_of: int,
) -> set[tuple[object, ...]]:
    """What leads that are there as of a day know then of their other records."""
    table = [
        (name, day(created), None if won is None else day(created + won), f"{person}@x.example")
        for name, (created, won, person) in zip("abcd", leads, strict=False)
    ]
    schema = {"lead_id": pl.String(), "created_at": TIME, "won_at": TIME, "email": pl.String()}
    known = pl.DataFrame(table, schema=schema, orient="row")
    ended = known.select("lead_id", "won_at", lost_at=pl.lit(None, TIME), amount=pl.lit(1.0))
    told = [(one, day(at), "visit", None) for one, at in events if one in known["lead_id"]]
    happened = pl.DataFrame(told, schema=empty_events().collect_schema(), orient="row")
    joined = [(one, other, day(at)) for one, other, at in merges]
    columns = {"canonical_id": pl.String(), "merged_id": pl.String(), "merged_at": TIME}
    merged = pl.DataFrame(joined, schema=columns, orient="row")
    linked = resolve(known, "exact", merged).linked
    assert linked.schema == LINKED
    shared = pooled_events(known, happened.lazy(), ended, linked, pool).collect()
    pooled = pooled_outcomes(known, ended, linked, pool)
    there = known.filter(pl.col("created_at") < day(as_of))["lead_id"].implode()
    moment = day(as_of)
    visible = shared.filter(pl.col("occurred_at") < moment, pl.col("lead_id").is_in(there))
    wins = pooled.filter(pl.col("won_at") < moment, pl.col("lead_id").is_in(there))
    rows = visible.select("lead_id", "occurred_at", "event_type").rows()
    return {*rows, *wins.select("lead_id", "won_at").rows()}


@given(
    leads=st.lists(lead, min_size=1, max_size=4),
    events=st.lists(event, max_size=4),
    merges=st.lists(merge, max_size=2),
    as_of=st.integers(1, 12),
)
@settings(max_examples=12)
def test_what_comes_later_changes_nothing_that_was_known(
    leads: list[tuple[int, int | None, str]],
    events: list[tuple[str, int]],
    merges: list[tuple[str, str, int]],
    as_of: int,
) -> None:
    there = [one for one in leads if one[0] < as_of]
    # Leads are named by their place, so that those that are there already keep theirs.
    ordered = [*there, *(one for one in leads if one[0] >= as_of)]
    past = [(created, won if won is not None and created + won < as_of else None, person)
            for created, won, person in there]  # fmt: skip
    names = "abcd"[: len(there)]
    before = [(one, at) for one, at in events if at < as_of and one in names]
    # Of records that are not in the export any more a merge tells all the same.
    unborn = {*"abcd"[len(there) : len(leads)]}
    merged = [one for one in merges if one[2] < as_of and not unborn & {*one[:2]}]
    with_future = seen(ordered, events, merges, "from_known", as_of)
    assert with_future == seen(past, before, merged, "from_known", as_of)


PLAN = FeaturePlan(time_order=TimeOrder.DATED, settings=SETTINGS, kinds=("visit", LEAD, WIN, LOSS))
PLAN = PLAN.with_columns(tuple(PLAN.catalogue))
EVENT = ("lead_id", "occurred_at", "event_type", "value")


@given(
    leads=st.lists(lead, min_size=2, max_size=4),
    events=st.lists(event, max_size=5),
    as_of=st.integers(1, 14),
    pool=st.sampled_from(["from_known", "from_start"]),
)
@settings(max_examples=8)
def test_one_request_is_scored_as_the_batch(
    leads: list[tuple[int, int | None, str]],
    events: list[tuple[str, int]],
    as_of: int,
    pool: Pool,
) -> None:
    named = dict(zip("abcd", leads, strict=False))
    told = {one: [day(at) for who, at in events if who == one] for one in named}
    table = [(name, day(created), f"{who}@x.example") for name, (created, _, who) in named.items()]
    schema = {"lead_id": pl.String(), "created_at": TIME, "email": pl.String()}
    known = pl.DataFrame(table, schema=schema, orient="row")
    ends = {name: None if won is None else day(created + won)
            for name, (created, won, _) in named.items()}  # fmt: skip
    outcomes = known.select("lead_id", lost_at=pl.lit(None, TIME)).with_columns(
        won_at=pl.Series([*ends.values()], dtype=TIME)
    )
    rows = [(one, at, "visit", None) for one, times in told.items() for at in times]
    own = pl.LazyFrame(rows, schema=empty_events().collect_schema(), orient="row")
    linked = resolve(known, "exact").linked
    pooled = pl.concat([own, pooled_events(known, own, outcomes, linked, pool)])
    snapshots = known.select("lead_id", as_of=pl.lit(day(as_of)).cast(TIME))
    batch = compute(PLAN, known, pooled, snapshots)
    for row, (name, (created, _, who)) in zip(batch, named.items(), strict=True):
        records = [
            {
                "created_at": day(named[other][0]),
                "won_at": ends[other],
                "events": [{"occurred_at": at, "event_type": "visit"} for at in told[other]],
            }
            for other in named
            if other != name and named[other][2] == who
        ]
        shared = pooled_of_one(day(created), records, pool)
        every = [*((at, "visit", None) for at in told[name]), *shared]
        asked = [(in_microseconds(at), kind, value) for at, kind, value in every]
        lead_of_one = {"created_at": day(created)}
        one = compute_one(PLAN, lead_of_one, asked, in_microseconds(day(as_of)))
        assert row.tobytes() == one.tobytes()


def test_seen_before_and_the_days_since_are_features() -> None:
    words = {feature.name: feature.words for feature in PLAN.features}
    assert {f"{LEAD}_count_ever", f"{LEAD}_days_since"} <= set(words), sorted(words)


def test_the_oracle_sees_a_history_that_is_pooled_too_early() -> None:
    leads: list[tuple[int, int | None, str]] = [(0, None, "p"), (9, None, "p")]
    early = [("b", 2)]
    assert seen(leads, early, [], "from_known", 5) == set()
    assert seen(leads, early, [], "from_start", 5) == {("a", day(2), "visit")}


def test_a_later_record_has_what_the_earlier_one_had_at_its_own_times() -> None:
    leads: list[tuple[int, int | None, str]] = [(0, 3, "p"), (5, 2, "p")]
    known = seen(leads, [("a", 1)], [], "from_known", 12)
    # The first is won on day 3; the second comes on day 5, and its win on day 7 is its own.
    assert known == {
        ("b", day(1), "visit"), ("b", day(0), LEAD), ("b", day(3), WIN), ("a", day(5), LEAD),
        ("a", day(3)), ("b", day(7)),
    }  # fmt: skip
    assert LOSS not in {row[-1] for row in known}

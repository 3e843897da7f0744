"""One door for values, to the score: the same leads through every door, the same bits."""

import json
import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import polars as pl
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from polars.testing import assert_frame_equal
from pydantic import TypeAdapter, ValidationError

from leadcast.features.base.errors import LeadcastError
from leadcast.features.tables import TIME
from leadcast.features.values.times import TimeRules, parse_moment, parse_times
from leadcast.serve.batch import inputs as batch_inputs
from leadcast.serve.batch.batch import BatchSettings, score_files
from leadcast.serve.requests.questions import Time
from leadcast.serve.scorer import Scorer
from tests.scoring_world import KINDS, START, bundle_folder
from tests.service_world import TestClient, client, question

AS_OF = START + timedelta(days=150)
Rows = list[dict[str, Any]]
Scores = dict[str, float]
ZONED = "%Y-%m-%dT%H:%M:%S%.6fZ"


@cache
def scorer() -> Scorer:
    return Scorer.load(bundle_folder())


@dataclass(frozen=True)
class World:
    """Leads and events as plain values; a lead's id is a whole number."""

    leads: Rows
    events: Rows

    def tables(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The canonical tables."""
        texts: dict[str, Any] = {
            "lead_id": pl.String,
            "industry": pl.String,
            "job_title": pl.String,
        }
        leads = pl.DataFrame(
            [row | {"lead_id": str(row["lead_id"])} for row in self.leads],
            schema=texts
            | {"created_at": TIME, "company_size": pl.Float64, "budget": pl.Float64}
            | {"newsletter": pl.Boolean},
        )
        events_schema: dict[str, Any] = {"lead_id": pl.String, "occurred_at": TIME}
        events_schema |= {"event_type": pl.String, "value": pl.Float64}
        events = pl.DataFrame(
            [row | {"lead_id": str(row["lead_id"])} for row in self.events],
            schema=events_schema,
        )
        return leads, events


TIMES = st.datetimes(datetime(2025, 1, 1), datetime(2025, 5, 1)).map(
    lambda time: time.replace(tzinfo=UTC)
)
NUMBERS = st.none() | st.integers(0, 10**6) | st.sampled_from([0.1, 12.25, 1e-7, 10.0**15])


@st.composite
def worlds(draw: st.DrawFn) -> World:
    ids = draw(
        st.lists(
            st.integers(1000, 1100) | st.integers(10**15, 2**53 - 1),
            min_size=1,
            max_size=5,
            unique=True,
        )
    )
    leads = [
        {
            "lead_id": lead_id,
            "created_at": draw(TIMES),
            "industry": draw(st.sampled_from(["software", "retail", " Health ", None, "7"])),
            "company_size": draw(NUMBERS),
            "budget": draw(NUMBERS),
            "job_title": draw(st.sampled_from(["CEO", "buyer", None, "1001"])),
            "newsletter": draw(st.none() | st.booleans()),
        }
        for lead_id in ids
    ]
    event = st.fixed_dictionaries(
        {"lead_id": st.sampled_from(ids), "occurred_at": TIMES}
        | {"event_type": st.sampled_from(KINDS), "value": NUMBERS}
    )
    # Each lead has an event: that one has none is told by some doors as a warning.
    own = [draw(event) | {"lead_id": lead_id} for lead_id in ids]
    return World(leads, own + draw(st.lists(event, max_size=6)))


def of(scores: pl.DataFrame) -> Scores:
    return dict(scores.select("lead_id", "probability").iter_rows())


def batch(folder: Path, leads: str | Path, events: str | Path, env: str | None = None) -> Scores:
    out = folder / "scores.parquet"
    score_files(scorer(), leads, events, out, BatchSettings(AS_OF), database_env=env)
    return of(pl.read_parquet(out))


def by_row(world: World, folder: Path) -> Scores:
    scores: Scores = {}
    for row in world.leads:
        own = [each for each in world.events if each["lead_id"] == row["lead_id"]]
        known = [(each["occurred_at"], each["event_type"], each["value"]) for each in own]
        # What a lead's id is by itself: a text, a whole number, a float or a decimal.
        held = (str, int, float, Decimal, np.int64)[row["lead_id"] % 5](row["lead_id"])
        one = scorer().score_one(row | {"lead_id": held}, known, AS_OF, [])
        scores[one.lead_id] = one.probability
    return scores


def by_csv(world: World, folder: Path) -> Scores:
    for name, table in zip(("leads", "events"), world.tables(), strict=True):
        table.write_csv(folder / f"{name}.csv", datetime_format=ZONED)
    return batch(folder, folder / "leads.csv", folder / "events.csv")


def by_parquet(world: World, folder: Path) -> Scores:
    for name, table in zip(("leads", "events"), world.tables(), strict=True):
        table.write_parquet(folder / f"{name}.parquet")
    return batch(folder, folder / "leads.parquet", folder / "events.parquet")


def by_float_ids(world: World, folder: Path) -> Scores:
    leads, events = world.tables()
    leads.with_columns(pl.col("lead_id").cast(pl.Float64)).write_parquet(folder / "leads.parquet")
    held = pl.col("lead_id").cast(pl.Int64)
    events.with_columns(held, pl.col("value").cast(pl.Decimal(30, 10))).write_parquet(
        folder / "events.parquet"
    )
    return batch(folder, folder / "leads.parquet", folder / "events.parquet")


def by_frame(world: World, folder: Path) -> Scores:
    leads, events = world.tables()
    scores: Scores = {}
    for hold in HELD:
        own = leads.with_columns(hold(pl.col("lead_id")))
        for hold_events in HELD[:2]:
            theirs = events.with_columns(hold_events(pl.col("lead_id")))
            found = of(scorer().score(own, theirs, AS_OF, []))
            assert found == (scores or found)
            scores = found
    return scores


HELD: tuple[Callable[[pl.Expr], pl.Expr], ...] = (
    lambda lead_id: lead_id.cast(pl.Float64),
    lambda lead_id: lead_id,
    lambda lead_id: lead_id.cast(pl.Decimal(20, 2)),
    lambda lead_id: lead_id.cast(pl.UInt64),
    lambda lead_id: lead_id.cast(pl.Binary),
)


def by_files_of_other_types(world: World, folder: Path) -> Scores:
    for name, table in zip(("leads", "events"), world.tables(), strict=True):
        (folder / name).mkdir()
        for number, row in enumerate(table.iter_slices(1)):
            part = row.with_columns(HELD[number % len(HELD)](pl.col("lead_id")))
            part.write_parquet(folder / name / f"{number}.parquet")
    return batch(folder, folder / "leads", folder / "events")


@contextmanager
def database(url: str) -> Iterator[str]:
    os.environ["DOORS_URL"] = url
    try:
        yield "DOORS_URL"
    finally:
        del os.environ["DOORS_URL"]


def by_sqlite(world: World, folder: Path) -> Scores:
    path = folder / "crm.db"
    with sqlite3.connect(path) as connection:
        for name, rows in (("leads", world.leads), ("events", world.events)):
            names = [*rows[0]]
            connection.execute(f"CREATE TABLE {name} ({', '.join(names)})")
            for number, row in enumerate(rows):
                # A database that keeps in each row what it is given.
                held = (float, int, str)[number % 3](row["lead_id"])
                whole = row | {"lead_id": held}
                cells = [
                    cell.isoformat() if isinstance(cell, datetime) else cell
                    for cell in (whole[column] for column in names)
                ]
                connection.execute(
                    f"INSERT INTO {name} VALUES ({', '.join('?' * len(cells))})", cells
                )
    connection.close()
    with database(f"sqlite:///{path}") as env:
        queries = ("SELECT * FROM leads", "SELECT * FROM events")
        return batch(folder, *queries, env)


def by_pandas(world: World, folder: Path) -> Scores:
    cells: dict[int, Rows] = {row["lead_id"]: [] for row in world.leads}
    for event in world.events:
        told = {name: cell for name, cell in event.items() if name != "lead_id"}
        cells[event["lead_id"]].append(told | {"occurred_at": told["occurred_at"].isoformat()})
    frame = pd.DataFrame(world.leads)
    frame["lead_id"] = frame["lead_id"].astype("float64")
    frame["newsletter"] = frame["newsletter"].astype("boolean")
    frame["as_of"] = AS_OF
    frame["events"] = [json.dumps(cell) for cell in cells.values()]
    scores = scorer().score_pandas(frame)
    return dict(zip(scores["lead_id"], scores["probability"], strict=True))


DOORS = [
    by_row,
    by_csv,
    by_parquet,
    by_float_ids,
    by_files_of_other_types,
    by_sqlite,
    by_pandas,
    by_frame,
]


def expected(world: World) -> Scores:
    leads, events = world.tables()
    return of(scorer().score(leads, events, AS_OF, []))


@pytest.mark.parametrize(
    ("door", "piece_bytes"),
    [
        *((door, batch_inputs.WHOLE_BYTES) for door in DOORS),
        *((door, 0) for door in (by_csv, by_float_ids, by_files_of_other_types, by_sqlite)),
    ],
)
@given(world=worlds())
@settings(
    deadline=None,
    max_examples=5,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_every_door_gives_the_same_scores(
    monkeypatch: pytest.MonkeyPatch,
    door: Callable[[World, Path], Scores],
    piece_bytes: int,
    world: World,
) -> None:
    monkeypatch.setattr(batch_inputs, "WHOLE_BYTES", piece_bytes)
    monkeypatch.setattr(batch_inputs, "PIECE_ROWS", 2)
    with tempfile.TemporaryDirectory() as folder:
        assert door(world, Path(folder)) == expected(world)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with client(tmp_path_factory.mktemp("service")) as opened:
        yield opened


@given(world=worlds())
@settings(max_examples=3)
def test_a_request_gives_the_same_scores(asked: TestClient, world: World) -> None:
    body = question(*world.tables()) | {"as_of": AS_OF.isoformat()}
    for number, one in enumerate(body["leads"]):
        one["lead_id"] = (str, int, float)[number % 3](one["lead_id"])
    answer = asked.post("/v1/score", json=body).json()
    assert {one["lead_id"]: one["probability"] for one in answer["scores"]} == expected(world)


@pytest.mark.postgres
@given(world=worlds())
@settings(max_examples=3)
def test_decimals_of_a_database_are_the_same_leads(postgres_url: str, world: World) -> None:
    engine = sa.create_engine(postgres_url)
    leads, events = world.tables()
    with engine.begin() as connection, tempfile.TemporaryDirectory() as folder:
        connection.exec_driver_sql("DROP TABLE IF EXISTS door_leads, door_events")
        connection.exec_driver_sql(
            "CREATE TABLE door_leads (lead_id numeric(20, 2), created_at timestamptz, "
            "industry text, company_size numeric, budget double precision, job_title text, "
            "newsletter boolean)"
        )
        connection.exec_driver_sql(
            "CREATE TABLE door_events (lead_id bigint, occurred_at timestamptz, event_type text, "
            "value numeric)"
        )
        for name, rows in (("door_leads", leads), ("door_events", events)):
            names = rows.columns
            marks = ", ".join(f":{one}" for one in names)
            statement = sa.text(f"INSERT INTO {name} ({', '.join(names)}) VALUES ({marks})")
            cells = [row | {"lead_id": Decimal(row["lead_id"])} for row in rows.to_dicts()]
            connection.execute(statement, cells)
        connection.commit()
        with database(postgres_url) as env:
            queries = ("SELECT * FROM door_leads", "SELECT * FROM door_events")
            assert batch(Path(folder), *queries, env) == expected(world)
    engine.dispose()


@pytest.mark.parametrize("lead_id", [1001.5, 2.0**53, float("inf")])
def test_what_identifies_nobody_is_told_and_never_used(tmp_path: Path, lead_id: float) -> None:
    leads = pl.DataFrame({"lead_id": [1001.0, lead_id], "created_at": [START, START]})
    leads.write_parquet(tmp_path / "leads.parquet")
    with pytest.raises(LeadcastError, match=r"lead_id.*1 of 2 rows with a value that is a"):
        score_files(
            scorer(), tmp_path / "leads.parquet", None, tmp_path / "out.csv", BatchSettings(AS_OF)
        )
    frame = pd.DataFrame({"lead_id": [1001.0, lead_id], "created_at": [START, START]})
    with pytest.raises(LeadcastError, match=r"lead_id, row 1: found .* which is a"):
        scorer().score_pandas(frame)


def test_texts_that_numbers_hold_are_the_same_categories_through_every_door() -> None:
    leads = {"lead_id": "a", "created_at": START, "company_size": 10.0, "budget": 1.0}
    leads |= {"job_title": "1001", "industry": "7", "newsletter": True}
    held = leads | {"job_title": 1001, "industry": 7.0}
    by_text, by_number = (pl.DataFrame([one]) for one in (leads, held))
    assert_frame_equal(
        scorer().score(by_text, None, AS_OF, []), scorer().score(by_number, None, AS_OF, [])
    )
    assert scorer().score_one(leads, (), AS_OF, []) == scorer().score_one(held, (), AS_OF, [])


@pytest.mark.parametrize("lead_id", ["1.23E+15", "a\u200bb", "#N/A", "Total"])
def test_texts_that_identify_nobody_are_told_by_tables(tmp_path: Path, lead_id: str) -> None:
    leads = pl.DataFrame({"lead_id": ["1001", lead_id], "created_at": [START, START]})
    with pytest.raises(LeadcastError, match="lead_id"):
        scorer().score(leads, None, AS_OF, [])
    with pytest.raises(LeadcastError, match="lead_id"):
        scorer().score_pandas(leads.to_pandas())
    leads.write_parquet(tmp_path / "leads.parquet")
    with pytest.raises(LeadcastError, match="lead_id"):
        batch(tmp_path, tmp_path / "leads.parquet", tmp_path / "leads.parquet")


@pytest.mark.parametrize("date", ["2026-01-05", "0001-01-01", "9999-12-31", "2024-02-29"])
@pytest.mark.parametrize("clock", ["09:30", "09:30:00", "23:59:59.5", "09:30:00.1234567", "24:00"])
def test_a_time_in_a_request_is_the_moment_that_all_others_read(date: str, clock: str) -> None:
    adapter = TypeAdapter[datetime](Time)
    moments: dict[str, datetime] = {}
    for between in "T t_":
        for zone in ("Z", "z", "+01:00", "-0100", "-00:00", "+23:59", "", "+24:00"):
            text = f"{date}{between}{clock}{zone}"
            with suppress(ValidationError, OverflowError):
                moments[text] = adapter.validate_python(text).astimezone(UTC)
    read = parse_times(pl.Series([*moments], dtype=pl.String), TimeRules()).values
    assert dict(zip(moments, read, strict=True)) == moments
    for text, moment in [*moments.items()][:1]:
        assert parse_moment(text) == moment

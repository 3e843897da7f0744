"""Events without their lead, kind or time: left out and counted, alike on every way to a score."""

import sys
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from leadcast.features.base.errors import Fault
from leadcast.serve.asked import CREATION
from leadcast.serve.batch import inputs as batch_inputs
from leadcast.serve.batch.batch import BatchSettings, score_files
from leadcast.serve.scorer import Scorer
from tests.scoring_world import KINDS, START, bundle_folder, scoring_world

AS_OF = START + timedelta(days=150)
LACKING = {"lead_id": 40, "event_type": 30, "occurred_at": 20}
ZONE = "%Y-%m-%dT%H:%M:%S%.6fZ"


@cache
def scorer() -> Scorer:
    return Scorer.load(bundle_folder())


def leads() -> pl.DataFrame:
    # All were there at the moment, and each has done something.
    table = scoring_world().tables.leads.drop("position").head(200)
    known = table["lead_id"].is_in(complete()["lead_id"].implode())
    return table.filter(known).with_columns(pl.min_horizontal("created_at", pl.lit(AS_OF)))


@cache
def complete() -> pl.DataFrame:
    return scoring_world().tables.events.collect()


def incomplete() -> pl.DataFrame:
    """All events, and more, that lack something; what lacks more counts for the first column."""
    more = pl.concat([complete()] * 2).sample(sum(LACKING.values()), seed=3)
    place, first = pl.int_range(pl.len()), 0
    for name, count in LACKING.items():
        lacks = place.is_between(first, first + count - 1)
        if name == "lead_id":
            both = place.is_between(first, first + count // 2)
            more = more.with_columns(occurred_at=pl.when(~both).then("occurred_at"))
        more = more.with_columns(pl.when(~lacks).then(name).alias(name))
        first += count
    return pl.concat([complete(), more]).sample(fraction=1.0, shuffle=True, seed=4)


def by_batch(
    folder: Path, suffix: str, chunk_leads: int = 1000
) -> tuple[pl.DataFrame, list[Fault]]:
    files = (folder / f"leads{suffix}", folder / f"events{suffix}")
    for file, table in zip(files, (leads(), incomplete()), strict=True):
        if suffix == ".csv":
            table.write_csv(file, datetime_format=ZONE)
        else:
            table.write_parquet(file, row_group_size=5_000)
    settings = BatchSettings(AS_OF, chunk_leads=chunk_leads)
    done = score_files(scorer(), *files, folder / "out.parquet", settings)
    return pl.read_parquet(folder / "out.parquet"), [*done.warnings]


def as_tables(folder: Path) -> tuple[pl.DataFrame, list[Fault]]:
    del folder
    warnings: list[Fault] = []
    return scorer().score(leads(), incomplete().lazy(), AS_OF, warnings), warnings


WAYS: dict[str, tuple[Callable[[Path], tuple[pl.DataFrame, list[Fault]]], dict[str, int]]] = {
    "tables": (as_tables, {}),
    "small Parquet": (lambda folder: by_batch(folder, ".parquet"), {}),
    "small Parquet in parts": (lambda folder: by_batch(folder, ".parquet", 30), {}),
    "Parquet by codes": (lambda folder: by_batch(folder, ".parquet"), {"CODED_BYTES": 0}),
    "Parquet by codes in parts": (
        lambda folder: by_batch(folder, ".parquet", 30),
        {"CODED_BYTES": 0},
    ),
    "CSV": (lambda folder: by_batch(folder, ".csv"), {}),
    "CSV in pieces": (
        lambda folder: by_batch(folder, ".csv"),
        {"WHOLE_BYTES": 0, "PIECE_ROWS": 70},
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_incomplete_events_are_counted_in_the_same_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    score, sizes = WAYS[way]
    for name, size in sizes.items():
        monkeypatch.setattr(batch_inputs, name, size)
    scores, warnings = score(tmp_path)
    expected = scorer().score(leads(), complete().lazy(), AS_OF, [])
    assert_frame_equal(scores, expected, check_exact=True)
    told: dict[str, int] = {}
    for one in (one for one in warnings if one.where != CREATION):
        assert one.severity == "warning"
        assert "rows without a value" in one.found
        assert (one.expected, one.remedy) == ("a value in each row", "They are left out.")
        told[one.where] = told.get(one.where, 0) + one.count
    assert told == {f"events: column {name!r}": count for name, count in LACKING.items()}


def test_one_lead_of_many_is_scored_without_its_incomplete_events() -> None:
    # The oracle can fail: the same events, complete, are another history.
    lead, warnings = leads().head(1), list[Fault]()
    its = complete().filter(pl.col("lead_id") == lead["lead_id"][0])
    timeless = its.with_columns(occurred_at=pl.lit(None, dtype=its.schema["occurred_at"]))
    found = scorer().score(lead, timeless.lazy(), AS_OF, warnings)["probability"]
    without = scorer().score(lead, its.head(0).lazy(), AS_OF, [])["probability"]
    np.testing.assert_array_equal(found, without)
    assert scorer().score(lead, its.lazy(), AS_OF, [])["probability"][0] != found[0]
    assert [one.count for one in warnings if "events: column" in one.where] == [its.height]


@pytest.mark.parametrize("way", WAYS)
def test_columns_and_kinds_that_nobody_knows_are_told_in_the_same_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    odd = complete().with_columns(
        campaign_id=pl.lit("x"), event_type=pl.col("event_type").str.replace("_", " ")
    )
    monkeypatch.setattr(sys.modules[__name__], "incomplete", lambda: odd)
    score, sizes = WAYS[way]
    for name, size in sizes.items():
        monkeypatch.setattr(batch_inputs, name, size)
    told = {one.where: one for one in score(tmp_path)[1] if one.where != CREATION}
    assert set(told) == {"events: column 'campaign_id'", "events: column 'event_type'"}
    column, kind = (told[f"events: column {name!r}"] for name in ("campaign_id", "event_type"))
    assert (column.found, column.expected) == (
        "an unknown column",
        "only lead_id, event_type, occurred_at, value",
    )
    mine = odd.join(leads(), on="lead_id", how="semi")
    assert kind.count == (~mine["event_type"].is_in(KINDS)).sum() > 0
    assert "'page viewed' (perhaps 'page_viewed')" in kind.found
    assert not column.is_usual
    assert not kind.is_usual

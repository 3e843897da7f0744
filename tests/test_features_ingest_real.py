"""The real exports are read as their publishers describe them (skipped where they are absent)."""

import csv
from pathlib import Path

import polars as pl
import pytest

from leadcast.features.definitions.load import load_definition
from leadcast.features.ingest.ingest import check_source, ingest
from leadcast.features.tables import Tables, TimeOrder
from tests.conftest import PROJECT

pytestmark = pytest.mark.real


def read(name: str, real_data: Path, folder: Path) -> Tables:
    definition = load_definition(PROJECT / "data" / "sources" / f"{name}.yaml")
    definition = definition.model_copy(update={"root": real_data / name})
    if not definition.root.is_dir():
        pytest.skip(f"{definition.root} is absent")
    result = check_source(definition)
    assert result.faults == (), str(result)
    assert result.profile is not None
    doubts = [doubt for doubt in result.profile["doubts"] if doubt["vouched"] is None]
    assert doubts == []
    told = ingest(definition, folder / "tables").account
    for table in ("leads", "events"):
        # Nothing is set aside, and nothing lost but the events that are outcomes.
        assert {line.fate for line in told if line.table == table} <= {"kept", "left out"}
    return Tables.read(folder / "tables")


def raw_rows(path: Path, separator: str) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter=separator))


def test_x_education(real_data: Path, tmp_path: Path) -> None:
    tables = read("x_education", real_data, tmp_path)
    raw = raw_rows(real_data / "x_education" / "Leads.csv", ",")
    assert tables.time_order is TimeOrder.ORDERED
    assert tables.outcomes["converted"].to_list() == [row["Converted"] == "1" for row in raw]
    numbers = [int(row["Lead Number"]) for row in raw]
    by_place = tables.leads.with_columns(number=pl.Series(numbers)).sort("position")["number"]
    assert by_place.is_sorted()
    both = ("Asymmetrique Activity Score", "Asymmetrique Profile Score")
    scores = [
        sum(float(row[c]) for c in both) if all(row[c] for c in both) else None for row in raw
    ]
    assert tables.leads["rules_score"].to_list() == scores
    assert tables.leads["rules_score"].null_count() == 4218
    cities = [None if row["City"] in ("", "Select") else row["City"] for row in raw]
    assert tables.leads["city"].to_list() == cities
    after_contact = {"tags", "lead_quality", "lead_profile", "last_notable_activity"}
    assert not after_contact & set(tables.leads.columns)
    assert len(tables.attribute_types) == 26


def test_bank_marketing(real_data: Path, tmp_path: Path) -> None:
    tables = read("bank_marketing", real_data, tmp_path)
    raw = raw_rows(real_data / "bank_marketing" / "bank-additional-full.csv", ";")
    assert tables.time_order is TimeOrder.ORDERED
    assert tables.leads["position"].to_list() == list(range(41_188))
    assert tables.outcomes["converted"].to_list() == [row["y"] == "yes" for row in raw]
    since = [None if row["pdays"] == "999" else float(row["pdays"]) for row in raw]
    assert tables.leads["days_since_last_campaign"].to_list() == since
    assert tables.leads["euribor_3_months"].to_list() == [float(row["euribor3m"]) for row in raw]
    assert not {"duration", "y"} & set(tables.leads.columns)
    assert len(tables.attribute_types) == 19


def test_bpi2012(real_data: Path, tmp_path: Path) -> None:
    tables = read("bpi2012", real_data, tmp_path)
    # The publisher's own derivation of the outcome is the oracle; it was not read.
    cases = pl.read_parquet(real_data / "bpi2012" / "cases.parquet")
    ends = cases.rename({"case_id": "lead_id"}).join(tables.outcomes, on="lead_id")
    assert ends.height == 13_087
    won = ends.filter(outcome="converted")
    assert won["won_at"].to_list() == won["outcome_time"].to_list()
    lost = ends.filter(pl.col("outcome").is_in(["declined", "cancelled"]))
    assert lost["lost_at"].to_list() == lost["outcome_time"].to_list()
    assert ends.filter(outcome="open").select("won_at", "lost_at").null_count().row(0) == (399, 399)
    assert (won.height, lost.height) == (2_246, 10_442)
    outcome_events = 3 * 2_246 + 7_635 + 2_807
    events = tables.events.collect()
    assert events.height == 262_200 - outcome_events
    assert tables.time_order is TimeOrder.DATED
    assert str(tables.observed_until).startswith("2012-03-14")
    assert tables.leads.columns == ["lead_id", "created_at", "position", "amount_requested"]

"""Odd leads through the whole batch, as CSV and as Parquet: scored, or refused by their place."""

from functools import cache
from pathlib import Path

import polars as pl
import pytest

from leadcast.features.base.errors import LeadcastError
from leadcast.serve.batch.batch import BatchSettings, score_files
from leadcast.serve.batch.inputs import place_of
from leadcast.serve.scorer import Scorer
from tests.scoring_world import END, START, bundle_folder

PLAIN = {
    "lead_id": "lead 1",
    "created_at": "2025-03-01T00:00:00Z",
    "industry": "retail",
    "company_size": "120",
    "budget": "5000",
    "job_title": "buyer",
    "newsletter": "true",
}
NOT_FINITE = ("NaN", "inf", "-inf", "1e999")
SCORED: dict[str, dict[str, str]] = {
    "the year 9999": {"created_at": "9999-12-31T23:59:59Z"},
    "10 MB of text": {"job_title": "x" * 10_000_000},
    "line ends within": {"job_title": "head\r\nof\nIT"},
    "nothing known": dict.fromkeys(("industry", "company_size", "budget", "newsletter"), ""),
}


@cache
def scorer() -> Scorer:
    return Scorer.load(bundle_folder())


def table(**changed: str) -> pl.DataFrame:
    rows = [PLAIN, PLAIN | {"lead_id": "lead 2"} | changed]
    return pl.DataFrame(rows).with_columns(pl.col(pl.String).replace("", None))


def batch(folder: Path, leads: pl.DataFrame, suffix: str) -> pl.DataFrame:
    place = folder / f"leads{suffix}"
    if suffix == ".csv":
        leads.write_csv(place)
    else:
        numbers = [pl.col(name).cast(pl.Float64) for name in ("company_size", "budget")]
        times = pl.col("created_at").str.to_datetime(time_zone="UTC")
        flags = pl.col("newsletter") == "true"
        leads.with_columns(*numbers, times, flags).write_parquet(place)
    settings = BatchSettings(as_of=START + (END - START) / 2)
    score_files(scorer(), place, None, folder / "out.parquet", settings)
    return pl.read_parquet(folder / "out.parquet")


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("case", SCORED)
def test_an_odd_lead_is_scored_and_moves_no_other(tmp_path: Path, case: str, suffix: str) -> None:
    found = batch(tmp_path, table(**SCORED[case]), suffix)
    plain = batch(tmp_path, table(), suffix)
    assert found["lead_id"].to_list() == ["lead 1", "lead 2"]
    assert found["probability"].is_between(0, 1, closed="none").all()
    assert found["probability"][0] == plain["probability"][0]


@pytest.mark.parametrize("number", NOT_FINITE)
def test_a_number_that_is_none_counts_as_missing_in_parquet(tmp_path: Path, number: str) -> None:
    found = batch(tmp_path, table(budget=number), ".parquet")
    missing = batch(tmp_path, table(budget=""), ".parquet")
    assert found["probability"].to_list() == missing["probability"].to_list()


@pytest.mark.parametrize("number", NOT_FINITE)
def test_a_number_that_is_none_is_refused_in_csv_by_its_line(tmp_path: Path, number: str) -> None:
    with pytest.raises(LeadcastError, match=rf"'budget'.*'{number}'.*line 3"):
        batch(tmp_path, table(budget=number), ".csv")


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_lead_without_an_id_is_refused(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(LeadcastError, match="lead_id"):
        batch(tmp_path, table(lead_id=""), suffix)
    assert not (tmp_path / "out.parquet").exists()


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_lead_without_a_creation_is_refused(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(LeadcastError, match="leads: column 'created_at': found"):
        batch(tmp_path, table(created_at=""), suffix)
    assert not (tmp_path / "out.parquet").exists()


@pytest.mark.parametrize(
    "statement",
    ["DELETE FROM leads", "PRAGMA x", "ATTACH 'a' AS b", "EXPLAIN SELECT 1",
     "/* SELECT */ UPDATE leads SET a = 1", "DELETE FROM a WHERE b = '*'", "DROP TABLE a --" * 99],
)  # fmt: skip
def test_a_statement_that_is_no_query_is_told_as_one(
    statement: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEADS_URL", "sqlite:///nowhere.db")
    with pytest.raises(LeadcastError, match="begins with SELECT or WITH"):
        place_of(statement, "LEADS_URL")
    with pytest.raises(LeadcastError, match="check the"):
        place_of(statement)


def test_where_the_encoding_is_to_be_said_is_told(tmp_path: Path) -> None:
    file = tmp_path / "leads.csv"
    file.write_text(table().write_csv(), encoding="utf-16")
    with pytest.raises(LeadcastError, match="under `read` in a source's definition, or export"):
        score_files(scorer(), file, None, tmp_path / "out.csv", BatchSettings(as_of=END))


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_lead_from_before_there_were_any_is_refused(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(LeadcastError, match="before 1980"):
        batch(tmp_path, table(created_at="1970-01-01T00:00:00Z"), suffix)

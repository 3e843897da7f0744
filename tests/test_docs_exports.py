"""The worked example of `docs/exports.md` does what the page says."""

import re
from pathlib import Path

import polars as pl
import pytest

from leadcast.features.definitions.definition import SourceDefinition
from leadcast.features.definitions.load import load_definition
from leadcast.features.ingest.ingest import check_source, ingest
from leadcast.features.readers.account import account_words
from leadcast.features.tables import Tables
from tests.source_samples import read_new_leads

PAGE = (Path(__file__).parents[1] / "docs" / "exports.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    found = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert len(found) == 1
    return str(found[0])


@pytest.fixture
def definition(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SourceDefinition:
    """The page's files and its definition."""
    for name, text in re.findall(r"`(\w+\.csv)`:\n\n```csv\n(.*?)```", PAGE, re.DOTALL):
        (tmp_path / name).write_text(text)
    (tmp_path / "salesforce.yaml").write_text(block("yaml"))
    monkeypatch.setenv("SALESFORCE_DATA", str(tmp_path))
    return load_definition(tmp_path / "salesforce.yaml")


def test_every_row_goes_where_the_page_says(definition: SourceDefinition) -> None:
    found = check_source(definition)
    assert found.is_fine
    assert set(block("text").splitlines()) <= set(account_words(found.account))


def test_the_leads_are_those_of_the_page(definition: SourceDefinition, tmp_path: Path) -> None:
    ingest(definition, tmp_path / "tables")
    tables = Tables.read(tmp_path / "tables")
    days = (pl.col(name).dt.convert_time_zone("Europe/Berlin") for name in ("won_at", "lost_at"))
    both = tables.leads.join(tables.outcomes, on="lead_id", maintain_order="left")
    shown = both.select(
        "lead_id",
        "industry",
        pl.col("company_size").cast(pl.Int64),
        *(day.dt.to_string("%Y-%m-%d") for day in days),
    ).cast(pl.String)
    rows = [
        tuple(cell.strip() or None for cell in line.strip("|").split("|"))
        for line in PAGE.splitlines()
        if line.startswith("| 00Q")
    ]
    assert shown.rows() == rows


def test_new_leads_are_joined_and_filtered_as_the_page_says(
    definition: SourceDefinition, tmp_path: Path
) -> None:
    header, first, *_, partner = (tmp_path / "Lead.csv").read_text().splitlines()
    (tmp_path / "new.csv").write_text("\n".join([header, first, partner, ""]))
    leads = read_new_leads(definition, [tmp_path / "new.csv"]).leads
    assert leads.select("lead_id", "industry").rows() == [("00Q01", "Steel")]

"""Amounts are in the one currency that is declared; what is in another is told and never summed."""

from pathlib import Path

import polars as pl
import pytest

from leadcast.features.base.errors import FaultsError
from leadcast.features.ingest.ingest import ingest
from leadcast.features.tables import Tables
from leadcast.features.values.amounts import in_other_currency
from tests.source_samples import LIMITS_OF_ONE_HALF, Keys, make_source

WON = """\
id,won,lost,amount,money
L1,2024-02-01T00:00:00Z,,500,eur
L2,2024-02-01T00:00:00Z,,700,USD
L3,,2024-02-02T00:00:00Z,,
"""
COLUMNS = {"lead_id": "id", "won_at": "won", "lost_at": "lost", "amount": "amount"}
EUR: Keys = {"amounts": {"currency": "EUR"}, "tables.outcomes.columns": COLUMNS}
NAMED: Keys = EUR | {"tables.outcomes.columns": COLUMNS | {"currency": "money"}}
LOOSE: Keys = {"limits": LIMITS_OF_ONE_HALF}


def amounts_of(folder: Path, changes: Keys, outcomes: str = WON) -> dict[str, float | None]:
    ingest(make_source(folder, changes, outcomes=outcomes), folder / "tables")
    found = Tables.read(folder / "tables").outcomes
    return dict(found.select("lead_id", "amount").iter_rows())


def test_an_amount_in_another_currency_is_not_read_and_its_win_stays(tmp_path: Path) -> None:
    assert amounts_of(tmp_path, NAMED | LOOSE) == {"L1": 500.0, "L2": None, "L3": None, "L4": None}
    quarantine = pl.read_parquet(tmp_path / "tables" / "quarantine.parquet")
    assert quarantine["lead_id"].to_list() == ["L2"]


def test_too_many_of_them_stop_the_work_and_say_to_convert(tmp_path: Path) -> None:
    with pytest.raises(FaultsError, match="Export the amounts converted to the declared currency"):
        amounts_of(tmp_path, NAMED)


def test_they_are_a_share_of_the_amounts_not_of_all_rows(tmp_path: Path) -> None:
    # One of two amounts is wrong, which most leads, that have none, must not hide.
    without = "".join(f"L{number},,2024-02-02T00:00:00Z,,\n" for number in range(5, 300))
    with pytest.raises(FaultsError, match="1 of 2 amounts that are in another currency"):
        amounts_of(tmp_path, NAMED, WON + without)


def test_a_blank_currency_is_none_that_is_known(tmp_path: Path) -> None:
    found = amounts_of(tmp_path, NAMED | LOOSE, WON.replace("USD", ""))
    assert found["L2"] is None


@pytest.mark.parametrize(
    ("cell", "currency", "is_other"),
    [("€ 5", "EUR", False), ("$5", "EUR", True), ("$5", "CAD", False), ("5 USD", "CAD", True),
     ("5", "EUR", False), (None, "EUR", False), ("¥5", "JPY", False), ("5 EUR", "EUR", False)],
)  # fmt: skip
def test_a_mark_in_the_cell_tells_its_currency(
    cell: str | None, currency: str, is_other: bool
) -> None:
    found = in_other_currency(pl.Series([cell], dtype=pl.String), None, currency)
    assert found is not None
    assert found.to_list() == [is_other]


def test_a_column_of_currencies_needs_a_declared_one(tmp_path: Path) -> None:
    with pytest.raises(FaultsError, match="a column of currencies without"):
        make_source(tmp_path, {"tables.outcomes.columns": COLUMNS | {"currency": "money"}})


def test_costs_are_in_the_currency_of_the_amounts(tmp_path: Path) -> None:
    with pytest.raises(FaultsError, match="one currency for amounts"):
        make_source(tmp_path, EUR | {"comparison": {"currency": "USD"}})
    make_source(tmp_path, EUR | {"comparison": {"currency": "€"}})


def test_an_amount_that_is_known_in_advance_is_every_leads_unless_the_outcome_tells_one(
    tmp_path: Path,
) -> None:
    known: Keys = {"amounts": {"known_in_advance": "revenue"}, "tables.outcomes.columns": COLUMNS}
    assert amounts_of(tmp_path, known) == {"L1": 500.0, "L2": 700.0, "L3": 3000.5, "L4": 0.0}


def test_only_a_number_of_the_leads_is_known_in_advance(tmp_path: Path) -> None:
    with pytest.raises(FaultsError, match="an attribute of the type number: revenue"):
        make_source(tmp_path, {"amounts": {"known_in_advance": "source"}})

"""A date that only won leads have is when they were won, whatever the status says of the lost."""

from pathlib import Path

import pytest

from leadcast.features.definitions.definition import DatedOutcomes, StatusOutcomes
from leadcast.features.definitions.load import load_definition
from tests.test_pipelines_init import Rows, drafted, rows_of


def told(folder: Path) -> tuple[object, ...]:
    """Read how the draft says that leads ended."""
    return tuple(load_definition(folder / "ours.yaml").tables.outcomes)


def with_dates(name: str, of_lost: int = 0) -> Rows:
    """Make leads whose date stands under a name, of the won ones and of one in so many lost."""
    rows: Rows = []
    for number, row in enumerate(rows_of(300, written="%Y-%m-%d")):
        closed = str(row.pop("Closed"))
        is_dated = row["Status"] == "Won" or (
            row["Status"] == "Lost" and of_lost and number // 3 % of_lost == 0
        )
        rows.append({**row, name: closed if is_dated else ""})
    return rows


@pytest.mark.parametrize("name", ["Won Date", "Converted Date", "Close Date", "ConvertedDate"])
def test_a_date_of_the_won_alone_is_kept(name: str, tmp_path: Path) -> None:
    text = drafted(tmp_path, with_dates(name))
    (outcomes,) = told(tmp_path)
    assert isinstance(outcomes, DatedOutcomes)
    assert (outcomes.columns.won_at, outcomes.columns.lost_at) == (name, None)
    assert "no column with the time of the end" not in text
    assert "those that are lost count as open" in " ".join(text.replace("#", "").split())


def test_a_close_date_that_lost_leads_have_as_well_ends_both(tmp_path: Path) -> None:
    drafted(tmp_path, with_dates("Close Date", of_lost=1))
    (outcomes,) = told(tmp_path)
    assert isinstance(outcomes, StatusOutcomes)
    assert outcomes.columns.closed_at == "Close Date"


def test_a_date_that_won_leads_lack_does_not_tell_who_was_won(tmp_path: Path) -> None:
    rows = with_dates("Won Date")
    for row in [row for row in rows if row["Status"] == "Won"][:20]:
        row["Won Date"] = ""
    drafted(tmp_path, rows)
    (outcomes,) = told(tmp_path)
    assert isinstance(outcomes, StatusOutcomes)
    assert outcomes.columns.closed_at is None


def test_a_change_that_dates_the_losses_is_taken_beside_the_wins(tmp_path: Path) -> None:
    rows = with_dates("Close Date")
    rows = [{**row, "Last Modified Date": "2024-12-30"} for row in rows]
    drafted(tmp_path, rows)
    wins, losses = told(tmp_path)
    assert isinstance(wins, DatedOutcomes)
    assert wins.columns.won_at == "Close Date"
    assert isinstance(losses, StatusOutcomes)
    assert losses.columns.closed_at == "Last Modified Date"

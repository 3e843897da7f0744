"""What two exports tell of attributes that are edited, and what the gate makes of it."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import polars as pl
import pytest

from leadcast.features.changes.edited import edited_between
from leadcast.features.ingest.ingest import ingest
from leadcast.features.tables import Tables
from leadcast.models.leakage.context import LeakageContext
from leadcast.models.leakage.edit_checks import EditedLater
from tests.source_samples import LEADS, make_source

LATER = LEADS.replace("L2,2024-01-02T08:00:00Z,,", "L2,2024-01-02T08:00:00Z,50,").replace(
    "1000,Google", "1000,Fair"
)


@pytest.fixture
def exports(tmp_path: Path) -> tuple[Tables, Tables]:
    found = []
    for name, text in (("first", LEADS), ("second", LATER)):
        folder = tmp_path / name
        folder.mkdir()
        ingest(make_source(folder, leads=text), folder / "tables")
        found.append(Tables.read(folder / "tables"))
    return replace(found[0], observed_until=datetime(2024, 1, 20, tzinfo=UTC)), found[1]


def test_what_differs_is_counted(exports: tuple[Tables, Tables]) -> None:
    found = edited_between(*exports)
    assert found is not None
    assert (found["leads"], found["won"]) == (4, 1)
    assert found["attributes"] == {
        "revenue": {"edited": 1, "filled_in": 1, "blank": 1, "edited_won": 0},
        "source": {"edited": 1, "filled_in": 0, "blank": 1, "edited_won": 1},
    }


def test_the_same_export_once_more_tells_nothing(exports: tuple[Tables, Tables]) -> None:
    before, after = exports
    assert edited_between(after, after) is None
    assert edited_between(after, before) is None
    undated = replace(before, observed_until=None)
    assert edited_between(undated, after) is None


def test_a_column_of_other_types_is_not_compared(exports: tuple[Tables, Tables]) -> None:
    before, after = exports
    leads = before.leads.with_columns(pl.col("revenue").cast(pl.String))
    found = edited_between(replace(before, leads=leads), after)
    assert found is not None
    assert set(found["attributes"]) == {"source"}


@pytest.mark.parametrize(
    ("edited", "edited_won", "severity"),
    [(5, 0, None), (60, 2, "warning"), (60, 30, "error"), (12, 12, "error"), (4, 4, None)],
    ids=["a few", "corrections", "winners", "a few winners", "too few"],
)
def test_the_gate_stops_where_edits_follow_wins(
    edited: int, edited_won: int, severity: str | None
) -> None:
    one = {"edited": edited, "filled_in": 0, "blank": 0, "edited_won": edited_won}
    about = {
        "leads": 1000,
        "won": 50,
        "since": "May",
        "until": "June",
        "attributes": {"phone": one},
    }
    context: Any = SimpleNamespace(edited=about, attribute_features={"phone": (0,)})
    found = list(EditedLater().look(cast(LeakageContext, context)))
    assert [one.severity for one in found] == ([] if severity is None else [severity])

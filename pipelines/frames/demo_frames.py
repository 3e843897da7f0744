"""The demo as tables in memory, to try the library on."""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from leadcast.demo.simulate import simulate
from leadcast.features.base.errors import canonical_name
from leadcast.pipelines.frames.held import OwnFolder

if TYPE_CHECKING:
    import pandas

DEMO_UNTIL = "2026-01-01"
_NAMES = {
    "Created Date": "created_at",
    "Lead Points": "rules_score",
    "Annual Revenue": "revenue",
    "Lead Source": "source",
    "Time": "occurred_at",
    "Type": "event_type",
}


class DemoTables(NamedTuple):
    """Leads, events and outcomes of a simulated seller of business software."""

    leads: "pandas.DataFrame"
    events: "pandas.DataFrame"
    outcomes: "pandas.DataFrame"


def load_demo(leads: int = 2_000, seed: int = 7) -> DemoTables:
    """Simulate a seller of business software: two years of leads, outcomes known until 2026-01-01.

    Parameters
    ----------
    leads : int
        How many, at least 1.
    seed : int
        Not negative; the same gives the same tables.

    Returns
    -------
    leads, events, outcomes : pandas.DataFrame
        As `leadcast.LeadData` takes them.

    Raises
    ------
    LeadcastError
        If there would be no lead.

    Examples
    --------
    >>> leads, events, outcomes = load_demo(10)
    >>> len(leads)
    10
    """
    folder = OwnFolder()
    world = folder.path / "world"
    simulate(leads, seed, world)
    told = _table(world / "leads.parquet").with_columns(
        pl.col("company_size").replace({"unknown": None})
    )
    # What sales fills in until the day of the export tells the outcome.
    tables = (
        told.drop("sales_stage"),
        _table(world / "events"),
        _table(world / "outcomes.parquet"),
    )
    return DemoTables(*(table.to_pandas() for table in tables))


def _table(path: Path) -> pl.DataFrame:
    table = pl.read_parquet(path)
    return table.rename({name: _NAMES.get(name, canonical_name(name)) for name in table.columns})

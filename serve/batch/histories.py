"""The histories that leads of a batch carry, in their own table or in one beside it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from leadcast.features.base.errors import FaultsError, LeadcastError
from leadcast.features.tables import ACCOUNT_HISTORY, CHANGES
from leadcast.serve.plain_tables import canonical_leads

if TYPE_CHECKING:
    from leadcast.features.ingest.change_rows import NewChanges
    from leadcast.features.ingest.pieces import Piece

_KEY = "leadcast lead_id"


def with_changes(given: "Sequence[Piece]", changes: "NewChanges") -> "list[Piece]":
    """Let leads carry the changes that a table beside them has.

    Parameters
    ----------
    given : sequence of Piece
    changes : NewChanges

    Returns
    -------
    sequence of Piece

    Raises
    ------
    LeadcastError
        If the leads carry changes of their own.
    """
    pieces = []
    for leads, events in given:
        if CHANGES in leads.collect_schema():
            raise LeadcastError(
                f"--changes: the leads have a column {CHANGES!r} of their own; give one of both"
            )
        pieces.append((changes.carried_by(leads), events))
    return pieces


def with_kept_histories(given: "Sequence[Piece]", files: Sequence[Path]) -> "Sequence[Piece]":
    """Let leads that were converted carry the histories that their Parquet files have.

    Parameters
    ----------
    given : sequence of Piece
        As they were read, row by row, from these files.
    files : sequence of Path

    Returns
    -------
    sequence of Piece

    Raises
    ------
    FaultsError
        If a history has another form.
    """
    tables = [pl.scan_parquet(file) for file in files]
    found = {name for table in tables for name in table.collect_schema().names()}
    columns = [name for name in (CHANGES, ACCOUNT_HISTORY) if name in found]
    if not columns or "lead_id" not in found:
        return given
    parts, faults = [], []
    for table in tables:
        names = [name for name in ("lead_id", *columns) if name in table.collect_schema()]
        part, wrong = canonical_leads(table.select(names).collect(), {})
        parts.append(part)
        faults += wrong
    if faults:
        raise FaultsError("leads", faults)
    each = pl.concat(parts, how="diagonal_relaxed").unique("lead_id", keep="first")
    own = each.rename({"lead_id": _KEY}).lazy()

    def carrying(leads: pl.LazyFrame) -> pl.LazyFrame:
        named = leads.with_columns(pl.col("lead_id").cast(pl.String).alias(_KEY))
        return named.join(own, on=_KEY, how="left", maintain_order="left").drop(_KEY)

    return [(carrying(leads), events) for leads, events in given]

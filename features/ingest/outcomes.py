"""How leads ended: one canonical row a lead, and none that cannot be true."""

from dataclasses import dataclass, replace

import polars as pl

from leadcast.features.base.errors import Fault
from leadcast.features.ingest.context import Context
from leadcast.features.ingest.ends import NAME, Ends
from leadcast.features.ingest.leads import CanonicalLeads
from leadcast.features.readers.issues import (
    DUPLICATE_OUTCOME,
    LATE_OUTCOME,
    ORPHAN_OUTCOME,
    OUTCOME_BEFORE_CREATION,
    IssueKind,
)


@dataclass(frozen=True)
class Settled:
    """Leads and how they ended."""

    leads: CanonicalLeads
    """The leads that are left."""
    outcomes: pl.DataFrame
    """Canonical, a row for each of them in their order."""
    used_rows: int
    """How many rows of the export told an outcome that is used."""


def settle(context: Context, ends: Ends, leads: CanonicalLeads) -> Settled:
    """Give each lead its end, and set aside the leads whose end cannot be true."""
    ends = _of_known_leads(context, ends, leads)
    ends = _one_each(context, ends)
    ends, impossible = _after_creation(context, ends, leads)
    ends = _known_by_now(context, ends)
    unusable = pl.concat([impossible, ends.doubtful])
    leads = leads.filter(~leads.frame["lead_id"].is_in(unusable.implode()))
    outcomes = leads.frame.select("lead_id").join(
        ends.frame, on="lead_id", how="left", maintain_order="left"
    )
    _refuse_one_value(context, outcomes)
    return Settled(leads, outcomes, len(ends.rows))


def _of_known_leads(context: Context, ends: Ends, leads: CanonicalLeads) -> Ends:
    known = ends.frame["lead_id"].is_in(leads.every_id.implode())
    _note(context, ORPHAN_OUTCOME, ends.filter(~known), "lead_id")
    # Leads that were set aside are told already, so their outcomes are not told once more.
    return ends.filter(ends.frame["lead_id"].is_in(leads.frame["lead_id"].implode()))


def _one_each(context: Context, ends: Ends) -> Ends:
    order = ends.frame.with_row_index("row").sort(
        "lead_id",
        pl.col("converted").fill_null(False),
        "won_at",
        "lost_at",
        "row",
        descending=[False, True, False, False, False],
        nulls_last=True,
    )
    first = order.filter(pl.col("lead_id").is_first_distinct())["row"]
    kept = pl.int_range(0, len(ends.rows), eager=True, dtype=pl.UInt32).is_in(first.implode())
    _note(context, DUPLICATE_OUTCOME, ends.filter(~kept), "lead_id")
    return ends.filter(kept)


def _after_creation(context: Context, ends: Ends, leads: CanonicalLeads) -> tuple[Ends, pl.Series]:
    created = ends.frame.join(
        leads.frame.select("lead_id", "created_at"), on="lead_id", how="left", maintain_order="left"
    )["created_at"]
    early = pl.Series([False]).new_from_index(0, len(ends.rows))
    for name in ("won_at", "lost_at"):
        mine = (ends.frame[name] < created).fill_null(False) & ~early
        _note(context, OUTCOME_BEFORE_CREATION, ends.filter(mine), name)
        early |= mine
    return ends.filter(~early), ends.frame["lead_id"].filter(early)


def _known_by_now(context: Context, ends: Ends) -> Ends:
    frame = ends.frame
    for name in ("won_at", "lost_at"):
        late = (ends.frame[name] > context.until).fill_null(False)
        _note(context, LATE_OUTCOME, ends.filter(late), name, kept=True)
        known = pl.select(pl.when(~late).then(ends.frame[name])).to_series()
        frame = frame.with_columns(known.alias(name))
    return replace(ends, frame=frame)


def _note(context: Context, kind: IssueKind, ends: Ends, name: str, *, kept: bool = False) -> None:
    columns = {"won_at": ends.won_column, "lost_at": ends.lost_column}
    column = columns.get(name, ends.id_column)
    values = ends.frame[name]
    if column in ends.rows.frame.columns:
        values = ends.rows.frame[column]
    context.ledger.note(
        kind,
        ends.table,
        column,
        ends.rows,
        values=values,
        lead_ids=ends.frame["lead_id"],
        kept=kept,
    )


def _refuse_one_value(context: Context, outcomes: pl.DataFrame) -> None:
    won = int((outcomes["won_at"].is_not_null() | outcomes["converted"].fill_null(False)).sum())
    if 0 < won < outcomes.height:
        return
    faults = context.ledger.faults(context.definition.limits)
    if any(fault.severity == "error" for fault in faults):
        # Probably its consequence: too many leads or outcomes have been set aside.
        return
    context.ledger.fault(
        Fault(
            where=NAME,
            found=f"{won} leads of {outcomes.height} that became customers",
            expected="some that did and some that did not",
            remedy="Check how tables.outcomes maps the outcome, and whether the export holds "
            "open and lost leads too.",
        )
    )

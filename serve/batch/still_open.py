"""The leads of a batch that are still open: of the others nobody asks for a score any more."""

from dataclasses import replace
from datetime import datetime

import polars as pl

from leadcast.features.base.errors import Fault
from leadcast.features.boundary import known
from leadcast.features.tables import TIME
from leadcast.serve.batch.inputs import ENDED, BatchInputs


def open_only(
    inputs: BatchInputs, moment: datetime | None, *, closed: bool
) -> tuple[BatchInputs, int | None]:
    """Leave out the leads that were won or lost before the moment at which they are scored.

    Parameters
    ----------
    inputs : BatchInputs
        Leads with the column `ENDED` where something tells how they ended.
    moment : datetime or None
        Of the leads that have no ``as_of`` of their own; None where the source is not dated.
    closed : bool
        Whether to score these as well.

    Returns
    -------
    tuple of BatchInputs and int or None
        What is left, without that column, and how many leads were left out; None where nothing
        tells how they ended, so that won and lost ones may be among them.
    """
    schemas = [leads.collect_schema() for leads, _ in inputs.pieces]
    if not any(ENDED in schema for schema in schemas):
        return inputs, 0 if closed else None
    pieces, n_closed = [], 0
    for (leads, events), schema in zip(inputs.pieces, schemas, strict=True):
        if ENDED not in schema or closed:
            pieces.append((leads.drop(ENDED, strict=False), events))
            continue
        is_closed = _is_closed(schema, moment)
        n_closed += leads.select(is_closed.sum()).collect(engine="streaming").item()
        pieces.append((leads.filter(~is_closed).drop(ENDED), events))
    # The files hold the leads that were left out, too.
    return replace(inputs, pieces=pieces, files=None), n_closed


def _is_closed(schema: pl.Schema, moment: datetime | None) -> pl.Expr:
    default = pl.lit(moment).cast(TIME)
    as_of = pl.coalesce("as_of", default) if "as_of" in schema else default
    # A source without dates has no moment: what is known of a lead is known.
    is_past = known(pl.col(ENDED), as_of) | as_of.is_null()
    return (pl.col(ENDED).is_not_null() & is_past).fill_null(value=False)


def without_leads(inputs: BatchInputs) -> list[Fault]:
    """Warn of a table of leads that is empty: an export that has failed looks like that.

    Parameters
    ----------
    inputs : BatchInputs

    Returns
    -------
    list of Fault
        One, if there is no lead at all.
    """
    if any(not leads.head(1).collect().is_empty() for leads, _ in inputs.pieces):
        return []
    return [
        Fault(
            where="leads",
            found="no rows",
            expected="the leads to score",
            remedy="Nothing was scored; see whether the export is whole.",
            severity="warning",
        )
    ]

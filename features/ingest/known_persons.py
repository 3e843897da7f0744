"""Which of a source's leads are one person, written beside its tables; and what these share.

What the CRM has merged is read with the same care as the other tables, and so are the accounts.
"""

from dataclasses import replace
from pathlib import Path

import polars as pl

from leadcast.features.base.files import write_json
from leadcast.features.definitions.definition import MERGES as NAME
from leadcast.features.definitions.identity_section import IdentityDefaults
from leadcast.features.identity.exact import MERGES
from leadcast.features.identity.keys import PERSON
from leadcast.features.identity.match_errors import measured
from leadcast.features.identity.persons import Resolved, resolve
from leadcast.features.identity.pooling import pooled_events, pooled_outcomes
from leadcast.features.ingest.context import Context, TableReading, Writing, no_progress
from leadcast.features.ingest.leads import (
    CanonicalLeads,
    all_rows,
    read_attribute,
    whole_table,
)
from leadcast.features.nonhuman.people_events import NONHUMAN
from leadcast.features.readers.issues import LATE_ROW
from leadcast.features.readers.ledger import Ledger
from leadcast.features.tables import TIME, Tables, TimeOrder
from leadcast.features.values.columns import clean_text
from leadcast.features.values.times import TimeRules


def read_merges(context: Context) -> pl.DataFrame | None:
    """Read the table of merges; None where there is none, or it cannot be read."""
    about = context.definition.identity.merges
    if about is None:
        return None
    fields = about.columns.model_dump(exclude_none=True)
    opened = whole_table(context, NAME, "identity.merges", about, fields)
    if opened is None:
        return None
    table, rows = opened
    read = {
        name: context.ids(rows.frame[fields[name]].alias(name), table.missing, fields[name])
        for name in ("canonical_id", "merged_id")
    }
    writing = Writing(table.missing, about.numbers, context.time_rules(about))
    frame = pl.DataFrame({"lead_id": read["merged_id"].values})
    reading = TableReading(context, NAME, writing, rows, frame)
    for name, parsed in read.items():
        reading.require_ids(fields[name], parsed)
    merged_at = pl.repeat(None, len(rows), dtype=TIME, eager=True)
    if about.columns.merged_at is not None:
        merged_at = reading.times(about.columns.merged_at).values
        late = (merged_at > context.until).fill_null(value=False)
        shown = rows.frame[about.columns.merged_at]
        reading.leave_out(context.late(LATE_ROW), about.columns.merged_at, late, shown)
    context.ledger.account.keep(NAME, int(reading.fine.sum()))
    columns = {name: parsed.values for name, parsed in read.items()} | {"merged_at": merged_at}
    return pl.DataFrame(columns, schema=MERGES).filter(reading.fine)


def read_accounts(context: Context, leads: CanonicalLeads) -> pl.DataFrame | None:
    """Read the accounts' own table, which is joined to the leads as well and told of there.

    Parameters
    ----------
    context : Context
    leads : CanonicalLeads
        Whose types the attributes have.

    Returns
    -------
    pl.DataFrame or None
        ``account_id`` (unique), perhaps ``name`` and ``domain``, and the accounts' attributes;
        None where there is no such table, or nobody asks for accounts.
    """
    about = context.definition.tables.accounts
    if about is None or context.definition.accounts is None:
        return None
    quiet = replace(context, ledger=Ledger(), collector=None, progress=no_progress)
    table = quiet.accounts(about)
    fields = about.columns.model_dump(exclude_none=True)
    columns = [*fields.values(), *(one.column for one in about.attributes.values())]
    if table is None or not {*columns} <= {*table.columns}:
        # The join has told it already.
        return None
    rows = all_rows(quiet, table, list(dict.fromkeys(columns)))
    if rows is None:
        return None
    writing = Writing(table.missing, about.numbers, TimeRules())
    read = {
        name: clean_text(rows.frame[column], table.missing)
        for name, column in fields.items()
        if name != "account_id"
    }
    for name, one in about.attributes.items():
        typed = one.model_copy(update={"type": leads.attribute_types.get(name) or one.type})
        read[name] = read_attribute(name, rows.frame[one.column], typed, writing)[0].values
    ids = context.ids(rows.frame[about.columns.account_id], table.missing).values
    whole = pl.DataFrame({"account_id": ids} | read)
    return whole.drop_nulls("account_id").unique("account_id", keep="first", maintain_order=True)


def write_persons(
    about: IdentityDefaults, tables: Tables, merges: pl.DataFrame | None, folder: Path
) -> Tables:
    """Find out who is one person, write it down, and let these share their history.

    Parameters
    ----------
    about : IdentityDefaults
        How.
    tables : Tables
        What was read; of leads with the columns that tell who they are.
    merges : pl.DataFrame or None
        What the CRM has merged.
    folder : Path
        The tables' folder, with the events: ``persons.parquet``, ``linked.parquet`` and
        ``identity.json`` are written to it, and the events that are shared.

    Returns
    -------
    Tables
        Without the columns that tell who leads are, and with a person's outcomes, where pooled.
    """
    leads = tables.leads
    without = leads.drop(name for name in leads.columns if name.startswith(PERSON))
    if about.match == "off":
        return replace(tables, leads=without)
    found = resolve(leads, about.match, merges, about.threshold, about.default_country)
    found.persons.write_parquet(folder / "persons.parquet")
    found.linked.write_parquet(folder / "linked.parquet")
    outcomes, shared, pool = tables.outcomes, 0, None
    if about.pool_history != "no" and tables.time_order is TimeOrder.DATED:
        pool = about.pool_history
        events = pl.scan_parquet(folder / "events" / "*.parquet")
        more = pooled_events(leads, events, outcomes, found.linked, pool).collect()
        shared = more.height
        if NONHUMAN in events.collect_schema():
            # Each was judged where it happened.
            more = more.with_columns(pl.lit(None, pl.Float64).alias(NONHUMAN))
        if shared:
            more.write_parquet(folder / "events" / "part-of-same-person.parquet")
        outcomes = pooled_outcomes(leads, outcomes, found.linked, pool)
    won = outcomes["won_at"].count() - tables.outcomes["won_at"].count()
    pooled = {"pool_history": about.pool_history, "shared_events": shared, "wins_of_twins": won}
    write_json(folder / "identity.json", _described(about, leads, found) | pooled)
    return replace(
        tables, leads=without, outcomes=outcomes, persons=found.persons, pool_history=pool
    )


def _described(about: IdentityDefaults, leads: pl.DataFrame, found: Resolved) -> dict[str, object]:
    persons = found.persons
    told = measured(leads, found, about.default_country)
    return {
        "match": about.match,
        "threshold": about.threshold,
        "leads": persons.height,
        "persons": persons["person_id"].n_unique(),
        "thresholds": told,
    }

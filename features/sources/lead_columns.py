"""Which columns of the leads' table are read."""

from features.errors import Fault
from features.sources.context import Context
from features.sources.names import canonical_name, did_you_mean
from features.sources.opening import RawTable, require_columns
from features.sources.outcome_schema import EventOutcomes
from features.sources.schema import Attribute, ExportColumn, LeadsTable


def wanted_columns(context: Context, table: RawTable) -> tuple[RawTable, list[str]]:
    """List the columns of the leads' table that are read.

    Parameters
    ----------
    context : Context
        The definition, and who takes the faults.
    table : RawTable
        The table, open.

    Returns
    -------
    table : RawTable
        The table, with the columns that it lacks; the ledger says which.
    columns : list of str
        Each once.
    """
    named = _named_columns(context.definition.tables.leads, all_attributes(context, table))
    named += _outcome_columns(context) if context.has_outcomes else []
    table = require_columns(table, named, context.ledger)
    return table, list(dict.fromkeys(column for _, column in named))


def _outcome_columns(context: Context) -> list[tuple[str, str]]:
    outcomes = context.definition.tables.outcomes
    if isinstance(outcomes, EventOutcomes) or outcomes.read is not None:
        return []
    fields = outcomes.columns.model_dump(exclude_none=True)
    return [(f"tables.outcomes.columns.{name}", column) for name, column in fields.items()]


def all_attributes(context: Context, table: RawTable) -> dict[str, Attribute]:
    """List the attributes that are read.

    Parameters
    ----------
    context, table
        As in `wanted_columns`.

    Returns
    -------
    dict of str to Attribute
        By name: those that are declared, and the remaining columns where these are taken. The
        ledger says of which there are two, or no column.
    """
    about = context.definition.tables.leads
    types = context.attribute_types
    found = {
        name: one.model_copy(update={"type": one.type or types.get(name)})
        for name, one in about.attributes.items()
    }
    if about.remaining_columns == "ignore":
        return found
    mapped = {column for _, column in _named_columns(about, about.attributes)}
    mapped |= {column for _, column in _outcome_columns(context)}
    mapped |= set(context.definition.forbidden)
    for column in table.columns:
        name = canonical_name(column)
        if column in mapped or (types and name not in types):
            continue
        if name in found:
            context.ledger.fault(_same_name(table, column, found[name].column, name))
        kind = types.get(name)
        found[name] = Attribute(column=column).model_copy(update={"type": kind})
    for name in sorted(types.keys() - found.keys()):
        context.ledger.fault(_lost_attribute(table, name))
    return found


def _lost_attribute(table: RawTable, name: str) -> Fault:
    return Fault(
        where=f"{table.name}: attribute {name!r}",
        found="no column of this name",
        expected="the attribute that earlier leads had",
        remedy=did_you_mean(name, [canonical_name(column) for column in table.columns]),
    )


def _same_name(table: RawTable, column: str, other: str, name: str) -> Fault:
    return Fault(
        where=f"{table.name}: column {column!r}",
        found=f"the attribute name {name!r}, which column {other!r} has already",
        expected="a different name for each attribute",
        remedy="Name one of them under tables.leads.attributes, or forbid it.",
    )


def _named_columns(about: LeadsTable, attributes: dict[str, Attribute]) -> list[tuple[str, str]]:
    key = "tables.leads"
    named = []
    if isinstance(about.columns.lead_id, ExportColumn):
        named.append((f"{key}.columns.lead_id", about.columns.lead_id.column))
    if about.columns.created_at is not None:
        named.append((f"{key}.columns.created_at", about.columns.created_at))
    if isinstance(about.order_by, ExportColumn):
        named.append((f"{key}.order_by", about.order_by.column))
    named += [(f"{key}.rules_score", column) for column in about.rules_score]
    named += [(f"{key}.attributes.{name}", one.column) for name, one in attributes.items()]
    return named

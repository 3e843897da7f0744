"""Which columns a definition reads, and which key names each."""

from collections.abc import Iterator

from leadcast.features.definitions.definition import (
    DatedOutcomes,
    EventOutcomes,
    SourceDefinition,
    StatusOutcomes,
    TableOutcomes,
)
from leadcast.features.definitions.table_schema import (
    AccountsTable,
    ExportColumn,
    Joins,
    LeadsTable,
    RowFilters,
    TableSchema,
)
from leadcast.features.definitions.yaml_lines import Key

LEADS: Key = ("tables", "leads")
ACCOUNTS: Key = ("tables", "accounts")
EVENTS: Key = ("tables", "events")
OUTCOMES: Key = ("tables", "outcomes")


def outcome_tables(
    definition: SourceDefinition,
) -> Iterator[tuple[Key, DatedOutcomes | StatusOutcomes | EventOutcomes]]:
    """Give each description of outcomes with its key."""
    outcomes = definition.tables.outcomes
    for index, one in enumerate(outcomes):
        yield OUTCOMES if len(outcomes) == 1 else (*OUTCOMES, index), one


def described_tables(
    definition: SourceDefinition,
) -> Iterator[tuple[Key, TableSchema | AccountsTable | TableOutcomes]]:
    """Give each table that may be split, joined and filtered, with its key."""
    tables = definition.tables
    yield LEADS, tables.leads
    if tables.accounts is not None:
        yield ACCOUNTS, tables.accounts
    for index, table in enumerate(tables.events):
        key = EVENTS if len(tables.events) == 1 else (*EVENTS, index)
        yield key, table
    for key, outcomes in outcome_tables(definition):
        if not isinstance(outcomes, EventOutcomes):
            yield key, outcomes


def mapped_columns(definition: SourceDefinition) -> Iterator[tuple[Key, str]]:
    """Name every column that a definition reads, with the key that names it."""
    yield from _columns_of_leads(definition.tables.leads)
    if definition.tables.accounts is not None:
        yield from _columns_of_accounts(definition.tables.accounts)
    for index, table in enumerate(definition.tables.events):
        key: Key = EVENTS if len(definition.tables.events) == 1 else (*EVENTS, index)
        yield from _fields((*key, "columns"), table.columns.model_dump())
    for key, outcomes in outcome_tables(definition):
        if not isinstance(outcomes, EventOutcomes):
            yield from _fields((*key, "columns"), outcomes.columns.model_dump())
    for key, one in described_tables(definition):
        yield from (((*key, "split_cells", column), column) for column in one.split_cells)
        yield from _columns_of_joins(key, one.join)
        yield from _columns_of_filters(key, one.where)


def _columns_of_leads(leads: LeadsTable) -> Iterator[tuple[Key, str]]:
    for name in ("lead_id", "created_at"):
        reference = getattr(leads.columns, name)
        column = reference.column if isinstance(reference, ExportColumn) else reference
        if column is not None and reference != "row":
            yield (*LEADS, "columns", name), column
    for name, attribute in leads.attributes.items():
        yield (*LEADS, "attributes", name), attribute.column
    if isinstance(leads.order_by, ExportColumn):
        yield (*LEADS, "order_by"), leads.order_by.column
    for column in leads.rules_score:
        yield (*LEADS, "rules_score"), column


def _columns_of_accounts(accounts: AccountsTable) -> Iterator[tuple[Key, str]]:
    yield (*ACCOUNTS, "columns", "account_id"), accounts.columns.account_id
    for name, attribute in accounts.attributes.items():
        yield (*ACCOUNTS, "attributes", name), attribute.column


def _columns_of_joins(key: Key, joins: Joins) -> Iterator[tuple[Key, str]]:
    for index, join in enumerate(joins):
        here: Key = (*key, "join", index)
        for own, theirs in join.on.items():
            yield from (((*here, "on", own), column) for column in dict.fromkeys((own, theirs)))
        yield from (((*here, "columns", name), one) for name, one in join.columns.items())
        yield from (((*here, "split_cells", column), column) for column in join.split_cells)
        yield from _columns_of_filters(here, join.where)


def _columns_of_filters(key: Key, filters: RowFilters) -> Iterator[tuple[Key, str]]:
    for index, one in enumerate(filters):
        yield (*key, "where", index, "column"), one.column


def _fields(key: Key, fields: dict[str, object]) -> Iterator[tuple[Key, str]]:
    for name, value in fields.items():
        columns = value if isinstance(value, tuple) else (value,)
        for column in columns:
            if isinstance(column, str):
                yield (*key, name), column

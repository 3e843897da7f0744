"""What joins, row filters and several outcome tables must agree on with each other."""

from collections.abc import Callable, Iterator

from leadcast.features.base.errors import Fault
from leadcast.features.definitions.definition import (
    DatedOutcomes,
    EventOutcomes,
    SourceDefinition,
    StatusOutcomes,
)
from leadcast.features.definitions.mapped import (
    ACCOUNTS,
    LEADS,
    OUTCOMES,
    described_tables,
    outcome_tables,
)
from leadcast.features.definitions.table_schema import Joins, RowFilter, RowFilters
from leadcast.features.definitions.yaml_lines import Key
from leadcast.features.values.times import parse_moment

Where = Callable[[Key], str]
"""Says where a key stands."""


def row_faults(definition: SourceDefinition, where: Where) -> Iterator[Fault]:
    """Find what joins, filters, accounts and several outcome tables contradict."""
    for key, one in described_tables(definition):
        yield from _joined_names(key, one.join, where)
        yield from _filters(definition, key, one.where, where)
        for index, join in enumerate(one.join):
            yield from _filters(definition, (*key, "join", index), join.where, where)
    yield from _multiplied_leads(definition, where)
    yield from _accounts(definition, where)
    yield from _outcomes_without_rows(definition, where)
    yield from _outcomes_together(definition, where)
    yield from _split(definition, where)


def _joined_names(key: Key, joins: Joins, where: Where) -> Iterator[Fault]:
    first: dict[str, int] = {}
    for index, join in enumerate(joins):
        for name, column in join.columns.items():
            if name in first or name in join.on:
                told = "stands under `on`" if name in join.on else f"join[{first[name]}] gives"
                yield Fault(
                    where=where((*key, "join", index, "columns", name)),
                    found=f"the name {name!r}, which {told} already",
                    expected="a name of its own for each joined column",
                    remedy=f"Name it otherwise: `columns: {{Joined {name}: {column}}}`.",
                )
            first.setdefault(name, index)


def _multiplied_leads(definition: SourceDefinition, where: Where) -> Iterator[Fault]:
    tables = definition.tables
    for column in tables.leads.split_cells:
        yield _split_leads(where((*LEADS, "split_cells", column)))
    joins = [(LEADS, tables.leads.join)]
    joins += [] if tables.accounts is None else [(ACCOUNTS, tables.accounts.join)]
    for key, its in joins:
        for index, join in enumerate(its):
            if join.expect == "many":
                yield Fault(
                    where=where((*key, "join", index, "expect")),
                    found="`many`, which repeats rows",
                    expected="one row for each lead, and for each account",
                    remedy="Set `expect: first` to take the first of several rows, or join the "
                    "table to events or outcomes instead.",
                )


def _split_leads(where: str) -> Fault:
    return Fault(
        where=where,
        found="cells of the leads' table that are split, which repeats leads",
        expected="one row for each lead",
        remedy="Remove it; where leads name several rows of another table, let events or outcomes "
        "`read` the leads' file once more, and set `split_cells` there.",
    )


def _filters(
    definition: SourceDefinition, key: Key, filters: RowFilters, where: Where
) -> Iterator[Fault]:
    for index, one in enumerate(filters):
        here: Key = (*key, "where", index)
        twice = [value for value in one.one_of if value in one.not_one_of]
        if twice:
            yield Fault(
                where=where((*here, "not")),
                found=f"{twice[0]!r}, which stands under one_of already",
                expected="values to use, or values to leave out",
                remedy="Remove it from one of the two.",
            )
        yield from _moments(definition, here, one, where)


def _moments(
    definition: SourceDefinition, key: Key, one: RowFilter, where: Where
) -> Iterator[Fault]:
    for name, moment in (("from", one.since), ("until", one.before)):
        if moment is not None:
            yield from _moment(definition, (*key, name), moment, where)


def _moment(definition: SourceDefinition, key: Key, moment: str, where: Where) -> Iterator[Fault]:
    try:
        parse_moment(moment, definition.time_zone)
    except ValueError as error:
        yield Fault(
            where=where(key),
            found=repr(moment),
            expected="a time such as 2024-03-31T18:00:00+02:00",
            remedy=f"{error}." + ("" if definition.time_zone else " Or set time_zone."),
        )


def _split(definition: SourceDefinition, where: Where) -> Iterator[Fault]:
    begins, key = definition.split.test_from, ("split", "test_from")
    if begins is None:
        return
    if not definition.is_dated or definition.split.test_fraction is not None:
        dated = definition.is_dated
        yield Fault(
            where=where(key),
            found="test_from beside test_fraction"
            if dated
            else "test_from for leads without a creation time",
            expected="one of the two" if dated else "split.test_fraction",
            remedy="Remove one of them: each says where the test begins."
            if dated
            else "Set test_fraction, or map tables.leads.columns.created_at.",
        )
    yield from _moment(definition, key, begins, where)


def _accounts(definition: SourceDefinition, where: Where) -> Iterator[Fault]:
    accounts, attributes = definition.tables.accounts, definition.tables.leads.attributes
    if accounts is None:
        if definition.tables.account_changes is not None:
            yield Fault(
                where=where(("tables", "account_changes")),
                found="the history of accounts, but no accounts",
                expected="tables.accounts",
                remedy="Map the table of accounts too, or remove their history.",
            )
        return
    if "account_id" not in attributes:
        yield Fault(
            where=where(ACCOUNTS),
            found="accounts, but no attribute account_id of the leads",
            expected="tables.leads.attributes.account_id",
            remedy="Map the leads' column that names the account: `attributes: {account_id: "
            "AccountId}`.",
        )
    for name in accounts.attributes:
        if name in attributes:
            yield Fault(
                where=where((*ACCOUNTS, "attributes", name)),
                found=f"the attribute name {name!r}, which the leads have already",
                expected="a different name for each attribute",
                remedy=f"Call it {f'account_{name}'!r}, or remove it from one of the two.",
            )


def _outcomes_without_rows(definition: SourceDefinition, where: Where) -> Iterator[Fault]:
    for key, outcomes in outcome_tables(definition):
        if isinstance(outcomes, EventOutcomes) or outcomes.read is not None:
            continue
        for column in outcomes.split_cells:
            yield _split_leads(where((*key, "split_cells", column)))
        for name in ("join", "where"):
            if getattr(outcomes, name):
                yield Fault(
                    where=where((*key, name)),
                    found=f"`{name}` of outcomes that stand in the leads' table",
                    expected=f"tables.leads.{name}",
                    remedy="Move it there, or name the outcomes' own table by `read`.",
                )


def _tells_won(one: DatedOutcomes | StatusOutcomes | EventOutcomes) -> bool:
    if isinstance(one, StatusOutcomes):
        return bool(one.won)
    return isinstance(one, EventOutcomes) or one.columns.won_at is not None


def _outcomes_together(definition: SourceDefinition, where: Where) -> Iterator[Fault]:
    tables = list(outcome_tables(definition))
    undated = [
        key
        for key, one in tables
        if isinstance(one, StatusOutcomes) and one.columns.closed_at is None
    ]
    if undated and len(undated) < len(tables):
        yield Fault(
            where=where((*undated[0], "columns")),
            found="outcomes without a date beside others with one",
            expected="a date for all outcomes, or for none",
            remedy="Map columns.closed_at here, or leave one of these tables out.",
        )
    if not any(_tells_won(one) for _, one in tables):
        yield Fault(
            where=where((*tables[0][0], "won")),
            found="nothing that means won",
            expected="the values of the status, or the column of a time, that make a customer",
            remedy="Add them: `won: [VALUE]`, or `columns: {won_at: COLUMN}`; "
            "data/sources/template.yaml explains it.",
        )
    by_events = [key for key, one in tables if isinstance(one, EventOutcomes)]
    if len(by_events) > 1:
        yield Fault(
            where=where(by_events[1]),
            found="a second description of outcomes that are events",
            expected="one, for all tables of events",
            remedy=f"List all its won_events and lost_events in {'.'.join(map(str, OUTCOMES))}[0].",
        )

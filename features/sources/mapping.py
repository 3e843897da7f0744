"""Which columns a definition reads, and which key names each."""

from collections.abc import Iterator

from features.sources.definition import SourceDefinition
from features.sources.outcome_schema import EventOutcomes
from features.sources.schema import ExportColumn, LeadsTable
from features.sources.yaml_lines import Key

LEADS: Key = ("tables", "leads")
OUTCOMES: Key = ("tables", "outcomes")


def mapped_columns(definition: SourceDefinition) -> Iterator[tuple[Key, str]]:
    """Name every column that a definition reads, with the key that names it.

    Parameters
    ----------
    definition : SourceDefinition
        The definition.

    Yields
    ------
    tuple of (key path, str)
    """
    leads = definition.tables.leads
    yield from _columns_of_leads(leads)
    for index, table in enumerate(definition.tables.events):
        key: Key = ("tables", "events", index, "columns")
        if len(definition.tables.events) == 1:
            key = ("tables", "events", "columns")
        yield from _fields(key, table.columns.model_dump())
    outcomes = definition.tables.outcomes
    if not isinstance(outcomes, EventOutcomes):
        yield from _fields((*OUTCOMES, "columns"), outcomes.columns.model_dump())


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


def _fields(key: Key, fields: dict[str, object]) -> Iterator[tuple[Key, str]]:
    for name, value in fields.items():
        columns = value if isinstance(value, tuple) else (value,)
        for column in columns:
            if isinstance(column, str):
                yield (*key, name), column

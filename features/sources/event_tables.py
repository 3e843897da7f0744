"""The tables of events, open, and what their columns mean."""

from dataclasses import dataclass

import polars as pl

from features.sources.context import Context
from features.sources.opening import RawTable, require_columns
from features.sources.origins import Rows
from features.sources.schema import EventsTable
from features.sources.values import clean_text


@dataclass(frozen=True)
class OpenEvents:
    """One table of events, open, the columns that it lacks standing empty.

    Parameters
    ----------
    about : EventsTable
        Its definition.
    table : RawTable
        Its files or query.
    """

    about: EventsTable
    table: RawTable

    def wanted(self) -> list[str]:
        """List the columns to read.

        Returns
        -------
        list of str
        """
        columns = self.about.columns
        optional = [] if columns.value is None else [columns.value]
        named = [columns.lead_id, columns.occurred_at, *columns.event_type, *optional]
        return list(dict.fromkeys(named))


def open_events(context: Context) -> list[OpenEvents]:
    """Open the tables of events.

    Parameters
    ----------
    context : Context
        The definition, and who takes the faults.

    Returns
    -------
    list of OpenEvents
        Without those that cannot be read.
    """
    opened = []
    definition = context.definition
    for name, about in zip(definition.event_table_names(), definition.tables.events, strict=True):
        table = context.open(name, about.read)
        if table is None:
            continue
        key = f"tables.{name}.columns"
        fields = about.columns.model_dump(exclude_none=True)
        needed = [
            (f"{key}.{field}", column)
            for field, value in fields.items()
            for column in ([value] if isinstance(value, str) else value)
        ]
        opened.append(OpenEvents(about, require_columns(table, needed, context.ledger)))
    return opened


def event_types(rows: Rows, one: OpenEvents) -> pl.Series:
    """Name each event's kind.

    Parameters
    ----------
    rows : Rows
        Raw events.
    one : OpenEvents
        Their table.

    Returns
    -------
    pl.Series of String
        The table's `kind` and the event's columns, joined by ``:``; null where all columns are
        blank.
    """
    columns = one.about.columns.event_type
    kind = one.about.kind
    if not columns:
        return pl.Series("event_type", [kind], dtype=pl.String).new_from_index(0, len(rows))
    parts = [clean_text(rows.frame[column], one.table.missing).alias(column) for column in columns]
    if len(parts) == 1 and kind is None:
        return parts[0].alias("event_type")
    prefix = [] if kind is None else [pl.lit(kind)]
    blank = pl.all_horizontal(pl.col(column).is_null() for column in columns)
    joined = pl.concat_str([*prefix, *columns], separator=":", ignore_nulls=True)
    return pl.DataFrame(parts).select(event_type=pl.when(~blank).then(joined)).to_series()

"""What the CRM has merged, read with the same care as the other tables."""

import polars as pl

from leadcast.features.definitions.definition import MERGES as NAME
from leadcast.features.identity.exact import MERGES
from leadcast.features.ingest.context import Context, TableReading, Writing
from leadcast.features.ingest.leads import all_rows
from leadcast.features.readers.issues import LATE_ROW
from leadcast.features.readers.opening import require_columns
from leadcast.features.tables import TIME


def read_merges(context: Context) -> pl.DataFrame | None:
    """Read the table of merges; None where there is none, or it cannot be read."""
    about = context.definition.identity.merges
    table = None if about is None else context.open(NAME, about)
    if about is None or table is None:
        return None
    fields = about.columns.model_dump(exclude_none=True)
    needed = [(f"identity.merges.columns.{name}", column) for name, column in fields.items()]
    table = require_columns(table, needed, context.ledger)
    rows = all_rows(context, table, list(dict.fromkeys(fields.values())))
    if rows is None or table.lacking:
        return None
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

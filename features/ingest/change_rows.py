"""The history of attributes: from raw rows to what each lead carries."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import polars as pl

from leadcast.features.base.errors import Fault, FaultsError, canonical_name
from leadcast.features.changes.attribute_changes import CHANGE, derived_types
from leadcast.features.changes.history_told import some_of
from leadcast.features.definitions.changes_section import (
    ACCOUNT_CHANGES,
    HISTORY,
    AccountChangesTable,
    AttributeChangesTable,
    ChangeColumns,
)
from leadcast.features.definitions.table_schema import Attribute, Reader, TableSchema
from leadcast.features.ingest.context import Context, TableReading, Writing
from leadcast.features.ingest.leads import CanonicalLeads, read_attribute, whole_table
from leadcast.features.readers.account import OF_LEAD_ASIDE
from leadcast.features.readers.issues import LATE_ROW
from leadcast.features.tables import CHANGES, TIME
from leadcast.features.values.columns import Parsed, clean_text

OF_NO_ATTRIBUTE = "of a field that is no attribute"
"""Why a row of the history is left out."""
_MICROSECONDS = 1_000_000


@dataclass(frozen=True)
class ReadChanges:
    """The history that was read.

    Parameters
    ----------
    frame : pl.DataFrame
        ``lead_id`` and the fields of `CHANGE`, in the order of the export.
    attributes : tuple of str
        Whose changes are known.
    """

    frame: pl.DataFrame
    attributes: tuple[str, ...]


def read_changes(
    context: Context, leads: CanonicalLeads, matches: pl.DataFrame | None = None
) -> ReadChanges | None:
    """Read the tables of changes; None where there are none, or they cannot be read.

    The history of an account is that of each of its leads: as `matches` has them
    (`leadcast.features.accounts.matching.MATCHES`), or by the identifier that the export names.
    """
    tables = context.definition.tables
    found = []
    if (of_leads := tables.attribute_changes) is not None:
        named = _named(context.definition.lead_attributes(), of_leads)
        read = _read(context, _types(leads), of_leads, named, leads.frame["lead_id"])
        found.append(_of_creation(read, leads.frame, of_leads.creation_seconds))
    if (of_accounts := tables.account_changes) is not None and tables.accounts is not None:
        named = _named(tables.accounts.attributes, of_accounts)
        told = leads.frame if matches is None else matches
        whose = told.select("lead_id", whose="account_id").drop_nulls()
        read = _read(context, _types(leads), of_accounts, named, whose["whose"])
        found.append(None if read is None else _of_each_lead(read, whose))
    known = [one for one in found if one is not None]
    if not known:
        return None
    names = dict.fromkeys(name for one in known for name in one.attributes)
    return ReadChanges(pl.concat([one.frame for one in known]), tuple(names))


def _types(leads: CanonicalLeads) -> dict[str, str]:
    columns = leads.frame.columns
    return {name: kind for name, kind in leads.attribute_types.items() if name in columns}


def _of_creation(
    read: ReadChanges | None, leads: pl.DataFrame, seconds: float
) -> ReadChanges | None:
    if read is None:
        return None
    return ReadChanges(_at_creation(read.frame, leads, seconds), read.attributes)


@dataclass(frozen=True)
class NewChanges:
    """The history of leads that are to be scored, read before the leads are."""

    frame: pl.DataFrame
    """``lead_id`` and the fields of `CHANGE`."""
    creation_seconds: float
    """What is changed within so many seconds of a lead's creation belongs to the creation."""
    warnings: tuple[Fault, ...] = ()
    """What was worked around."""

    def carried_by(self, leads: pl.LazyFrame) -> pl.LazyFrame:
        """Let leads carry their history; that of a lead without changes is null.

        Parameters
        ----------
        leads : pl.LazyFrame
            With ``lead_id``, and perhaps ``created_at``; a lead may have several rows.

        Returns
        -------
        pl.LazyFrame
            With the column ``attribute_changes``.
        """
        key, schema = "leadcast lead_id", leads.collect_schema()
        text = pl.col("lead_id").cast(pl.String)
        created = [pl.col("created_at")] if "created_at" in schema else []
        known = leads.select(text, *created).unique("lead_id", keep="first").collect()
        own = self.frame.join(known, on="lead_id", how="semi")
        if created:
            own = _at_creation(own, known, self.creation_seconds)
        each = carried(known.select("lead_id"), own).rename({"lead_id": key}).lazy()
        joined = leads.with_columns(text.alias(key)).join(
            each, on=key, how="left", maintain_order="left"
        )
        return joined.drop(key)


def read_new_changes(context: Context, files: Reader) -> NewChanges:
    """Read the table of changes of leads that are to be scored.

    Parameters
    ----------
    context : Context
        Whose definition describes it; one without such a table takes canonical columns:
        ``lead_id``, ``changed_at``, ``attribute``, ``new_value`` and perhaps ``old_value``.
    files : Reader
        Where it is.

    Returns
    -------
    NewChanges

    Raises
    ------
    FaultsError
        If it cannot be read as it is described.
    """
    about = context.definition.tables.attribute_changes
    given = _canonical(context, files) if about is None else about
    attributes = context.definition.lead_attributes()
    declared = {name: one.type for name, one in attributes.items() if one.type is not None}
    types = {**declared, **{n: k for n, k in context.attribute_types.items() if n in attributes}}
    table = given.model_copy(update={"read": files})
    read = _read(context, types, table, _named(attributes, table), None)
    faults = list(context.ledger.faults(context.definition.limits))
    if read is None or any(fault.severity == "error" for fault in faults):
        raise FaultsError("changes of leads to score", faults)
    return NewChanges(read.frame, table.creation_seconds, tuple(faults))


def _canonical(context: Context, files: Reader) -> AttributeChangesTable:
    opened = context.open(HISTORY, TableSchema(read=files))
    names = ["lead_id", "changed_at", "attribute", "new_value"]
    if opened is not None and "old_value" in opened.columns:
        names.append("old_value")
    columns = ChangeColumns.model_validate({name: name for name in names})
    return AttributeChangesTable(read=files, columns=columns)


def _of_each_lead(read: ReadChanges, whose: pl.DataFrame) -> ReadChanges:
    """Give the changes of an account to each of its leads."""
    columns = read.frame.columns
    rows = read.frame.rename({"lead_id": "whose"}).join(whose, on="whose", maintain_order="left")
    return ReadChanges(rows.select(columns), read.attributes)


def _read(
    context: Context,
    types: Mapping[str, str],
    about: AttributeChangesTable | AccountChangesTable,
    named: Mapping[str, str],
    known: pl.Series | None,
) -> ReadChanges | None:
    """Read one table of changes: of leads, or of accounts, whose ids stand as ``lead_id``.

    Those of others than are known are left out; None for whoever knows none yet.
    """
    is_of_leads = isinstance(about, AttributeChangesTable)
    name = HISTORY if is_of_leads else ACCOUNT_CHANGES
    fields = about.columns.model_dump(exclude_none=True)
    opened = whole_table(context, name, f"tables.{name}", about, fields)
    if opened is None:
        return None
    table, rows = opened
    columns = about.columns
    key = fields["lead_id" if is_of_leads else "account_id"]
    writing = Writing(table.missing, about.numbers, context.time_rules(about))
    ids = context.ids(rows.frame[key].alias("lead_id"), table.missing, key)
    reading = TableReading(context, name, writing, rows, ids.values.to_frame("lead_id"))
    reading.require_ids(key, ids)
    times = reading.times(columns.changed_at)
    reading.require(columns.changed_at, times)
    late, shown = times.values > context.until, rows.frame[columns.changed_at]
    reading.leave_out(
        context.late(LATE_ROW), columns.changed_at, late.fill_null(value=False), shown
    )
    if known is not None:
        reading.drop(~ids.values.is_in(known.implode()), OF_LEAD_ASIDE)
    spelt = clean_text(rows.frame[columns.attribute], table.missing)
    attribute = spelt.map_elements(lambda text: named.get(canonical_name(text)), pl.String)
    unknown = spelt.filter(attribute.is_null())
    # A whole CRM's history has many such fields; of leads to score somebody has chosen them.
    if len(unknown) and (len(unknown) == len(spelt) or not context.has_outcomes):
        where = f"{name}: column {columns.attribute!r}"
        context.ledger.fault(_names_no_attribute(where, unknown, len(unknown) == len(spelt)))
    reading.drop(attribute.is_null(), OF_NO_ATTRIBUTE)
    reading.frame = reading.frame.with_columns(
        changed_at=times.values, attribute=attribute, row=pl.int_range(pl.len())
    )
    context.ledger.account.keep(name, int(reading.fine.sum()))
    frame = _with_values(reading, columns.old_value, columns.new_value, types)
    return ReadChanges(frame, tuple(frame["attribute"].unique(maintain_order=True)))


def _names_no_attribute(where: str, spelt: pl.Series, are_all: bool) -> Fault:
    """Tell of rows of changes that are not used: most likely names differ, where these are all."""
    names = spelt.drop_nulls().unique(maintain_order=True)
    examples = some_of([repr(one) for one in names]) or "blank"
    return Fault(
        where,
        f"{'only ' if are_all else ''}fields that are no attributes: {examples}",
        "an attribute's name, or its column's",
        f"{'No change is used' if are_all else 'These changes are not used'}. What the history "
        "calls an attribute can be said under `tables.attribute_changes.fields` (of accounts: "
        "`tables.account_changes.fields`)",
        "warning",
        len(spelt),
        is_usual=not are_all,
    )


def _named(
    attributes: Mapping[str, Attribute], about: AttributeChangesTable | AccountChangesTable
) -> dict[str, str]:
    """Find attributes by what the history calls them, their column's name or their own."""
    named = {canonical_name(name): name for name in attributes}
    named |= {canonical_name(one.column): name for name, one in attributes.items()}
    for name, fields in about.fields.items():
        named |= {canonical_name(field): name for field in fields}
    return named


def _with_values(
    reading: TableReading,
    old: str | None,
    new: str,
    types: Mapping[str, str],
) -> pl.DataFrame:
    """Read each attribute's values as the leads' table has them, and write them as text."""
    raw = reading.rows.frame
    before = pl.lit(None, pl.String) if old is None else raw[old]
    rows = reading.frame.with_columns(raw[new].alias("new_value"), before.alias("old_value"))
    rows = rows.filter(reading.fine)
    attributes = reading.context.definition.lead_attributes()
    parts = []
    none = pl.repeat(None, len(raw), dtype=pl.String, eager=True)
    problems = {column: none.clone() for column in (old, new) if column}
    for (name,), part in rows.partition_by("attribute", as_dict=True, maintain_order=True).items():
        kind = types.get(str(name))
        if kind is None:
            continue
        one = attributes[str(name)].model_copy(update={"type": kind})
        read = {
            column: read_attribute(str(name), part[column], one, reading.writing)[0]
            for column in ("old_value", "new_value")
        }
        for column, given in (("old_value", old), ("new_value", new)):
            if given is not None:
                said = read[column].problem
                bad = said.is_not_null()
                problems[given] = problems[given].scatter(part["row"].filter(bad), said.filter(bad))
        parts.append(
            part.with_columns(as_text(one.values).alias(name) for name, one in read.items())
        )
    for column, words in problems.items():
        reading.note_unread(column, Parsed(raw[column], words))
    fields = ["lead_id", "row", *(field.name for field in CHANGE.fields)]
    if not parts:
        return pl.DataFrame(schema={"lead_id": pl.String, **CHANGE.to_schema()})
    whole = pl.concat([part.select(fields) for part in parts])
    if old is None:
        before = pl.col("new_value").shift(1).over("lead_id", "attribute")
        whole = whole.sort("lead_id", "changed_at", "row").with_columns(old_value=before)
    return whole.sort("row").drop("row")


def _at_creation(changes: pl.DataFrame, leads: pl.DataFrame, seconds: float) -> pl.DataFrame:
    """Let what was changed right after a lead's creation belong to the creation."""
    created = leads.select("lead_id", "created_at")
    until = pl.col("created_at") + pl.duration(microseconds=round(seconds * _MICROSECONDS))
    at = pl.when(pl.col("changed_at") <= until).then(pl.min_horizontal("changed_at", "created_at"))
    joined = changes.join(created, on="lead_id", how="left", maintain_order="left")
    return joined.with_columns(at.otherwise("changed_at").alias("changed_at")).drop("created_at")


def as_text(values: pl.Series) -> pl.Series:
    """Write an attribute's values as `leadcast.features.changes.attribute_changes.CHANGE` has them.

    Parameters
    ----------
    values : pl.Series
        As the table of leads holds them.

    Returns
    -------
    pl.Series of String
    """
    if values.dtype == pl.Boolean:
        return values.cast(pl.String)
    if values.dtype.is_temporal():
        return values.cast(TIME).to_physical().cast(pl.String)
    return values.cast(pl.String)


def carried(leads: pl.DataFrame, changes: pl.DataFrame) -> pl.DataFrame:
    """Let each lead carry its history.

    Parameters
    ----------
    leads : pl.DataFrame
        With ``lead_id``.
    changes : pl.DataFrame
        ``lead_id`` and the fields of `CHANGE`; those of other leads are ignored.

    Returns
    -------
    pl.DataFrame
        The leads with the column ``attribute_changes``, in time's order, null where a lead has
        none.
    """
    names = [field.name for field in CHANGE.fields]
    given = changes.select("lead_id", pl.struct(names).cast(CHANGE).alias(CHANGES), "changed_at")
    ordered = given.sort("changed_at", maintain_order=True)
    each = ordered.group_by("lead_id", maintain_order=True).agg(CHANGES)
    return leads.join(each, on="lead_id", how="left", maintain_order="left")


def with_history(
    leads: pl.DataFrame, attribute_types: dict[str, str], read: ReadChanges | None
) -> tuple[pl.DataFrame, dict[str, str]]:
    """Add the history to the table of leads, and what is derived from it to their attributes."""
    if read is None:
        return leads, attribute_types
    return carried(leads, read.frame), attribute_types | derived_types(_kept(read, leads))


def _kept(read: ReadChanges, leads: pl.DataFrame) -> Iterable[str]:
    return (name for name in read.attributes if name in leads.columns)

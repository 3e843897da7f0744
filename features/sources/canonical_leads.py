"""New leads, to be scored, in canonical columns."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from features.errors import FaultsError, in_words
from features.inputs import CONTEXT, unknown_column
from features.sources.definition import Limits, SourceDefinition
from features.sources.kinds import (
    BAD_CELL,
    BAD_ROW,
    BLANK,
    BROKEN_ROW,
    DUPLICATE_LEAD,
    EVENT_BEFORE_CREATION,
    EVENT_OF_OTHERS,
    NO_ZONE,
    Kind,
)
from features.sources.ledger import Ledger
from features.sources.new_leads import NewLeads, read_without_outcomes
from features.sources.opening import open_table
from features.sources.schema import FileReader

_WHAT_TO_DO = "Name the file with the leads to score"
_MOMENTS = ("as_of", "updated_at")
_TIMES = "Write times with their zone, as 2026-01-05T09:30:00Z or 2026-01-05T10:30:00+01:00"
_UNTOLD = (EVENT_OF_OTHERS, EVENT_BEFORE_CREATION)
_ADVICE: Mapping[Kind, str] = {
    BROKEN_ROW: "Put commas between fields, and texts that hold one into double quotes",
    BAD_CELL: "Write numbers as 1234.5, flags as true or false, times as 2026-01-05T09:30:00Z, "
    "and nothing where a value is not known",
    BAD_ROW: _TIMES,
    NO_ZONE: _TIMES,
    BLANK: "Fill it, or leave such rows out",
    DUPLICATE_LEAD: "Keep one row a lead",
}
"""What to do about faults where there is no definition to change."""


def read_canonical(
    leads_file: Path,
    events_file: Path | None = None,
    *,
    attribute_types: Mapping[str, str],
    is_dated: bool,
    time_zone: str | None = None,
) -> NewLeads:
    """Read new leads in canonical columns, with the same care as an export.

    Parameters
    ----------
    leads_file : Path
        CSV or Parquet: ``lead_id``, ``created_at`` where the source is dated, attributes by their
        canonical names, and perhaps ``as_of`` and ``updated_at`` (times, null where blank). An
        attribute without a column counts as missing; further columns are left out, with a warning.
    events_file : Path or None
        CSV or Parquet: ``lead_id``, ``occurred_at``, ``event_type``, perhaps ``value``.
    attribute_types : mapping of str to str
        The attributes that are wanted, and their types (``Tables.attribute_types``).
    is_dated : bool
        Whether leads have a creation time.
    time_zone : str or None
        The zone of times that name none; such times are refused without it.

    Returns
    -------
    NewLeads

    Raises
    ------
    FaultsError
        With every fault of the files.
    """
    subject = f"leads {leads_file}"
    columns = _columns_of(subject, leads_file)
    present = {name: kind for name, kind in attribute_types.items() if name in columns}
    present |= {name: "time" for name in _MOMENTS if name in columns}
    leads: dict[str, Any] = {
        "read": {"files": str(leads_file.resolve())},
        "columns": {"lead_id": "lead_id"} | ({"created_at": "created_at"} if is_dated else {}),
        "attributes": {name: {"column": name, "type": kind} for name, kind in present.items()},
    }
    tables: dict[str, Any] = {
        "leads": leads,
        "events": [] if events_file is None else [_events(subject, events_file)],
        # Never read: nobody knows yet how these leads end.
        "outcomes": {"form": "status", "columns": {"status": "status"}, "won": ["won"]},
    }
    definition = _definition(tables, time_zone)
    # Whoever scores old leads anew knows what "now" is; nothing here is too late.
    until = datetime.max.replace(tzinfo=UTC)
    new = read_without_outcomes(subject, definition, until, kind_in=kind_in)
    unknown = (name for name in columns if name not in {*CONTEXT, *attribute_types})
    unused = (in_words(unknown_column(name, new.leads.height)) for name in unknown)
    return replace(new, warnings=(*new.warnings, *unused))


def kind_in(kind: Kind, table: str) -> Kind | None:
    """Tell a fault in canonical columns as one of a file that no definition describes.

    Parameters
    ----------
    kind : Kind
        As a source with a definition has it.
    table : str
        ``leads`` or ``events``.

    Returns
    -------
    Kind or None
        A lead at fault is one too many, as it is for the scorer; a few events are left out. None
        for events of other leads, and before their lead's creation: both are as they should be.
    """
    if kind in _UNTOLD:
        return None
    if kind is BLANK and table == "events":
        # However many: as where events stream by.
        kind = replace(kind, limit=EVENT_OF_OTHERS.limit)
    told = replace(
        kind,
        has_key=False,
        consequence="They are left out"
        if kind is not BAD_CELL
        else "They are kept with an empty value",
        advice=_ADVICE.get(kind, kind.advice),
        expected=kind.expected.removesuffix(", or a declared zone"),
    )
    return replace(told, limit="") if table == "leads" else told


def _events(subject: str, events_file: Path) -> dict[str, Any]:
    names = ["lead_id", "occurred_at", "event_type"]
    if "value" in _columns_of(subject, events_file):
        names.append("value")
    return {
        "read": {"files": str(events_file.resolve())},
        "columns": {name: name for name in names},
    }


def _columns_of(subject: str, file: Path) -> list[str]:
    ledger = Ledger(kind_in=kind_in)
    reader = FileReader(files=(str(file.resolve()),))
    table = open_table("file", reader, file.resolve().parent, _WHAT_TO_DO, ledger)
    if table is None:
        raise FaultsError(subject, ledger.faults(Limits()))
    return table.columns


def _definition(tables: dict[str, Any], time_zone: str | None) -> SourceDefinition:
    return SourceDefinition.model_validate(
        {
            "name": "new_leads",
            "title": "New leads",
            "where_to_get": _WHAT_TO_DO,
            "root": ".",
            "time_zone": time_zone,
            "tables": tables,
        }
    )

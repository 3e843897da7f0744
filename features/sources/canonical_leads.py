"""New leads, to be scored, in canonical columns."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from features.errors import Fault, FaultsError
from features.sources.definition import Limits, SourceDefinition
from features.sources.ledger import Ledger
from features.sources.names import did_you_mean
from features.sources.new_leads import NewLeads, read_without_outcomes
from features.sources.opening import open_table
from features.sources.schema import FileReader

_WHAT_TO_DO = "Name the file with the leads to score"
_MOMENTS = ("as_of", "updated_at")


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
        attribute without a column is a warning and counts as missing; further columns are left
        out.
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
    warnings = [
        _absent(leads_file, name, columns) for name in sorted(attribute_types.keys() - present)
    ]
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
    return read_without_outcomes(subject, definition, until, warnings=warnings)


def _events(subject: str, events_file: Path) -> dict[str, Any]:
    names = ["lead_id", "occurred_at", "event_type"]
    if "value" in _columns_of(subject, events_file):
        names.append("value")
    return {
        "read": {"files": str(events_file.resolve())},
        "columns": {name: name for name in names},
    }


def _columns_of(subject: str, file: Path) -> list[str]:
    ledger = Ledger()
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


def _absent(file: Path, name: str, columns: list[str]) -> Fault:
    return Fault(
        where=f"{file}: column {name!r}",
        found="no such column",
        expected="the attribute that the model was trained with",
        remedy=f"It counts as missing. {did_you_mean(name, columns)}",
        severity="warning",
    )

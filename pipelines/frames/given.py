"""What somebody gives as leads, events and outcomes, as a source that can be read like any other.

The tables take the names that Leadcast has for their columns, and a definition is made of what was
said about them; from then on they are read by the code that reads every export.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import ValidationError

from leadcast.features.base.errors import Fault, FaultsError, canonical_name, did_you_mean
from leadcast.features.definitions.consistency import consistency_faults
from leadcast.features.definitions.definition import SourceDefinition
from leadcast.features.nonhuman.signs import SIGNS
from leadcast.features.readers.frames import Frame, as_polars

SUBJECT = "LeadData"
UNORDERED = "random"
"""Said as `order_by`: nothing tells which of two leads came first."""
_ENDS = ("won_at", "lost_at", "converted", "closed_at", "amount")
_ROLES = {"leads": ("lead_id", "created_at", "rules_score"), "outcomes": ("lead_id", *_ENDS)}
_ROLES["events"] = ("lead_id", "occurred_at", "event_type", "value", *SIGNS)
_NEEDED = {"leads": ("lead_id",), "outcomes": ("lead_id",), "events": _ROLES["events"][:3]}
_TRUE, _FALSE = ["true", "1", "yes"], ["false", "0", "no"]


@dataclass(frozen=True)
class Said:
    """What is said about the tables; each as `leadcast.pipelines.frames.lead_data.LeadData`."""

    observed_until: str | date | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)
    forbidden: Mapping[str, str] | Sequence[str] = ()
    missing: Mapping[str, Sequence[str]] | Sequence[str] = ()
    order_by: str | None = None
    time_zone: str | None = None
    name: str = "leads"
    definition: Mapping[str, Any] = field(default_factory=dict)

    @property
    def forbidden_columns(self) -> dict[str, str]:
        """The forbidden columns, each with the reason."""
        if isinstance(self.forbidden, Mapping):
            return dict(self.forbidden)
        return dict.fromkeys(self.forbidden, "known only after the moment of scoring")


def named_tables(
    frames: Mapping[str, Frame | None], said: Said
) -> tuple[dict[str, pl.DataFrame], list[Fault]]:
    """Take tables in, with their columns named as Leadcast names them.

    Parameters
    ----------
    frames : mapping of str to DataFrame or None
        ``leads``, ``events`` and ``outcomes``.
    said : Said

    Returns
    -------
    tables : dict of str to pl.DataFrame
        Those that there are.
    faults : list of Fault
        What is wrong with their columns.
    """
    tables: dict[str, pl.DataFrame] = {}
    faults: list[Fault] = []
    for name, frame in frames.items():
        if frame is None:
            continue
        try:
            given = as_polars(frame, name)
        except FaultsError as error:
            faults += error.faults
            continue
        renamed, wrong = renamed_table(name, given, said)
        faults += wrong
        if not wrong:
            tables[name] = renamed
            faults += _columns_missing(name, renamed)
            if renamed.is_empty() and name != "events":
                remedy = "Look at the filter that made it."
                faults.append(Fault(name, "no rows", "at least one row", remedy))
    if len(tables) == sum(frame is not None for frame in frames.values()):
        faults += _misnamed(tables, frames, said)
        faults += [] if faults else _unused(tables)
    if "leads" in tables:
        faults += _undecided(tables["leads"], tables.get("outcomes", tables["leads"]), said)
    return tables, faults


def renamed_table(table: str, frame: pl.DataFrame, said: Said) -> tuple[pl.DataFrame, list[Fault]]:
    """Name a table's columns as Leadcast names them.

    Parameters
    ----------
    table : {"leads", "events", "outcomes"}
    frame : pl.DataFrame
    said : Said

    Returns
    -------
    frame : pl.DataFrame
    faults : list of Fault
        Names that two columns would have.
    """
    names = {column: said.columns.get(column, column) for column in frame.columns}
    if table == "leads":
        # An attribute's name is one that every door can carry; what is forbidden keeps its own.
        names = {
            column: name if name in said.forbidden_columns else canonical_name(name)
            for column, name in names.items()
        }
    faults = []
    for name in dict.fromkeys(names.values()):
        mine = [column for column, its in names.items() if its == name]
        if len(mine) > 1:
            found = f"the name {name!r}, as {mine[0]!r} has"
            remedy = "Rename one of them by `columns`, or drop it."
            faults.append(
                Fault(f"{table}: column {mine[1]!r}", found, "names of their own", remedy)
            )
    if faults:
        return frame, faults
    renamed = frame.rename(names)
    # The canonical tables number their rows; given anew, they are numbered anew.
    return renamed.drop("position", strict=False) if table == "leads" else renamed, []


def _columns_missing(table: str, frame: pl.DataFrame) -> Iterator[Fault]:
    missing = [name for name in _NEEDED[table] if name not in frame.columns]
    for name in missing:
        unnamed = [column for column in frame.columns if column not in _ROLES[table]]
        has = ", ".join(map(repr, frame.columns)) or "no column"
        yield Fault(
            where=f"{table}: column {name!r}",
            found="no such column",
            expected=", ".join(_NEEDED[table]),
            remedy=f"Name yours by columns={{'YOURS': {name!r}}}. {did_you_mean(name, unnamed)}"
            if unnamed
            else f"The table has {has}, and none that could be it: add the column.",
        )


def _misnamed(
    tables: Mapping[str, pl.DataFrame], frames: Mapping[str, Frame | None], said: Said
) -> Iterator[Fault]:
    """Find names in the arguments that no table has: what is misspelt would do nothing."""
    given = [
        column for frame in frames.values() if frame is not None for column in _names_of(frame)
    ]
    leads = tables["leads"].columns
    named = {"columns": given, "types": leads, "forbidden": leads}
    if isinstance(said.missing, Mapping):
        named["missing"] = leads
    for argument, names in named.items():
        for name in getattr(said, argument):
            if name not in names:
                yield Fault(
                    where=f"{argument}: {name!r}",
                    found="no such column",
                    expected="a column of the leads" if argument != "columns" else "a column",
                    remedy=did_you_mean(name, names),
                )


def _unused(tables: Mapping[str, pl.DataFrame]) -> Iterator[Fault]:
    for table in ("events", "outcomes"):
        for name in tables[table].columns if table in tables else ():
            if name not in _ROLES[table]:
                yield Fault(
                    where=f"{table}: column {name!r}",
                    found="a column that nothing reads",
                    expected=", ".join(_ROLES[table]),
                    remedy="Name it by `columns` if it is one of these, or drop it.",
                    severity="warning",
                )


def _names_of(frame: Frame) -> list[str]:
    named = as_polars(frame.head(0)) if hasattr(frame, "head") else as_polars(frame.slice(0, 0))
    return named.columns


def definition_of(
    tables: Mapping[str, pl.DataFrame], said: Said, root: Path
) -> tuple[SourceDefinition | None, list[Fault]]:
    """Make the definition of a source of tables in memory.

    Parameters
    ----------
    tables : mapping of str to pl.DataFrame
        As `named_tables` gives them.
    said : Said
    root : Path
        The folder in which they will lie as Parquet, each by its name.

    Returns
    -------
    definition : SourceDefinition or None
    faults : list of Fault
        What contradicts itself, or is missing.
    """
    ends = tables.get("outcomes", tables["leads"])
    content = _content(tables, ends, said, root)
    try:
        definition = SourceDefinition.model_validate(content | dict(said.definition))
    except ValidationError as error:
        return None, [*map(_of_definition, error.errors())]
    definition._file = Path(SUBJECT)
    return definition, [*consistency_faults(definition, lambda key: ".".join(map(str, key)))]


def _of_definition(item: Any) -> Fault:  # noqa: ANN401 - pydantic's own
    key = ".".join(map(str, item["loc"]))
    remedy = "The keys are those of data/sources/template.yaml."
    return Fault(f"definition: {key}", repr(item["input"]), str(item["msg"]), remedy)


def _undecided(leads: pl.DataFrame, ends: pl.DataFrame, said: Said) -> Iterator[Fault]:
    """Find what nobody has said and nothing may be guessed of."""
    if "created_at" not in leads.columns and said.order_by is None:
        yield Fault(
            where="leads: column 'created_at'",
            found="no such column",
            expected="when each lead came to be, or order_by",
            remedy="Name yours by columns={'YOURS': 'created_at'}; without any time, say "
            f"order_by='row', order_by='COLUMN' or order_by={UNORDERED!r}.",
        )
    if not {"won_at", "lost_at", "converted"} & set(ends.columns):
        table = "leads" if ends is leads else "outcomes"
        yield Fault(
            where=f"{table}: how the leads ended",
            found="none of the columns won_at, lost_at and converted",
            expected="times of the wins (won_at, lost_at), or a flag (converted)",
            remedy="Name yours by `columns`"
            + (", or give a table of outcomes." if ends is leads else "."),
        )
    if "created_at" in leads.columns and said.observed_until is None:
        yield Fault(
            where="observed_until",
            found="nothing",
            expected="until when the tables know how leads ended, such as '2026-01-01'",
            remedy="Say when they were exported; 'latest' takes the latest time in them.",
        )


def _content(
    tables: Mapping[str, pl.DataFrame], ends: pl.DataFrame, said: Said, root: Path
) -> dict[str, Any]:
    leads, is_dated = tables["leads"], "created_at" in tables["leads"].columns
    forbidden = said.forbidden_columns
    taken = {*_ROLES["leads"], *forbidden, *(_ENDS if ends is leads else ())}
    order = None if is_dated or said.order_by == UNORDERED else said.order_by
    missing = said.missing if isinstance(said.missing, Mapping) else {}
    attributes = {
        name: {
            "column": name,
            "type": said.types.get(name),
            "missing": missing.get(name, ()),
        }
        for name in leads.columns
        if name not in taken and (name != order or order == "row")
    }
    about: dict[str, Any] = {
        "read": _file("leads") | ({} if missing else {"missing": said.missing}),
        "columns": _same(leads, "lead_id", "created_at"),
        "attributes": attributes,
        "order_by": order,
        "rules_score": [name for name in ("rules_score",) if name in leads.columns],
    }
    # Beside the leads there is no table of outcomes, and no id to say whose they are.
    beside = {} if ends is leads else {"read": _file("outcomes")}
    events = tables.get("events")
    return {
        "name": said.name,
        "title": said.name,
        "where_to_get": "given as tables in memory",
        "root": root,
        "observed_until": _moment(said.observed_until, said.time_zone),
        "time_zone": said.time_zone,
        "tables": {
            "leads": about,
            "events": []
            if events is None
            else [
                {
                    "read": _file("events"),
                    "columns": _same(events, *_ROLES["events"]),
                }
            ],
            "outcomes": beside | _outcomes(ends, with_ids=ends is not leads),
        },
        "forbidden": forbidden,
    }


def _outcomes(ends: pl.DataFrame, *, with_ids: bool) -> dict[str, Any]:
    ids = ("lead_id",) if with_ids else ()
    if "won_at" in ends.columns or "lost_at" in ends.columns:
        return {"form": "dates", "columns": _same(ends, *ids, "won_at", "lost_at", "amount")}
    columns = _same(ends, *ids, "closed_at", "amount") | {"status": "converted"}
    return {"form": "status", "columns": columns, "won": _TRUE, "lost": _FALSE}


def _file(table: str) -> dict[str, str]:
    return {"files": table, "format": "parquet"}


def _moment(until: str | datetime | date | None, time_zone: str | None) -> str | None:
    """Write a moment for a definition; one without a zone is in the tables' own, or UTC."""
    text = until.isoformat() if isinstance(until, date) else until
    if text is None or text == "latest" or time_zone is not None:
        return text
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        # Told with everything else that contradicts itself.
        return text
    return text if moment.tzinfo is not None else moment.replace(tzinfo=UTC).isoformat()


def _same(frame: pl.DataFrame, *names: str) -> dict[str, str]:
    return {name: name for name in names if name in frame.columns}

"""Leads, what they did and how they ended, from tables in memory, read as every export is."""

from collections.abc import Mapping, Sequence
from datetime import date
from html import escape
from pathlib import Path
from typing import Any

import polars as pl

from leadcast.features.base.errors import Fault, FaultsError
from leadcast.features.base.files import read_json
from leadcast.features.definitions.definition import SourceDefinition
from leadcast.features.ingest.ingest import Fingerprint, fingerprint, ingest
from leadcast.features.readers.frames import Frame, Library, given_back, library_of
from leadcast.features.tables import Tables, moment_words
from leadcast.pipelines.frames.given import (
    SUBJECT,
    Said,
    definition_of,
    named_tables,
)
from leadcast.pipelines.frames.held import OwnFolder


class LeadData:
    """Leads, their events and their outcomes, checked.

    The tables are read by the code that reads every export: times, numbers and flags may be
    texts, what cannot be used is set aside and counted, and everything that is wrong is told at
    once, with the table, the column and the row.

    Parameters
    ----------
    leads : DataFrame
        Of pandas, polars or Arrow (so are the others): a row a lead, with ``lead_id`` and
        ``created_at``. Every other column is an attribute to learn from, but for ``rules_score``
        (points that marketing has given; compared with, never learned from).
    events : DataFrame, optional
        What leads did: ``lead_id``, ``occurred_at``, ``event_type`` and perhaps ``value``.
    outcomes : DataFrame, optional
        How leads ended: ``lead_id`` with ``won_at`` and ``lost_at`` (times, empty while open) or
        with ``converted`` (a flag), and perhaps ``amount``. Without it, the leads have these
        columns.
    observed_until : str, date or datetime
        Until when the tables know outcomes: the day of the export, in `time_zone`, or in UTC.
        ``"latest"`` for the latest time in the tables.
    columns : mapping of str to str, optional
        Your columns' names, each with the one that it has here: ``{"Lead ID": "lead_id"}``.
    types : mapping of str to str, optional
        Attributes whose type is not to be taken from their values: ``"number"``, ``"category"``,
        ``"text"``, ``"flag"`` or ``"time"``.
    forbidden : sequence of str, or mapping of str to str, optional
        Columns of the leads that are known too late to be learned from, perhaps with the reason.
    missing : sequence of str, or mapping of str to sequence of str, optional
        Values of the leads that mean that nothing is known, such as ``["unknown", "n/a"]``: in any
        attribute, or by attribute. Empty ones always do.
    order_by : str, optional
        Where leads have no ``created_at``: ``"row"`` (they stand in time's order), a column that
        orders them, or ``"random"``.
    time_zone : str, optional
        The zone of times that name none, such as ``"Europe/Berlin"``; without it they are refused.
    name : str
        What reports call the source: lower case letters, digits and underscores.
    definition : mapping, optional
        Further keys of a source definition (``data/sources/template.yaml``), such as
        ``{"segments": ["source"], "own_domains": ["example.com"]}``.

    Attributes
    ----------
    said : Said
        What was said about the tables.
    definition : SourceDefinition
        What a YAML file would say of these tables.
    warnings : tuple of Fault
        What was worked around.

    Raises
    ------
    FaultsError
        With every fault of the tables and of what was said about them.

    Examples
    --------
    >>> import pandas as pd
    >>> leads = pd.DataFrame({"Id": [1, 2], "created_at": ["2025-01-01", "2025-01-02"]})
    >>> won = pd.DataFrame({"Id": [2], "won_at": ["2025-02-01"]})
    >>> data = LeadData(leads, None, won, observed_until="2025-06-01", time_zone="UTC",
    ...                 columns={"Id": "lead_id"})
    >>> data
    LeadData: 2 leads, 0 events, 1 won, 0 lost, 1 open; outcomes known until 2025-06-01
    """

    def __init__(
        self,
        leads: Frame,
        events: Frame | None = None,
        outcomes: Frame | None = None,
        *,
        observed_until: str | date | None = None,
        columns: Mapping[str, str] | None = None,
        types: Mapping[str, str] | None = None,
        forbidden: Mapping[str, str] | Sequence[str] = (),
        missing: Mapping[str, Sequence[str]] | Sequence[str] = (),
        order_by: str | None = None,
        time_zone: str | None = None,
        name: str = "leads",
        definition: Mapping[str, Any] | None = None,
    ) -> None:
        said = Said(
            observed_until,
            columns or {},
            types or {},
            forbidden,
            missing,
            order_by,
            time_zone,
            name,
            definition or {},
        )
        self.said = said
        self.held_by: Library = library_of(leads, "leads")
        self._folder = OwnFolder()
        root = self._folder.path
        frames = {"leads": leads, "events": events, "outcomes": outcomes}
        self.definition, told = _written(frames, said, root / "raw")
        self._read(root, told)

    def _read(self, root: Path, told: Sequence[Fault]) -> None:
        result = ingest(self.definition, root / "tables")
        self.fingerprint: Fingerprint = _fingerprint(self.definition, root / "raw")
        self.warnings: tuple[Fault, ...] = (*told, *result.warnings)
        self.counts = dict(result.counts)
        self.folder = root / "tables"
        for file in (root / "raw").iterdir():
            file.unlink()

    @property
    def tables(self) -> Tables:
        """The canonical tables, as the steps of the library take them (in polars)."""
        return Tables.read(self.folder)

    @property
    def leads(self) -> Frame:
        """The leads with their canonical columns and types."""
        return given_back(self.tables.leads, self.held_by)

    @property
    def events(self) -> Frame:
        """The events, likewise."""
        return given_back(self.tables.events.collect(), self.held_by)

    @property
    def outcomes(self) -> Frame:
        """How each lead ended, likewise."""
        return given_back(self.tables.outcomes, self.held_by)

    @property
    def set_aside(self) -> Frame:
        """Rows that were set aside, or kept with an empty value: which, and why."""
        found = pl.read_parquet(self.folder / "quarantine.parquet").drop("file", "line")
        return given_back(found, self.held_by)

    @property
    def quality(self) -> dict[str, Any]:
        """How good the tables are, as the report shows it."""
        return dict(read_json(self.folder / "quality.json"))

    def __repr__(self) -> str:
        counted = ", ".join(f"{number:,} {what}" for what, number in self.counts.items())
        until = self.tables.observed_until
        known = "" if until is None else f"; outcomes known until {moment_words(until)}"
        return f"{SUBJECT}: {counted}{known}"

    def _repr_html_(self) -> str:
        told = "".join(f"<li>{escape(str(fault))}</li>" for fault in self.warnings)
        types = self.tables.attribute_types.items()
        attributes = ", ".join(f"{escape(name)} ({kind})" for name, kind in types)
        return (
            f"<p><b>{escape(repr(self))}</b></p><p>Attributes: {attributes}</p>"
            f"<details><summary>{len(self.warnings)} warnings</summary><ul>{told}</ul></details>"
        )


def _written(
    frames: Mapping[str, Frame | None], said: Said, root: Path
) -> tuple[SourceDefinition, list[Fault]]:
    """Write the tables where their definition says that they are; with what is odd about them."""
    tables, faults = named_tables(frames, said)
    definition = None
    if not _has_errors(faults):
        definition, more = definition_of(tables, said, root)
        faults += more
    if definition is None or _has_errors(faults):
        raise FaultsError(SUBJECT, faults)
    root.mkdir()
    for name, table in tables.items():
        table.write_parquet(root / name)
    return definition, faults


def _has_errors(faults: Sequence[Fault]) -> bool:
    return any(fault.severity == "error" for fault in faults)


def _fingerprint(definition: SourceDefinition, folder: Path) -> Fingerprint:
    """Hash what was given and what was said, wherever it lies."""
    said = definition.model_copy(update={"root": Path()})
    file = folder / "definition.json"
    file.write_text(said.model_dump_json(), encoding="utf-8")
    copy = definition.model_copy()
    copy._file = file
    return fingerprint(copy)

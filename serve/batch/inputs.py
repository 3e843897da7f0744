"""What a batch reads: files, folders, globs or queries, as they are or with care."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import polars as pl

from leadcast.features.accounts.account_history import HISTORY_LIST
from leadcast.features.base.errors import Fault, FaultsError, LeadcastError
from leadcast.features.base.files import why_no_file, written_out
from leadcast.features.base.ownership import refuse_foreign_file, refuse_inputs
from leadcast.features.base.packing import parquet_cells, parquet_fault, unpacked_bytes
from leadcast.features.changes.given_changes import LIST
from leadcast.features.engine.coded import ParquetEvents
from leadcast.features.tables import ACCOUNT_HISTORY, CHANGES, TIME
from leadcast.serve.asked import refuse
from leadcast.serve.batch.histories import with_changes, with_kept_histories
from leadcast.serve.scorer import Scorer

if TYPE_CHECKING:
    from leadcast.features.definitions.definition import SourceDefinition
    from leadcast.features.ingest.new_leads import NewRows
    from leadcast.features.ingest.new_leads import Place as GivenPlace
    from leadcast.features.ingest.pieces import Piece
    from leadcast.features.nonhuman.people_rules import PeopleRules


_QUERY = re.compile(r"\s*(select|with)\s", re.IGNORECASE)
_GLOB = set("*?[")
_TEXTS = {".csv", ".tsv"}
# Two letters at least: a drive is no scheme. A path has lost one of the strokes.
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")


@dataclass(frozen=True)
class Place:
    """Where a table is read from.

    Parameters
    ----------
    name : str
        What the user called it.
    files : tuple of Path
        Its files, in alphabetical order; empty for a query.
    query : str or None
        The ``SELECT``, where it is one.
    url_env : str
        The environment variable that holds the database's URL, where it is a query.
    """

    name: str
    files: tuple[Path, ...] = ()
    query: str | None = None
    url_env: str = ""

    @property
    def is_parquet(self) -> bool:
        """Whether all of it is Parquet."""
        return bool(self.files) and all(map(_packs, self.files))

    @property
    def is_uniform(self) -> bool:
        """Whether all of its files, which are Parquet, have the same columns of the same types."""
        try:
            schemas = [list(pl.read_parquet_schema(file).items()) for file in self.files]
        except (pl.exceptions.ComputeError, OSError):
            return False
        return all(schema == schemas[0] for schema in schemas)

    @property
    def n_bytes(self) -> int:
        """About the size of its files as text; of what is very large, that it is."""
        return sum(map(_n_bytes, self.files))

    def stamps(self) -> list[list[str | int]]:
        """Tell this table apart from another, as JSON values.

        Returns
        -------
        list
            Of each file its path, size and time of change; or the query.
        """
        if self.query is not None:
            return [["query", self.query]]
        stats = [(file.resolve(), file.stat()) for file in self.files]
        return [[str(file), stat.st_size, stat.st_mtime_ns] for file, stat in stats]


PARQUET = (".parquet", ".pq")
PACKED = 8
"""So many times as large is a table of events as text as it is as Parquet."""


COUNTED_BYTES = 1 << 26
"""So far it is counted to how much a gzip file unpacks."""


def place_of(text: str | Path, database_env: str | None = None) -> Place:
    """Find what a user means.

    Parameters
    ----------
    text : str or Path
        A CSV or Parquet file; a folder, of which every Parquet file at any depth is read; a glob;
        or, as a str, a query that begins with ``SELECT`` or ``WITH``.
    database_env : str or None
        The environment variable that holds the database's URL.

    Returns
    -------
    Place

    Raises
    ------
    LeadcastError
        If there is no such file, none in the folder or of the glob, or a query has
        no database, or its variable is not set.
    """
    name = str(text)
    if isinstance(text, str) and _QUERY.match(text):
        if database_env is None:
            raise LeadcastError(
                f"{name!r} is a query, and no database is named; add --database-env VARIABLE, an "
                "environment variable that holds its URL, as postgresql://user:password@host/name"
            )
        if not os.environ.get(database_env, "").strip():
            raise LeadcastError(
                f"--database-env {database_env}: this environment variable is not set; set it to "
                "the database's URL, as postgresql://user:password@host/name"
            )
        return Place(name=_shortened(name), query=name, url_env=database_env)
    try:
        return Place(name=name, files=tuple(_found(Path(text), name)))
    except (LeadcastError, OSError) as error:
        # Who names a database may mean a query; other statements would change it.
        if database_env is None or os.path.exists(name) or _ADDRESS.match(name):  # noqa: PTH110
            if isinstance(error, LeadcastError):
                raise
            told = f"{_shortened(name)}: cannot be read ({error.strerror}); check the name"
            raise LeadcastError(told) from None
    raise LeadcastError(
        f"{_shortened(name)!r}: found no such file, and no query; expected a file's name, or a "
        "query that begins with SELECT or WITH: a database is read and never changed"
    )


def place_of_source(definition: "SourceDefinition") -> Place:
    """Find the files of a source itself, which no output may take the place of.

    Parameters
    ----------
    definition : SourceDefinition

    Returns
    -------
    Place
        Of all its tables together, as far as they are there.
    """
    # Imported where it is used: reading tables of any kind needs much that scoring does not.
    from leadcast.features.readers.opening import files_of

    return Place(definition.name, tuple(files_of(definition, definition.readers())))


def refuse_address(place: Path | str) -> None:
    """Refuse an object store's address, which would be taken for a folder's name."""
    if _ADDRESS.match(str(place)):
        raise LeadcastError(
            f"{place}: found an address; expected a file or folder. Copy from and to an object "
            "store by its own program, mount it, or score with Spark (docs/cluster.md)"
        )


def _found(path: Path, name: str) -> Sequence[Path]:
    if path.is_file():
        return [path]
    refuse_address(name)
    if path.is_dir():
        # What begins with a dot or an underscore is a writer's own, by Hadoop's custom.
        within = [file for file in sorted(path.rglob("*")) if file.is_file()]
        own = [file for file in within if not _is_hidden(file.relative_to(path))]
        files = [file for file in own if _packs(file)]
        texts = [file for file in own if _TEXTS & set(file.suffixes[-2:])]
        if texts:
            raise LeadcastError(
                f"{name}: found {texts[0].name} in this folder, of which Parquet alone is read; "
                f"name a glob, as '{path / '*'}', to read files of any kind, or take it out"
            )
        if not files:
            raise LeadcastError(f"{name}: no Parquet file in this folder; name one that has some")
        return files
    if _GLOB & set(name):
        # Imported where it is used: reading tables of any kind needs much that scoring does not.
        from leadcast.features.readers.opening import matching_files

        if files := matching_files(Path(), name):
            return files
        raise LeadcastError(f"{name}: no file is called so; check the pattern and the folder")
    if path.exists() or path.is_symlink():
        raise LeadcastError(f"{name}: {why_no_file(path)}; expected a file or folder")
    raise LeadcastError(f"{name}: there is no such file or folder; check the name")


def _packs(file: Path) -> bool:
    return file.suffix.lower() in PARQUET


def _n_bytes(file: Path) -> int:
    if not _packs(file):
        return unpacked_bytes(file, COUNTED_BYTES)
    # A few bytes can hold very many rows of one value.
    return max(file.stat().st_size * PACKED, parquet_cells(file) * PACKED)


def _is_hidden(path: Path) -> bool:
    return any(part.startswith((".", "_")) for part in path.parts)


def _shortened(query: str) -> str:
    words = " ".join(query.split())
    return words if len(words) <= 60 else words[:59] + "…"


WHOLE_BYTES = 64_000_000
"""Files that are not larger together are read whole, so that faults are told line by line."""
PIECE_ROWS = 100_000
"""About so many leads of what is larger are read at a time."""

CODED_BYTES = 2_000_000
"""Smaller Parquet files of events are read sooner than what reads codes is imported."""


@dataclass(frozen=True)
class BatchInputs:
    """Leads and events to score."""

    pieces: "Sequence[Piece]"
    """Leads, as `Scorer.score` takes them, and events. One pair, or several by lead, whose leads
    then have the column `leadcast.features.engine.partition.ROW`."""
    warnings: tuple[Fault, ...] = ()
    """What was worked around while reading."""
    coded: ParquetEvents | None = None
    """The events of the only piece once more, to be read by codes, where that is worth it."""
    files: Sequence[Sequence[Path]] | None = None
    """Of leads and events, where the only piece is what these hold, unchanged."""


ENDED = "leadcast ended_at"
"""As `leadcast.features.ingest.new_ends.ENDED`, which needs much that scoring does not."""
ENDS = ("won_at", "lost_at")
"""Columns of leads that tell when they ended."""


class Source(Protocol):
    """Where leads and events come from."""

    def stamps(self) -> list[Any]:
        """Tell them apart from others, as JSON values."""

    def read(self, scorer: Scorer, folder: Path) -> BatchInputs:
        """Read them, with a folder for pieces."""


@dataclass(frozen=True)
class CanonicalSource:
    """Leads and events in canonical columns."""

    leads: Place
    events: Place | None = None
    time_zone: str | None = None
    """The zone of times that name none."""
    outcomes: Place | None = None
    """A table of its own that tells which of the leads have ended."""
    changes: Place | None = None
    """A table of its own that tells what the leads' attributes said before."""

    @property
    def places(self) -> list[Place]:
        """Of leads, and of events where there are any."""
        return [self.leads] if self.events is None else [self.leads, self.events]

    def stamps(self) -> list[Any]:
        """Tell these tables apart from others, as JSON values."""
        more = [place for place in (self.outcomes, self.changes) if place is not None]
        return [place.stamps() for place in (*self.places, *more)]

    def read(self, scorer: Scorer, folder: Path) -> BatchInputs:
        """Read them.

        Parquet whose columns have the types that the bundle reads streams by, whatever its size.
        CSV, queries, and Parquet with other types (texts for times, numbers for ids) are converted.
        """
        if all(place.is_parquet for place in self.places):
            _refuse_large(self.places)
            tables = [pl.scan_parquet(list(place.files)) for place in self.places]
            events = tables[1] if self.events is not None else None
            # Polars reads files of one schema as one table.
            alike = all(place.is_uniform for place in self.places)
            if alike:
                _refuse_histories(self.leads.name, tables[0])
            if alike and _fit(scorer, tables[0], events):
                # Whether events are people's is told from more than codes.
                is_plain = self.events is not None and scorer.bundle.plan.people is None
                coded = _coded(self.events) if is_plain and self.events is not None else None
                files = [place.files for place in self.places]
                inputs = BatchInputs([(_ended(tables[0]), events)], coded=coded, files=files)
                if self.outcomes is None and self.changes is None:
                    return inputs
                return self.joined(inputs, self._rows(scorer))
        rows = self._rows(scorer)
        inputs = _read_with_care(rows, self.places, folder, PIECE_ROWS)[0]
        if self.leads.is_parquet:
            inputs = replace(inputs, pieces=with_kept_histories(inputs.pieces, self.leads.files))
        return self.joined(inputs, rows)

    def joined(
        self, inputs: BatchInputs, rows: "NewRows", ends: pl.DataFrame | None = None
    ) -> BatchInputs:
        """Tell of each lead what the tables beside it have.

        Parameters
        ----------
        inputs : BatchInputs
        rows : NewRows
            Reads them.
        ends : pl.DataFrame or None
            The outcomes, where they were read already.

        Returns
        -------
        BatchInputs
        """
        if ends is None and self.outcomes is not None:
            ends = rows.ends(_as_given(self.outcomes))
        if ends is not None:
            inputs = _joined(inputs, ends)
        if self.changes is not None:
            changes = rows.changes(_as_given(self.changes))
            pieces, told = with_changes(inputs.pieces, changes), changes.warnings
            # The files hold leads without changes.
            inputs = replace(inputs, pieces=pieces, files=None, warnings=(*inputs.warnings, *told))
        return inputs

    def _rows(self, scorer: Scorer) -> "NewRows":
        # Imported where it is used: reading tables of any kind needs much that scoring does not.
        from leadcast.features.ingest.new_leads import canonical

        return canonical(
            self.leads.name,
            *(_as_given(place) for place in self.places),
            attribute_types=scorer.bundle.manifest.origin.attribute_types,
            is_dated=scorer.is_dated,
            time_zone=self.time_zone,
            with_signs=scorer.bundle.plan.people is not None,
        )


@dataclass(frozen=True)
class Export:
    """New leads as a source's export has them."""

    tables: CanonicalSource
    """Where they are."""
    definition: "SourceDefinition"
    """How they are mapped."""
    aside: Path
    """The file of the rows that cannot be used as they are."""
    chunk_leads: int
    """About how many leads may be in memory at a time."""
    force: bool = False
    """Whether `aside` may take the place of a file that Leadcast did not write."""
    run_tables: Path | None = None
    """The tables of the source's run, whose leads may be of the same accounts."""

    @classmethod
    def of(
        cls,
        tables: CanonicalSource,
        definition: "SourceDefinition",
        place: Path,
        chunk_leads: int,
        *,
        force: bool,
        run_tables: Path | None = None,
    ) -> "Export":
        """Find where to put what cannot be used, beside the scores.

        Parameters
        ----------
        tables : CanonicalSource
            Where the export is.
        definition : SourceDefinition
        place : Path
            Of the scores.
        chunk_leads : int
        force : bool
        run_tables : Path or None
            As for the class.

        Returns
        -------
        Export

        Raises
        ------
        LeadcastError
            If that would take the place of what is read, or of a file of somebody else.
        """
        aside = place.with_name(f"{place.stem}.set_aside.parquet")
        places = [*tables.places, place_of_source(definition)]
        refuse_inputs([aside], [file for one in places for file in one.files])
        refuse_foreign_file(aside, force=force, quick=True)
        return cls(tables, definition, aside, chunk_leads, force, run_tables)

    def stamps(self) -> list[Any]:
        """Tell this export apart from others, as JSON values."""
        from leadcast.features.readers.opening import files_of

        joined = Place("joined", tuple(files_of(self.definition, self.definition.joined_readers())))
        known = Place("known", self._known_files())
        places = [joined.stamps(), *([known.stamps()] if known.files else [])]
        return [*self.tables.stamps(), *places, self.definition.model_dump(mode="json")]

    def _known_files(self) -> tuple[Path, ...]:
        if self.run_tables is None or self.definition.accounts is None:
            return ()
        return tuple(sorted(self.run_tables.rglob("*.parquet")))

    def read(self, scorer: Scorer, folder: Path) -> BatchInputs:
        """Read it by its mapping."""
        from leadcast.features.ingest.new_leads import mapped

        types, places = scorer.bundle.manifest.origin.attribute_types, self.tables.places
        rows = mapped(
            self.definition,
            _as_given(places[0]),
            _as_given(places[1]) if places[1:] else (),
            types,
        )
        given = self.tables.outcomes
        ends = None if given is None else rows.ends(_as_given(given))
        piece_rows = min(self.chunk_leads, PIECE_ROWS)
        inputs, n_aside = _read_with_care(
            rows,
            places,
            folder,
            piece_rows,
            self.aside,
            people=scorer.bundle.plan.people,
            ends=ends,
            run_tables=None if self.definition.accounts is None else self.run_tables,
            force=self.force,
        )
        inputs = self.tables.joined(inputs, rows, ends)
        if not n_aside:
            return inputs
        told = Fault(
            where=places[0].name,
            found=f"{n_aside} rows that could not be used as they are",
            expected="none",
            remedy=f"They are in {self.aside}, each with its reason.",
            severity="warning",
            count=n_aside,
        )
        return replace(inputs, warnings=(*inputs.warnings, told))


def _as_given(place: Place) -> "GivenPlace":
    if place.query is None:
        return place.files
    from leadcast.features.definitions.table_schema import SqlReader

    return SqlReader(sql=place.query, url_env=place.url_env)


def _ended(leads: pl.LazyFrame) -> pl.LazyFrame:
    """Put a table's own columns of outcomes into the one that tells when leads ended."""
    ends = [name for name in ENDS if name in leads.collect_schema()]
    if not ends:
        return leads
    return leads.with_columns(pl.min_horizontal(*ends).alias(ENDED)).drop(ends)


def _joined(inputs: BatchInputs, ended: pl.DataFrame) -> BatchInputs:
    """Tell each lead when it ended, by another table too."""
    key, theirs = "leadcast lead_id", "leadcast ended_by_table"
    table = ended.lazy().select(pl.col("lead_id").alias(key), pl.col(ENDED).alias(theirs))

    def with_theirs(leads: pl.LazyFrame) -> pl.LazyFrame:
        known = [theirs, *([ENDED] if ENDED in leads.collect_schema() else [])]
        named = leads.with_columns(pl.col("lead_id").cast(pl.String).alias(key))
        joined = named.join(table, on=key, how="left", maintain_order="left")
        return joined.with_columns(pl.min_horizontal(*known).alias(ENDED)).drop(key, theirs)

    return replace(inputs, pieces=[(with_theirs(own), events) for own, events in inputs.pieces])


def _read_with_care(
    rows: "NewRows",
    places: Sequence[Place],
    folder: Path,
    piece_rows: int,
    aside: Path | None = None,
    *,
    people: "PeopleRules | None" = None,
    ends: pl.DataFrame | None = None,
    run_tables: Path | None = None,
    force: bool = False,
) -> tuple[BatchInputs, int]:
    """Read small files whole, everything else in pieces; tell how many rows were set aside."""
    from leadcast.features.accounts.known_accounts import KnownLeads
    from leadcast.features.ingest.pieces import read_in_pieces

    n_bytes = sum(place.n_bytes for place in places)
    if all(place.files for place in places) and n_bytes <= WHOLE_BYTES:
        known = None if run_tables is None else KnownLeads.read(run_tables)
        new = rows.whole(people, ends, known)
        pieces: list[Piece] = [(new.leads.lazy(), new.events)]
        alone = () if known is not None else _without_colleagues(rows, places[0].name)
        warnings, n_aside = (*new.warnings, *alone), new.set_aside.height
        if aside is not None and n_aside:
            with written_out(aside, force=force) as temporary:
                new.set_aside.write_parquet(temporary)
    else:
        _refuse_pooling(rows, places[0].name)
        found = read_in_pieces(rows, folder, piece_rows, aside, force=force)
        pieces, warnings, n_aside = found.pieces, found.warnings, found.set_aside
    if len(places) == 1:
        pieces = [(leads, None) for leads, _ in pieces]
    return BatchInputs(pieces, warnings), n_aside


def _without_colleagues(rows: "NewRows", name: str) -> tuple[Fault, ...]:
    """Tell that accounts are known by the leads of the file alone."""
    if rows.definition.accounts is None or not rows.definition.is_dated:
        return ()
    fault = Fault(
        where=f"{name}: accounts",
        found="no run of the source here, whose leads may be of the same accounts",
        expected="the tables of its run, in data/runs",
        remedy="Leads are matched with each other and the table of accounts alone; score where the "
        "run is, or give the whole export.",
        severity="warning",
        is_usual=True,
    )
    return (fault,)


def _refuse_pooling(rows: "NewRows", name: str) -> None:
    if rows.definition.identity.pool_history != "no":
        raise LeadcastError(
            f"leads {name}: read in pieces, in which the records of one person may be apart, and "
            "identity.pool_history lets them share their history; ingest the export (leadcast run) "
            "and score the tables of the run, or score fewer leads at a time"
        )


def _refuse_large(places: Sequence[Place]) -> None:
    found = (parquet_fault(file, str(file)) for place in places for file in place.files)
    faults = [fault for fault in found if fault is not None]
    if faults:
        raise FaultsError(f"leads {places[0].name}", faults)


_OF_CHANGES = "a list of structs: changed_at in UTC, attribute, old_value, new_value as texts"
_OF_ACCOUNT = "a list of structs: at in UTC, what as text, who as whole number"


def _refuse_histories(name: str, leads: pl.LazyFrame) -> None:
    """Refuse a history of another form: nobody could read it piece by piece."""
    faults = []
    for column, wanted, expected in (
        (CHANGES, LIST, _OF_CHANGES),
        (ACCOUNT_HISTORY, HISTORY_LIST, _OF_ACCOUNT),
    ):
        dtype = leads.collect_schema().get(column, wanted)
        if dtype != wanted:
            remedy = "Cast it, or leave it out."
            faults.append(Fault(f"leads: column {column!r}", f"type {dtype}", expected, remedy))
    if faults:
        raise FaultsError(f"leads {name}", faults)


def _coded(place: Place) -> ParquetEvents | None:
    if sum(file.stat().st_size for file in place.files) < CODED_BYTES:
        return None
    return ParquetEvents.opened(place.files)


def _fit(scorer: Scorer, leads: pl.LazyFrame, events: pl.LazyFrame | None) -> bool:
    schema = leads.collect_schema()
    if any(schema[name] != TIME for name in ENDS if name in schema):
        return False
    try:
        refuse(scorer.bundle.plan, leads.head(0).collect(), events, None)
    except (FaultsError, pl.exceptions.ComputeError):
        # Whoever reads it with care tells what is wrong, a damaged file included.
        return False
    return True

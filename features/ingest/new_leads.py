"""New leads, to be scored, in the shape of a source's export or in canonical columns."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fnmatch import fnmatch
from pathlib import Path
from types import MappingProxyType

import polars as pl

from leadcast.features.accounts.account_history import with_account_history
from leadcast.features.accounts.known_accounts import KnownLeads, with_accounts
from leadcast.features.accounts.matching import match_leads
from leadcast.features.base.errors import Fault, FaultsError, in_words
from leadcast.features.definitions.definition import Limits, SourceDefinition
from leadcast.features.definitions.table_schema import (
    EventsTable,
    FileReader,
    PersonColumns,
    Reader,
    SalesColumns,
    SqlReader,
)
from leadcast.features.engine.coded import NEEDED
from leadcast.features.engine.inputs import CONTEXT, unknown_column, unknown_of_events
from leadcast.features.identity.keys import PERSON
from leadcast.features.identity.pooling import shared_by_new_leads
from leadcast.features.ingest.change_rows import NewChanges, read_new_changes
from leadcast.features.ingest.context import Context, latest_possible
from leadcast.features.ingest.event_rows import (
    SIGNS,
    canonical_events,
    known_leads,
    no_events,
    open_events,
)
from leadcast.features.ingest.known_persons import read_accounts
from leadcast.features.ingest.leads import NAME as LEADS
from leadcast.features.ingest.leads import CanonicalLeads, read_leads
from leadcast.features.ingest.new_ends import ENDED, NO_SOURCE, WON, ends_in, with_ends
from leadcast.features.nonhuman.people_events import NONHUMAN, people_only
from leadcast.features.nonhuman.people_rules import PeopleRules
from leadcast.features.readers.issues import (
    BAD_CELL,
    BAD_ROW,
    BLANK,
    BROKEN_ROW,
    DAYS_ALONE,
    DUPLICATE_LEAD,
    EVENT_BEFORE_CREATION,
    EVENT_OF_OTHERS,
    NO_ZONE,
    IssueKind,
)
from leadcast.features.readers.ledger import KindIn, Ledger, Quarantine, as_defined
from leadcast.features.readers.opening import RawTable, open_table
from leadcast.features.readers.origins import ParquetOrigin
from leadcast.features.tables import ACCOUNT_HISTORY, CHANGES

Place = Sequence[Path] | SqlReader
"""Files, or a query."""


@dataclass(frozen=True)
class NewLeads:
    """Leads that are to be scored."""

    leads: pl.DataFrame
    """As `leadcast.features.tables.Tables.leads`; with ``as_of`` where the file has it."""
    events: pl.LazyFrame
    """As `leadcast.features.tables.Tables.events`."""
    warnings: tuple[Fault, ...]
    """What was worked around."""
    set_aside: pl.DataFrame
    """The rows that were set aside, or kept with an empty value, and why
    (`leadcast.features.readers.ledger.SCHEMA`)."""
    matches: pl.DataFrame | None = None
    """Which lead is of which account (`leadcast.features.accounts.matching.MATCHES`); None where
    the source does not ask for accounts."""


@dataclass(frozen=True)
class NewRows:
    """Where new leads stand and what their columns mean: read whole here, or in pieces by lead."""

    subject: str
    """What is read, for messages."""
    definition: SourceDefinition
    """Points to the rows."""
    until: datetime
    """After this moment no time can be true."""
    attribute_types: Mapping[str, str]
    """The types that earlier leads' attributes had."""
    kind_in: KindIn = as_defined
    """As in `leadcast.features.readers.ledger.Ledger`."""
    warnings: tuple[Fault, ...] = ()
    """What is odd about the files' columns."""
    unused: tuple[str, ...] = ()
    """Columns of the leads that nobody has use for."""
    unused_of_events: tuple[str, ...] = ()
    """Likewise of the events."""
    company: str | None = None
    """The column of the company's name, by which leads are matched to accounts."""

    def context(self, quarantine: Quarantine | None) -> Context:
        """Begin to read.

        Parameters
        ----------
        quarantine : Quarantine or None
            Takes the rows that are set aside.

        Returns
        -------
        Context
        """
        return Context(
            self.definition,
            Ledger(quarantine, self.kind_in),
            self.until,
            has_outcomes=False,
            attribute_types=self.attribute_types,
        )

    def ends(self, place: Place) -> pl.DataFrame:
        """Read the outcomes' own table.

        Parameters
        ----------
        place : sequence of Path, or SqlReader
            As the definition describes it; of leads in canonical columns: ``lead_id``, ``won_at``
            and ``lost_at``.

        Returns
        -------
        pl.DataFrame
            As `leadcast.features.ingest.new_ends.ends_in` gives it.

        Raises
        ------
        FaultsError
            If it cannot be read as it is described.
        """
        return ends_in(replace(self.context(None), ledger=Ledger()), _reader_at(place))

    def changes(self, place: Place) -> NewChanges:
        """Read the table of what the leads' attributes said before.

        Parameters
        ----------
        place : sequence of Path, or SqlReader
            As the definition describes it; of leads in canonical columns: ``lead_id``,
            ``changed_at``, ``attribute``, ``new_value`` and perhaps ``old_value``.

        Returns
        -------
        NewChanges

        Raises
        ------
        FaultsError
            If it cannot be read as it is described.
        """
        quiet = replace(self.context(None), ledger=Ledger(kind_in=_left_out))
        return read_new_changes(quiet, _reader_at(place))

    def told(self, ledger: Ledger, n_leads: int) -> tuple[Fault, ...]:
        """Tell what was worked around.

        Parameters
        ----------
        ledger : Ledger
            What was found.
        n_leads : int
            How many leads were read.

        Returns
        -------
        tuple of Fault

        Raises
        ------
        FaultsError
            If something is wrong that cannot be worked around; with everything that was found.
        """
        # Limits that a few leads beside a whole export of events break do not hold.
        anything = {"events_before_creation": 1.0, "orphan_events": 1.0}
        faults = ledger.faults(self.definition.limits.model_copy(update=anything))
        faults += self.warnings
        if any(fault.severity == "error" for fault in faults):
            raise FaultsError(self.subject, faults)
        unknown = [unknown_column(name, n_leads) for name in self.unused]
        unknown += [unknown_column(name, 0, "events") for name in self.unused_of_events]
        return (*faults, *map(in_words, unknown))

    def whole(
        self,
        people: PeopleRules | None = None,
        ends: pl.DataFrame | None = None,
        known: KnownLeads | None = None,
    ) -> NewLeads:
        """Read all of it.

        Parameters
        ----------
        people : PeopleRules or None
            By which events of machines are taken out before records of one person share theirs,
            where they do. Else whoever scores the leads takes them out.
        ends : pl.DataFrame or None
            What a table of its own tells of how leads ended, as `ends` gives it: where leads carry
            the history of their accounts, it has them.
        known : KnownLeads or None
            The leads of a run, which may be of the same accounts.

        Returns
        -------
        NewLeads
            Events in memory.

        Raises
        ------
        FaultsError
            With every fault of the files.
        """
        with tempfile.TemporaryDirectory() as folder:
            quarantine = Quarantine(Path(folder) / "parts")
            context = self.context(quarantine)
            leads, frame, events, accounts = _tables(context, self.company)
            warnings = self.told(context.ledger, 0 if leads is None else leads.frame.height)
            assert leads is not None, "the ledger tells why there are none"
            assert frame is not None
            quarantine.finish(Path(folder) / "all.parquet")
            set_aside = pl.read_parquet(Path(folder) / "all.parquet", memory_map=False)
        shared = _shared(self.definition, _impersonal(leads.frame), events.lazy(), people)
        if self.definition.accounts is None:
            return NewLeads(frame, shared, warnings, set_aside)
        earlier = None if known is None else known.earlier
        matched = match_leads(frame, accounts, self.definition.accounts.match, earlier)
        frame = with_accounts(_impersonal(frame), matched.matches, accounts)
        if self.definition.is_dated:
            outcomes = _outcomes(frame, ends)
            done = events.lazy() if people is None else people_only(people, frame, events.lazy())
            if known is None:
                frame = with_account_history(frame, done, outcomes, matched.matches)
            else:
                frame = known.account_history(frame, done, outcomes, matched)
        frame = frame.drop(WON, strict=False)
        return NewLeads(frame, shared, warnings, set_aside, matched.matches)


def _left_out(kind: IssueKind, _: str) -> IssueKind:
    """Tell of rows of which no list is kept."""
    told = kind.consequence.replace("set aside in quarantine.parquet", "left out")
    return replace(kind, consequence=told.replace("; quarantine.parquet lists them", ""))


def mapped(
    definition: SourceDefinition,
    leads: Place,
    events: Place = (),
    attribute_types: Mapping[str, str] = MappingProxyType({}),
) -> NewRows:
    """Take new leads in the shape of a source's export, by the same mapping, without outcomes.

    Parameters
    ----------
    definition : SourceDefinition
        The source.
    leads, events : sequence of Path, or SqlReader
        Their files, or a query. Where the source has several tables of events, a file belongs to
        the table whose `read.files` has its name.
    attribute_types : mapping of str to str
        The types that the source's leads had (``Tables.attribute_types``), so that a type which
        was told from their values is not told anew from these.

    Returns
    -------
    NewRows
        Without the existing score.

    Raises
    ------
    FaultsError
        If events belong to no table of the source, or a query might be of several.
    """
    subject = f"new leads of source {definition.name!r}"
    found, faults = _events_of(definition, events)
    if faults:
        raise FaultsError(subject, faults)
    # New leads have neither an order nor an old score yet.
    read = _reader_of(definition.tables.leads.read, leads)
    own = {"read": read, "order_by": None, "rules_score": ()}
    unread = {"sales": SalesColumns(), "person": PersonColumns()}
    leads_table = definition.tables.leads.model_copy(update=own | unread)
    update = {"leads": leads_table, "events": tuple(found)}
    tables = definition.tables.model_copy(update=update)
    now = datetime.now(UTC)
    until = max(now, latest_possible(definition, now))
    by = () if definition.accounts is None else definition.accounts.match
    return NewRows(
        subject,
        definition.model_copy(update={"tables": tables}),
        until,
        attribute_types,
        company=definition.tables.leads.person.company if "company" in by else None,
    )


def _tables(
    context: Context, company: str | None
) -> tuple[CanonicalLeads | None, pl.DataFrame | None, pl.DataFrame, pl.DataFrame | None]:
    """Read leads, the same with their ends, events, and the accounts' table where there is one."""
    table = context.open(LEADS, context.definition.tables.leads)
    opened = open_events(context)
    if table is not None and company is not None:
        context = _reading_company(context, table, company)
    leads = None if table is None else read_leads(context, table)
    known = None if leads is None else known_leads(leads)
    parts = list(canonical_events(context, opened, known))
    carries = context.definition.accounts is not None
    frame = None if leads is None else with_ends(context, leads, opened, with_won=carries)
    accounts = None if leads is None else read_accounts(context, leads)
    return leads, frame, pl.concat([no_events(context), *parts]), accounts


def _reading_company(context: Context, table: RawTable, company: str) -> Context:
    """Read the company's name, of who else a lead is nothing; new leads need not have it."""
    if company not in table.columns:
        context.ledger.fault(
            Fault(
                where=f"leads: column {company!r}",
                found="no such column",
                expected="the company's name, by which leads are matched to accounts as well",
                remedy="They are matched by the rest of `accounts.match` alone; add the column.",
                severity="warning",
            )
        )
        return context
    own = context.definition.tables.leads
    leads = own.model_copy(update={"person": PersonColumns(company=company)})
    tables = context.definition.tables.model_copy(update={"leads": leads})
    return replace(context, definition=context.definition.model_copy(update={"tables": tables}))


def _impersonal(leads: pl.DataFrame) -> pl.DataFrame:
    return leads.drop(name for name in leads.columns if name.startswith(PERSON))


def _outcomes(leads: pl.DataFrame, ends: pl.DataFrame | None) -> pl.DataFrame | None:
    """Tell how leads ended, as far as anything tells it; None where nothing does."""
    told = [] if ends is None else [ends.select("lead_id", ENDED, WON)]
    if WON in leads.columns:
        told.append(leads.select("lead_id", ENDED, WON).drop_nulls(ENDED))
    if not told:
        return None
    firsts = pl.concat(told).group_by("lead_id").agg(pl.col(ENDED, WON).min())
    is_lost = pl.col(WON).is_null() | (pl.col(ENDED) < pl.col(WON))
    return firsts.select("lead_id", won_at=WON, lost_at=pl.when(is_lost).then(ENDED))


def _shared(
    definition: SourceDefinition,
    leads: pl.DataFrame,
    events: pl.LazyFrame,
    people: PeopleRules | None,
) -> pl.LazyFrame:
    """Let the records of one person share what they know, each judged by itself before."""
    pool = definition.identity.pool_history
    if pool == "no":
        return events
    if people is not None:
        # Nobody judges them again.
        events = people_only(people, leads, events).with_columns(pl.lit(0.0).alias(NONHUMAN))
    more = shared_by_new_leads(leads, events, pool)
    return pl.concat([events, more], how="diagonal").collect().lazy()


def _events_of(
    definition: SourceDefinition, events: Place
) -> tuple[list[EventsTable], list[Fault]]:
    tables, found = definition.tables.events, list[EventsTable]()
    if isinstance(events, SqlReader):
        if len(tables) != 1:
            return found, [_homeless("a query", definition)]
        return [_read_from(tables[0], events)], []
    left = list(events)
    for table in tables:
        mine = [file for file in left if len(tables) == 1 or _is_of(file, table.read)]
        left = [file for file in left if file not in mine]
        if mine:
            found.append(_read_from(table, mine))
    return found, [_homeless(str(file), definition) for file in left]


def _read_from(table: EventsTable, place: Place) -> EventsTable:
    return table.model_copy(update={"read": _reader_of(table.read, place)})


def _reader_of(reader: Reader, place: Place) -> Reader:
    read = _reader_at(place)
    if isinstance(reader, FileReader) and isinstance(read, FileReader):
        return reader.model_copy(update={"files": read.files, "format": None})
    return read.model_copy(update={"missing": reader.missing})


def _reader_at(place: Place) -> Reader:
    if isinstance(place, SqlReader):
        return place
    # Absolute, because the source's root is of no concern for files that are named one by one.
    return FileReader(files=tuple(str(file.resolve()) for file in place))


def _is_of(file: Path, reader: Reader) -> bool:
    patterns = reader.files if isinstance(reader, FileReader) else ()
    return any(fnmatch(file.name, Path(pattern).name) for pattern in patterns)


def _homeless(where: str, definition: SourceDefinition) -> Fault:
    return Fault(
        where=where,
        found="events of no table of the source",
        expected="a file named like `read.files` of one of its tables of events"
        if definition.tables.events
        else "no events: the source has none",
        remedy="Name files so, or leave them out.",
    )


_WHAT_TO_DO = "Name the file with the leads to score"
_MOMENTS = ("as_of", "updated_at")
_ENDS = ("won_at", "lost_at")
CARRIED = (CHANGES, ACCOUNT_HISTORY)
"""Columns in which leads of Parquet carry their history."""
_TIMES = "Write times with their zone, as 2026-01-05T09:30:00Z or 2026-01-05T10:30:00+01:00"
_UNTOLD = (DAYS_ALONE, EVENT_OF_OTHERS, EVENT_BEFORE_CREATION)
_ADVICE: Mapping[IssueKind, str] = {
    BROKEN_ROW: "Put commas between fields, and texts that hold one into double quotes",
    BAD_CELL: "Write numbers as 1234.5, flags as true or false, times as 2026-01-05T09:30:00Z, "
    "and nothing where a value is not known",
    BAD_ROW: _TIMES,
    NO_ZONE: _TIMES,
    BLANK: "Fill it, or leave such rows out",
    DUPLICATE_LEAD: "Keep one row a lead",
}
"""What to do about faults where there is no definition to change."""


def canonical(
    name: str,
    leads: Place,
    events: Place | None = None,
    *,
    attribute_types: Mapping[str, str],
    is_dated: bool,
    time_zone: str | None = None,
    with_signs: bool = False,
) -> NewRows:
    """Take new leads in canonical columns, to be read with the same care as an export.

    Parameters
    ----------
    name : str
        What the user calls the leads.
    leads : sequence of Path, or SqlReader
        CSV or Parquet, or a query: ``lead_id``, ``created_at`` where the source is dated,
        attributes by their canonical names, and perhaps ``as_of`` and ``updated_at`` (times, null
        where blank). An attribute without a column counts as missing; further columns are left
        out, with a warning.
    events : sequence of Path, SqlReader or None
        Likewise: ``lead_id``, ``occurred_at``, ``event_type``, perhaps ``value``.
    attribute_types : mapping of str to str
        The attributes that are wanted, and their types (``Tables.attribute_types``).
    is_dated : bool
        Whether leads have a creation time.
    time_zone : str or None
        The zone of times that name none; such times are refused without it.
    with_signs : bool
        Whether events may have what tells machines from people
        (`leadcast.features.ingest.event_rows.SIGNS`).

    Returns
    -------
    NewRows

    Raises
    ------
    FaultsError
        If a file or query cannot be opened; with every fault of that.
    """
    subject, ledger = f"leads {name}", Ledger(kind_in=kind_in)
    places = {"leads": leads} | ({} if events is None else {"events": events})
    readers = {one: _reader_at(its) for one, its in places.items()}
    opened = [
        open_table(one, reader, Path.cwd(), _WHAT_TO_DO, ledger) for one, reader in readers.items()
    ]
    tables = [table for table in opened if table is not None]
    if len(tables) < len(opened):
        raise FaultsError(subject, ledger.faults(Limits()))
    columns = tables[0].columns
    present = {name: kind for name, kind in attribute_types.items() if name in columns}
    present |= {name: "time" for name in _MOMENTS if name in columns}
    definition = SourceDefinition.model_validate(
        {
            "name": NO_SOURCE,
            "title": "New leads",
            "where_to_get": _WHAT_TO_DO,
            "root": str(Path.cwd()),
            "time_zone": time_zone,
            "nonhuman": {} if with_signs and is_dated else None,
            "tables": {
                "leads": {
                    "read": readers["leads"],
                    "columns": _same("lead_id", *(["created_at"] if is_dated else [])),
                    "attributes": {
                        name: {"column": name, "type": kind} for name, kind in present.items()
                    },
                },
                "events": [
                    {"read": readers["events"], "columns": _of_events(table, with_signs)}
                    for table in tables[1:]
                ],
                "outcomes": _ends_among(columns),
            },
        }
    )
    known = _known_of_leads(tables[0])
    return NewRows(
        subject,
        definition,
        # Whoever scores old leads anew knows what "now" is; nothing here is too late.
        datetime.max.replace(tzinfo=UTC),
        {},
        kind_in,
        tuple(fault for table in tables for fault in _not_in_all(table)),
        tuple(name for name in columns if name not in known | attribute_types.keys()),
        unknown_of_events(name for table in tables[1:] for name in table.columns),
    )


def _known_of_leads(table: RawTable) -> set[str]:
    """Name the columns of leads that are no attributes and no surprise."""
    # Whoever reads them keeps the histories that leads carry.
    is_parquet = all(isinstance(one, ParquetOrigin) for one in table.origins)
    return {*CONTEXT, *_ENDS, *(CARRIED if is_parquet else ())}


def _ends_among(columns: Sequence[str]) -> dict[str, object]:
    """Describe how leads ended, where columns tell it; else by one that no table has."""
    ends = _same(*(name for name in _ENDS if name in columns))
    return {"form": "dates", "columns": ends or {"won_at": "the end of a lead to score"}}


def _same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


def _of_events(table: RawTable, with_signs: bool) -> dict[str, str]:
    optional = ("value", *(SIGNS if with_signs else ()))
    return _same(*NEEDED, *(name for name in optional if name in table.columns))


def _not_in_all(table: RawTable) -> Iterator[Fault]:
    columns = {origin.name: origin.columns() for origin in table.origins}
    for name in dict.fromkeys(name for own in columns.values() for name in own):
        lacking = [file for file, own in columns.items() if name not in own]
        if lacking:
            yield Fault(
                where=f"{table.name}: column {name!r}",
                found=f"no such column in {len(lacking)} of {len(columns)} files ({lacking[0]})",
                expected="the same columns in all files",
                remedy="It is left aside in all of them; add it to the others.",
                severity="warning",
            )


def kind_in(kind: IssueKind, table: str) -> IssueKind | None:
    """Tell a fault in canonical columns as one of a file that no definition describes.

    A lead at fault is one too many, as it is for the scorer; a few events are left out. Events of
    other leads, and before their lead's creation, are as they should be.
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

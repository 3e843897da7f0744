"""How leads ended, from columns or events: one row a lead, and none that cannot be true."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

import polars as pl

from leadcast.features.base.errors import Fault
from leadcast.features.definitions.definition import DatedOutcomes, EventOutcomes, StatusOutcomes
from leadcast.features.ingest.context import Context, TableReading, Writing
from leadcast.features.ingest.event_rows import OpenEvents, as_outcomes, event_types
from leadcast.features.ingest.leads import NAME as LEADS
from leadcast.features.ingest.leads import CanonicalLeads, all_rows
from leadcast.features.ingest.precision import at_end_of_day, precision_of
from leadcast.features.readers.account import OF_LEAD_ASIDE, UNREADABLE_END
from leadcast.features.readers.issues import (
    BLANK,
    CLOSED_BUT_OPEN,
    CONTRADICTING_OUTCOME,
    DAYS_ALONE,
    DUPLICATE_OUTCOME,
    LATE_OUTCOME,
    ORPHAN_OUTCOME,
    OTHER_CURRENCY,
    OTHER_SPELLING,
    OUTCOME_BEFORE_CREATION,
    OUTCOME_TOLD_ELSEWHERE,
    UNKNOWN_OUTCOME,
    UNMAPPED_OUTCOME,
    IssueKind,
)
from leadcast.features.readers.ledger import NO_WHY, Ledger, Why
from leadcast.features.readers.opening import RawTable, require_columns
from leadcast.features.readers.origins import RawRows, UnreadableError
from leadcast.features.tables import TIME, empty_events
from leadcast.features.values.amounts import in_other_currency
from leadcast.features.values.categories import spelt_otherwise
from leadcast.features.values.columns import clean_text, text_half
from leadcast.features.values.guesses import kin_words, near_words, yaml_text
from leadcast.features.values.times import parse_dates_of_crm


@dataclass(frozen=True)
class Ends:
    """How leads ended, in the rows' order."""

    frame: pl.DataFrame
    """``lead_id``, ``won_at``, ``lost_at``, ``converted``, ``amount``, as canonical."""
    rows: RawRows
    """The raw row of each."""
    table: str
    """Which table these rows are of."""
    id_column: str
    won_column: str
    lost_column: str
    """Which columns hold the lead's id and the times, for messages."""
    doubtful: pl.Series
    """Leads that ended at a time which cannot be read. They are no open leads."""

    def filter(self, mask: pl.Series) -> "Ends":
        """Take the rows where a mask holds."""
        return replace(self, frame=self.frame.filter(mask), rows=self.rows.filter(mask))


Described = DatedOutcomes | StatusOutcomes


def read_ends(context: Context, about: Described, table: RawTable) -> Ends | None:
    """Read the outcomes' own table."""
    fields = about.columns.model_dump(exclude_none=True)
    needed = [(f"tables.{table.name}.columns.{name}", column) for name, column in fields.items()]
    table = require_columns(table, needed, context.ledger)
    rows = all_rows(context, table, list(dict.fromkeys(fields.values())))
    if rows is None:
        return None
    column = about.columns.lead_id or ""
    parsed = context.ids(rows.frame[column].alias("lead_id"), table.missing, column)
    reading = _reading(context, about, rows, parsed.values, table.name, table.missing)
    is_joined = any(column in join.columns for join in about.join)
    reading.require_ids(column, parsed, blank=UNMAPPED_OUTCOME if is_joined else BLANK)
    reading.keep(reading.fine)
    ends = _ends(reading, about)
    return None if table.lacking else ends


def ends_of_leads(context: Context, about: Described, leads: CanonicalLeads) -> Ends:
    """Read outcomes that stand in the leads' table."""
    missing = context.definition.tables.leads.read.missing
    ids = leads.frame["lead_id"]
    return _ends(_reading(context, about, leads.raw, ids, "leads", missing), about)


def _reading(
    context: Context,
    about: Described,
    rows: RawRows,
    ids: pl.Series,
    table: str,
    missing: tuple[str, ...],
) -> TableReading:
    # Times are written as in the table where they stand.
    own = about.read is not None
    dated = about if own else context.definition.tables.leads
    writing = Writing(missing, about.numbers, context.time_rules(dated))
    return TableReading(context, table, writing, rows, pl.DataFrame({"lead_id": ids}), own)


def _ends(reading: TableReading, about: Described) -> Ends:
    columns: tuple[str | None, str | None]
    if isinstance(about, DatedOutcomes):
        columns = (about.columns.won_at, about.columns.lost_at)
        won, lost = (_times(reading, about, column) for column in columns)
        converted = pl.lit(None, pl.Boolean)
    else:
        columns = (about.columns.closed_at, about.columns.closed_at)
        won, lost, converted = _by_status(reading, about)
    fine = reading.fine
    ended = reading.frame.with_columns(won_at=won, lost_at=lost, converted=converted)
    frame = ended.with_columns(amount=_amounts(reading, about)).filter(fine)
    # The leads' table has its ids under the canonical name.
    names = (about.columns.lead_id or "lead_id", columns[0] or "", columns[1] or "")
    doubtful = reading.frame["lead_id"].filter(~fine)
    return Ends(frame, reading.rows.filter(fine), reading.table, *names, doubtful)


def _times(
    reading: TableReading, about: Described, column: str | None, wanted: pl.Series | None = None
) -> pl.Series:
    """Read a column of times, needed where they are wanted.

    Where nobody says what is wanted, a blank one is fine.
    """
    if column is None:
        return pl.repeat(None, len(reading.rows), dtype=TIME, eager=True)
    precision, rules = about.time_precision, reading.writing.times
    precision = precision or precision_of([reading.times(column).values], rules)
    parsed, earliest, days = reading.past_times(column, precision)
    if wanted is None:
        wanted = parsed.values.is_not_null() | parsed.problem.is_not_null()
    blank = BLANK
    if isinstance(about, StatusOutcomes) and about.columns.closed_at == column:
        blank = replace(BLANK, advice=_open_without_time(column))
    reading.require(column, parsed, wanted, blank=blank)
    shown, used = reading.rows.frame[column], days & wanted & reading.fine
    reading.note(DAYS_ALONE, column, used, values=shown, kept=True)
    return _by_now(parsed.values, earliest.values, reading.context.until)


def _open_without_time(column: str) -> str:
    where = f"where: [{{column: {yaml_text(column)}, missing: false}}]"
    return (
        f"If leads without it are open, leave these rows out of the outcomes: `{where}` under "
        "`tables.outcomes`, with `read` and `columns.lead_id` of its own; else complete the export"
    )


def _by_now(ends: pl.Series, earliest: pl.Series, until: datetime) -> pl.Series:
    """Let what happened on a day that is not over yet be known by the time of the export."""
    frame = pl.DataFrame({"ends": ends, "earliest": earliest})
    cut = pl.when(pl.col("earliest") <= until).then(pl.min_horizontal("ends", pl.lit(until, TIME)))
    return frame.select(cut.otherwise("ends").alias(ends.name)).to_series()


def _by_status(
    reading: TableReading, about: StatusOutcomes
) -> tuple[pl.Series, pl.Series, pl.Expr]:
    """Read a status, and its time where there is one: won and lost, and converted."""
    column = about.columns.status
    status = _as_named(reading, about)
    unknown = ~status.is_in([*about.won, *about.lost, *about.open]).fill_null(True)
    meanings = {"won": about.won, "lost": about.lost, "open": about.open}
    table = "outcomes" if reading.table == LEADS else reading.table
    words = {word: f"tables.{table}.{key}" for key, mine in meanings.items() for word in mine}
    why = {UNKNOWN_OUTCOME.found: lambda found: near_words(found, words)}
    reading.note(UNKNOWN_OUTCOME, column, unknown, values=status, kept=True, why=why)
    won, lost = (status.is_in(list(ends)).fill_null(False) for ends in (about.won, about.lost))
    times = _times(reading, about, about.columns.closed_at, won | lost)
    _note_closed_but_open(reading, about, status, ~(won | lost | unknown))
    when_won = pl.select(pl.when(won).then(times)).to_series()
    when_lost = pl.select(pl.when(lost).then(times)).to_series()
    converted = pl.lit(None, pl.Boolean)
    if about.columns.closed_at is None:
        converted = pl.when(won).then(True).when(lost).then(False)
    return when_won, when_lost, converted


def _as_named(reading: TableReading, about: StatusOutcomes) -> pl.Series:
    """Read the statuses, each spelt as the definition spells it.

    As in categories, case, blanks and forms of accents tell nothing apart, unless the definition
    itself has two words that differ in nothing else.
    """
    status = clean_text(reading.rows.frame[about.columns.status], reading.writing.missing)
    words = [*about.won, *about.lost, *about.open]
    spelt = spelt_otherwise(status.drop_nulls().unique(), words)
    if spelt:
        other = status.is_in([*spelt]).fill_null(value=False)
        reading.note(OTHER_SPELLING, about.columns.status, other, values=status, kept=True)
    return status.replace(spelt)


def _note_closed_but_open(
    reading: TableReading, about: StatusOutcomes, status: pl.Series, is_open: pl.Series
) -> None:
    """Tell of leads that have a closing time, and count as open all the same."""
    column = about.columns.closed_at
    if column is None:
        return
    closed = (reading.times(column).values <= reading.context.until).fill_null(value=False)
    if not about.won and not (is_open & ~closed).any():
        # Of losses alone the record's last change may stand for the time, which each row has.
        return
    shown = status.fill_null("(blank)")
    reading.note(CLOSED_BUT_OPEN, about.columns.status, closed & is_open, values=shown, kept=True)


def _amounts(reading: TableReading, about: Described) -> pl.Series | pl.Expr:
    column, currency = about.columns.amount, about.columns.currency
    if column is None:
        return pl.lit(None, pl.Float64)
    parsed = reading.numbers(column)
    reading.note_unread(column, parsed)
    declared = reading.context.definition.amounts.currency
    if declared is None:
        return parsed.values
    raw, missing = reading.rows.frame, reading.writing.missing
    named = None if currency is None else clean_text(raw[currency], missing)
    others = in_other_currency(text_half(raw[column]), named, declared)
    if others is None:
        return parsed.values
    others &= parsed.values.is_not_null()
    # Most leads have no amount: that of those that have one, many are wrong, must not hide in them.
    where = (reading.table, currency or column)
    reading.context.ledger.add_values(OTHER_CURRENCY, *where, parsed.values.count())
    shown = raw[column] if named is None else named.fill_null("(no currency)")
    reading.note(OTHER_CURRENCY, currency or column, others, values=shown, kept=True)
    return pl.select(pl.when(~others).then(parsed.values)).to_series()


def ends_by_events(
    context: Context, about: EventOutcomes, opened: Sequence[OpenEvents], leads: CanonicalLeads
) -> Ends:
    """Find how leads ended among their events: the first of each meaning gives the time."""
    none = empty_events().select("lead_id", "occurred_at", "event_type").collect()
    moments = [part for one in opened for part in _outcome_events(context, about, one)]
    found = pl.concat([none, *moments])
    if moments:
        _warn_of_absent_ends(context, about, set(found["event_type"]))
    found = found.filter(pl.col("occurred_at") <= context.until)
    won = pl.col("event_type").is_in(list(about.won_events))
    first = found.group_by("lead_id").agg(
        won_at=pl.col("occurred_at").filter(won).min(),
        lost_at=pl.col("occurred_at").filter(~won).min(),
    )
    frame = leads.frame.select("lead_id").join(
        first, on="lead_id", how="left", maintain_order="left"
    )
    frame = frame.with_columns(
        converted=pl.lit(None, dtype=pl.Boolean), amount=pl.lit(None, dtype=pl.Float64)
    )
    nobody = frame["lead_id"].clear()
    return Ends(frame, leads.raw, "leads", "lead_id", "won_events", "lost_events", nobody)


def _warn_of_absent_ends(context: Context, about: EventOutcomes, met: set[str]) -> None:
    """Warn of kinds of events that the definition names and no event has."""
    for key, kinds in (("won_events", about.won_events), ("lost_events", about.lost_events)):
        absent = [kind for kind in kinds if kind not in met]
        if absent:
            context.ledger.fault(
                Fault(
                    where=f"tables.outcomes.{key}",
                    found=f"no event of the kind {', '.join(map(repr, absent))}",
                    expected="events of each kind that tells an end",
                    remedy="Look how the export writes it: leads that end so count as open.",
                    severity="warning",
                )
            )


def _outcome_events(
    context: Context, about: EventOutcomes, one: OpenEvents
) -> Iterator[pl.DataFrame]:
    wanted = [*about.won_events, *about.lost_events]
    columns, rules = one.about.columns, context.time_rules(one.about)
    missing = one.table.missing
    # A fault that stops the reading is told when the events themselves are read.
    with suppress(UnreadableError):
        for rows in one.table.parts(one.wanted(), Ledger()):
            types = as_outcomes(event_types(rows, one), about)
            mine = types.is_in(wanted).fill_null(False)
            few = rows.filter(mine).frame
            series = few[columns.occurred_at]
            parsed = parse_dates_of_crm(series, rules, missing)
            times, _ = at_end_of_day(parsed, series, rules, missing, one.precision)
            yield pl.DataFrame(
                {
                    "lead_id": context.ids(few[columns.lead_id], missing).values,
                    "occurred_at": _by_now(times, parsed.values, context.until),
                    "event_type": types.filter(mine),
                }
            )


@dataclass(frozen=True)
class Settled:
    """Leads and how they ended."""

    leads: CanonicalLeads
    """The leads that are left."""
    outcomes: pl.DataFrame
    """Canonical, a row for each of them in their order."""
    used_rows: Mapping[str, int]
    """How many rows of each table told an outcome that is used."""


def settle(context: Context, told: Sequence[Ends], leads: CanonicalLeads) -> Settled:
    """Give each lead its end, and set aside the leads whose end cannot be true."""
    found, unusable = list[Ends](), list[_Unusable]()
    for given in told:
        ends = _of_known_leads(context, given, leads)
        ends = _one_each(context, ends)
        ends, impossible = _after_creation(context, ends, leads)
        found.append(_known_by_now(context, ends))
        unusable.append((ends.table, OUTCOME_BEFORE_CREATION.name, impossible))
        unusable.append((ends.table, UNREADABLE_END, ends.doubtful))
    leads = _of_possible_ends(context, leads, unusable)
    found = _first_of_all(context, [_of_leads_left(context, ends, leads) for ends in found])
    outcomes = leads.frame.select("lead_id").join(
        pl.concat([ends.frame for ends in found]),
        on="lead_id",
        how="left",
        maintain_order="left",
    )
    outcomes = _with_known_amounts(context, outcomes, leads)
    _refuse_one_value(context, outcomes)
    context.ledger.account.keep(LEADS, leads.frame.height)
    used = {ends.table: len(ends.rows) for ends in found}
    for table, rows in used.items():
        if table != LEADS:
            context.ledger.account.keep(table, rows)
    return Settled(leads, outcomes, used)


def _with_known_amounts(
    context: Context, outcomes: pl.DataFrame, leads: CanonicalLeads
) -> pl.DataFrame:
    """Give leads whose amount no outcome tells the one that was known in advance."""
    name = context.definition.amounts.known_in_advance
    if name is None or leads.frame.schema.get(name) != pl.Float64:
        return outcomes
    known = leads.frame.select("lead_id", _known=name)
    joined = outcomes.join(known, on="lead_id", how="left", maintain_order="left")
    return joined.with_columns(pl.col("amount").fill_null(pl.col("_known"))).drop("_known")


_Unusable = tuple[str, str, pl.Series]
"""The table that tells how leads ended, why their ends cannot be used, and their ids."""


def _first_of_all(context: Context, found: Sequence[Ends]) -> list[Ends]:
    """Take of each lead its first win over all tables, else its first loss, else any row."""
    if len(found) == 1:
        return [*found]
    numbered = [one.frame.with_columns(table=pl.lit(number)) for number, one in enumerate(found)]
    is_won = pl.col("won_at").is_not_null() | pl.col("converted").fill_null(value=False)
    is_lost = pl.col("lost_at").is_not_null() | ~pl.col("converted").fill_null(value=True)
    every = pl.concat(numbered).with_columns(is_won=is_won, is_lost=is_lost)
    first = every.sort(
        *("lead_id", "is_won", "won_at", "is_lost", "lost_at", "table"),
        descending=[False, True, False, True, False, False],
        nulls_last=True,
    ).unique("lead_id", keep="first", maintain_order=True)
    first = first.select("lead_id", first="table", first_won="is_won")
    chosen = []
    for number, ends in enumerate(found):
        mine = every.filter(table=number).join(
            first, on="lead_id", how="left", maintain_order="left"
        )
        is_first = mine["first"] == number
        contrary = mine["first_won"] & mine["is_lost"] & ~mine["is_won"]
        in_leads = ends.table == LEADS
        _note(context, CONTRADICTING_OUTCOME, ends, contrary & ~is_first, "lost_at", kept=in_leads)
        if not in_leads:
            _note(context, OUTCOME_TOLD_ELSEWHERE, ends, ~contrary & ~is_first, "lead_id")
        chosen.append(ends.filter(is_first))
    return chosen


def _of_possible_ends(
    context: Context, leads: CanonicalLeads, unusable: Sequence[_Unusable]
) -> CanonicalLeads:
    """Set aside the leads that ended before they began, and those that ended nobody knows when."""
    ids, account = leads.frame["lead_id"], context.ledger.account
    fine = ids.is_not_null()
    # Rows of the leads' table that are in quarantine are counted as such.
    for table, reason, theirs in sorted(unusable, key=lambda one: one[0] != LEADS):
        gone = ids.is_in(theirs.implode()) & fine
        account.leave(LEADS, reason, int(gone.sum()), in_quarantine=table == LEADS)
        fine &= ~gone
    return leads.filter(fine)


def _of_leads_left(context: Context, ends: Ends, leads: CanonicalLeads) -> Ends:
    mine = ends.frame["lead_id"].is_in(leads.frame["lead_id"].implode())
    _leave(context, ends, ~mine, OF_LEAD_ASIDE)
    return ends.filter(mine)


def _of_known_leads(context: Context, ends: Ends, leads: CanonicalLeads) -> Ends:
    known = ends.frame["lead_id"].is_in(leads.every_id.implode())
    why = {ORPHAN_OUTCOME.found: lambda ids: kin_words(ids, leads.every_id, ends.id_column)}
    _note(context, ORPHAN_OUTCOME, ends, ~known, "lead_id", why=why)
    # Leads that were set aside are told already, so their outcomes are not told once more.
    return _of_leads_left(context, ends.filter(known), leads)


def _one_each(context: Context, ends: Ends) -> Ends:
    order = ends.frame.with_row_index("row").sort(
        "lead_id",
        pl.col("converted").fill_null(False),
        "won_at",
        "lost_at",
        "row",
        descending=[False, True, False, False, False],
        nulls_last=True,
    )
    first = order.filter(pl.col("lead_id").is_first_distinct())["row"]
    kept = pl.int_range(0, len(ends.rows), eager=True, dtype=pl.UInt32).is_in(first.implode())
    _note(context, DUPLICATE_OUTCOME, ends, ~kept, "lead_id")
    return ends.filter(kept)


def _after_creation(context: Context, ends: Ends, leads: CanonicalLeads) -> tuple[Ends, pl.Series]:
    created = ends.frame.join(
        leads.frame.select("lead_id", "created_at"), on="lead_id", how="left", maintain_order="left"
    )["created_at"]
    early = pl.Series([False]).new_from_index(0, len(ends.rows))
    for name in ("won_at", "lost_at"):
        mine = (ends.frame[name] < created).fill_null(False) & ~early
        _note(context, OUTCOME_BEFORE_CREATION, ends, mine, name)
        early |= mine
    return ends.filter(~early), ends.frame["lead_id"].filter(early)


def _known_by_now(context: Context, ends: Ends) -> Ends:
    frame = ends.frame
    for name in ("won_at", "lost_at"):
        late = (ends.frame[name] > context.until).fill_null(False)
        _note(context, context.late(LATE_OUTCOME), ends, late, name, kept=True)
        known = pl.select(pl.when(~late).then(ends.frame[name])).to_series()
        frame = frame.with_columns(known.alias(name))
    return replace(ends, frame=frame)


def _note(
    context: Context,
    kind: IssueKind,
    ends: Ends,
    mask: pl.Series,
    name: str,
    *,
    kept: bool = False,
    why: Mapping[str, Why] = NO_WHY,
) -> None:
    column = {"won_at": ends.won_column, "lost_at": ends.lost_column}.get(name, ends.id_column)
    # Where the outcome is an event, there is no such column.
    raw = ends.rows.frame
    values = raw[column] if column in raw.columns else ends.frame[name]
    ids = ends.frame["lead_id"]
    about = {"values": values, "lead_ids": ids}
    context.ledger.note(kind, ends.table, column, ends.rows, mask, kept=kept, why=why, **about)
    if not kept:
        _leave(context, ends, mask, kind.name, in_quarantine=kind.is_recorded)


def _leave(
    context: Context, ends: Ends, mask: pl.Series, reason: str, *, in_quarantine: bool = False
) -> None:
    if ends.table != LEADS:
        rows = int(mask.sum())
        context.ledger.account.leave(ends.table, reason, rows, in_quarantine=in_quarantine)


def _refuse_one_value(context: Context, outcomes: pl.DataFrame) -> None:
    won = int((outcomes["won_at"].is_not_null() | outcomes["converted"].fill_null(False)).sum())
    if 0 < won < outcomes.height:
        return
    faults = context.ledger.faults(context.definition.limits)
    if any(fault.severity == "error" for fault in faults):
        # Probably its consequence: too many leads or outcomes have been set aside.
        return
    context.ledger.fault(
        Fault(
            where="outcomes",
            found=f"{won} leads of {outcomes.height} that became customers",
            expected="some that did and some that did not",
            remedy="Check how tables.outcomes maps the outcome, and whether the export holds "
            "open and lost leads too.",
        )
    )

"""Where an export tells how its leads ended: beside them, in a table of deals, or by events."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from leadcast.features.discovery.end_times import (
    MOST_UNDATED,
    dated_share,
    likely_end_times,
    written,
)
from leadcast.features.discovery.meanings import Meaning
from leadcast.features.discovery.statuses import (
    Status,
    best_status,
    doubtful_status,
    meaning_of,
    rate,
)
from leadcast.features.discovery.vocabulary import NOT_OF_EVENTS
from leadcast.features.inspection.links import (
    Link,
    ids_of,
    link_between,
    separator_in,
    share_of_rows,
)
from leadcast.features.inspection.wording import has_phrase
from leadcast.features.values.identifiers import first_fifteen, ids_in_cells

LEAD = "Lead of the row"
"""What a joined lead id is called."""
MOSTLY = 0.5
"""A column of times of which at least so many of the lost leads have one tells when leads are
lost."""
_ONCE = 0.9
"""Of the rows of a table, so many name different leads where it has one row for each."""
_NEARLY = 0.99
"""Of the leads with a word for lost, so many must be told by other tables to need no more."""
_DELETED = " the row is deleted"


@dataclass(frozen=True)
class JoinGuess:
    """A table that is joined to another.

    Parameters
    ----------
    other : Meaning
        What is joined.
    on : dict of str to str
        Column to column.
    columns : dict of str to str
        New name to column.
    expect : {"one", "first", "many"}
        How many rows there are for each.
    note : str
        What speaks for it.
    """

    other: Meaning
    on: dict[str, str]
    columns: dict[str, str]
    expect: str
    note: str


@dataclass(frozen=True)
class Ending:
    """One description of outcomes.

    Parameters
    ----------
    table : Meaning
        The table that is read.
    teller : Meaning
        Whose status and times these are: the table itself, or a joined one.
    is_own : bool
        Whether it is the leads' table itself.
    lead_id : str
        The column with the lead's id.
    status : Status or None
        The words, or None where there are dates alone.
    dates : dict of str to str
        ``won_at`` and ``lost_at``, or ``closed_at``.
    amount : str or None
        What the customer was worth.
    joins : tuple of JoinGuess
        What is joined to the table.
    filled : str
        A column that must be filled in, for the row to belong to a lead; empty: none.
    share : float
        Of the rows, how many name a lead that is there.
    notes : tuple of str
        What a reader must know.
    split_cells : mapping of str to str
        Columns of the table whose cells hold several identifiers, each with what parts these.
    """

    table: Meaning
    teller: Meaning
    is_own: bool
    lead_id: str
    status: Status | None
    dates: dict[str, str]
    amount: str | None = None
    joins: tuple[JoinGuess, ...] = ()
    filled: str = ""
    share: float = 1.0
    notes: tuple[str, ...] = ()
    split_cells: Mapping[str, str] = field(default_factory=dict)

    def column(self, name: str) -> str:
        """Give the export's own name of one of its columns, which a join may have renamed."""
        renamed = {new: old for join in self.joins for new, old in join.columns.items()}
        return renamed.get(name, name)


@dataclass
class ToldEnds:
    """How an export tells the outcomes.

    Parameters
    ----------
    told : list of Ending
        The descriptions.
    won_events, lost_events : tuple of str
        Where the outcome is an event.
    to_do : list of str
        What could not be guessed.
    notes : list of str
        What a reader must know of all outcomes.
    """

    told: list[Ending] = field(default_factory=list)
    won_events: tuple[str, ...] = ()
    lost_events: tuple[str, ...] = ()
    to_do: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def own_ending(meaning: Meaning, *, is_own: bool = True, repeats: bool = False) -> Ending | None:
    """Find how leads ended within one table.

    Parameters
    ----------
    meaning : Meaning
        The table.
    is_own : bool
        Whether it is the leads' own.
    repeats : bool
        Whether it names leads again and again, so that each row is a change.

    Returns
    -------
    Ending or None
        None where nothing tells.
    """
    fields = meaning.fields
    status = best_status(meaning.seen, fields.get("status"))
    about = (meaning, meaning, True, fields.get("lead_id", "row"))
    amount = fields.get("amount")
    dated: dict[str, str] = {name: fields[name] for name in ("won_at", "lost_at") if name in fields}
    if "won_at" in dated and ("lost_at" in dated or status is None or not status.won):
        return Ending(*about, None, dated, amount)
    if status is None:
        return None
    closed = fields.get("closed_at")
    notes: tuple[str, ...] = ()
    if closed is None and not dated and status.won:
        told = likely_end_times(meaning, status, is_own=is_own, repeats=repeats)
        closed, notes = told.dates.get("closed_at"), (told.note,) if told.note else ()
        dated = {name: one for name, one in told.dates.items() if name == "won_at"}
    if closed is not None and not _dates_wins_alone(meaning, status, closed):
        return Ending(*about, status, {"closed_at": closed}, amount, notes=notes)
    won_at = dated.get("won_at")
    if won_at is not None and not status.lost:
        return Ending(*about, None, dated, amount)
    for column in (one for one in (won_at, closed) if one is not None):
        if _dates_wins_alone(meaning, status, column):
            words = (
                f"{column!r} is filled in for the won leads alone: of the others it is known that "
                "they had not been won yet, and those that are lost count as open"
            )
            return Ending(*about, None, {"won_at": column}, amount, notes=(words,))
    return Ending(*about, status, {}, amount, notes=notes)


def _dates_wins_alone(meaning: Meaning, status: Status, column: str) -> bool:
    """Tell whether a column of times is filled in for the won leads, and for no lost ones.

    When the lost ones were lost is not needed: whether a lead was won within its horizon can be
    told without it.
    """
    if not status.lost:
        return False
    of_won, of_lost = (dated_share(meaning, status, which, column) for which in ("won", "lost"))
    return of_won >= 1 - MOST_UNDATED and of_lost <= MOST_UNDATED


def find_endings(
    leads: Meaning, others: Sequence[Meaning], links: Sequence[Link], events: Sequence[Meaning]
) -> ToldEnds:
    """Find how leads ended, over all tables.

    Parameters
    ----------
    leads : Meaning
        The leads' table.
    others : sequence of Meaning
        The other tables.
    links : sequence of Link
        Who names whom, where no CRM's names tell.
    events : sequence of Meaning
        Those of `others` with events of leads.

    Returns
    -------
    ToldEnds
    """
    found = ToldEnds()
    for deals in (one for one in others if one.kind == "deals"):
        own = own_ending(deals, is_own=False, repeats=_repeats_leads(deals, links))
        if own is None:
            found.to_do.append(f"{deals.name} has no column with words for won or lost")
            continue
        ending = next(_paths(leads, deals, own, others, links), None)
        if ending is None:
            found.to_do.append(f"how {deals.name} names the leads of {leads.name}")
        else:
            found.told.append(ending)
    own = own_ending(leads)
    if found.told:
        lost = _losses(leads, found.notes, found.told)
        found.told += [lost] if lost is not None else []
        return found
    if own is not None:
        found.told.append(_with_open_leads(own))
        more = _archived(leads, own) if own.status is not None else _losses(leads, [], ())
        is_told = "lost_at" in own.dates
        found.told += [more] if more is not None and not is_told else []
        return found
    _by_events(found, events)
    doubtful = doubtful_status(leads.seen)
    if not found.won_events and doubtful is not None and doubtful.unknown:
        closed = leads.fields.get("closed_at")
        dates = {} if closed is None else {"closed_at": closed}
        lead_id = leads.fields.get("lead_id", "row")
        found.told.append(Ending(leads, leads, True, lead_id, doubtful, dates))
    return found


def _repeats_leads(deals: Meaning, links: Sequence[Link]) -> bool:
    """Tell whether a table names the rows of another again and again."""
    named = [link.column for link in links if link.child == deals.name]
    looks = [deals.seen.looks[column] for column in named]
    return any(look.distinct < _ONCE * look.given for look in looks)


def _with_open_leads(own: Ending) -> Ending:
    """Say which leads are open where a yes or no tells how they ended, which has no word for it."""
    status, seen = own.status, own.table.seen
    if status is None or seen.looks[status.column].kind not in ("flag", "number"):
        return own
    if not status.won or not status.lost or status.open or status.unknown:
        return own
    closed = own.dates.get("closed_at")
    if closed is None:
        words = f"{status.column!r} has no word for open: leads too young to be won count as lost"
        return replace(own, notes=(*own.notes, words))
    undated, told = written(seen, closed).is_null(), written(seen, status.column)
    won, lost = told.is_in(list(status.won)), told.is_in(list(status.lost))
    opened = int((undated & lost).sum())
    without, of_all = int((undated & won).sum()), int(won.sum())
    if own.lead_id == "row" or not opened or without > MOST_UNDATED * of_all:
        return own
    words = f"{opened:,} leads with no value in {closed!r} are open, not lost"
    return replace(own, filled=closed, notes=(*own.notes, words))


def _paths(
    leads: Meaning,
    deals: Meaning,
    own: Ending,
    others: Sequence[Meaning],
    links: Sequence[Link],
) -> Iterator[Ending]:
    """Find the ways from a deal to its lead, the surest first."""
    key = leads.fields.get("lead_id", "")
    if not key:
        return
    yield from _named_by_lead(leads, deals, own, links)
    yield from _naming_lead(leads, deals, own, links)
    yield from _by_links(leads, deals, own, others)
    contact, converted = deals.fields.get("contact_id"), leads.fields.get("contact_id")
    if contact and converted:
        link = link_between(deals.seen, contact, leads.seen, converted)
        if link is not None and not link.separator:
            join = JoinGuess(leads, {contact: converted}, {LEAD: key}, "first", link.words)
            yield replace(own, is_own=False, lead_id=LEAD, joins=(join,), filled=LEAD)


def _named_by_lead(
    leads: Meaning, deals: Meaning, own: Ending, links: Sequence[Link]
) -> Iterator[Ending]:
    """Follow a lead's column to its deal."""
    named = [
        (leads.fields.get("deal_id"), deals.fields.get("deal_id")),
        *(
            (one.column, one.key)
            for one in links
            if (one.child, one.parent) == (leads.name, deals.name)
        ),
    ]
    for column, key in named:
        link = column and key and link_between(leads.seen, column, deals.seen, key)
        # A deal that names its lead does so itself.
        if not column or not key or not link or column == leads.fields["lead_id"]:
            continue
        new = {name: f"Deal {name}" for name in _told_columns(own)}
        columns = {new[name]: name for name in _told_columns(own)}
        join = JoinGuess(deals, {column: key}, columns, "one", link.words)
        yield replace(
            own,
            table=leads,
            is_own=False,
            lead_id=leads.fields["lead_id"],
            status=own.status and replace(own.status, column=new[own.status.column]),
            dates={name: new[one] for name, one in own.dates.items()},
            amount=own.amount and new[own.amount],
            joins=(join,),
            notes=(f"leads that name no row of {deals.name} are open",),
            split_cells=_split(leads, column, deals, key),
        )


def _told_columns(own: Ending) -> list[str]:
    status = [own.status.column] if own.status else []
    return list(
        dict.fromkeys([*status, *own.dates.values(), *([own.amount] if own.amount else [])])
    )


def _split(table: Meaning, column: str, other: Meaning, key: str) -> dict[str, str]:
    mark = separator_in(table.seen, column, other.seen, key)
    return {column: mark} if mark else {}


def _naming_lead(
    leads: Meaning, deals: Meaning, own: Ending, links: Sequence[Link]
) -> Iterator[Ending]:
    """Follow a deal's column to its lead."""
    key = leads.fields["lead_id"]
    named = [deals.fields.get("lead_id"), deals.fields.get("contact_id")]
    named += [
        one.column
        for one in links
        if (one.child, one.parent, one.key) == (deals.name, leads.name, key)
    ]
    for column in dict.fromkeys(one for one in named if one):
        link = link_between(deals.seen, column, leads.seen, key)
        if link is None:
            continue
        look = deals.seen.looks[column]
        split = _split(deals, column, leads, key)
        share = share_of_rows(deals.seen, column, leads.seen, key, split.get(column, ""))
        filled = column if look.given < look.rows else ""
        yield replace(
            own,
            is_own=False,
            lead_id=column,
            filled=filled,
            share=share,
            split_cells=split,
        )


def _by_links(
    leads: Meaning, deals: Meaning, own: Ending, others: Sequence[Meaning]
) -> Iterator[Ending]:
    """Follow a table of pairs, which names deals and people."""
    key, converted = leads.fields["lead_id"], leads.fields.get("contact_id")
    for pairs in (one for one in others if one.kind == "links"):
        person = pairs.fields.get("lead_id") or pairs.fields.get("contact_id")
        deal, own_key = pairs.fields.get("deal_id"), deals.fields.get("deal_id")
        if not person or not deal or not own_key:
            continue
        if link_between(pairs.seen, deal, deals.seen, own_key) is None:
            continue
        columns = {f"Deal {name}": name for name in _told_columns(own)}
        new = {name: f"Deal {name}" for name in _told_columns(own)}
        joins = [JoinGuess(deals, {deal: own_key}, columns, "one", f"the deal of {pairs.name}")]
        lead_id = person
        if link_between(pairs.seen, person, leads.seen, key) is None:
            if converted is None or link_between(pairs.seen, person, leads.seen, converted) is None:
                continue
            about = "the lead that became this contact"
            joins.append(JoinGuess(leads, {person: converted}, {LEAD: key}, "first", about))
            lead_id = LEAD
        share = 1.0 if lead_id == LEAD else share_of_rows(pairs.seen, person, leads.seen, key)
        yield replace(
            own, table=pairs, is_own=False, lead_id=lead_id, joins=tuple(joins), share=share,
            status=own.status and replace(own.status, column=new[own.status.column]),
            dates={name: new[one] for name, one in own.dates.items()},
            amount=own.amount and new[own.amount], filled=lead_id,
        )  # fmt: skip


def _losses(leads: Meaning, notes: list[str], told: Sequence[Ending]) -> Ending | None:
    """Find the leads that never came to a deal, in a status of their own."""
    column = leads.fields.get("status")
    look = None if column is None else leads.seen.looks[column]
    status = best_status(leads.seen) if look is None else rate(look, column)
    if status is None or not status.lost or _are_told(leads, status, told):
        return None
    named = (leads.fields.get(name) for name in ("closed_at", "modified_at"))
    dated = (one for one in named if one is not None)
    when = next((one for one in dated if dated_share(leads, status, "lost", one) >= MOSTLY), None)
    if when is None:
        words = ", ".join(map(repr, status.lost))
        notes.append(
            f"leads with {status.column!r} {words} count as open, because no column of "
            f"{leads.name} tells when they were given up"
        )
        return None
    open_ = (*status.open, *status.won, *status.unknown)
    status = replace(status, won=(), open=open_, unknown=())
    changed = "the record's last change stands for the time of the loss, which is not known"
    more = () if when == leads.fields.get("closed_at") else (changed,)
    lead_id = leads.fields.get("lead_id", "row")
    about = "leads that were given up before there was a deal; what is converted ends with its deal"
    return Ending(leads, leads, True, lead_id, status, {"closed_at": when}, notes=(about, *more))


def _are_told(leads: Meaning, status: Status, told: Sequence[Ending]) -> bool:
    """Tell whether other tables say of the leads with a word for lost how they ended."""
    ids = lead_ids_of(leads)
    lost = written(leads.seen, status.column).is_in(list(status.lost)).fill_null(value=False)
    rows = [told_rows(one, ids).filter(pl.col("rank") > 0)["id"] for one in told]
    ended = pl.concat(rows) if rows else ids.clear()
    are_told = ids.filter(lost).is_in(ended.implode())
    return bool(rows) and int(are_told.sum()) >= _NEARLY * int(lost.sum())


def _archived(leads: Meaning, own: Ending) -> Ending | None:
    """Find leads that were lost by being archived."""
    column = leads.fields.get("active")
    if column is None or own.status is None or own.status.lost:
        return None
    values = leads.seen.looks[column].counts
    lost = tuple(value for value in values if value.lower() in ("false", "0", "no", "f"))
    if not lost:
        return None
    open_ = tuple(value for value in values if value not in lost)
    status = Status(column, (), lost, open_, (), 0.0)
    notes = ("lost leads are archived; those that were archived for another reason count as lost",)
    return Ending(leads, leads, True, own.lead_id, status, own.dates, notes=notes)


def _by_events(found: ToldEnds, events: Sequence[Meaning]) -> None:
    """Find events that are outcomes."""
    won: dict[str, None] = {}
    lost: dict[str, None] = {}
    for one in events:
        look = one.look("event_type")
        for value in look.counts if look is not None else ():
            told = _meaning_of_event(value)
            if told in ("won", "lost"):
                (won if told == "won" else lost)[value] = None
    found.won_events, found.lost_events = tuple(won), tuple(lost)


def _meaning_of_event(value: str) -> str:
    """Tell what a kind of events means for a lead, by all of its name or by the end of it."""
    if any(has_phrase(value, word) for word in NOT_OF_EVENTS):
        return ""
    return meaning_of(value) or meaning_of(value.split("_")[-1].split(":")[-1])


def ends_of(leads: Meaning, endings: ToldEnds) -> pl.Series:
    """Tell how each lead ended, as far as it is guessed: ``won``, ``lost`` or ``open``.

    Parameters
    ----------
    leads : Meaning
        The leads' table.
    endings : ToldEnds
        How the outcomes are told.

    Returns
    -------
    pl.Series of String
        One a row of the leads' table.
    """
    ids = lead_ids_of(leads)
    ranks = [pl.Series([0], dtype=pl.Int8).new_from_index(0, len(ids))]
    for one in endings.told:
        best = told_rows(one, ids).select("id", "rank").drop_nulls().group_by("id").max()
        mine = pl.DataFrame({"id": ids}).join(best, on="id", how="left", maintain_order="left")
        ranks.append(mine["rank"].fill_null(0).cast(pl.Int8))
    highest = pl.select(pl.max_horizontal(ranks)).to_series()
    ends = highest.replace_strict({0: "open", 1: "lost", 2: "won"}, return_dtype=pl.String)
    return pl.select(pl.when(~is_deleted(leads)).then(ends)).to_series()


def lead_ids_of(leads: Meaning) -> pl.Series:
    """Read the leads' identifiers, or number their rows."""
    key = leads.fields.get("lead_id")
    numbers = pl.int_range(leads.seen.rows, eager=True).cast(pl.String)
    return numbers if key is None else ids_of(leads.seen, key)


def yes_words(meaning: Meaning) -> list[str]:
    """List the values by which rows of a table say that they are deleted; empty: no row does."""
    column = meaning.fields.get("deleted")
    values = {} if column is None else meaning.seen.looks[column].counts
    return [one for one in values if one.lower() not in ("0", "false", "no", "n", "f")]


def is_deleted(meaning: Meaning) -> pl.Series:
    """Tell which rows of a table are deleted."""
    column = meaning.fields.get("deleted")
    if column is None:
        return pl.Series([False], dtype=pl.Boolean).new_from_index(0, meaning.seen.rows)
    return meaning.seen.text(column).is_in(yes_words(meaning)).fill_null(value=False)


def told_rows(one: Ending, lead_ids: pl.Series) -> pl.DataFrame:
    """Read a description's rows: ``id``, ``rank`` (2 for won, 1 for lost, 0 for open), ``when``."""
    seen = one.table.seen
    frame = pl.DataFrame({name: written(seen, name) for name in seen.looks})
    frame = frame.with_columns(is_deleted(one.table).alias(_DELETED))
    for column, mark in one.split_cells.items():
        parts = ids_in_cells(frame[column], mark)
        frame = frame.with_columns(parts.alias(column)).explode(column)
        frame = frame.with_columns(first_fifteen(frame[column]))
    for join in one.joins:
        other = join.other.seen
        told = {new: written(other, old) for new, old in join.columns.items()}
        keys = {own: written(other, key) for own, key in join.on.items()}
        joined = (
            pl.DataFrame({**keys, **told})
            .filter(~is_deleted(join.other))
            .unique(list(keys), keep="first", maintain_order=True)
        )
        frame = frame.join(joined, on=list(keys), how="left", maintain_order="left")
    named = lead_ids if one.lead_id == "row" or one.is_own else frame[one.lead_id]
    if one.status is None:
        won, lost = one.dates.get("won_at"), one.dates.get("lost_at")
        is_won = frame[won].is_not_null() if won else pl.repeat(False, frame.height, eager=True)
        is_lost = frame[lost].is_not_null() if lost else ~is_won & False
    else:
        status = frame[one.status.column]
        is_won = status.is_in(list(one.status.won)).fill_null(value=False)
        is_lost = status.is_in(list(one.status.lost)).fill_null(value=False)
    rank = pl.select(pl.when(is_won).then(2).when(is_lost).then(1).otherwise(0)).to_series()
    won_at = one.dates.get("won_at", one.dates.get("closed_at"))
    when = pl.lit(None, pl.String) if won_at is None else frame[won_at]
    ends = pl.DataFrame({"id": named, "rank": rank.cast(pl.Int8)}).with_columns(when=when)
    is_there = frame[one.filled].is_not_null() if one.filled else True
    return ends.filter(frame[_DELETED].not_() & is_there)

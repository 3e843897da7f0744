"""Everything that is guessed of a source, put together: which table is what, read how."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from leadcast.features.base.errors import FaultsError, LeadcastError
from leadcast.features.discovery.attributes_guess import (
    Sorted,
    is_left_out,
    reason_against,
    sort_columns,
)
from leadcast.features.discovery.crm_names import CrmNames
from leadcast.features.discovery.endings import (
    LEAD,
    JoinGuess,
    ToldEnds,
    ends_of,
    find_endings,
)
from leadcast.features.discovery.meanings import (
    Meaning,
    add_fields,
    crm_meanings,
    generic_meanings,
    named_column,
    plausibility,
    repeated_keys,
)
from leadcast.features.discovery.pace import HorizonGuess, guess_horizon, rows_in_order
from leadcast.features.discovery.vocabulary import FIELDS
from leadcast.features.inspection.column_looks import ColumnLook, SeenTable, is_name_of_id, look_at
from leadcast.features.inspection.found_tables import Found
from leadcast.features.inspection.links import (
    Link,
    find_links,
    has_both_forms,
    keys_of,
    link_between,
    separator_in,
    share_of_rows,
)
from leadcast.features.inspection.table_times import TableTimes, day_first, later_share, times_of
from leadcast.features.inspection.wording import compact, plain_words

_PLAUSIBLE, _CLOSE = 3.0, 0.75
_LATER = 0.001
"""Of the rows, in so many at most the earliest of several times is not the earliest."""
_ROW_NUMBER = re.compile(
    r"(?:(?:row|line|serial|lfd|zeilen) ?)?(?:no|nr|num|number|nummer|numero)|(?:row|line) id"
)


@dataclass(frozen=True)
class EventsGuess:
    """A table of events, and how it names leads.

    Parameters
    ----------
    meaning : Meaning
        The table.
    lead_id : str
        The column with the lead's id, which may be a joined one.
    kind : str
        What its events are called; empty where a column tells.
    joins : tuple of JoinGuess
        What is joined.
    filled : str
        A column that must be filled in; empty: none.
    share : float
        Of the rows, how many name a lead that is there.
    note : str
        What speaks for it.
    split_cells : mapping of str to str
        Columns whose cells hold several identifiers, each with what parts these.
    """

    meaning: Meaning
    lead_id: str
    kind: str
    joins: tuple[JoinGuess, ...] = ()
    filled: str = ""
    share: float = 1.0
    note: str = ""
    split_cells: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Draft:
    """A source, as it is guessed.

    Parameters
    ----------
    leads : Meaning
        The leads' table.
    meanings : list of Meaning
        All tables.
    endings : ToldEnds
        How leads ended.
    events : list of EventsGuess
        The tables of events.
    accounts : Meaning or None
        The companies.
    columns : Sorted
        What becomes of the leads' columns.
    account_columns : Sorted
        Likewise of the companies'.
    times : dict of str to TableTimes
        How the times of each table are written, by its name.
    counts : dict of str to int
        Leads, won, lost and open, as far as was looked.
    zone : str
        The zone of times that name none; empty: none is needed, or it is unknown.
    zone_note, zone_to_do : str
        What speaks for it, and what is left open.
    ends : pl.Series of String or None
        How the lead of each row ended.
    order_by : str
        Of leads without a creation time, what gives their order; empty: nothing.
    maybe_created : str
        The earliest time that each row of leads without a creation time has; empty: none.
    row_order : str
        What speaks for an order of the rows themselves; empty: nothing.
    horizon : HorizonGuess or None
        Within how many days leads should be won.
    has_both_forms : bool
        Whether ids of Salesforce have 15 letters here and 18 there.
    denied : dict of str to str
        Columns that no score may read, each with its meaning.
    """

    leads: Meaning
    meanings: list[Meaning]
    endings: ToldEnds
    events: list[EventsGuess] = field(default_factory=list)
    accounts: Meaning | None = None
    columns: Sorted = field(default_factory=Sorted)
    account_columns: Sorted = field(default_factory=Sorted)
    times: dict[str, TableTimes] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    zone: str = ""
    zone_note: str = ""
    zone_to_do: str = ""
    ends: pl.Series | None = None
    order_by: str = ""
    maybe_created: str = ""
    row_order: str = ""
    horizon: HorizonGuess | None = None
    has_both_forms: bool = False
    denied: dict[str, str] = field(default_factory=dict)

    @property
    def is_dated(self) -> bool:
        """Whether the leads' creation is known."""
        return "created_at" in self.leads.fields


def draft_of(
    found: Found, place: str, crm: CrmNames | None, chosen: str | None, zone: str | None
) -> Draft:
    """Guess what an export is.

    Parameters
    ----------
    found : Found
        Its tables.
    place : str
        Where they are, for messages.
    crm : CrmNames or None
        Whose export it is; None: anybody's.
    chosen : str or None
        The table that holds the leads, where a user says so.
    zone : str or None
        The zone of times that name none, likewise.

    Returns
    -------
    Draft

    Raises
    ------
    LeadcastError
        If there is nothing to read, or no table that plausibly holds leads, or more than one.
    """
    if found.faults:
        raise FaultsError(place, found.faults)
    if not found.tables:
        left = "".join(f"\n  {told}" for told in found.left_out)
        raise LeadcastError(f"{place}: holds no table (CSV, Parquet, or CSV in .gz){left}")
    tables = [look_at(one) for one in found.tables]
    links = find_links(tables)
    repeated = repeated_keys(tables, links)
    links = find_links(tables, repeated) if repeated else links
    meanings = generic_meanings(tables, links) if crm is None else crm_meanings(tables, crm)
    for one in meanings:
        one.repeated_key = repeated.get(one.name, "")
    leads = _choose(meanings, links, place, crm, chosen)
    if crm is not None:
        # A CRM's own names say how its tables belong together; a company may have own columns.
        links = [link for link in links if _is_of_the_company(link, leads, meanings)]
    _identify(leads, meanings, links)
    others = [one for one in meanings if one is not leads]
    events = [
        guess for one in others if one.kind == "events" for guess in _events(leads, one, links)
    ]
    endings = find_endings(leads, others, links, [one.meaning for one in events])
    if len({one.meaning.name for one in events}) > 1:
        # What kinds are called in one table may be something else in another.
        events = [replace(one, kind=_kind_of(one.meaning)) for one in events]
    draft = Draft(leads, meanings, endings, events, has_both_forms=has_both_forms(tables))
    draft.ends = ends_of(leads, endings) if endings.told else None
    _companies(draft)
    draft.maybe_created = _maybe_created(draft)
    _read_times(draft, tables, zone, crm)
    _sort(draft)
    draft.horizon = guess_horizon(leads, endings, draft.ends)
    return draft


def _is_of_the_company(link: Link, leads: Meaning, meanings: Sequence[Meaning]) -> bool:
    """Tell whether a link is one that a CRM's own names could not give."""
    of_kind = {
        kind: {one.name for one in meanings if one.kind == kind} for kind in ("accounts", "events")
    }
    if link.child == leads.name:
        return link.parent in of_kind["accounts"]
    named = {one.name for one in meanings if {"lead_id", "contact_id"} & one.fields.keys()}
    is_of_lead = link.parent == leads.name and link.key == leads.fields.get("lead_id")
    return is_of_lead and link.child in of_kind["events"] - named


def _choose(
    meanings: list[Meaning],
    links: Sequence[Link],
    place: str,
    crm: CrmNames | None,
    chosen: str | None,
) -> Meaning:
    if chosen is not None:
        mine = [one for one in meanings if chosen in (one.name, one.seen.found.title)]
        if not mine:
            names = ", ".join(one.name for one in meanings)
            raise LeadcastError(f"--leads {chosen}: there is no such table; there are: {names}")
        return _as_leads(mine[0])
    rated = [(plausibility(one, meanings, links), one) for one in meanings]
    if crm is not None:
        rated = [(score, one) for score, one in rated if one.kind == "leads"]
    likely = [(score, one) for score, one in rated if score >= _PLAUSIBLE or crm is not None]
    likely.sort(key=lambda pair: -pair[0])
    if not likely:
        raise LeadcastError(_no_leads(meanings, place, crm))
    if len(likely) > 1 and likely[0][0] - likely[1][0] < _CLOSE:
        close = [one.name for score, one in likely if likely[0][0] - score < _CLOSE]
        listed = " or ".join(close)
        raise LeadcastError(
            f"{place}: more than one table may hold the leads: {listed}. Say which one does: "
            f"--leads {close[0]}; or put files with the same columns under names that "
            "differ in digits alone (leads_2023.csv, leads_2024.csv)"
        )
    return _as_leads(likely[0][1])


def _as_leads(meaning: Meaning) -> Meaning:
    if meaning.kind != "leads":
        meaning.kind = "leads"
        add_fields(meaning)
    return meaning


def _no_leads(meanings: list[Meaning], place: str, crm: CrmNames | None) -> str:
    told = "".join(
        f"\n  {one.name}: {one.seen.rows:,} rows; columns {', '.join(list(one.seen.looks)[:6])}"
        for one in meanings
    )
    wanted = "one row a lead, with an identifier, a time of creation, and how it ended"
    if crm is not None:
        names = ", ".join(name for name, one in crm.objects.items() if one.kind == "leads")
        return (
            f"{place}: none of the tables is one of {crm.title} with leads ({names}). Leave --from "
            f"out for a guess from any export, or name the table: --leads TABLE{told}"
        )
    return (
        f"{place}: no table seems to hold leads ({wanted}). Name the one that does: --leads TABLE; "
        f"or copy data/sources/template.yaml and fill it in by hand{told}"
    )


def _identify(leads: Meaning, meanings: list[Meaning], links: Sequence[Link]) -> None:
    """Find the columns by which tables name each other."""
    if "lead_id" not in leads.fields:
        key = _best_key(leads, links)
        if key is not None:
            leads.fields["lead_id"] = key
    for one in meanings:
        if one.kind in ("deals", "accounts"):
            wanted = "deal_id" if one.kind == "deals" else "account_id"
            asked = next((link.key for link in links if link.parent == one.name), None)
            named = named_column(one.seen, FIELDS[wanted], wanted, ())
            keys = keys_of(one.seen)
            likely = asked or (named if named in keys else next(iter(keys), named))
            if wanted not in one.fields and likely:
                one.fields[wanted] = likely
    if "account_id" not in leads.fields:
        asked_for = [one.name for one in meanings if one.kind == "accounts"]
        column = next(
            (one.column for one in links if one.child == leads.name and one.parent in asked_for),
            None,
        ) or named_column(leads.seen, FIELDS["account_id"], "account_id", leads.fields.values())
        if column is not None and not leads.seen.looks[column].is_unique:
            leads.fields["account_id"] = column


def _best_key(leads: Meaning, links: Sequence[Link]) -> str | None:
    keys = keys_of(leads.seen)
    if leads.repeated_key:
        # Rows of one lead may well have numbers of their own.
        keys = [one for one in keys if not _numbers_rows(leads.seen.looks[one])]
    asked = [link.key for link in links if link.parent == leads.name]
    named = {compact(name): -rank for rank, name in enumerate(FIELDS["lead_id"])}

    def worth(key: str) -> tuple[int, float, bool, int]:
        own = named.get(compact(key))
        return (asked.count(key), 1.0 if own is not None else 0.0,
                is_name_of_id(plain_words(key)), -keys.index(key))  # fmt: skip

    best = max(keys, key=worth, default=None)
    # A column whose every value is different may still be a score, or a free text.
    is_named = best is not None and worth(best)[:3] != (0, 0.0, False)
    return best if is_named else leads.repeated_key or None


def _numbers_rows(look: ColumnLook) -> bool:
    """Tell whether a column only counts rows, or has telephone numbers."""
    return look.kind == "phone" or _ROW_NUMBER.fullmatch(look.words) is not None


def _events(leads: Meaning, one: Meaning, links: Sequence[Link]) -> list[EventsGuess]:
    """Find how a table of events names leads: by their ids, or by what they became."""
    key = leads.fields.get("lead_id")
    if key is None or "occurred_at" not in one.fields:
        return []
    kind = "" if "event_type" in one.fields else _kind_of(one)
    found: list[EventsGuess] = []
    named = [one.fields[name] for name in ("lead_id", "contact_id") if name in one.fields]
    named += [link.column for link in links if (link.child, link.parent) == (one.name, leads.name)]
    ways = [(key, "")] + [
        (leads.fields[name], name) for name in ("contact_id",) if name in leads.fields
    ]
    for column in dict.fromkeys(named):
        for theirs, via in ways:
            link = link_between(one.seen, column, leads.seen, theirs) or _few(
                one, column, leads, theirs
            )
            if link is None:
                continue
            mark = separator_in(one.seen, column, leads.seen, theirs)
            split = {column: mark} if mark else {}
            one.fields.setdefault("lead_id", column)
            if not via:
                share, filled = (
                    share_of_rows(one.seen, column, leads.seen, key, mark),
                    _filled(one, column),
                )
                found.append(EventsGuess(one, column, kind, (), filled, share, link.words, split))
            else:
                join = JoinGuess(leads, {column: theirs}, {LEAD: key}, "first", link.words)
                found.append(
                    EventsGuess(one, LEAD, kind, (join,), LEAD, note=link.words, split_cells=split)
                )
    return found


def _few(one: Meaning, column: str, leads: Meaning, key: str) -> Link | None:
    """Take a link that a CRM's names give although most rows are of others."""
    if column not in {one.fields.get(name) for name in one.named}:
        return None
    share = share_of_rows(one.seen, column, leads.seen, key)
    return Link(one.name, column, leads.name, key, share) if share > 0 else None


def _filled(one: Meaning, column: str) -> str:
    look = one.seen.looks[column]
    return column if look.given < look.rows else ""


def _kind_of(one: Meaning) -> str:
    words = one.seen.title.rstrip("0123456789 ") or "event"
    return words.removesuffix("s").replace(" ", "_")


def _companies(draft: Draft) -> None:
    leads = draft.leads
    column = leads.fields.get("account_id")
    if column is None:
        return
    telling = column in _told_beside(draft)
    if telling or reason_against(leads.seen, leads.seen.looks[column], {}, draft.ends):
        # What sales fills in with a deal tells the outcome.
        del leads.fields["account_id"]
        return
    for one in (one for one in draft.meanings if one.kind == "accounts"):
        # Some exports name a company by its name, and not by its identifier.
        keys = dict.fromkeys([*([one.fields["account_id"]] if "account_id" in one.fields else ()),
                              *keys_of(one.seen)])  # fmt: skip
        for key in keys:
            link = link_between(leads.seen, column, one.seen, key)
            if link is not None and not link.separator:
                one.fields["account_id"] = key
                draft.accounts = one
                return


def _read_times(
    draft: Draft, tables: Sequence[SeenTable], zone: str | None, crm: CrmNames | None
) -> None:
    """Decide how the times of each table are written, and in which zone."""
    elsewhere, used = day_first(tables), list[ColumnLook]()
    for name, looks in _used_times(draft).items():
        draft.times[name] = times_of(looks, elsewhere)
        used += looks
    nameless = [look for look in used if look.time is not None and not look.time.has_zone]
    if not nameless:
        return
    first = nameless[0]
    if zone is not None:
        draft.zone, draft.zone_note = zone, "as --time-zone says"
    elif not any(look.time is not None and look.time.has_clock for look in nameless):
        draft.zone = "UTC"
        draft.zone_note = "guess: there are days alone, which another zone moves by hours at most"
    elif crm is not None and crm.zone and is_name_of_api(first.name):
        draft.zone, draft.zone_note = crm.zone, f"guess: {crm.title}'s API and database give UTC"
    else:
        example = next(iter(first.counts), "")
        draft.zone_to_do = (
            f"the zone of times such as {example!r} ({first.name!r}), which name none: "
            "Europe/Berlin, America/New_York, UTC …"
        )


def is_name_of_api(column: str) -> bool:
    """Tell whether a column is called as an API calls it, and not as a screen does."""
    return " " not in column


def _used_times(draft: Draft) -> dict[str, list[ColumnLook]]:
    found: dict[str, list[ColumnLook]] = {}
    created = draft.leads.look("created_at")
    found[draft.leads.name] = [created] if created is not None else []
    if draft.maybe_created:
        found[draft.leads.name].append(draft.leads.seen.looks[draft.maybe_created])
    for one in draft.endings.told:
        looks = [one.teller.seen.looks[one.column(column)] for column in one.dates.values()]
        found.setdefault(one.teller.name, []).extend(looks)
    for guess in draft.events:
        when = guess.meaning.look("occurred_at")
        found.setdefault(guess.meaning.name, []).extend([when] if when is not None else [])
    return found


def _sort(draft: Draft) -> None:
    """Decide what becomes of the columns of leads and companies."""
    leads, ends = draft.leads, draft.ends
    if ends is not None:
        counted = dict(ends.value_counts().iter_rows())
        draft.counts = {name: counted.get(name, 0) for name in ("won", "lost", "open")}
    formats = draft.times[leads.name].formats
    scores = tuple(leads.fields[name] for name in ("score",) if name in leads.fields)
    mapped = _columns_read(draft)
    if draft.maybe_created:
        mapped["maybe_created"] = draft.maybe_created
    elif not draft.is_dated:
        draft.order_by = _order(leads)
        mapped |= {"order_by": draft.order_by} if draft.order_by else {}
        if not draft.order_by and ends is not None:
            draft.row_order = rows_in_order(ends)
    mapped |= {name: leads.fields[name] for name in ("label",) if name in leads.fields}
    draft.columns = sort_columns(leads.seen, mapped, ends, formats, scores=scores)
    if "label" in leads.fields:
        draft.columns.leave_out(leads.fields["label"], "what the record is called")
    if draft.accounts is not None:
        key = {"account_id": draft.accounts.fields["account_id"]}
        draft.account_columns = sort_columns(
            draft.accounts.seen, key, None, formats, are_leads=False
        )
    # A prohibition holds in every table, by the column's name.
    for column in draft.columns.forbidden.keys() & _read_elsewhere(draft):
        reason = draft.columns.forbidden.pop(column)
        draft.columns.leave_out(column, f"{reason}; another table's column of this name is read")


def _columns_read(draft: Draft) -> dict[str, str]:
    """Tell which columns of the leads' table are read, beside attributes."""
    leads, told = draft.leads, draft.endings.told
    always = ("lead_id", "created_at", "deleted", "account_id")
    found = {name: column for name, column in leads.fields.items() if name in always}
    ways = [one.joins for one in told] + [one.joins for one in draft.events]
    for join in (join for joins in ways for join in joins):
        mine = [*join.on.values()] if join.other is leads else [*join.on]
        found |= {column: column for column in mine}
    return found | {column: column for column in _told_beside(draft)}


def _told_beside(draft: Draft) -> set[str]:
    """List the columns of the leads' table that tell how leads ended."""
    found: set[str | None] = set()
    for one in draft.endings.told:
        if one.is_own:
            status = one.status.column if one.status else None
            found |= {*one.dates.values(), one.amount, status}
    return {column for column in found if column is not None}


def _read_elsewhere(draft: Draft) -> set[str]:
    """List the columns that are read of other tables."""
    found: set[str] = set()
    for one in draft.endings.told:
        status = {one.status.column} if one.status else set()
        found |= {one.lead_id, *one.dates.values(), *status, *([one.amount] if one.amount else [])}
        found |= {
            name for join in one.joins for name in (*join.on.values(), *join.columns.values())
        }
    for guess in draft.events:
        found |= {guess.lead_id, *guess.meaning.fields.values()}
    if draft.accounts is not None:
        found.add(draft.accounts.fields["account_id"])
        found |= {one.look.name for one in draft.account_columns.attributes}
    return found


def _maybe_created(draft: Draft) -> str:
    """Find the earliest time that each row has, where none is called like the creation."""
    leads, seen = draft.leads, draft.leads.seen
    if draft.is_dated or "created_at" in leads.unread:
        return ""
    taken = {*leads.fields.values(), *_told_beside(draft)}
    likely = [
        name
        for name, look in seen.looks.items()
        if look.kind == "time"
        and look.given == look.rows
        and name not in taken
        and not is_left_out(look)
        and not reason_against(seen, look, {}, draft.ends)
    ]
    # Whatever else has a time in each row comes after the creation.
    first = [
        name
        for name in likely
        if all(later_share(seen, name, one) <= _LATER for one in likely if one != name)
    ]
    return first[0] if first else ""


def _order(leads: Meaning) -> str:
    """Find a running number, for leads without a creation time."""
    for name in keys_of(leads.seen):
        look = leads.seen.looks[name]
        if look.kind == "number" and name != leads.fields.get("lead_id"):
            return name
    return ""

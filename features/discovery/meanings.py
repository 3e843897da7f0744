"""What each table of an export is, and what its columns are: by names, values, a CRM's words."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from leadcast.features.discovery.crm_names import CrmNames, CrmObject
from leadcast.features.discovery.statuses import best_status
from leadcast.features.discovery.vocabulary import FIELDS, RECURRING, ROLES, TABLES
from leadcast.features.inspection.column_looks import ColumnLook, SeenTable, is_name_of_id
from leadcast.features.inspection.links import Link, keys_of, may_be_id
from leadcast.features.inspection.wording import compact, phrases

_TIMES = {"created_at", "won_at", "lost_at", "closed_at", "occurred_at", "modified_at"}
_CREATED_SHARE = 0.5
"""Of the leads, so many have a value in what is their creation."""
_IDS = {"lead_id", "account_id", "deal_id", "contact_id"}
MODIFIED = phrases(
    """last modified date|lastmodifieddate|modified on|modifiedon|date modified|modified time
    |last modified|last modified time|update time|write date|system modstamp|updated at
    |do not modify modified on|last updated on|hs lastmodifieddate|geandert am
    |fecha de modificacion"""
)
_FIELDS_OF: Mapping[str, tuple[str, ...]] = {
    "leads": ("created_at", "won_at", "lost_at", "closed_at", "amount", "deleted", "modified_at"),
    "deals": ("created_at", "won_at", "lost_at", "closed_at", "amount", "deleted", "modified_at"),
    "events": ("occurred_at", "event_type", "value", "deleted"),
    "accounts": ("deleted",),
    "links": ("deleted",),
    "other": (),
}


@dataclass
class Meaning:
    """A table and what it means.

    Parameters
    ----------
    seen : SeenTable
        The table.
    kind : str
        ``leads``, ``deals`` (outcomes of any kind), ``links``, ``accounts``, ``events`` or
        ``other``.
    fields : dict of str to str
        Which column has which meaning.
    named : frozenset of str
        The fields that a CRM's own names gave.
    why : str
        What speaks for the kind.
    unread : dict of str to str
        Columns that are called like a time and written in no way that is known, by field.
    repeated_key : str
        The column that is named as the lead's id although some rows repeat it; empty: none.
    """

    seen: SeenTable
    kind: str
    fields: dict[str, str] = field(default_factory=dict)
    named: frozenset[str] = frozenset()
    why: str = ""
    unread: dict[str, str] = field(default_factory=dict)
    repeated_key: str = ""

    @property
    def name(self) -> str:
        """Give the table's name."""
        return self.seen.name

    def look(self, name: str) -> ColumnLook | None:
        """Give the look of the column of a field."""
        column = self.fields.get(name)
        return None if column is None else self.seen.looks[column]


def crm_meanings(tables: Sequence[SeenTable], crm: CrmNames) -> list[Meaning]:
    """Recognise a CRM's tables by their files' and columns' names."""
    found = [_crm_meaning(seen, crm) for seen in tables]
    if not any(one.kind == "leads" for one in found):
        for one in found:
            one.kind = "leads" if one.kind == "contacts" else one.kind
    for one in found:
        # People beside leads are the same ones after their conversion.
        one.kind = "other" if one.kind == "contacts" else one.kind
        add_fields(one)
    return found


def _crm_meaning(seen: SeenTable, crm: CrmNames) -> Meaning:
    rated = [(_likeness(seen, one), name) for name, one in crm.objects.items()]
    best, name = max(rated)
    if best < 1.0:
        return Meaning(seen, "other", why="no table of this name is known")
    about = crm.objects[name]
    fields: dict[str, str] = {}
    for wanted, names in about.fields.items():
        column = named_column(seen, names, wanted, fields.values())
        if column is not None:
            fields[wanted] = column
    why = f"{crm.title}'s {name}, by the names of the file and of its columns"
    return Meaning(seen, about.kind, fields, frozenset(fields), why)


def _likeness(seen: SeenTable, about: CrmObject) -> float:
    letters = seen.title.replace(" ", "")
    by_file = 0.0
    for name in about.files:
        own = compact(name)
        if letters == own:
            by_file = 3.0
        elif own in letters and len(own) > 3:
            by_file = max(by_file, 1.0 + len(own) / 20)
    columns = {compact(name) for name in seen.looks}
    wanted = {compact(name) for name in about.telling}
    wanted |= {compact(name) for names in about.fields.values() for name in names}
    matched = len(columns & wanted)
    telling = len(columns & {compact(name) for name in about.telling})
    return by_file + min(0.25 * matched + 0.5 * telling, 2.5)


def named_column(
    seen: SeenTable,
    names: Iterable[str],
    wanted: str,
    taken: Iterable[str],
    *,
    within: bool = False,
) -> str | None:
    """Find the column with one of some names whose values fit the field.

    Parameters
    ----------
    seen : SeenTable
        The table.
    names : iterable of str
        The likeliest first.
    wanted : str
        The field.
    taken : iterable of str
        Columns that mean something else.
    within : bool
        Whether a longer name that holds one of these is as good.

    Returns
    -------
    str or None
    """
    mine = set(taken)
    free = [look for name, look in seen.looks.items() if name not in mine and _fits(look, wanted)]
    by_letters: dict[str, str] = {}
    for look in free:
        by_letters.setdefault(compact(look.name), look.name)
    names = tuple(names)
    for name in names:
        if compact(name) in by_letters:
            return by_letters[compact(name)]
    if within:
        for name in names:
            for look in free:
                if len(name) > 4 and f" {name} " in f" {look.words} ":
                    return look.name
    return None


def _fits(look: ColumnLook, wanted: str) -> bool:
    if look.kind == "empty":
        return False
    if wanted == "created_at":
        # Each lead was created; what few have came later.
        return look.kind == "time" and look.given >= _CREATED_SHARE * look.rows
    if wanted in _TIMES:
        return look.kind == "time"
    if wanted in ("amount", "value", "score", "cost"):
        return look.kind == "number"
    if wanted in _IDS:
        return look.kind in ("text", "category", "number", "phone")
    if wanted in ("deleted", "active"):
        return look.kind == "flag" or (look.kind == "number" and look.distinct <= 2)
    if wanted == "event_type":
        return look.kind in ("category", "text", "flag") and look.distinct <= 500
    return True


def add_fields(meaning: Meaning) -> None:
    """Find the columns of the fields that nobody has named yet."""
    for wanted in _FIELDS_OF[meaning.kind]:
        if wanted not in meaning.fields:
            names = MODIFIED if wanted == "modified_at" else FIELDS[wanted]
            if (meaning.kind, wanted) == ("deals", "amount"):
                names = (*names, *RECURRING)
            within = wanted in _TIMES and not meaning.named
            taken = meaning.fields.values()
            column = named_column(meaning.seen, names, wanted, taken, within=within)
            if column is not None:
                meaning.fields[wanted] = column
            elif wanted in _TIMES:
                _note_unread(meaning, wanted, names)
    if meaning.kind == "events" and "event_type" not in meaning.fields:
        column = _likely_type(meaning)
        if column is not None:
            meaning.fields["event_type"] = column
    if meaning.kind == "events" and "occurred_at" not in meaning.fields:
        times = [name for name, look in meaning.seen.looks.items() if look.kind == "time"]
        if times:
            meaning.fields["occurred_at"] = times[0]


def _note_unread(meaning: Meaning, wanted: str, names: Iterable[str]) -> None:
    """Note a column that should hold times, and is written in no way that is known."""
    column = named_column(meaning.seen, names, "", meaning.fields.values())
    if column is not None and meaning.seen.looks[column].distinct > 2:
        meaning.unread[wanted] = column


def _likely_type(meaning: Meaning) -> str | None:
    taken = set(meaning.fields.values())
    looks = [look for name, look in meaning.seen.looks.items() if name not in taken]
    kinds = [one for one in looks if one.kind == "category" and 1 < one.distinct <= 200]
    kinds = [one for one in kinds if one.given > 0.9 * one.rows and not is_name_of_id(one.words)]
    return min(kinds, key=lambda one: one.distinct).name if kinds else None


def generic_meanings(tables: Sequence[SeenTable], links: Sequence[Link]) -> list[Meaning]:
    """Guess what tables are by their names, their columns, and who names whom."""
    found = []
    for seen in tables:
        kind, why = _kind_of(seen, links)
        found.append(Meaning(seen, kind, why=why))
    for one in found:
        if one.kind in _FIELDS_OF:
            add_fields(one)
    return found


def _kind_of(seen: SeenTable, links: Sequence[Link]) -> tuple[str, str]:
    kind, name = _kind_by_name(seen)
    if kind:
        return kind, f"its name says {name!r}"
    out = [link for link in links if link.child == seen.name]
    has_time = any(look.kind == "time" for look in seen.looks.values())
    repeated = [
        link
        for link in out
        if seen.looks[link.column].distinct < 0.9 * seen.looks[link.column].given
    ]
    if repeated and has_time and best_status(seen) is None:
        return (
            "events",
            f"column {repeated[0].column!r} names rows of {repeated[0].parent} again and again",
        )
    if out and best_status(seen) is not None:
        return (
            "deals",
            f"column {out[0].column!r} names rows of {out[0].parent}, and it has an outcome",
        )
    asked = [link for link in links if link.parent == seen.name]
    if asked and not has_time and not out:
        first = asked[0]
        is_company = {compact(first.key), compact(first.column)} & _COMPANY
        why = f"column {first.column!r} of {first.child} names its rows, and it has no times"
        return "accounts" if is_company else "lookup", why
    return "leads", "one row a lead, as far as its columns tell"


def _kind_by_name(seen: SeenTable) -> tuple[str, str]:
    """Tell what a table's name says that it holds, and by which word; empty: nothing."""
    words = f" {seen.title} "
    for kind in ("events", "accounts", "deals", "leads", "contacts"):
        name = next((name for name in TABLES[kind] if f" {name} " in words), None)
        if name is not None and _may_be(seen, kind):
            return kind, name
    return "", ""


def repeated_keys(tables: Sequence[SeenTable], links: Sequence[Link]) -> dict[str, str]:
    """Find the columns that are named as the lead's id although some rows repeat a value.

    Rows of one lead are for `leadcast check` to tell; a number of the row would hide them.

    Parameters
    ----------
    tables : sequence of SeenTable
        All tables.
    links : sequence of Link
        Which of their columns name the rows of others.

    Returns
    -------
    dict of str to str
        The column, by table. None of a table of events or companies, nor one that names the
        rows of another table.
    """
    kinds = {seen.name: _kind_by_name(seen)[0] for seen in tables}
    found: dict[str, str] = {}
    for seen in tables:
        column, kind = _repeated_key(seen), kinds[seen.name]
        if not column or kind in ("events", "accounts"):
            continue
        is_leads = kind in ("leads", "contacts")
        named = {link.parent for link in links if (link.child, link.column) == (seen.name, column)}
        if is_leads:
            # One row a lead that was won, or one a visit: whose ids these are, they do not say.
            named = {one for one in named if kinds[one] not in ("deals", "events")}
        letters = {compact(name) for one in tables if one is not seen for name in one.looks}
        if not named and (is_leads or compact(column) not in letters):
            found[seen.name] = column
    return found


def _repeated_key(seen: SeenTable) -> str:
    """Find a table's column that is named as the lead's id and repeats some values."""
    ranks = {compact(name): rank for rank, name in enumerate(FIELDS["lead_id"])}
    likely = [
        look
        for look in seen.looks.values()
        if compact(look.name) in ranks
        and not look.is_unique
        and look.distinct >= _OWN_SHARE * look.rows
        and may_be_id(look)
        and all(_CODE.fullmatch(value) for value in look.counts)
    ]
    best = min(likely, key=lambda look: ranks[compact(look.name)], default=None)
    return "" if best is None else best.name


_CODE = re.compile(r"\S*\d\S*")
_OWN_SHARE = 0.75
"""Of the rows, so many have different values of what is still the lead's id."""
_COMPANY = {compact(name) for name in (*FIELDS["account_id"], "company", "firm", "organization")}


def _may_be(seen: SeenTable, kind: str) -> bool:
    """Tell whether a table holds what its name says."""
    if kind == "events":
        return any(look.kind == "time" for look in seen.looks.values())
    if kind == "deals":
        return (
            best_status(seen) is not None
            or named_column(seen, FIELDS["won_at"], "won_at", ()) is not None
        )
    return True


def plausibility(meaning: Meaning, meanings: Sequence[Meaning], links: Sequence[Link]) -> float:
    """Rate how likely a table has one row a lead.

    Parameters
    ----------
    meaning : Meaning
        The table.
    meanings : sequence of Meaning
        All tables.
    links : sequence of Link
        Who names whom.

    Returns
    -------
    float
        From 3 on it is likely.
    """
    seen, letters = meaning.seen, {compact(name) for name in meaning.seen.looks}
    roles = sum(bool({compact(name) for name in names} & letters) for names in ROLES.values())
    asked = {link.child for link in links if link.parent == seen.name}
    telling = {seen.name, *asked}
    has_outcome = any(_has_outcome(one) for one in meanings if one.name in telling)
    # Who names the rows of a larger table belongs to that table's rows.
    rows = {one.name: one.seen.rows for one in meanings}
    belongs = any(
        link.child == seen.name and seen.rows < rows[link.parent] and link.share > 0.9
        for link in links
    )
    sign = {"leads": 2.0, "contacts": 1.0, "deals": 0.5}.get(meaning.kind, -3.0)
    # Of a table that is only not known to be anything else, its name says nothing.
    sign = 0.0 if meaning.why.startswith("one row a lead") else sign
    return (
        sign
        + 1.0 * ("created_at" in meaning.fields)
        + 2.0 * has_outcome
        + 1.0 * (roles >= 2)
        + 0.25 * min(roles, 6)
        + 1.0 * bool(keys_of(seen) or meaning.repeated_key)
        + 1.0 * min(len(asked), 2)
        + 1.0 * (len(meanings) == 1)
        - 2.0 * belongs
    )


def _has_outcome(meaning: Meaning) -> bool:
    return best_status(meaning.seen) is not None or "won_at" in meaning.fields

"""What is known of a lead before it is scored, and which columns come later or say nothing."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from leadcast.features.definitions.table_schema import ROLE_TYPES, AttributeType
from leadcast.features.discovery.statuses import is_place
from leadcast.features.discovery.vocabulary import AFTERWARDS, PERSONAL, ROLES, SCORES
from leadcast.features.inspection.column_looks import ColumnLook, SeenTable, is_name_of_id
from leadcast.features.inspection.table_times import later_share
from leadcast.features.inspection.wording import attribute_name, compact
from leadcast.features.values.readings import RESERVED

_ENTITIES = {
    "lead",
    "deal",
    "contact",
    "person",
    "opportunity",
    "organization",
    "account",
    "company",
}
_TOTAL = re.compile(
    r"^total |. total$|^(?:number of|num|count of) (?:page ?views|sessions|visits|form submissions"
    r"|emails?|clicks|events|times|unique forms)|^average page ?views|^time spent"
)
"""Of a lead's visits and clicks, for ever; the events tell them by their time."""
_GAP = 0.6
_FEWEST = 20
_ALIKE = 0.01
"""Of the values of a column, so many at most stand where another has none, or the reverse."""


@dataclass(frozen=True)
class AttributeGuess:
    """A column that becomes an attribute.

    Parameters
    ----------
    name : str
        The attribute.
    look : ColumnLook
        The column.
    type : str
        The attribute's type.
    note : str
        What speaks for it, where that is not plain.
    """

    name: str
    look: ColumnLook
    type: AttributeType
    note: str = ""


@dataclass
class Sorted:
    """The columns of the leads' table, or of accounts, by what becomes of them.

    Parameters
    ----------
    attributes : list of AttributeGuess
        What is read.
    scores : list of str
        The points of today.
    forbidden : dict of str to str
        Columns with the reason.
    left_out : dict of str to list of str
        Reasons with the columns.
    """

    attributes: list[AttributeGuess] = field(default_factory=list)
    scores: list[str] = field(default_factory=list)
    forbidden: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, list[str]] = field(default_factory=dict)

    def leave_out(self, column: str, reason: str) -> None:
        """Note a column that is not read."""
        self.left_out.setdefault(reason, []).append(column)


def sort_columns(
    seen: SeenTable,
    mapped: Mapping[str, str],
    ends: pl.Series | None,
    formats: tuple[str, ...],
    *,
    are_leads: bool = True,
    scores: tuple[str, ...] = (),
) -> Sorted:
    """Decide what becomes of each column that has no meaning of its own.

    Parameters
    ----------
    seen : SeenTable
        The table.
    mapped : mapping of str to str
        The columns that are read already, by field.
    ends : pl.Series of String or None
        How each row's lead ended.
    formats : tuple of str
        In which the table's times are read.
    are_leads : bool
        Whether these are leads; accounts have no history and no points.
    scores : tuple of str
        Columns that a CRM's own names call points.

    Returns
    -------
    Sorted
    """
    found = Sorted()
    taken = {*ROLE_TYPES, *RESERVED}
    roles: set[str] = set()
    used = set(mapped.values())
    if are_leads:
        found.scores = [one.name for one in seen.looks.values() if _is_score(one, used, scores)]
    beginnings = [_stem(name) for name in found.scores]
    for column, look in seen.looks.items():
        if column in used or column in found.scores:
            continue
        reason = reason_against(seen, look, mapped, ends, beginnings)
        out = _left_out(look)
        if out == "":
            found.leave_out(column, "empty, or the same in each row")
        elif reason:
            found.forbidden[column] = reason
        elif out:
            found.leave_out(column, out)
        elif look.kind == "time" and not _is_read(look, formats):
            found.leave_out(column, "times that are written otherwise than the lead's creation")
        else:
            guess = _attribute(look, taken, roles)
            taken.add(guess.name)
            roles.add(guess.name)
            found.attributes.append(guess)
    return found


def _is_score(look: ColumnLook, used: set[str], scores: tuple[str, ...]) -> bool:
    if look.name in used or look.kind != "number" or look.distinct < 3:
        return False
    if look.name in scores:
        return True
    letters, words = _letters(look), look.words.removesuffix(" c")
    return any(compact(name) in letters for name in SCORES) or words.endswith(" score")


def _stem(name: str) -> str:
    return compact(name).removesuffix("score").removesuffix("points")


def _letters(look: ColumnLook) -> set[str]:
    """Give a column's letters, with and without the table's own name in front."""
    # So Dynamics marks the columns that it recognises records by.
    words = look.words.removeprefix("do not modify ")
    first, _, rest = words.partition(" ")
    own = {compact(look.name), words.replace(" ", "")}
    return own | {rest.replace(" ", "")} if first in _ENTITIES else own


_REASONS = {compact(name): reason for reason, names in AFTERWARDS.items() for name in names}
_PERSONAL = {compact(name) for name in PERSONAL}
_ROLES = {compact(name): role for role, names in [*ROLES.items()][::-1] for name in names}


def reason_against(
    seen: SeenTable,
    look: ColumnLook,
    mapped: Mapping[str, str],
    ends: pl.Series | None,
    beginnings: Sequence[str] = (),
) -> str:
    """Say why a column must not be read.

    Parameters
    ----------
    seen : SeenTable
        The table.
    look : ColumnLook
        The column.
    mapped : mapping of str to str
        The columns that are read, by field; times are compared with ``created_at``.
    ends : pl.Series of String or None
        How each row's lead ended.
    beginnings : sequence of str
        What the columns of today's points are called, without the word for points.

    Returns
    -------
    str
        Empty where it may be read.
    """
    for letters in _letters(look):
        if letters in _REASONS and not is_place(seen, look):
            return _REASONS[letters]
    is_role = bool(_letters(look) & _ROLES.keys())
    if look.kind == "number" and _TOTAL.search(look.words) and not is_role:
        return "sounds like a total that runs on until the day of the export"
    if look.words.endswith((" index", " grade", " rating")):
        own = _stem(look.name).removesuffix("index").removesuffix("grade").removesuffix("rating")
        if own in beginnings:
            return "is the existing score in other words"
    if ends is not None:
        told = _filled_by_end(seen, look, ends)
        if told:
            return told
    return _why_late(seen, look, mapped.get("created_at"))


def _why_late(seen: SeenTable, look: ColumnLook, created: str | None) -> str:
    """Say why a column's values come after the lead's creation; empty where nothing says so."""
    late = _filled_with(seen, look, created)
    if late:
        return f"is filled in for the same leads as {late!r}, which comes after their creation"
    share = later_share(seen, look.name, created) if look.kind == "time" else 0.0
    return f"{share:.0%} of its times come after the lead's creation" if share > 0.2 else ""


def _filled_by_end(seen: SeenTable, look: ColumnLook, ends: pl.Series) -> str:
    """Tell a column that is filled in for leads of one end, and not for others."""
    if look.given == look.rows or not look.given:
        return ""
    given = seen.text(look.name).is_not_null()
    shares = {
        end: float(given.filter(ends == end).mean() or 0.0)  # type: ignore[arg-type]
        for end in ("won", "lost", "open")
        if int((ends == end).sum()) >= _FEWEST
    }
    if len(shares) < 2:
        return ""
    most, least = max(shares, key=lambda end: shares[end]), min(shares, key=lambda end: shares[end])
    if shares[most] - shares[least] < _GAP:
        return ""
    return (
        f"is filled in for {shares[most]:.0%} of the {most} leads and {shares[least]:.0%} of the "
        f"{least} ones"
    )


def _filled_with(seen: SeenTable, look: ColumnLook, created: str | None) -> str:
    """Find a time after the leads' creation that just the leads with a value here have."""
    if created is None or look.kind == "time" or not _FEWEST <= look.given <= look.rows - _FEWEST:
        return ""
    given = seen.text(look.name).is_not_null()
    for name, other in seen.looks.items():
        if (
            other.kind != "time"
            or name == created
            or abs(other.given - look.given) > _ALIKE * look.given
        ):
            continue
        apart = int((seen.text(name).is_not_null() != given).sum())
        if apart <= _ALIKE * look.given and later_share(seen, name, created) > 0.5:
            return name
    return ""


def is_left_out(look: ColumnLook) -> bool:
    """Tell whether a column is not worth reading, whatever its table is.

    Parameters
    ----------
    look : ColumnLook
        The column.

    Returns
    -------
    bool
    """
    return _left_out(look) is not None


def _left_out(look: ColumnLook) -> str | None:
    """Say why a column is not worth reading; None where it is."""
    if look.kind == "empty" or (look.distinct <= 1 and look.given > 0.99 * look.rows):
        return ""
    is_role = bool(_letters(look) & _ROLES.keys())
    if compact(look.name) in _PERSONAL or (_letters(look) & _PERSONAL and not is_role):
        return "names, addresses and free text of a person"
    if look.kind not in ("text", "category", "number") or look.distinct <= 50:
        return None
    is_named, is_code = is_name_of_id(look.words), " " not in next(iter(look.counts), "")
    if look.is_unique and (is_named or (is_code and look.kind != "number")):
        return "identifiers, a value of its own for each row"
    if is_named and look.distinct > 0.3 * look.given:
        return "identifiers of something else"
    return None


def _is_read(look: ColumnLook, formats: tuple[str, ...]) -> bool:
    time = look.time
    if time is None or not time.is_text:
        return True
    return set(time.formats) <= set(formats) if time.formats else not formats


def _is_code(look: ColumnLook) -> bool:
    """Tell whether numbers only name something."""
    return look.kind == "number" and compact(look.name).endswith(("code", "id"))


def _attribute(look: ColumnLook, taken: set[str], roles: set[str]) -> AttributeGuess:
    role = next((_ROLES[one] for one in sorted(_letters(look)) if one in _ROLES), None)
    kind: AttributeType = "text" if look.kind in ("email", "phone", "text") else look.kind  # type: ignore[assignment]
    if role is None and look.kind in ("email", "phone"):
        role = look.kind
    if role is not None and role not in roles:
        types = ROLE_TYPES[role]
        if kind in types:
            own = types[0] if role not in ("company_size", "revenue") else kind
            return AttributeGuess(role, look, own)
        if kind in ("category", "text") or _is_code(look):
            return AttributeGuess(role, look, types[0])
    name = attribute_name(look.name, taken)
    return AttributeGuess(name, look, kind)

"""Which column of one table names the rows of another, by the values that both have."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import polars as pl

from leadcast.features.inspection.column_looks import ColumnLook, SeenTable
from leadcast.features.inspection.wording import compact, plain_words
from leadcast.features.values.guesses import listed_ids
from leadcast.features.values.identifiers import first_fifteen, ids_in_cells, parse_ids

_SAMPLE = 400
_OVERLAP = 0.5
_LISTED = (";", ",", "|")


@dataclass(frozen=True)
class Link:
    """A column whose values are identifiers of another table's rows.

    Parameters
    ----------
    child, column : str
        The table and its column.
    parent, key : str
        The other table and its identifier.
    share : float
        Of the column's different values, how many the other table has.
    separator : str
        What parts several identifiers in one cell; empty where there is one in each.
    """

    child: str
    column: str
    parent: str
    key: str
    share: float
    separator: str = ""

    @property
    def words(self) -> str:
        """Say what speaks for it."""
        return f"{self.share:.0%} of its values are in {self.parent}, column {self.key!r}"


def ids_of(seen: SeenTable, column: str) -> pl.Series:
    """Read a column as identifiers.

    Parameters
    ----------
    seen : SeenTable
        The table.
    column : str
        Its column.

    Returns
    -------
    pl.Series of String
        One a row; null where there is none. Salesforce's ids of 18 letters have 15.
    """
    return parse_ids(seen.found.frame[column], seen.missing, form="salesforce").values


def has_both_forms(tables: Sequence[SeenTable]) -> bool:
    """Tell whether some id of Salesforce stands with 15 letters here and with 18 there."""
    columns = [seen.text(name).drop_nulls() for seen in tables for name in seen.looks]
    likely = [one for one in columns if one.head(_SAMPLE).str.len_chars().is_in([15, 18]).any()]
    written = pl.concat([pl.Series([], dtype=pl.String), *(one.unique() for one in likely)])
    short = first_fifteen(written)
    return bool(short.filter(short != written).is_in(written.implode()).any())


def keys_of(seen: SeenTable) -> list[str]:
    """List the columns that may identify a table's rows.

    Parameters
    ----------
    seen : SeenTable
        The table.

    Returns
    -------
    list of str
        In the table's order.
    """
    return [name for name, look in seen.looks.items() if look.is_unique and may_be_id(look)]


def may_be_id(look: ColumnLook) -> bool:
    """Tell whether a column's values may be identifiers, unique or not.

    Parameters
    ----------
    look : ColumnLook
        The column.

    Returns
    -------
    bool
    """
    if look.kind == "number":
        return look.number is not None and look.number.written.decimal == "." and _is_whole(look)
    return look.kind in ("text", "category", "phone") and look.mean_length <= 64


def _is_whole(look: ColumnLook) -> bool:
    return not any("." in value for value in look.counts)


def find_links(
    tables: Sequence[SeenTable], repeated: Mapping[str, str] = MappingProxyType({})
) -> list[Link]:
    """Find the columns that name rows of another table.

    Parameters
    ----------
    tables : sequence of SeenTable
        All tables.
    repeated : mapping of str to str
        Columns that identify rows although some repeat a value, by table.

    Returns
    -------
    list of Link
        The surest first.
    """
    parents = [(seen, key, ids_of(seen, key).drop_nulls().unique()) for seen in tables
               for key in (*keys_of(seen), repeated.get(seen.name)) if key]  # fmt: skip
    found = [link for seen in tables for link in _links_of(seen, parents)]
    return sorted(found, key=lambda link: -link.share)


def _links_of(seen: SeenTable, parents: list[tuple[SeenTable, str, pl.Series]]) -> Iterator[Link]:
    for column, look in seen.looks.items():
        if not may_be_id(look) or look.distinct < 2:
            continue
        ids = ids_of(seen, column).drop_nulls().unique()
        for parent, key, known in parents:
            if parent is seen:
                continue
            if look.kind == "number" and not _sounds_alike(column, parent, key):
                continue
            link = link_between(seen, column, parent, key, ids, known)
            if link is not None:
                yield link


def link_between(
    seen: SeenTable,
    column: str,
    parent: SeenTable,
    key: str,
    ids: pl.Series | None = None,
    known: pl.Series | None = None,
) -> Link | None:
    """Compare two columns' values.

    Parameters
    ----------
    seen, parent : SeenTable
        The table that names, and the one that is named.
    column, key : str
        Their columns.
    ids, known : pl.Series or None
        Their different identifiers, where they have been read.

    Returns
    -------
    Link or None
        None where they share less than half of the column's values.
    """
    own = ids_of(seen, column).drop_nulls().unique() if ids is None else ids
    theirs = ids_of(parent, key).drop_nulls().unique() if known is None else known
    some = own.head(_SAMPLE)
    if not len(some):
        return None
    shared = float(some.is_in(theirs.implode()).mean())  # type: ignore[arg-type]
    if not parent.found.is_whole and shared > 0 and _sounds_alike(column, parent, key):
        # The other rows of a large table have not been seen.
        return Link(seen.name, column, parent.name, key, 1.0)
    if shared >= _OVERLAP:
        share = float(own.is_in(theirs.implode()).mean())  # type: ignore[arg-type]
        return Link(seen.name, column, parent.name, key, share)
    for mark in _LISTED:
        if some.str.contains(mark, literal=True).any():
            parts = first_fifteen(ids_in_cells(own, mark).explode().drop_nulls()).unique()
            share = float(parts.is_in(theirs.implode()).mean())  # type: ignore[arg-type]
            if share >= _OVERLAP:
                return Link(seen.name, column, parent.name, key, share, mark)
    return None


def share_of_rows(
    seen: SeenTable, column: str, parent: SeenTable, key: str, separator: str = ""
) -> float:
    """Tell which share of a table's rows names a row of another.

    Parameters
    ----------
    seen, parent : SeenTable
        The table that names, and the one that is named.
    column, key : str
        Their columns.
    separator : str
        What parts several identifiers in one cell; empty where there is one in each.

    Returns
    -------
    float
        Of the rows with an identifier; 1 where not all of the other table was seen.
    """
    if not parent.found.is_whole:
        return 1.0
    known = ids_of(parent, key).drop_nulls().unique()
    named = ids_of(seen, column).drop_nulls()
    if separator:
        named = first_fifteen(ids_in_cells(named, separator).explode().drop_nulls())
    return float(named.is_in(known.implode()).mean() or 0.0)  # type: ignore[arg-type]


def separator_in(seen: SeenTable, column: str, parent: SeenTable, key: str) -> str:
    """Tell what parts the identifiers in cells that name several rows of another table; or ""."""
    known = ids_of(parent, key).drop_nulls().unique()
    named = ids_of(seen, column).drop_nulls()
    return listed_ids(named.filter(~named.is_in(known.implode())), known)[1]


def _sounds_alike(column: str, parent: SeenTable, key: str) -> bool:
    """Tell whether names speak for a link: numbers from 1 on are in every table."""
    if compact(column) == compact(key) and compact(key) not in ("id", "row", "nr", "no"):
        return True
    words = plain_words(column).split()
    title = {word.rstrip("s") for word in parent.title.split() if len(word) > 2}
    return any(word.removesuffix("id").rstrip("s") in title for word in words)

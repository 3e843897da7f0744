"""How one table of a source is read: the reader, what is joined, which rows, columns and types.

Attribute names with a meaning, and the types that fit them.
"""

import codecs
from typing import Annotated, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator
from pydantic.functional_validators import BeforeValidator

from leadcast.features.base.packing import MOST_TIMES
from leadcast.features.values.formats import NumberFormat, TableSection, Values, as_list

TimePrecision = Literal["day", "moment"]
"""How exactly times are known."""
AttributeType = Literal["number", "category", "text", "flag", "time"]


def _as_column(value: object) -> object:
    return {"column": value} if isinstance(value, str) else value


Name = Annotated[str, Field(min_length=1)]
Names = Annotated[tuple[Name, ...], BeforeValidator(as_list)]


_NO_TEXT = {"idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape"}


def _known_encoding(name: str) -> str:
    try:
        # Python also calls ways to write names of hosts, and bytes as text, encodings.
        found = codecs.lookup(name)
        if found.name in _NO_TEXT or not found._is_text_encoding:
            raise LookupError(name)
    except (LookupError, ValueError):
        raise ValueError(
            f"{name!r} is no text encoding; common ones are utf-8, cp1252, latin-1 and utf-16"
        ) from None
    return name


class FileReader(TableSection):
    """Read a table from files: CSV with any separator, or Parquet; either may be gzipped CSV.

    Parameters
    ----------
    files : tuple of str
        Names or globs, relative to the source's root.
    format : {"csv", "parquet"} or None
        None: by the ending (``.parquet`` and ``.pq``, or anything else).
    separator : str
        What stands between two CSV fields; ``tab`` for a tabulator; may be several letters.
    encoding : str
        The CSV's text encoding.
    quote : str or None
        The CSV's quotation mark; None where there is none.
    skip_lines : int
        So many lines above the CSV's header are titles.
    missing : tuple of str
        Values that mean missing, in each column; blank always does.
    may_lack : tuple of str
        Columns that some of the files do not have: their rows have no value there.
    times_unpacked : int
        So many times its own size a gzip or Parquet file may be unpacked, once that is much.
    """

    files: Annotated[Names, Field(min_length=1)]
    format: Literal["csv", "parquet"] | None = None
    separator: Annotated[str, Field(pattern=r"^[^\x00\r\n\"]+$")] = ","
    encoding: Annotated[str, BeforeValidator(_known_encoding)] = "utf-8"
    quote: Annotated[str, Field(pattern=r"^[!-~]$")] | None = '"'
    skip_lines: Annotated[int, Field(ge=0)] = 0
    missing: Values = ()
    may_lack: Names = ()
    times_unpacked: Annotated[int, Field(ge=1)] = MOST_TIMES


class SqlReader(TableSection):
    """Read a table by a query.

    Parameters
    ----------
    sql : str
        One ``SELECT``.
    url_env : str
        The environment variable that holds the database's SQLAlchemy URL.
    chunk_rows : int
        So many rows are fetched at a time.
    missing : tuple of str
        Values that mean missing, in each column; NULL and blank always do.
    """

    sql: Name
    url_env: Name
    chunk_rows: Annotated[int, Field(ge=1)] = 50_000
    missing: Values = ()


def _reader_kind(value: object) -> str:
    # In brackets, so that no key of a definition is called like a variant.
    if isinstance(value, SqlReader):
        return "(sql)"
    return "(sql)" if isinstance(value, dict) and {"sql", "url_env"} & set(value) else "(files)"


Reader = Annotated[
    Annotated[FileReader, Tag("(files)")] | Annotated[SqlReader, Tag("(sql)")],
    Discriminator(_reader_kind),
]


def as_sequence(value: object) -> object:
    """Take one mapping for a list of one."""
    return [value] if isinstance(value, dict) else value


class RowFilter(TableSection):
    """Which rows of a table are used, by one of its columns; all that it says must hold.

    Parameters
    ----------
    column : str
        The export's column, or a joined one.
    one_of : tuple of str
        Rows with one of these values are used; upper case and spaces make no difference.
    not_one_of : tuple of str
        ``not``: rows with one of these values are left out; blank ones are used.
    missing : bool or None
        True: only blank values are used; False: none of them.
    since, before : str or None
        ``from`` and ``until``: only times from the one on, and before the other.
    """

    column: Name
    one_of: Values = ()
    not_one_of: Values = Field(default=(), alias="not")
    missing: bool | None = None
    since: Name | None = Field(default=None, alias="from")
    before: Name | None = Field(default=None, alias="until")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        said = (self.one_of, self.not_one_of, self.since, self.before)
        if self.missing is None and not any(said):
            raise ValueError("one of one_of, not, missing, from or until, which say what is used")
        return self

    def key_at(self, index: int) -> str:
        """Name the definition's key that asks for the filter, which is so far on in ``where``."""
        return f"where[{index}]"


class ServedFilter(RowFilter):
    """Leaves out the leads that a definition does not serve."""

    def key_at(self, index: int) -> str:
        """Name the definition's key that asks for the filter."""
        del index
        return "serves"


RowFilters = Annotated[tuple[RowFilter, ...], BeforeValidator(as_sequence)]


def _to_themselves(value: object) -> object:
    names = as_list(value)
    return {name: name for name in names} if isinstance(names, list | tuple) else value


Renamed = Annotated[dict[Name, Name], BeforeValidator(_to_themselves), Field(min_length=1)]
Expected = Literal["one", "first", "many"]
SplitCells = dict[Name, Name]
"""Columns whose cells hold several identifiers, each with what stands between these."""


class Join(TableSection):
    """A table whose columns are joined to another's rows, where identifiers in both are the same.

    Parameters
    ----------
    read : FileReader or SqlReader
        Where its rows come from.
    on : dict of str to str
        Columns of the table that is joined to, each with its counterpart in the joined one.
    columns : dict of str to str
        The names to use, each with the column of the joined table.
    expect : {"one", "first", "many"}
        How many joined rows have the same identifiers: at most one (more are a data quality
        issue), several of which the first counts, or several for each of which there is a row.
    split_cells : dict of str to str
        Columns of the joined table whose cells hold several identifiers; see `TableSchema`.
    where : tuple of RowFilter
        Which rows of the joined table are used.
    """

    read: Reader
    on: Renamed
    columns: Renamed
    expect: Expected = "one"
    split_cells: SplitCells = Field(default_factory=dict)
    where: RowFilters = ()


Joins = Annotated[tuple[Join, ...], BeforeValidator(as_sequence)]


class Attribute(TableSection):
    """One column of the export that becomes an attribute of the lead.

    Parameters
    ----------
    column : str
        The export's column.
    type : {"number", "category", "text", "flag", "time"} or None
        None: taken from the values.
    missing : tuple of str
        Values that mean missing in this column alone.
    values : dict of str to str
        Replacements, applied before reading (for a flag: to ``true`` or ``false``).
    numbers : NumberFormat or None
        How this column's numbers are written, where they differ from the table's.
    """

    column: Name
    type: AttributeType | None = None
    missing: Values = ()
    values: dict[str, str] = Field(default_factory=dict)
    numbers: NumberFormat | None = None


class ExportColumn(TableSection):
    """A column of the export, told apart from the word ``row``.

    Parameters
    ----------
    column : str
        The export's column.
    descending : bool
        Whether the largest value is the earliest.
    """

    column: Name
    descending: bool = False


def _row_or_column(value: object) -> object:
    return {"column": value} if isinstance(value, str) and value != "row" else value


def _row_or_column_kind(value: object) -> str:
    return "(row)" if value == "row" else "(column)"


RowOrColumn = Annotated[
    Annotated[ExportColumn, Tag("(column)")] | Annotated[Literal["row"], Tag("(row)")],
    Discriminator(_row_or_column_kind),
    BeforeValidator(_row_or_column),
]


class TableSchema(TableSection):
    """What every table has.

    Parameters
    ----------
    read : FileReader or SqlReader
        Where its rows come from.
    time_zone : str or None
        The zone of times that name none; None: the source's.
    time_format : tuple of str
        strptime formats, one of which fits, or one of `leadcast.features.values.times.COUNTED`;
        empty: ISO 8601.
    numbers : NumberFormat
        How numbers are written where they are text.
    split_cells : dict of str to str
        Columns whose cells hold several identifiers, each with what stands between these: the row
        stands once for each, before anything is joined or filtered.
    join : tuple of Join
        What is joined to its rows, one after the other: a join may use what an earlier one gave.
    where : tuple of RowFilter
        Which of its rows are used; by its own columns, or by joined ones.
    """

    read: Reader
    time_zone: str | None = None
    time_format: Values = ()
    numbers: NumberFormat = NumberFormat()
    split_cells: SplitCells = Field(default_factory=dict)
    join: Joins = ()
    where: RowFilters = ()


class LeadColumns(TableSection):
    """Where the lead's own columns are."""

    lead_id: RowOrColumn
    """The identifier; ``row`` numbers the rows of an export that has none."""
    created_at: Name | None = None
    """When the lead was created; None where the export does not know."""


class SalesColumns(TableSection):
    """Columns that sales needs for its work and that no model ever sees; they may be forbidden.

    Parameters
    ----------
    owner : str or None
        Who works on the lead.
    territory : str or None
        The territory that it belongs to.
    consent : str or None
        A flag: whether the lead agreed to be contacted; blank is no.
    do_not_contact : str or None
        A flag: whether it must not be contacted; blank is no.
    """

    owner: Name | None = None
    territory: Name | None = None
    consent: Name | None = None
    do_not_contact: Name | None = None

    def named(self) -> dict[str, str]:
        """Name the columns that there are, by what they are."""
        found: dict[str, str] = self.model_dump(exclude_none=True)
        return found


class PersonColumns(TableSection):
    """Columns that tell who a lead is, by which its other records are found.

    No model sees them, they are not kept, and they may be forbidden.

    Parameters
    ----------
    name : str or None
        The full name ("Jane Doe" or "Doe, Jane").
    first_name, last_name : str or None
        Its parts, where they have columns of their own.
    company, address, postal_code, city : str or None
        Where the lead works or lives.
    """

    name: Name | None = None
    first_name: Name | None = None
    last_name: Name | None = None
    company: Name | None = None
    address: Name | None = None
    postal_code: Name | None = None
    city: Name | None = None

    def named(self) -> dict[str, str]:
        """Name the columns that there are, by what they are."""
        found: dict[str, str] = self.model_dump(exclude_none=True)
        return found


class LeadsTable(TableSchema):
    """One row a lead.

    Parameters
    ----------
    columns : LeadColumns
        Identifier and creation time.
    attributes : dict of str to Attribute
        Canonical name to column; a plain string is a column whose type is taken from its values.
    remaining_columns : {"ignore", "infer"}
        What becomes of the columns that are neither mapped nor forbidden.
    order_by : ExportColumn, "row" or None
        What gives time's order where there is no creation time.
    rules_score : tuple of str
        The columns whose sum is the existing rules-based score.
    sales : SalesColumns
        What sales needs for its call list.
    person : PersonColumns
        What tells who the lead is.
    """

    columns: LeadColumns
    attributes: dict[str, Annotated[Attribute, BeforeValidator(_as_column)]] = Field(
        default_factory=dict
    )
    remaining_columns: Literal["ignore", "infer"] = "ignore"
    order_by: RowOrColumn | None = None
    rules_score: Names = ()
    sales: SalesColumns = SalesColumns()
    person: PersonColumns = PersonColumns()


class AccountColumns(TableSection):
    """Where an account's own columns are."""

    account_id: Name
    """The identifier, which the leads name by their attribute ``account_id``."""
    name: Name | None = None
    """The company's name, by which leads without an identifier are matched."""
    domain: Name | None = None
    """Its e-mail domain, likewise."""


class AccountsTable(TableSection):
    """One row an account: what is known of the companies that leads belong to.

    Parameters
    ----------
    read : FileReader or SqlReader
        Where its rows come from.
    columns : AccountColumns
        The identifier, and perhaps name and domain.
    attributes : dict of str to Attribute
        Canonical names of attributes that each lead of an account has, as for the leads' own; at
        least one, unless there is a name or a domain.
    numbers : NumberFormat
        How numbers are written where they are text.
    split_cells, join, where
        As for every table.
    """

    read: Reader
    columns: AccountColumns
    attributes: dict[str, Annotated[Attribute, BeforeValidator(_as_column)]] = Field(
        default_factory=dict
    )
    numbers: NumberFormat = NumberFormat()
    split_cells: SplitCells = Field(default_factory=dict)
    join: Joins = ()
    where: RowFilters = ()

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.attributes and self.columns.name is None and self.columns.domain is None:
            raise ValueError("neither attributes nor columns.name or columns.domain are named")
        return self


class EventColumns(TableSection):
    """Where an event's columns are."""

    lead_id: Name
    """Whose event it is."""
    occurred_at: Name
    """When it happened."""
    event_type: Names = ()
    """What kind it is; several columns are joined by ``:``."""
    value: Name | None = None
    """A number that goes with it."""
    user_agent: Name | None = None
    ip_address: Name | None = None
    filtered: Name | None = None
    """Who asked for the page and from where, and whether the CRM marks it as a machine's; only
    read where the definition has the section ``nonhuman``."""


class EventsTable(TableSchema):
    """One row an event.

    Parameters
    ----------
    columns : EventColumns
        The canonical columns.
    kind : str or None
        The kind of every event of this table (``call``), put before its `event_type`, if any.
    time_precision : {"day", "moment"} or None
        Whether its times name days only, which are known when they are over; None: they tell.
    """

    columns: EventColumns
    kind: Name | None = None
    time_precision: TimePrecision | None = None

    @model_validator(mode="after")
    def _has_kind(self) -> Self:
        if self.kind is None and not self.columns.event_type:
            raise ValueError("neither columns.event_type nor kind says what kind its events are")
        return self


_WORDS: tuple[AttributeType, ...] = ("category", "text")
_SIZES: tuple[AttributeType, ...] = ("number", "text", "category")

ROLE_TYPES: dict[str, tuple[AttributeType, ...]] = {
    "job_title": ("text", "category"),
    "company_size": _SIZES,
    "revenue": _SIZES,
    "industry": _WORDS,
    "country": _WORDS,
    "email": ("text", "category"),
    "phone": ("text", "category"),
    "source": _WORDS,
    "vendor": _WORDS,
    "campaign": _WORDS,
    "account_id": _WORDS,
    "cost": ("number",),
    "worked": ("flag",),
    "random_slice": ("flag",),
    "form_seconds": ("number",),
    "form_pasted": ("number",),
    "form_device": _WORDS,
    "form_address": _WORDS,
}
"""The types that a role may have. The first is taken where none is declared, but for sizes, which
are numbers in one export and bands ("11-50") in the next: their values decide."""


def default_type(name: str) -> AttributeType | None:
    """Tell the type of an attribute whose name has a meaning.

    Parameters
    ----------
    name : str
        The attribute's name.

    Returns
    -------
    str or None
        None where the values decide.
    """
    types = ROLE_TYPES.get(name)
    return None if types is None or types is _SIZES else types[0]

"""What raw columns give away before they are read: lengths, letters, dates that fit two ways, ids.

Only counts are kept, and a few rows for examples; no values.
"""

import re
from collections import Counter
from dataclasses import dataclass, field

import polars as pl

from leadcast.features.definitions.definition import EventOutcomes, SourceDefinition
from leadcast.features.definitions.table_schema import ExportColumn
from leadcast.features.profile.personal import is_personal
from leadcast.features.readers.issues import as_text
from leadcast.features.readers.origins import RawRows
from leadcast.features.values.columns import text_half

MOST_EXAMPLES = 3
CUT_LENGTHS = (255, 32_767)
"""At these many characters databases and spreadsheets cut a cell."""
MONTHS = 12
CURRENCY = r"([€$£¥₹]|\b(?:USD|EUR|GBP|CHF|JPY|INR|CAD|AUD|SEK|PLN)\b)"
_UNSEEN = r"[\x{00AD}\x{200B}-\x{200F}\x{2060}\x{FEFF}]"
_UNSEEN_IN_WORDS = r"[\x{00AD}\x{200B}\x{2060}\x{FEFF}]"
# A letter of one alphabet right beside one of another, within one word.
_TWO_ALPHABETS = r"[A-Za-z][\x{0400}-\x{04FF}]|[\x{0400}-\x{04FF}][A-Za-z]"
_NUMBERED_DATE = r"^\s*(\d{1,2})[./-](\d{1,2})[./-]\d"
_DAY_OR_MONTH = re.compile(r"%-?[dem]")


@dataclass(frozen=True)
class WatchedColumn:
    """What a definition says of a column.

    Parameters
    ----------
    table, column : str
        Which.
    name : str
        What it becomes: ``lead_id``, ``created_at``, an attribute's name …
    is_id : bool
        Whether it identifies a lead or an account.
    is_amount : bool
        Whether it may hold amounts of money.
    formats : tuple of str
        How its times are written, where it holds times.
    """

    table: str
    column: str
    name: str
    is_id: bool = False
    is_amount: bool = False
    formats: tuple[str, ...] = ()

    @property
    def is_personal(self) -> bool:
        """Whether its values are never shown."""
        return self.is_id or is_personal(self.name) or is_personal(self.column)


def columns_to_watch(definition: SourceDefinition) -> dict[tuple[str, str], WatchedColumn]:
    """Name the columns that are read, by table and column."""
    found: list[WatchedColumn] = []
    leads = definition.tables.leads
    if isinstance(leads.columns.lead_id, ExportColumn):
        found.append(WatchedColumn("leads", leads.columns.lead_id.column, "lead_id", is_id=True))
    if leads.columns.created_at is not None:
        about = ("leads", leads.columns.created_at, "created_at")
        found.append(WatchedColumn(*about, formats=leads.time_format))
    for name, one in definition.lead_attributes().items():
        is_amount = one.type in (None, "number") and not name.startswith("account")
        formats = leads.time_format if one.type in (None, "time") else ()
        about = ("leads", one.column, name)
        found.append(
            WatchedColumn(*about, name == "account_id", is_amount=is_amount, formats=formats)
        )
    for name, table in zip(definition.event_table_names(), definition.tables.events, strict=True):
        columns = table.columns
        found.append(WatchedColumn(name, columns.lead_id, "lead_id", is_id=True))
        about = (name, columns.occurred_at, "occurred_at")
        found.append(WatchedColumn(*about, formats=table.time_format))
        found += [WatchedColumn(name, kind, "event_type") for kind in columns.event_type]
    found += _of_outcomes(definition)
    return {(one.table, one.column): one for one in found}


def _of_outcomes(definition: SourceDefinition) -> list[WatchedColumn]:
    found = []
    names = definition.outcome_table_names()
    for own, outcomes in zip(names, definition.tables.outcomes, strict=True):
        if isinstance(outcomes, EventOutcomes):
            continue
        dated = definition.tables.leads if outcomes.read is None else outcomes
        for name, column in outcomes.columns.model_dump(exclude_none=True).items():
            is_time = name in ("won_at", "lost_at", "closed_at")
            found.append(
                WatchedColumn(
                    table="leads" if outcomes.read is None else own,
                    column=column,
                    name=name,
                    is_id=name == "lead_id",
                    is_amount=name == "amount",
                    formats=dated.time_format if is_time else (),
                )
            )
    return found


@dataclass
class Sighting:
    """How often something was seen, and a few of the rows."""

    count: int = 0
    rows: list[RawRows] = field(default_factory=list)

    def add(self, rows: RawRows, mask: pl.Series) -> None:
        """Count rows, and keep the first."""
        more = int(mask.sum())
        wanted = MOST_EXAMPLES - sum(len(one) for one in self.rows)
        if more and wanted > 0:
            places = mask.fill_null(value=False).arg_true().head(wanted)
            few = (rows.frame[places], rows.number[places], rows.origin[places])
            self.rows.append(RawRows(*few, rows.origins))
        self.count += more


@dataclass
class ColumnSigns:
    """What a column of texts gave away."""

    about: WatchedColumn
    seen: int = 0
    """How many rows were looked at."""
    longest: int = 0
    at_longest: Sighting = field(default_factory=Sighting)
    foreign: Sighting = field(default_factory=Sighting)
    currencies: Counter[str] = field(default_factory=Counter)
    dates: Counter[tuple[int, int]] = field(default_factory=Counter)
    """The first two numbers of dates, with their counts."""
    dates_by_file: dict[str, Counter[tuple[int, int]]] = field(default_factory=dict)
    """The same for each file, as long as none of them is above 12; then empty."""

    def add(self, rows: RawRows, column: str) -> None:
        """Look at a part of it."""
        self.seen += len(rows)
        text = text_half(rows.frame[column])
        if text is None or not text.count():
            return
        self._measure(rows, text)
        if self.about.is_amount:
            marks = text.str.extract(CURRENCY).drop_nulls().alias("mark")
            self.currencies.update(dict(marks.value_counts(name="n").iter_rows()))
        if is_numbered(self.about.formats):
            self._read_dates(rows, text)

    def _measure(self, rows: RawRows, text: pl.Series) -> None:
        lengths = text.str.len_chars()
        longest = lengths.max()
        assert isinstance(longest, int)
        if longest > self.longest:
            self.longest, self.at_longest = longest, Sighting()
        if longest == self.longest and longest in CUT_LENGTHS:
            self.at_longest.add(rows, lengths == longest)
        # Most columns are plain ASCII, which is told fast.
        if lengths.sum() != text.str.len_bytes().sum():
            unseen = _UNSEEN if self.about.is_id else _UNSEEN_IN_WORDS
            self.foreign.add(rows, text.str.contains(f"{unseen}|{_TWO_ALPHABETS}"))

    def _read_dates(self, rows: RawRows, text: pl.Series) -> None:
        both = text.str.extract_groups(_NUMBERED_DATE).struct.unnest()
        pairs = both.select(pl.all().cast(pl.Int32).name.map(lambda at: f"n{at}"))
        pairs = pairs.with_columns(rows.origin.alias("file")).drop_nulls()
        for first, second, file, count in pairs.group_by("n1", "n2", "file").len().iter_rows():
            pair = (first, second)
            self.dates[pair] += count
            name = rows.origins[file].name
            of_file = self.dates_by_file.get(name)
            if max(pair) > MONTHS:
                self.dates_by_file[name] = Counter()
            elif of_file is None:
                self.dates_by_file[name] = Counter({pair: count})
            elif of_file:
                of_file[pair] += count


def is_numbered(formats: tuple[str, ...]) -> bool:
    """Tell whether times are written with day and month as numbers, these first."""
    return any(_DAY_OR_MONTH.match(one.strip()) for one in formats)


@dataclass
class IdSigns:
    """What a column of identifiers gave away."""

    about: WatchedColumn
    seen: int = 0
    with_exponent: Sighting = field(default_factory=Sighting)
    long: int = 0
    """Whole numbers of 16 digits or more."""
    long_zeros: Sighting = field(default_factory=Sighting)
    """Of them, those with zeros alone after the 15th."""
    led_by_zero: Sighting = field(default_factory=Sighting)
    zero_width: int = 0
    """How long the longest number is that begins with a zero."""
    numbers: Counter[int] = field(default_factory=Counter)
    """Numbers that begin with no zero, by their length."""
    plain_number: Sighting = field(default_factory=Sighting)
    fifteen: Sighting = field(default_factory=Sighting)
    eighteen: Sighting = field(default_factory=Sighting)
    """Salesforce's identifiers, short and long."""

    def add(self, rows: RawRows, column: str) -> None:
        """Look at a part of it."""
        text = as_text(rows.frame[column]).str.strip_chars()
        self.seen += text.count()
        lengths = text.str.len_chars()
        self.with_exponent.add(rows, text.str.contains(r"^\d(?:[.,]\d+)?[eE]\+?\d{1,3}$"))
        digits = text.str.contains(r"^\d+$").fill_null(value=False)
        if digits.any():
            long = digits & (lengths >= 16)
            self.long += int(long.sum())
            self.long_zeros.add(rows, long & text.str.contains(r"^\d{15}0+$"))
            led = digits & text.str.starts_with("0") & (lengths > 1)
            self.led_by_zero.add(rows, led)
            width = lengths.filter(led.fill_null(value=False)).max()
            self.zero_width = max(self.zero_width, width if isinstance(width, int) else 0)
            self.plain_number.add(rows, digits & ~led)
            plain = lengths.filter((digits & ~led).fill_null(value=False)).alias("length")
            self.numbers.update(dict(plain.value_counts(name="n").iter_rows()))
        if lengths.is_in([15, 18]).any():
            coded = text.str.contains(r"^[0-9A-Za-z]*[0-9][0-9A-Za-z]*$")
            coded &= text.str.contains(r"[A-Za-z]")
            self.fifteen.add(rows, coded & (lengths == 15))
            self.eighteen.add(rows, coded & (lengths == 18))

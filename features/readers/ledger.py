"""What was found while reading a source: faults, counts, and the rows that were set aside.

Each row that was set aside has its reason; none is silently away.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

import polars as pl

from leadcast.features.base.errors import Fault
from leadcast.features.definitions.definition import Limits
from leadcast.features.readers.account import RowAccount
from leadcast.features.readers.issues import (
    BROKEN_ROW,
    IssueKind,
    as_text,
    constant,
    described,
    full_reasons,
)
from leadcast.features.readers.origins import BrokenRow, RawOrigin, RawRows

SCHEMA = {
    "table": pl.String,
    "file": pl.String,
    "row": pl.Int64,
    "line": pl.Int64,
    "lead_id": pl.String,
    "reason": pl.String,
    "kept": pl.Boolean,
    "raw": pl.String,
}
"""``row`` and ``line`` count from 1; ``kept`` rows stay in the canonical tables with an empty
value; ``raw`` is the row as JSON, with the columns that the definition reads."""


class Quarantine:
    """Collects rows in files, so that many of them take no memory.

    Parameters
    ----------
    folder : Path
        A folder for the parts; made when the first row comes.

    Attributes
    ----------
    rows : int
        How many there are so far.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._parts = 0
        self.rows = 0

    def add(
        self, table: str, rows: RawRows, *, lead_ids: pl.Series, reasons: pl.Series, kept: bool
    ) -> None:
        """Set rows aside.

        Parameters
        ----------
        table : str
            Of which table.
        rows : RawRows
            The rows.
        lead_ids, reasons : pl.Series of String
            Whose they are, and why; one a row.
        kept : bool
            Whether they stay in the canonical tables with an empty value.
        """
        told = _as_json(rows.frame)
        raw = told.select(pl.struct(pl.all()).struct.json_encode()).to_series()
        frame = rows.places().with_columns(
            table=pl.lit(table), lead_id=lead_ids, reason=reasons, kept=pl.lit(kept), raw=raw
        )
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"part-{self._parts:06d}.parquet"
        frame.select(pl.col(name).cast(dtype) for name, dtype in SCHEMA.items()).write_parquet(path)
        self._parts += 1
        self.rows += frame.height

    def finish(self, path: Path) -> None:
        """Write all rows into one file, and remove the parts.

        Parameters
        ----------
        path : Path
            The file; without rows where nothing was set aside.
        """
        if not self._parts:
            pl.DataFrame(schema=SCHEMA).write_parquet(path)
            return
        parts = sorted(self._folder.glob("part-*.parquet"))
        pl.scan_parquet(parts).sink_parquet(path)
        for part in parts:
            part.unlink()
        self._folder.rmdir()


def _as_json(frame: pl.DataFrame) -> pl.DataFrame:
    """Give rows that JSON has words for: times that no calendar has become texts."""
    times = [
        name for name, dtype in frame.schema.items() if isinstance(dtype, pl.Datetime | pl.Date)
    ]
    beyond = [
        name
        for name in times
        if frame[name].cast(pl.Datetime("us"), strict=False).null_count() > frame[name].null_count()
    ]
    return frame.with_columns(as_text(frame[name]) for name in beyond)


_SAMPLES = 3


Why = Callable[[list[str]], str]
"""Takes the first distinct values that are at fault and tells why they may be, or nothing."""
NO_WHY: Mapping[str, Why] = MappingProxyType({})
_LOOKED_AT = 100

KindIn = Callable[[IssueKind, str], IssueKind | None]
"""Takes a kind and a table's name."""


def as_defined(kind: IssueKind, table: str) -> IssueKind:  # noqa: ARG001 - the same in all tables
    """Leave a kind as it is."""
    return kind


@dataclass(frozen=True)
class _Group:
    kind: IssueKind
    table: str
    column: str
    words: str


@dataclass
class _Found:
    count: int = 0
    samples: list[str] = field(default_factory=list)
    values: dict[str, None] = field(default_factory=dict)
    why: Why | None = None
    _told: tuple[int, str] = (0, "")

    def reason(self) -> str:
        """Ask why; once, as long as nothing more is found."""
        if self.why is None or not self.values:
            return ""
        if self._told[0] != len(self.values):
            self._told = (len(self.values), self.why([*self.values]))
        return self._told[1]

    def and_more(self, more: "_Found") -> "_Found":
        samples = [*self.samples, *more.samples][:_SAMPLES]
        values = dict.fromkeys([*self.values, *more.values][:_LOOKED_AT])
        return _Found(self.count + more.count, samples, values, self.why or more.why)

    def look_at(self, values: pl.Series, why: Why) -> None:
        """Keep the first distinct values, which are asked in the end."""
        self.why = self.why or why
        if len(self.values) < _LOOKED_AT:
            some = values.drop_nulls().unique(maintain_order=True)
            new = some.filter(~some.is_in([*self.values]))
            self.values |= dict.fromkeys(new.head(_LOOKED_AT - len(self.values)))


class Ledger:
    """Takes everything that is wrong with a source, and tells it at the end.

    Parameters
    ----------
    quarantine : Quarantine or None
        Where rows that are set aside are written; None where they are only counted.
    kind_in : callable
        Gives the kind that a kind of fault is in a table; None where it is no fault there.

    Attributes
    ----------
    account : RowAccount
        Where the rows of each table went.
    origin_totals : dict of str to Counter
        Of each table, how many rows each of its files or queries had.
    same_files : set of (str, str)
        Tables and names of files that have the content of another, and were refused.
    """

    def __init__(self, quarantine: Quarantine | None = None, kind_in: KindIn = as_defined) -> None:
        self._quarantine = quarantine
        self._kind_in = kind_in
        self.account = RowAccount()
        self._faults: list[Fault] = []
        self._found: dict[_Group, _Found] = {}
        self._totals: dict[str, int] = {}
        self._values: Counter[tuple[str, str, str]] = Counter()
        self.origin_totals: dict[str, Counter[str]] = {}
        self.same_files: set[tuple[str, str]] = set()
        self._further: Ledger | None = None
        self._lacking: set[tuple[str, str]] = set()
        self._acquitted: set[tuple[str, str, str]] = set()

    def fault(self, fault: Fault) -> None:
        """Take a fault that does not concern single rows.

        Parameters
        ----------
        fault : Fault
            Error or warning.
        """
        if fault not in self._faults:
            self._faults.append(fault)

    def lacks(self, table: str, columns: Iterable[str]) -> None:
        """Take what has been told to be missing, so that its rows' blanks are no further faults.

        Parameters
        ----------
        table : str
            Of which table.
        columns : iterable of str
            The columns.
        """
        self._lacking |= {(table, column) for column in columns}

    def acquit(self, kind: IssueKind, table: str, column: str) -> None:
        """Take back what was noted of a column, before or after: its other values speak for it.

        Parameters
        ----------
        kind : IssueKind
            Which kind of fault it does not have.
        table, column : str
            Where.
        """
        self._acquitted.add((kind.name, table, column))

    def _charged(self) -> dict[_Group, _Found]:
        """Give what was found, but for what was taken back."""
        return {
            group: found
            for group, found in self._found.items()
            if (group.kind.name, group.table, group.column) not in self._acquitted
        }

    def add_total(self, table: str, rows: int, origin: str = "") -> None:
        """Count rows that were read, and of which file or query."""
        self._totals[table] = self._totals.get(table, 0) + rows
        self.origin_totals.setdefault(table, Counter())[origin] += rows

    def add_values(self, kind: IssueKind, table: str, column: str, number: int) -> None:
        """Count what a kind of fault is a share of, where that is not all rows of the table.

        Parameters
        ----------
        kind : IssueKind
            With its word for them.
        table, column : str
            As in `note`.
        number : int
            How many more there are.
        """
        self._values[kind.name, table, column] += number

    def _total_of(self, group: _Group) -> int:
        """Tell of how many rows, or values, what was found is a share."""
        key = (group.kind.name, group.table, group.column)
        return self._values[key] if key in self._values else self.total(group.table)

    def total(self, table: str) -> int:
        """Tell how many rows of a table were read.

        Parameters
        ----------
        table : str
            Its name.

        Returns
        -------
        int
        """
        return self._totals.get(table, 0)

    def note(
        self,
        kind: IssueKind,
        table: str,
        column: str,
        rows: RawRows,
        mask: pl.Series | None = None,
        *,
        values: pl.Series | None = None,
        words: pl.Series | None = None,
        lead_ids: pl.Series | None = None,
        kept: bool = False,
        fine: pl.Series | None = None,
        why: Mapping[str, Why] = NO_WHY,
    ) -> None:
        """Take rows that are at fault.

        Parameters
        ----------
        kind : IssueKind
            What is wrong with them.
        table, column : str
            Where.
        rows : RawRows
            The rows at fault; and others, with a mask.
        mask : pl.Series of bool or None
            Which of the rows are at fault; None: all.
        values : pl.Series or None
            What stood there, one a row.
        words : pl.Series of String or None
            What is wrong with each; None: what the kind says.
        lead_ids : pl.Series of String or None
            Whose rows they are.
        kept : bool
            Whether the row stays in the canonical table (with an empty value).
        fine : pl.Series of bool or None
            Which of the rows have no earlier fault, for which they are left out; None: all. What
            else is wrong with the others is told only where the source is refused: whoever mends
            it learns everything at once.
        why : mapping of str to callable
            For the words (or what the kind has found), who is asked in the end with the first
            distinct values why they may be at fault.
        """
        if all((table, name) in self._lacking for name in column.split(", ")):
            return
        if mask is not None:
            if not mask.any():
                return
            rows = rows.filter(mask)
            values, words, lead_ids, fine = (
                None if one is None else one.filter(mask) for one in (values, words, lead_ids, fine)
            )
        if fine is not None and not fine.all():
            self._further = self._further or Ledger(kind_in=self._kind_in)
            about = {"values": values, "words": words, "lead_ids": lead_ids}
            self.note(kind, table, column, rows, fine, kept=kept, why=why, **about)
            self._further.note(kind, table, column, rows, ~fine, kept=kept, why=why, **about)
            return
        if not len(rows):
            return
        told = self._kind_in(kind, table)
        if told is None:
            return
        kind = told
        shown = None if values is None else as_text(values)
        reasons = words if words is not None else constant(kind.found, len(rows))
        self._count(_Group(kind, table, column, ""), rows, reasons, shown, why)
        if self._quarantine is not None and kind.is_recorded:
            reasons = words if words is not None else constant(kind.reason, len(rows))
            ids = lead_ids if lead_ids is not None else constant(None, len(rows))
            text = full_reasons(column, shown, reasons)
            self._quarantine.add(table, rows, lead_ids=ids, reasons=text, kept=kept)

    def _count(
        self,
        group: _Group,
        rows: RawRows,
        reasons: pl.Series,
        shown: pl.Series | None,
        why: Mapping[str, Why],
    ) -> None:
        """Count rows by their reasons, and keep the first as samples."""
        for reason in reasons.unique(maintain_order=True):
            mine = reasons == reason
            found = self._found.setdefault(replace(group, words=reason), _Found())
            found.count += int(mine.sum())
            if reason in why and shown is not None:
                found.look_at(shown.filter(mine), why[reason])
            if len(found.samples) < _SAMPLES:
                few = mine & (mine.cum_sum() <= _SAMPLES - len(found.samples))
                texts = None if shown is None else shown.filter(few)
                found.samples += described(rows.filter(few), texts)

    def broken_rows(
        self, table: str, broken: Sequence[BrokenRow], origins: tuple[RawOrigin, ...], index: int
    ) -> None:
        """Take rows that could not be split into fields."""
        if not broken:
            return
        texts = pl.Series("text", [row.text for row in broken], dtype=pl.String)
        rows = RawRows(
            texts.to_frame(),
            pl.Series([row.number for row in broken], dtype=pl.Int64),
            pl.Series([index], dtype=pl.Int32).new_from_index(0, len(broken)),
            origins,
        )
        counts = pl.Series([f"{row.fields} fields" for row in broken], dtype=pl.String)
        self.note(BROKEN_ROW, table, "", rows, values=counts)
        self.account.leave(table, BROKEN_ROW.name, len(broken), in_quarantine=True)

    def faults(self, limits: Limits) -> list[Fault]:
        """Tell everything that was found.

        Parameters
        ----------
        limits : Limits
            What is too much.

        Returns
        -------
        list of Fault
            Warnings where a share is within its limit.
        """
        charged = self._charged()
        faults = [*self._faults, *(self._told(*found, limits) for found in charged.items())]
        if self._further is None or all(fault.severity == "warning" for fault in faults):
            return faults
        all_found = charged | {
            group: charged.get(group, _Found()).and_more(more)
            for group, more in self._further._charged().items()
        }
        return [*self._faults, *(self._told(*found, limits) for found in all_found.items())]

    def counts(self) -> list[dict[str, str | int]]:
        """Give the counts as plain data.

        Returns
        -------
        list of dict
            ``kind``, ``table``, ``column``, ``words``, ``count``, ``rows`` (of the table, or the
            values that the kind is a share of).
        """
        return [
            {
                "kind": group.kind.name,
                "table": group.table,
                "column": group.column,
                "words": group.words,
                "count": found.count,
                "rows": self._total_of(group),
            }
            for group, found in self._charged().items()
        ]

    def _told(self, group: _Group, found: _Found, limits: Limits) -> Fault:
        kind, total = group.kind, max(self._total_of(group), found.count)
        limit: float = getattr(limits, kind.limit) if kind.limit else 0.0
        too_many = found.count > limit * total and not kind.is_allowed
        examples = ", ".join(found.samples) + (", …" if found.count > len(found.samples) else "")
        key = f" (limits.{kind.limit})" if kind.has_key else ""
        allowed = f", or at most {100 * limit:g} % of the {kind.of} otherwise{key}"
        return Fault(
            where=f"{group.table}: column {group.column!r}" if group.column else group.table,
            found=f"{found.count} of {total} {kind.of} {kind.found or 'with a value that'} "
            f"{'' if kind.found else group.words}".rstrip()
            + f": {examples}",
            expected=kind.expected + (allowed if kind.limit and limit < 1 else ""),
            remedy=_remedy(kind, too_many, found),
            severity="error" if too_many else "warning",
            count=found.count,
            is_usual=kind.is_usual and not too_many,
        )


def _remedy(kind: IssueKind, too_many: bool, found: _Found) -> str:
    why = found.reason() if kind.has_key else ""
    told = f" {why}" if why else ""
    if not too_many:
        return f"{kind.consequence}.{told}"
    has_key = kind.limit and kind.has_key
    return f"{kind.advice}, or raise the limit.{told}" if has_key else f"{kind.advice}.{told}"

"""What was found while reading a source: faults, counts, and the rows that were set aside."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import polars as pl

from features.errors import Fault
from features.sources.definition import Limits
from features.sources.kinds import BROKEN_ROW, Kind
from features.sources.origins import BrokenRow, Origin, Rows
from features.sources.quarantine import Quarantine

_SAMPLES = 3


KindIn = Callable[[Kind, str], Kind | None]
"""Takes a kind and a table's name."""


def as_defined(kind: Kind, table: str) -> Kind:  # noqa: ARG001 - the same in all tables
    """Leave a kind as it is."""
    return kind


@dataclass(frozen=True)
class _Group:
    kind: Kind
    table: str
    column: str
    words: str


@dataclass
class _Found:
    count: int = 0
    samples: list[str] = field(default_factory=list)


class Ledger:
    """Takes everything that is wrong with a source, and tells it at the end.

    Parameters
    ----------
    quarantine : Quarantine or None
        Where rows that are set aside are written; None where they are only counted.
    kind_in : callable
        Gives the kind that a kind of fault is in a table; None where it is no fault there.
    """

    def __init__(self, quarantine: Quarantine | None = None, kind_in: KindIn = as_defined) -> None:
        self._quarantine = quarantine
        self._kind_in = kind_in
        self._faults: list[Fault] = []
        self._found: dict[_Group, _Found] = {}
        self._totals: dict[str, int] = {}

    def fault(self, fault: Fault) -> None:
        """Take a fault that does not concern single rows.

        Parameters
        ----------
        fault : Fault
            Error or warning.
        """
        if fault not in self._faults:
            self._faults.append(fault)

    def has_errors(self) -> bool:
        """Tell whether anything is wrong that does not concern single rows only.

        Returns
        -------
        bool
        """
        return any(fault.severity == "error" for fault in self._faults)

    def add_total(self, table: str, rows: int) -> None:
        """Count rows that were read.

        Parameters
        ----------
        table : str
            Of which table.
        rows : int
            How many.
        """
        self._totals[table] = self._totals.get(table, 0) + rows

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
        kind: Kind,
        table: str,
        column: str,
        rows: Rows,
        *,
        values: pl.Series | None = None,
        words: pl.Series | None = None,
        lead_ids: pl.Series | None = None,
        kept: bool = False,
    ) -> None:
        """Take rows that are at fault.

        Parameters
        ----------
        kind : Kind
            What is wrong with them.
        table, column : str
            Where.
        rows : Rows
            The rows at fault, and no others.
        values : pl.Series or None
            What stood there, one a row.
        words : pl.Series of String or None
            What is wrong with each; None: what the kind says.
        lead_ids : pl.Series of String or None
            Whose rows they are.
        kept : bool
            Whether the row stays in the canonical table (with an empty value).
        """
        if not len(rows):
            return
        told = self._kind_in(kind, table)
        if told is None:
            return
        kind = told
        reasons = words if words is not None else _constant(kind.found, len(rows))
        shown = None if values is None else _as_text(values)
        for reason in reasons.unique(maintain_order=True):
            mine = reasons == reason
            found = self._found.setdefault(_Group(kind, table, column, reason), _Found())
            found.count += int(mine.sum())
            if len(found.samples) < _SAMPLES:
                few = rows.filter(mine).head(_SAMPLES - len(found.samples))
                texts = None if shown is None else shown.filter(mine).head(len(few))
                found.samples += _described(few, texts)
        if self._quarantine is not None and kind.is_recorded:
            reasons = words if words is not None else _constant(kind.reason, len(rows))
            ids = lead_ids if lead_ids is not None else _constant(None, len(rows))
            text = _full_reasons(column, shown, reasons)
            self._quarantine.add(table, rows, lead_ids=ids, reasons=text, kept=kept)

    def broken_rows(
        self, table: str, broken: Sequence[BrokenRow], origins: tuple[Origin, ...], index: int
    ) -> None:
        """Take rows that could not be split into fields.

        Parameters
        ----------
        table : str
            Of which table.
        broken : sequence of BrokenRow
            The rows.
        origins : tuple of Origin
            The table's files.
        index : int
            Which file.
        """
        if not broken:
            return
        texts = pl.Series("text", [row.text for row in broken], dtype=pl.String)
        rows = Rows(
            texts.to_frame(),
            pl.Series([row.number for row in broken], dtype=pl.Int64),
            pl.Series([index], dtype=pl.Int32).new_from_index(0, len(broken)),
            origins,
        )
        counts = pl.Series([f"{row.fields} fields" for row in broken], dtype=pl.String)
        self.note(BROKEN_ROW, table, "", rows, values=counts)

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
        told = [self._told(group, found, limits) for group, found in self._found.items()]
        return [*self._faults, *told]

    def counts(self) -> list[dict[str, str | int]]:
        """Give the counts as plain data.

        Returns
        -------
        list of dict
            ``kind``, ``table``, ``column``, ``words``, ``count``, ``rows`` (of the table).
        """
        return [
            {
                "kind": group.kind.name,
                "table": group.table,
                "column": group.column,
                "words": group.words,
                "count": found.count,
                "rows": self.total(group.table),
            }
            for group, found in self._found.items()
        ]

    def _told(self, group: _Group, found: _Found, limits: Limits) -> Fault:
        kind, total = group.kind, max(self.total(group.table), found.count)
        limit: float = getattr(limits, kind.limit) if kind.limit else 0.0
        too_many = found.count > limit * total
        examples = ", ".join(found.samples) + (", …" if found.count > len(found.samples) else "")
        key = f" (limits.{kind.limit})" if kind.has_key else ""
        allowed = f", or at most {100 * limit:g} % of the rows otherwise{key}"
        return Fault(
            where=f"{group.table}: column {group.column!r}" if group.column else group.table,
            found=f"{found.count} of {total} rows {kind.found or 'with a value that'} "
            f"{'' if kind.found else group.words}".rstrip()
            + f": {examples}",
            expected=kind.expected + (allowed if kind.limit and limit < 1 else ""),
            remedy=_remedy(kind, too_many),
            severity="error" if too_many else "warning",
            count=found.count,
        )


def _remedy(kind: Kind, too_many: bool) -> str:
    if not too_many:
        return f"{kind.consequence}."
    has_key = kind.limit and kind.has_key
    return f"{kind.advice}, or raise the limit." if has_key else f"{kind.advice}."


def _as_text(values: pl.Series) -> pl.Series:
    if isinstance(values.dtype, pl.Datetime):
        return values.dt.to_string("%Y-%m-%dT%H:%M:%S%.f" + ("Z" if values.dtype.time_zone else ""))
    return values.cast(pl.String)


def _described(rows: Rows, values: pl.Series | None) -> list[str]:
    told = []
    for index, place in enumerate(rows.places().iter_rows(named=True)):
        number = f"line {place['line']}" if place["line"] is not None else f"row {place['row']}"
        where = f"{place['file']} {number}"
        value = None if values is None else values[index]
        told.append(where if value is None else f"{_short(value)!r} ({where})")
    return told


def _short(value: str) -> str:
    return value if len(value) <= 40 else f"{value[:39]}…"


def _constant(value: str | None, size: int) -> pl.Series:
    return pl.Series([value], dtype=pl.String).new_from_index(0, size)


def _full_reasons(column: str, values: pl.Series | None, reasons: pl.Series) -> pl.Series:
    place = pl.lit(f"{column}: " if column else "")
    if values is None:
        return pl.DataFrame({"reason": reasons}).select(place + pl.col("reason")).to_series()
    frame = pl.DataFrame({"reason": reasons, "value": values.fill_null("")})
    return frame.select(pl.format("{}'{}' {}", place, "value", "reason")).to_series()

"""What sales tells back of the leads that it was given, read with care.

A CSV file with a row for each thing that happened: ``lead_id``, ``at`` (with its zone), ``result``
(one of `RESULTS`) and perhaps ``amount`` of a won one. Every result is an event of the lead;
``won`` and ``disqualified`` are its outcome as well.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from leadcast.features.base.errors import Fault, FaultsError, did_you_mean
from leadcast.features.base.files import why_no_file
from leadcast.features.tables import TIME, Tables
from leadcast.features.values.columns import worded
from leadcast.features.values.times import parse_moment

RESULTS = ("worked", "reached", "disqualified", "won")
ENDS = ("won", "disqualified")
"""The results after which nobody is called again."""
SCHEMA = pl.Schema(
    {"lead_id": pl.String(), "at": TIME, "result": pl.String(), "amount": pl.Float64()}
)
_NEEDED = ("lead_id", "at", "result")
_MOST_NAMED = 3


@dataclass(frozen=True)
class Feedback:
    """What sales has told."""

    rows: pl.DataFrame
    """With the columns of `SCHEMA`, by time; nothing twice."""
    repeated: int = 0
    """So many rows of the file were known already, or stood there twice."""

    def events(self) -> pl.DataFrame:
        """Give it as events, which a source's definition can name among its tables.

        Returns
        -------
        pl.DataFrame
            ``lead_id``, ``occurred_at``, ``event_type`` (``sales_worked`` and so on), ``value``.
        """
        kind = worded("sales_{}", "result").alias("event_type")
        return self.rows.select(
            "lead_id", pl.col("at").alias("occurred_at"), kind, pl.col("amount").alias("value")
        )

    def outcomes(self) -> pl.DataFrame:
        """Give the ends among it, likewise: the first of each lead.

        Returns
        -------
        pl.DataFrame
            ``lead_id``, ``won_at``, ``lost_at``, ``amount``.
        """
        ends = self.rows.filter(pl.col("result").is_in(ENDS))
        first = ends.unique("lead_id", keep="first", maintain_order=True)
        is_won = pl.col("result") == "won"
        return first.select(
            "lead_id",
            won_at=pl.when(is_won).then("at"),
            lost_at=pl.when(~is_won).then("at"),
            amount=pl.when(is_won).then("amount"),
        )

    def before(self, as_of: datetime | None) -> pl.DataFrame:
        """Give the last thing that was told of each lead before a moment.

        Parameters
        ----------
        as_of : datetime or None
            The moment; None: all that was told.

        Returns
        -------
        pl.DataFrame
            ``lead_id``, ``feedback`` (an end, where there is one, else the last result) and
            ``feedback_at``.
        """
        known = self.rows
        if as_of is not None:
            known = known.filter(pl.col("at") < pl.lit(as_of).cast(TIME))
        is_end = pl.col("result").is_in(ENDS)
        last = known.sort(is_end, "at", maintain_order=True)
        return last.unique("lead_id", keep="last", maintain_order=True).select(
            "lead_id", pl.col("result").alias("feedback"), pl.col("at").alias("feedback_at")
        )


NOTHING_TOLD = Feedback(pl.DataFrame(schema=SCHEMA))


def read_feedback(path: Path, tables: Tables, known: Feedback, until: datetime) -> Feedback:
    """Read what sales tells back, and add it to what it has told before.

    Parameters
    ----------
    path : Path
        A CSV file.
    tables : Tables
        Whose leads it is about.
    known : Feedback
        What was told before.
    until : datetime
        Nothing can have happened later.

    Returns
    -------
    Feedback

    Raises
    ------
    FaultsError
        If the file cannot be read, columns are missing, or a row is of an unknown lead, has
        another result, no time with a zone, a time before its lead's creation or in the future, an
        amount that is no number or below 0, or contradicts another row; all at once.
    """
    raw = _raw(path)
    faults = [*_unknown(path, raw, tables), *_other_results(path, raw)]
    at, bad_times = _times(path, raw)
    amount, bad_amounts = _amounts(path, raw)
    faults += [*bad_times, *bad_amounts]
    result = pl.col("result").str.strip_chars().str.to_lowercase()
    rows = raw.select("lead_id", at, result, amount)
    faults += [*_out_of_time(path, rows, tables, until)]
    everything = pl.concat([known.rows, rows])
    whole = everything.unique(["lead_id", "at", "result"], keep="first", maintain_order=True)
    faults += [*_contradictions(path, whole)]
    if faults:
        raise FaultsError(f"feedback {path}", faults)
    ordered = whole.sort("at", "lead_id", "result", maintain_order=True)
    return Feedback(ordered, everything.height - whole.height)


def _raw(path: Path) -> pl.DataFrame:
    if not path.is_file():
        fault = Fault(f"{path}", why_no_file(path), "a CSV file", "Check the name.")
        raise FaultsError(f"feedback {path}", [fault])
    try:
        raw = pl.read_csv(path, infer_schema=False, encoding="utf8")
    except (OSError, pl.exceptions.PolarsError) as error:
        fault = Fault(f"{path}", f"{error}".splitlines()[0], "a CSV file", "Export it again.")
        raise FaultsError(f"feedback {path}", [fault]) from None
    missing = [name for name in _NEEDED if name not in raw.columns]
    if missing:
        found = f"no column {', '.join(missing)} among {', '.join(raw.columns)}"
        fault = Fault(f"{path}", found, "lead_id, at, result", "Name the columns so.")
        raise FaultsError(f"feedback {path}", [fault])
    if "amount" not in raw.columns:
        raw = raw.with_columns(amount=pl.lit(None, pl.String))
    return raw.with_columns(pl.col("lead_id").str.strip_chars().fill_null(""))


def _named(rows: pl.DataFrame, column: str) -> str:
    values = [repr(one) for one in rows[column].unique(maintain_order=True).to_list()]
    more = "" if len(values) <= _MOST_NAMED else f" and {len(values) - _MOST_NAMED} more"
    return ", ".join(values[:_MOST_NAMED]) + more


def _unknown(path: Path, raw: pl.DataFrame, tables: Tables) -> Iterator[Fault]:
    unknown = raw.join(tables.leads.select("lead_id"), on="lead_id", how="anti")
    if unknown.height:
        found = f"no such lead: {_named(unknown, 'lead_id')}"
        remedy = "Correct the ids, or run the source with an export that has them."
        expected = "ids of leads of this source"
        yield Fault(f"{path}: lead_id", found, expected, remedy, count=unknown.height)


def _other_results(path: Path, raw: pl.DataFrame) -> Iterator[Fault]:
    plain = raw["result"].fill_null("").str.strip_chars().str.to_lowercase()
    other = raw.with_columns(result=plain).filter(~plain.is_in(RESULTS))
    if other.height:
        remedy = did_you_mean(other["result"][0], RESULTS)
        found = _named(other, "result")
        yield Fault(f"{path}: result", found, ", ".join(RESULTS), remedy, count=other.height)


def _times(path: Path, raw: pl.DataFrame) -> tuple[pl.Series, list[Fault]]:
    times, wrong = list[datetime | None](), list[str]()
    for text in raw["at"].fill_null("").to_list():
        try:
            times.append(parse_moment(text))
        except ValueError:
            times.append(None)
            wrong.append(text)
    series = pl.Series("at", times, dtype=TIME)
    if not wrong:
        return series, []
    remedy = "Write them as 2026-01-05T09:30:00Z."
    found = f"{wrong[0]!r}"
    return series, [Fault(f"{path}: at", found, "times with a zone", remedy, count=len(wrong))]


def _amounts(path: Path, raw: pl.DataFrame) -> tuple[pl.Series, list[Fault]]:
    text = raw["amount"].str.strip_chars().replace("", None)
    read = text.cast(pl.Float64, strict=False).alias("amount")
    odd = read.is_null() | ~read.is_finite() | (read < 0)
    wrong = text.filter(text.is_not_null() & odd)
    if wrong.is_empty():
        return read, []
    where, expected = f"{path}: amount", "numbers of at least 0"
    remedy = "Write 1234.5, or leave it blank where it is not known."
    return read, [Fault(where, f"{wrong[0]!r}", expected, remedy, count=len(wrong))]


def _out_of_time(
    path: Path, rows: pl.DataFrame, tables: Tables, until: datetime
) -> Iterator[Fault]:
    created = rows.join(tables.leads.select("lead_id", "created_at"), on="lead_id", how="left")
    early = created.filter(pl.col("at") < pl.col("created_at"))
    late = rows.filter(pl.col("at") > pl.lit(until).cast(TIME))
    for found, words, expected in (
        (early, "before the lead's creation", "times since the lead came to be"),
        (late, "in the future", f"times up to {until:%Y-%m-%d %H:%M} UTC"),
    ):
        if found.height:
            told = f"{words}: {_named(found, 'lead_id')}"
            yield Fault(f"{path}: at", told, expected, "Correct the times.", count=found.height)


def _contradictions(path: Path, whole: pl.DataFrame) -> Iterator[Fault]:
    ends = whole.filter(pl.col("result").is_in(ENDS))
    both = ends.group_by("lead_id", maintain_order=True).agg(pl.col("result").n_unique())
    both = both.filter(pl.col("result") > 1)
    if both.height:
        found = f"both won and disqualified: {_named(both, 'lead_id')}"
        remedy = "Keep the row that is right; what was told before counts as well."
        yield Fault(f"{path}: result", found, "one end a lead", remedy, count=both.height)

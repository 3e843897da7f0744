"""Times that name a day and no time of day: what happened on a day is known when the day is over.

Read as its first moment, a day would come before the creation of a lead that was created and won
on it, and features would know in the morning what happened in the evening. So an event, a win or a
loss of which only the day is known stands at the last microsecond of that day in its zone: after
everything else of the day, and known from the next day on. The day of a creation is its beginning:
everything else of the day comes after it.

Whether only the day is known is told by the value (a date; a text without a time of day), by the
definition (``time_precision``), or by a column of which each value is a midnight.
"""

from collections.abc import Iterable, Sequence

import polars as pl

from leadcast.features.definitions.table_schema import TimePrecision
from leadcast.features.readers.ledger import Ledger
from leadcast.features.readers.opening import RawTable
from leadcast.features.readers.origins import UnreadableError
from leadcast.features.values.columns import MIXED, Parsed, clean_text
from leadcast.features.values.times import TimeRules, names_days, parse_times

FEWEST = 20
"""So many midnights, and nothing else, are no chance."""
_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"


def days_alone(series: pl.Series, rules: TimeRules, missing: Sequence[str] = ()) -> pl.Series:
    """Tell which values name a day and no time of day, as far as the value itself tells it.

    Parameters
    ----------
    series : pl.Series
        As `leadcast.features.values.times.parse_times` takes it.
    rules : TimeRules
        How the times are written.
    missing : sequence of str
        Values that mean missing.

    Returns
    -------
    pl.Series of bool
        False where there is no value.
    """
    if series.dtype == pl.Date:
        return series.is_not_null()
    nothing = pl.repeat(value=False, n=len(series), dtype=pl.Boolean, eager=True)
    is_typed = series.dtype.is_temporal() or series.dtype.is_numeric()
    if is_typed and "excel" not in rules.formats:
        return nothing
    text = clean_text(series, missing)
    if not rules.formats or series.dtype == MIXED:
        nothing |= text.str.contains(_DATE).fill_null(value=False)
    if "excel" in rules.formats:
        return nothing | text.str.contains(r"^[0-9]+(?:\.0*)?$").fill_null(value=False)
    for written in rules.formats:
        if names_days(written):
            nothing |= text.str.to_date(written, strict=False).is_not_null()
    return nothing


def precision_of(values: Iterable[pl.Series], rules: TimeRules) -> TimePrecision | None:
    """Tell from all values of a column whether they name days only; stops where one does not.

    Parameters
    ----------
    values : iterable of pl.Series
        Times, as they were read.
    rules : TimeRules
        Whose zone the days are of.

    Returns
    -------
    {"day"} or None
        None where the values do not tell.
    """
    known, here, there = 0, True, True
    for part in values:
        times = part.drop_nulls()
        known += len(times)
        here = here and _at_midnight(times, rules.zone).all()
        there = there and _at_midnight(times, None).all()
        if not (here or there):
            return None
    return "day" if known >= FEWEST else None


def table_precision(
    table: RawTable, column: str, rules: TimeRules, declared: TimePrecision | None
) -> TimePrecision | None:
    """Tell the precision of a column of a table that is not held in memory.

    Its values are read ahead only as long as they are midnights.

    Parameters
    ----------
    table : RawTable
        Open.
    column : str
        The column with the times.
    rules : TimeRules
        How they are written.
    declared : {"day", "moment"} or None
        What the definition says.

    Returns
    -------
    {"day", "moment"} or None
    """
    base = table.every()[0]
    if declared is not None or column not in base.columns:
        return declared
    try:
        parts = (part.frame[column] for part in base.parts([column], Ledger()))
        return precision_of((_moments(part, rules, table.missing) for part in parts), rules)
    except UnreadableError:
        # It is told when the table itself is read.
        return None


def at_end_of_day(
    parsed: Parsed,
    series: pl.Series,
    rules: TimeRules,
    missing: Sequence[str],
    precision: TimePrecision | None,
) -> tuple[pl.Series, pl.Series]:
    """Let what happened on a day stand at its end.

    Parameters
    ----------
    parsed : Parsed
        The times that were read, a day as its beginning.
    series : pl.Series
        What they were read from.
    rules : TimeRules
        How they are written.
    missing : sequence of str
        Values that mean missing.
    precision : {"day", "moment"} or None
        What is known of the column; None: the values tell.

    Returns
    -------
    values : pl.Series
        The times.
    days : pl.Series of bool
        Which of them are days.
    """
    values = parsed.values
    if precision == "moment":
        days = pl.repeat(value=False, n=len(values), dtype=pl.Boolean, eager=True)
    elif precision == "day":
        days = values.is_not_null()
    else:
        days = days_alone(series, rules, missing) & values.is_not_null()
    if not days.any():
        return values, days
    # A series is changed in place, and the beginnings are needed too.
    ends = _ends(values.filter(days), rules.zone)
    return values.clone().scatter(days.arg_true(), ends), days


def _moments(series: pl.Series, rules: TimeRules, missing: Sequence[str]) -> pl.Series:
    # Where the first values have a time of day, nobody need read the others.
    first = parse_times(series.head(1000), rules, missing).values
    if precision_of([first], rules) is None and first.count() >= FEWEST:
        return first
    return parse_times(series, rules, missing).values


def _at_midnight(times: pl.Series, zone: str | None) -> pl.Series:
    local = _local(times, zone)
    return local == local.dt.truncate("1d")


def _local(times: pl.Series, zone: str | None) -> pl.Series:
    return times.dt.convert_time_zone(zone or "UTC").dt.replace_time_zone(None)


def _ends(times: pl.Series, zone: str | None) -> pl.Series:
    """Give the last microsecond of the day that each time names."""
    here, there = _local(times, zone), _local(times, None)
    # A midnight of UTC is the day in UTC, wherever the export is from.
    abroad = _at_midnight(times, None) & ~_at_midnight(times, zone)
    day = there.zip_with(abroad, here).dt.truncate("1d")
    next_day = day.dt.offset_by("1d")
    # Where clocks are set forward at midnight, the next day begins an hour later.
    begins, later = (
        next_day.dt.offset_by(wait).dt.replace_time_zone(
            zone or "UTC", ambiguous="earliest", non_existent="null"
        )
        for wait in ("0h", "1h")
    )
    known = begins.zip_with(begins.is_not_null(), later)
    return known.dt.convert_time_zone("UTC").dt.offset_by("-1us").cast(times.dtype)

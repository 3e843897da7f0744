"""How the times of a whole table are written, decided for all the columns that are read of it."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from leadcast.features.inspection.column_looks import ColumnLook, SeenTable
from leadcast.features.inspection.time_looks import TimeLook, in_letters
from leadcast.features.values.times import COUNTED, TimeRules, parse_times

_ISO_DAYS = ("%Y-%m-%d",)
_CLOCK = re.compile(
    r"(?:[01]?\d|2[0-3])[:h][0-5]\d(?::[0-5]\d(?:\.\d+)?)?(?: ?[AaPp]\.?[Mm]\.?| Uhr)?"
)
_SPAN = re.compile(r"\b(?:duration|length|dauer|lange|duree|duracion|duracao|durata|duur)\b")
"""In the name of a column whose hours and minutes are no time of day."""
_ISO_TIMES = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M")


@dataclass(frozen=True)
class TableTimes:
    """How a table's times are written.

    Parameters
    ----------
    formats : tuple of str
        As a definition's ``time_format``; empty: ISO 8601, or times already.
    note : str
        What speaks for it.
    to_do : str
        What is left open: both readings.
    """

    formats: tuple[str, ...] = ()
    note: str = ""
    to_do: str = ""


def day_first(tables: Iterable[SeenTable]) -> dict[bool, str]:
    """Find columns in which only one order of day and month fits.

    Parameters
    ----------
    tables : iterable of SeenTable
        All tables.

    Returns
    -------
    dict of bool to str
        Day first (True) or month first (False), with the column that says so.
    """
    found: dict[bool, str] = {}
    for seen in tables:
        for look in seen.looks.values():
            if look.time is not None and not look.time.others and look.time.formats:
                first = look.time.formats[0]
                if first.startswith(("%d", "%m")) and "%B" not in first and "." not in first[2:3]:
                    told = f"{look.name!r} of {seen.name} has days above 12"
                    found.setdefault(first.startswith("%d"), told)
    return found


def times_of(looks: Sequence[ColumnLook], elsewhere: dict[bool, str]) -> TableTimes:
    """Decide how the columns of a table are read.

    Parameters
    ----------
    looks : sequence of ColumnLook
        Of the columns of times that are read.
    elsewhere : dict of bool to str
        As `day_first` finds it, over all tables.

    Returns
    -------
    TableTimes
    """
    times = [(look, look.time) for look in looks if look.time is not None]
    written = [(look, time) for look, time in times if time.formats]
    if not written:
        return TableTimes()
    counted = [look for look, time in written if time.formats[0] in COUNTED]
    texts = [look for look, time in times if time.is_text and look not in counted]
    if counted and (texts or len({look.time.formats for look in counted if look.time}) > 1):
        told = " and ".join(f"{look.name!r} as {time.words}" for look, time in times)
        question = "a table has one way to count times, and none beside it; export them alike"
        return TableTimes((), "", f"{told}: {question}, or leave one of them out")
    formats: dict[str, None] = {}
    notes: dict[str, list[str]] = {}
    for look, time in written:
        chosen, note = _decided(look, time, elsewhere)
        if not chosen:
            return TableTimes((), "", note)
        formats |= dict.fromkeys(chosen)
        names = notes.setdefault(note, [])
        names += [repr(look.name)] * (repr(look.name) not in names)
    for _, time in times:
        if not time.formats and time.is_text and not counted:
            formats |= dict.fromkeys(_ISO_TIMES if time.has_clock else _ISO_DAYS)
    told = "; ".join(f"{' and '.join(names)}: {note}" for note, names in notes.items())
    return TableTimes(tuple(formats), told)


def _decided(
    look: ColumnLook, time: TimeLook, elsewhere: dict[bool, str]
) -> tuple[tuple[str, ...], str]:
    told = f"{time.share:.0%} of the values read as {time.words}"
    swapped = [one for one in time.others if not one.startswith("%y")]
    if not swapped:
        also = f", and as {in_letters(time.others[0])} too" if time.others else ""
        return time.formats, told + also
    if "." in time.formats[0][2:3]:
        return time.formats, f"{told}; all fit {in_letters(swapped[0])} too, which has no dots"
    if len(elsewhere) == 1:
        is_day, why = next(iter(elsewhere.items()))
        if is_day == time.formats[0].startswith("%d"):
            return time.formats, f"{told}; all fit the other order too, but {why}"
        return (swapped[0],), f"read as {in_letters(swapped[0])}; all fit both orders, but {why}"
    example = next(iter(look.counts), "")
    return (), (
        f"day or month first? Every value of {look.name!r} ({example!r}) reads as "
        f"{in_letters(time.formats[0])} ({time.formats[0]}) and as {in_letters(swapped[0])} "
        f"({swapped[0]}); write the one that is right"
    )


def later_share(seen: SeenTable, column: str, created: str | None) -> float:
    """Tell which share of a column's times is more than a day after the lead's creation.

    Parameters
    ----------
    seen : SeenTable
        The leads' table.
    column : str
        A column of times.
    created : str or None
        That of the creation; None where there is none.

    Returns
    -------
    float
        0 where nothing can be compared.
    """
    if created is None:
        return 0.0
    read = []
    for name in (column, created):
        time = seen.looks[name].time
        formats = () if time is None else time.formats
        missing = (*seen.missing, *seen.looks[name].missing)
        read.append(parse_times(seen.found.frame[name], TimeRules("UTC", formats), missing).values)
    after = pl.DataFrame({"one": read[0], "created": read[1]}).drop_nulls()
    if after.is_empty():
        return 0.0
    return float((after["one"] > after["created"].dt.offset_by("1d")).mean())  # type: ignore[arg-type]


def clocks_beside(seen: SeenTable, day: str | None) -> list[str]:
    """Find columns with a time of day beside one that has the day alone.

    Parameters
    ----------
    seen : SeenTable
        The table.
    day : str or None
        The column with the day.

    Returns
    -------
    list of str
        Empty where the column has times, or is none.
    """
    time = seen.looks[day].time if day is not None else None
    if time is None or time.has_clock:
        return []
    return [
        look.name
        for look in seen.looks.values()
        if look.counts and all(map(_CLOCK.fullmatch, look.counts)) and not _SPAN.search(look.words)
    ]

"""How a column's times are written, and whether they can be read in two ways."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from leadcast.features.values.columns import clean_text
from leadcast.features.values.times import NO_ZONE, TimeRules, parse_times

_FITS = 0.95
_MOST_VALUES = 20_000
_MOST_SHAPES = 4
_NUMBERS = re.compile(
    r"(?P<a>\d{1,4})(?P<sep>[./ -])(?P<b>\d{1,2})(?P=sep)(?P<c>\d{4}|\d{2})(?P<tail>\D.*)?"
)
_NAMED = re.compile(
    r"(?P<day>\d{1,2})(?P<sep>[-/ .]|\. )(?P<month>[A-Za-z]{3,9})(?P<dot>\.?)(?P<sep2>[-/ ])"
    r"(?P<year>\d{4}|\d{2})(?P<tail>\D.*)?"
)
_MONTH_FIRST = re.compile(
    r"(?P<month>[A-Za-z]{3,9})(?P<sep> )(?P<day>\d{1,2})(?P<sep2>,? )(?P<year>\d{4})(?P<tail>\D.*)?"
)
_CLOCKS = (
    (re.compile(r"\d{1,2}:\d{2}:\d{2}[.]\d+"), "%H:%M:%S%.f"),
    (re.compile(r"\d{1,2}:\d{2}:\d{2}"), "%H:%M:%S"),
    (re.compile(r"\d{1,2}:\d{2}"), "%H:%M"),
    (re.compile(r"\d{1,2}h\d{2}"), "%Hh%M"),
)
_HALF_DAY = re.compile(r"\b[AaPp]\.?[Mm]\b")
_OFFSET = re.compile(r"(?<=\d) ?[+-]\d{2}:?\d{2}$")
_TIME_NAME = re.compile(
    r"\b(date|time|timestamp|at|on|ts|when|created|added|entered|registered|joined|subscribed|opened"
    r"|signed (?:up|in)|opted in|submitted|received|delivered|started|ended|modified|updated|closed"
    r"|converted|purchased|won|lost|datum|zeit|erstellt|angelegt|fecha|hora|data|quando|heure|tijd)\b"
)
"""In the name of a column whose digits may be times."""
_EPOCHS = {"epoch_s": 1, "epoch_ms": 1_000, "epoch_us": 1_000_000}
_FIRST_SECOND, _LAST_SECOND = 631_152_000, 4_102_444_800
"""1990 and 2100."""
_DAY_NAME = re.compile(
    r"\b(?:date|timestamp|datum|fecha|data d[aei])\b"
    r"|\b(?:created|modified|updated|closed|erstellt|at|on)$"
)
"""Numbers of this size may be prices as well: their name must say more."""
_FIRST_EXCEL_DAY, _LAST_EXCEL_DAY = 32_874, 54_789
"""1990 and 2050, in the days of a spreadsheet."""
_WORDS = {
    "%Y": "yyyy", "%y": "yy", "%m": "mm", "%d": "dd", "%H": "hh", "%I": "hh", "%M": "mi",
    "%S": "ss", "%.f": ".fff", "%p": "AM/PM", "%B": "month", "%z": "+hh:mm", "%#z": "+hh:mm",
}  # fmt: skip


@dataclass(frozen=True)
class TimeLook:
    """How times are written.

    Parameters
    ----------
    formats : tuple of str
        As a definition's ``time_format``; empty: ISO 8601, or times already.
    others : tuple of str
        Formats that fit every value just as well and mean other days.
    share : float
        Of the values, how many are read so.
    has_zone, has_clock : bool
        Whether the times name their zone, and whether they are more than days.
    first, last : datetime
        The span, read so.
    is_text : bool
        Whether they are texts, and no times already.
    """

    formats: tuple[str, ...]
    others: tuple[str, ...]
    share: float
    has_zone: bool
    has_clock: bool
    first: datetime
    last: datetime
    is_text: bool = True

    @property
    def words(self) -> str:
        """Say how they are written."""
        written = "ISO 8601" if self.is_text else "times already"
        return " or ".join(map(in_letters, self.formats)) if self.formats else written


def in_letters(written: str) -> str:
    """Write a format as people do: ``dd.mm.yyyy``."""
    return re.sub(r"%(?:\.f|#z|[A-Za-z])", lambda found: _WORDS.get(found[0], found[0]), written)


def look_at_times(series: pl.Series, plain_name: str) -> TimeLook | None:
    """Find how a column writes times; None where it does not.

    Parameters
    ----------
    series : pl.Series
        The values, without what means missing.
    plain_name : str
        The column's name in plain words: numbers are times only where it says so.

    Returns
    -------
    TimeLook or None
    """
    dtype = series.dtype
    if isinstance(dtype, pl.Datetime | pl.Date):
        zone = isinstance(dtype, pl.Datetime) and dtype.time_zone is not None
        return _look(series, (), (), zone, isinstance(dtype, pl.Datetime))
    if dtype == pl.Boolean or not series.count():
        return None
    text = clean_text(series).drop_nulls()
    values = text.unique(maintain_order=True).head(_MOST_VALUES)
    if values.str.contains(r"^-?[0-9]+(?:\.[0-9]+)?$").mean() > 1 - _FITS:  # type: ignore[operator]
        return _digits(values, plain_name)
    if not values.str.contains("[0-9]").all():
        return None
    return _iso(values) or _written(values)


def _look(
    series: pl.Series,
    formats: tuple[str, ...],
    others: tuple[str, ...],
    has_zone: bool,
    has_clock: bool,
) -> TimeLook | None:
    read = parse_times(series, TimeRules("UTC", formats)).values
    first, last = read.min(), read.max()
    if not isinstance(first, datetime) or not isinstance(last, datetime):
        return None
    share = read.count() / max(series.count(), 1)
    is_text = series.dtype == pl.String
    return TimeLook(formats, others, share, has_zone, has_clock, first, last, is_text)


def _digits(values: pl.Series, plain_name: str) -> TimeLook | None:
    if not _TIME_NAME.search(plain_name):
        return None
    days = values.str.contains(r"^(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])$")
    if days.mean() >= _FITS:  # type: ignore[operator]
        return _look(values, ("%Y%m%d",), (), has_zone=False, has_clock=False)
    numbers = values.cast(pl.Float64, strict=False)
    for unit, per_second in _EPOCHS.items():
        seconds = numbers / per_second
        if seconds.is_between(_FIRST_SECOND, _LAST_SECOND).mean() >= _FITS:  # type: ignore[operator]
            return _look(values, (unit,), (), has_zone=True, has_clock=True)
    sheet_days = numbers.is_between(_FIRST_EXCEL_DAY, _LAST_EXCEL_DAY).mean()
    if sheet_days >= _FITS and _DAY_NAME.search(plain_name):  # type: ignore[operator]
        has_clock = bool((numbers % 1 > 0).any())
        return _look(values, ("excel",), (), has_zone=False, has_clock=has_clock)
    return None


def _iso(values: pl.Series) -> TimeLook | None:
    strict = parse_times(values, TimeRules(None))
    zoned = strict.values.count() / len(values)
    local = int((strict.problem == NO_ZONE).sum()) / len(values)
    if zoned + local < _FITS:
        return None
    has_clock = bool(values.str.contains(":").any())
    return _look(values, (), (), has_zone=local == 0, has_clock=has_clock)


def _written(values: pl.Series) -> TimeLook | None:
    """Try the orders of day and month on values that are no ISO 8601."""
    shapes = values.str.replace_all("[0-9]", "9").value_counts(sort=True)
    frequent = [row[0] for row in shapes.head(50).iter_rows()]
    orders: dict[str, dict[str, None]] = {}
    for shape in frequent:
        example = values.filter(values.str.replace_all("[0-9]", "9") == shape)[0]
        for order, written in _formats_of(example):
            orders.setdefault(order, {})[written] = None
    rated = [(_share(values, tuple(found)), order, tuple(found)) for order, found in orders.items()]
    fitting = [one for one in sorted(rated, reverse=True) if one[0] >= _FITS]
    if not fitting or len(fitting[0][2]) > _MOST_SHAPES:
        return None
    # The day is first where nothing else decides, and the other way is told.
    best = next((one for one in fitting if one[1] == "dmy" and one[0] == fitting[0][0]), fitting[0])
    others = [one[2][0] for one in fitting if one is not best and one[0] == best[0]]
    has_clock = any("%H" in written or "%I" in written for written in best[2])
    has_zone = all("%z" in written for written in best[2])
    return _look(values, best[2], tuple(others), has_zone, has_clock)


def _share(values: pl.Series, formats: tuple[str, ...]) -> float:
    return parse_times(values, TimeRules("UTC", formats)).values.count() / len(values)


def _formats_of(example: str) -> Iterator[tuple[str, str]]:
    """Give the ways to read one value: the order of its parts, and the format."""
    found = _NUMBERS.fullmatch(example)
    if found is not None:
        tail, sep = _tail(found["tail"] or ""), found["sep"]
        if len(found["a"]) == 4:
            yield "ymd", f"%Y{sep}%m{sep}%d{tail}"
        elif len(found["a"]) <= 2:
            year = "%Y" if len(found["c"]) == 4 else "%y"
            yield "dmy", f"%d{sep}%m{sep}{year}{tail}"
            yield "mdy", f"%m{sep}%d{sep}{year}{tail}"
            if year == "%y" and len(found["a"]) == 2:
                yield "ymd", f"%y{sep}%m{sep}%d{tail}"
        return
    named = _NAMED.fullmatch(example)
    if named is not None:
        year = "%Y" if len(named["year"]) == 4 else "%y"
        tail = _tail(named["tail"] or "")
        yield "named", f"%d{named['sep']}%B{named['dot']}{named['sep2']}{year}{tail}"
    first = _MONTH_FIRST.fullmatch(example)
    if first is not None:
        yield "named", f"%B{first['sep']}%d{first['sep2']}%Y{_tail(first['tail'] or '')}"


def _tail(text: str) -> str:
    """Turn what stands after the day into a format."""
    written = text.replace("%", "%%")
    if _OFFSET.search(written):
        written = _OFFSET.sub(lambda found: " %z" if found[0][0] == " " else "%z", written)
    for pattern, clock in _CLOCKS:
        if pattern.search(written):
            written = pattern.sub(clock, written, count=1)
            break
    if _HALF_DAY.search(written):
        written = _HALF_DAY.sub("%p", written).replace("%H", "%I")
    return written

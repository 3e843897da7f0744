"""How fast leads are won, and whether the rows of an export are in an order."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import polars as pl

from leadcast.features.discovery.endings import Ending, ToldEnds, lead_ids_of, told_rows
from leadcast.features.discovery.meanings import Meaning
from leadcast.features.inspection.column_looks import SeenTable
from leadcast.features.landmarks import AUTO, FIRST, ages_days, landmarks_to_add
from leadcast.features.values.times import TimeRules, parse_times

_LADDER = (7, 14, 30, 60, 90, 180, 365)
_FEWEST_WON, _FEWEST_ROWS, _BLOCKS = 20, 400, 20
_DAY_SECONDS = 86_400


@dataclass(frozen=True)
class HorizonGuess:
    """Within how many days a lead should become a customer.

    Parameters
    ----------
    days : int
        The horizon.
    landmarks_days : tuple of float or "auto"
        The ages at which leads are scored: those below the horizon, or those that the ages of the
        open leads ask for, where many are older.
    note : str
        What speaks for it.
    """

    days: int
    landmarks_days: tuple[float, ...] | Literal["auto"]
    note: str


def guess_horizon(leads: Meaning, endings: ToldEnds, ends: pl.Series | None) -> HorizonGuess | None:
    """Choose a horizon that most wins and the export's span allow.

    Parameters
    ----------
    leads : Meaning
        The leads' table.
    endings : ToldEnds
        How the outcomes are told.
    ends : pl.Series of String, or None
        How the lead of each row ended; None where nothing tells.

    Returns
    -------
    HorizonGuess or None
        None where too few wins have a time.
    """
    if "created_at" not in leads.fields or ends is None:
        return None
    created = pl.DataFrame(
        {"id": lead_ids_of(leads), "created": _moments(leads.seen, leads.fields["created_at"])}
    )
    won = [_won(one, created["id"]) for one in endings.told]
    both = created.join(pl.concat(won), on="id").drop_nulls() if won else created.clear()
    if both.height < _FEWEST_WON:
        return None
    taken = (both["won"] - both["created"]).dt.total_seconds() / _DAY_SECONDS
    most = taken.filter(taken >= 0).quantile(0.9)
    first, last = created["created"].min(), both["won"].max()
    if most is None or not isinstance(first, datetime) or not isinstance(last, datetime):
        return None
    span = (last - first).days
    # Training, calibration and test part each need time between two horizons.
    allowed = max(span // 4, 1)
    wanted = next((one for one in _LADDER if one >= most), _LADDER[-1])
    days = max((one for one in _LADDER if one <= min(wanted, allowed)), default=allowed)
    note = f"90% of the won leads were won within {most:.0f} days, and the export spans {span} days"
    landmarks = tuple(one for one in FIRST if one < days)
    opened = created.filter(ends == "open").rename({"created": "created_at"})
    newest = created["created"].max()
    until = max(last, newest) if isinstance(newest, datetime) else last
    ages = ages_days(opened.drop_nulls(), until)
    return HorizonGuess(days, AUTO if landmarks_to_add(ages, landmarks) else landmarks, note)


def _won(one: Ending, lead_ids: pl.Series) -> pl.DataFrame:
    rows = told_rows(one, lead_ids).filter(pl.col("rank") == 2)
    name = one.dates.get("won_at", one.dates.get("closed_at"))
    formats: tuple[str, ...] = ()
    if name is not None:
        time = one.teller.seen.looks[one.column(name)].time
        formats = time.formats if time is not None and time.is_text else ()
    when = parse_times(rows["when"].cast(pl.String), TimeRules("UTC", formats)).values
    return rows.select("id").with_columns(won=when)


def _moments(seen: SeenTable, column: str) -> pl.Series:
    time = seen.looks[column].time
    formats = time.formats if time is not None and time.is_text else ()
    missing = (*seen.missing, *seen.looks[column].missing)
    return parse_times(seen.found.frame[column], TimeRules("UTC", formats), missing).values


def rows_in_order(ends: pl.Series) -> str:
    """Tell whether the share of won leads changes along the rows, as it does with time.

    Parameters
    ----------
    ends : pl.Series of String
        How the lead of each row ended.

    Returns
    -------
    str
        What speaks for an order; empty where nothing does, or where rows are sorted by outcome.
    """
    won = (ends == "won").fill_null(value=False)
    share = won.mean()
    if len(won) < _FEWEST_ROWS or not isinstance(share, float) or not 0 < share < 1:
        return ""
    alternating = (won != won.shift()).fill_null(value=False).mean()
    assert isinstance(alternating, float)
    if alternating < 0.1 * 2 * share * (1 - share):
        return ""
    size = len(won) // _BLOCKS
    shares = pl.Series([won.slice(block * size, size).mean() for block in range(_BLOCKS)])
    spread, chance = shares.std(), (share * (1 - share) / size) ** 0.5
    # Twice what chance gives in twenty blocks comes once in ten million exports.
    if not isinstance(spread, float) or spread < 2 * chance:
        return ""
    least, most = (float(one) for one in shares.sort().gather([0, _BLOCKS - 1]))
    return f"the share of won leads goes from {least:.0%} to {most:.0%} along the rows"

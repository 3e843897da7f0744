"""``leadcast explored``: what came of the call lists, above the line and below it."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

import polars as pl

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.ownership import PARAMS
from leadcast.features.tables import Tables
from leadcast.models.evaluation.sampled_rate import SampledRate
from leadcast.pipelines.base.params import load_params, snapshot_settings
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.base.selection import logged_calls
from leadcast.pipelines.daily.handoff import known_feedback
from leadcast.pipelines.daily.today import with_told_wins
from leadcast.serve.today.explored import HALF_WIDTHS, rate_of, weeks_needed, what_came
from leadcast.serve.today.open_leads import require_dated

_ABOVE = pl.col("propensity") == 1


@dataclass(frozen=True)
class Explored:
    """What the call lists tell."""

    came: pl.DataFrame
    """As `leadcast.serve.today.explored.what_came` gives the leads of all weeks."""
    rates: dict[str, SampledRate]
    """Above and below the line, of all that could be called, and of each grade."""
    naive: SampledRate
    """The called leads alone."""
    precision: list[tuple[float, int, list[int | None]]]
    """As `leadcast.serve.today.explored.weeks_needed` gives it; empty where nobody was called."""
    rate: float
    """The rate below the line that the precision is of."""
    horizon_days: float


def tell_explored(source: str, *, as_json: bool = False) -> str:
    """Tell what came of the leads that were called, and by the explored ones of all others.

    Parameters
    ----------
    source : str
        Its name; it must have been run, and `leadcast today` have made a list.
    as_json : bool
        Whether a program reads it.

    Returns
    -------
    str

    Raises
    ------
    LeadcastError
        If there is no call list yet, or the source is not dated.
    """
    run = RunFolder(source)
    run.require(run.tables)
    found = explored(run)
    return json.dumps(_content(found), indent=2) if as_json else "\n".join(_words(source, found))


def explored(run: RunFolder) -> Explored:
    """Put the call lists together with what came of their leads."""
    calls = logged_calls(run)
    if calls.is_empty():
        raise LeadcastError(
            f"{run.today_calls}: there is no call list yet; `leadcast today {run.source}` keeps "
            "that of each week"
        )
    tables = Tables.read(run.tables)
    require_dated(tables, f"explored {run.source}")
    times = snapshot_settings(run.source, load_params(), tables)
    spans = (timedelta(days=times.horizon_days), timedelta(days=times.reporting_lag_days))
    came = what_came(calls, with_told_wins(tables, known_feedback(run)), *spans)
    below = came.filter(~_ABOVE)
    parts = {"above the line": came.filter(_ABOVE), "below the line": below, "all": came}
    parts |= {f"grade {one}": came.filter(grade=one) for one in sorted(came["grade"].unique())}
    rates = {name: rate_of(part) for name, part in parts.items()}
    rate = _rate_below(rates["below the line"], below)
    last = came.filter(pl.col("week") == came["week"].max())
    places = int(last["called"].sum())
    precision = weeks_needed(rate, places) if places else []
    naive = rate_of(came, weighted=False)
    return Explored(came, rates, naive, precision, rate, times.horizon_days)


def _rate_below(measured: SampledRate, below: pl.DataFrame) -> float:
    """Give about what share converts below the line: as measured, or as the scores have it."""
    if measured.rate.value:
        return measured.rate.value
    told = below["probability"].to_numpy()
    return float(told.mean()) if len(told) else 0.0


def _content(found: Explored) -> dict[str, Any]:
    rows = found.came
    return {
        "weeks": sorted(rows["week"].unique()),
        "called": int(rows["called"].sum()),
        "explored": int(rows["explored"].sum()),
        "mature": int(rows.filter("called")["converted"].count()),
        "rates": {name: asdict(one) for name, one in found.rates.items()},
        "called_alone": asdict(found.naive),
        "precision": {
            "rate": found.rate,
            "half_widths": list(HALF_WIDTHS),
            "shares": [
                {"share": share, "leads_a_week": leads, "weeks": weeks}
                for share, leads, weeks in found.precision
            ],
        },
    }


def _words(source: str, found: Explored) -> Iterator[str]:
    rows, called = found.came, found.came.filter("called")
    weeks, mature = rows["week"].n_unique(), called["converted"].count()
    yield (
        f"{source}: call lists of {weeks:,} week{'' if weeks == 1 else 's'}, {called.height:,} "
        f"calls, {int(rows['explored'].sum()):,} of them to explore; of {mature:,} it is known "
        f"whether they became customers within {found.horizon_days:g} days"
    )
    if mature:
        yield ""
        yield f"{'':<20} {'called':>7} {'won':>5} {'rate':>7} {'95 % interval':>16} {'told':>7}"
        told = found.rates | {"called leads alone": found.naive}
        for name, one in told.items():
            yield _line(name, one)
        yield (
            "Each called lead counts 1 / propensity, so that the explored stand for all below the "
            "line. The called\nalone, in the last row, are no measure of all leads."
        )
    if not rows["explored"].any():
        yield f"Nobody was explored: {PARAMS}, handoff.exploration_share, or no lead below the line"
    if found.precision:
        yield ""
        yield (
            f"Weeks of exploring until the rate below the line (about {found.rate:.1%}) is known "
            f"to so many points\n{'share':>7} {'leads a week':>13} "
            + " ".join(f"{f'± {100 * one:g}':>7}" for one in HALF_WIDTHS)
        )
        for share, leads, needed in found.precision:
            each = " ".join(f"{'never' if one is None else f'{one:,}':>7}" for one in needed)
            yield f"{share:>7.0%} {leads:>13,} {each}"
        yield f"and {found.horizon_days:g} days more until the last of them is known."


def _line(name: str, one: SampledRate) -> str:
    start = f"{name:<20} {one.rows:>7,} {one.converted:>5,}"
    if one.rate.value is None or one.expected is None:
        return f"{start} {'':>7} {'none is known yet':>16}"
    verdict = "" if one.as_told else "  not as told, beyond chance"
    interval = f"{one.rate.low:.1%} to {one.rate.high:.1%}"
    return f"{start} {one.rate.value:>7.1%} {interval:>16} {one.expected:>7.1%}{verdict}"

"""``leadcast forecast``: what the open pipeline brings by week, and how past forecasts did."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import read_json, write_json, written_out, written_whole
from leadcast.features.base.ownership import refuse_foreign_file, refuse_inputs
from leadcast.features.definitions.load import find_definition
from leadcast.features.tables import Tables, moment_words
from leadcast.models.amounts.amount_level import with_tail
from leadcast.models.amounts.amount_model import AMOUNTS, AmountModel
from leadcast.models.forecast.forecast_coverage import coverage_of
from leadcast.models.forecast.forecast_words import forecast_words
from leadcast.models.forecast.pipeline_forecast import (
    LEVEL,
    Backtested,
    WeekForecast,
    backtest_pipeline,
    draw_pipeline,
    told_by_week,
)
from leadcast.models.forecast.pipeline_level import (
    RECENT_WEEKS,
    USUAL_DRIFT,
    MoneyDoubt,
    OpenLeads,
    PastOrigin,
    PipelineLevel,
    RevenueLevel,
)
from leadcast.models.report.forecast_page import render_forecast
from leadcast.pipelines.base.params import load_params
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.daily.today import champion_of
from leadcast.serve.scorer import Scorer
from leadcast.serve.today.open_leads import beyond_export, require_dated
from leadcast.serve.today.pipeline import (
    WEEK_DAYS,
    outcomes_by_lead,
    past_origin,
    pipeline_at,
    weeks_of,
)

DRAWS, PAST_DRAWS = 2_000, 400
WEEK = timedelta(days=WEEK_DAYS)
FEWEST_ORIGINS = 2
"""With fewer past weeks that the tested model had not seen, no forecast is made."""


@dataclass(frozen=True)
class ForecastRequest:
    """What ``leadcast forecast`` is asked."""

    as_of: datetime | None = None
    """The moment; None: until when the export knows outcomes."""
    weeks: int | None = None
    """How many weeks; None: as many as the longest horizon has."""
    out: Path | None = None
    """A further file to write: .csv or .json."""
    force: bool = False
    """Whether `out` may replace a file that Leadcast did not write."""


def tell_forecast(source: str, request: ForecastRequest) -> str:
    """Forecast the open pipeline, write it, and tell it.

    Parameters
    ----------
    source : str
        Its name; it must have been run.
    request : ForecastRequest

    Returns
    -------
    str
        What was found and written.

    Raises
    ------
    LeadcastError
        If the source was not run or is not dated, the weeks are too many, or a file cannot be
        written.
    """
    run = RunFolder(source)
    run.require(run.tables)
    if request.out is not None:
        _refuse_other_suffixes(request.out)
        refuse_foreign_file(request.out, force=request.force, quick=True)
        refuse_inputs([request.out], [*run.results, *_places(run)])
    content = forecast(run, request)
    written = _write(content, run, request)
    return "\n".join([*content["words"], "", *_table(content), "", f"written: {written}"])


def forecast(run: RunFolder, request: ForecastRequest) -> dict[str, Any]:
    """Forecast the open pipeline; writes nothing.

    Parameters
    ----------
    run : RunFolder
    request : ForecastRequest

    Returns
    -------
    dict
        The content of ``forecast.json``; see ``docs/how_much.md``.
    """
    tables, champion = Tables.read(run.tables), champion_of(run)
    require_dated(tables, f"forecast {run.source}")
    as_of = request.as_of or tables.observed_until
    if as_of is None:
        raise LeadcastError(
            f"forecast {run.source}: until when outcomes are known is not told; give --as-of"
        )
    n_weeks = _weeks(champion.scorer, request.weeks)
    run.require(run.judged)
    judged = Scorer.load(run.judged)
    found, past = past_forecasts(run, judged, tables, as_of)
    value = load_params().comparison.value_per_customer
    now = pipeline_at(champion.scorer, tables, as_of, n_weeks, value).open_leads
    level, money = _levels_now(judged, champion.scorer, tables, as_of, now, found, past)
    drawn = draw_pipeline(now, level, money, draws=DRAWS, seed=load_params().seed)
    content = {
        "source": run.source,
        "as_of": as_of.isoformat(),
        "model": champion.words,
        "currency": _currency(run, champion.scorer),
        "open_leads": len(now.age),
        "interval": LEVEL,
        "scope": "open leads alone; leads that have yet to come are not in it",
        "weeks": [_week(one, as_of) for one in told_by_week(drawn)],
        "backtest": coverage_of(found, past),
        "level": level.to_json(),
    }
    beyond = beyond_export(tables, as_of, "forecast")
    warnings = [] if beyond is None else [f"warning: {beyond}"]
    return content | {"words": [*forecast_words(content), *warnings]}


def past_forecasts(
    run: RunFolder, judged: Scorer, tables: Tables, as_of: datetime
) -> tuple[Backtested, list[PastOrigin]]:
    """Forecast at each week of the test before a moment, with the model that was tested.

    Parameters
    ----------
    run : RunFolder
    judged : Scorer
        The model that was tested.
    tables : Tables
    as_of : datetime

    Returns
    -------
    found : Backtested
    past : list of PastOrigin
        At most `RECENT_WEEKS`, and those that the forecasts of the first of them learn from.

    Raises
    ------
    LeadcastError
        If there are fewer than `FEWEST_ORIGINS` weeks.
    """
    begin = pl.read_parquet(run.snapshots, columns=["part", "as_of"]).filter(part="test")
    first: Any = begin["as_of"].min()
    until = min(as_of, tables.observed_until or as_of)
    number = int((until - first) / WEEK) if first is not None else 0
    if first is not None and until < first:
        raise LeadcastError(
            f"forecast {run.source}: --as-of: found {moment_words(until)}; expected a moment at "
            f"least {FEWEST_ORIGINS} weeks after {moment_words(first)}, when the test begins: past "
            "forecasts tell how sure one is. Give a later one"
        )
    if number < FEWEST_ORIGINS:
        raise LeadcastError(
            f"forecast {run.source}: found {number} whole weeks between the test's first snapshot "
            f"and {moment_words(until)}; expected at least {FEWEST_ORIGINS}, which a model has not "
            "seen, to tell how sure a forecast is. Let the test begin earlier (split.test_fraction)"
        )
    value, n_weeks = load_params().comparison.value_per_customer, weeks_of(judged)
    past = list[PastOrigin]()
    for weeks_ago in range(min(number, 2 * RECENT_WEEKS), 0, -1):
        moment = until - weeks_ago * WEEK
        standing = pipeline_at(judged, tables, moment, n_weeks, value)
        outcomes = outcomes_by_lead(tables, standing.lead_id)
        past.append(past_origin(standing, outcomes, moment, until))
    found = backtest_pipeline(
        past,
        money_doubt(judged),
        drift=_drift(run),
        draws=PAST_DRAWS,
        seed=load_params().seed,
    )
    return found, past


def money_doubt(scorer: Scorer) -> MoneyDoubt | None:
    """Tell how far amounts lie from what a bundle says of them.

    Parameters
    ----------
    scorer : Scorer

    Returns
    -------
    MoneyDoubt or None
        None where nothing tells amounts.
    """
    part = scorer.bundle.extras.get(AMOUNTS)
    if not isinstance(part, AmountModel):
        common = load_params().comparison.value_per_customer
        return None if common is None else MoneyDoubt(np.zeros(1), 0.0)
    ratios = np.array(part.level.ratios)
    # Of the fitted mean, by as many leads as there were.
    error = float(np.exp(ratios).std() / np.sqrt(part.level.leads))
    return MoneyDoubt(with_tail(ratios), error)


def _levels_now(
    judged: Scorer,
    scorer: Scorer,
    tables: Tables,
    as_of: datetime,
    now: OpenLeads,
    found: Backtested,
    past: list[PastOrigin],
) -> tuple[PipelineLevel, RevenueLevel | None]:
    """Give the levels for the model that forecasts; past weeks are those of the tested one."""
    value = load_params().comparison.value_per_customer
    n_weeks = min(now.n_weeks, weeks_of(judged))
    tested = pipeline_at(judged, tables, as_of, n_weeks, value).open_leads
    shown = replace(now, within=now.within[:, :n_weeks])
    level = found.level.for_model(tested, shown).for_weeks(now.n_weeks)
    doubt = money_doubt(scorer)
    if doubt is None or not len(now.amount) or not np.isfinite(now.amount).all():
        return level, None
    if not np.isfinite(tested.amount).all():
        return level, RevenueLevel.of([], 0, doubt, now)
    money = RevenueLevel.of(past, len(past), doubt, now)
    return level, money.for_model(tested, shown)


def _drift(run: RunFolder) -> float:
    """Take how far the level of the stretch to come may be off, as earlier origins tell it."""
    doubt = read_json(run.metrics).get("level_doubt") or {}
    spread = doubt.get("spread")
    return max(float(spread or 0.0), USUAL_DRIFT)


def _weeks(scorer: Scorer, asked: int | None) -> int:
    most = weeks_of(scorer)
    if asked is not None and not 1 <= asked <= most:
        raise LeadcastError(
            f"--weeks: found {asked}; expected 1 to {most}, the longest horizon that the history "
            "allows"
        )
    return most if asked is None else asked


def _currency(run: RunFolder, scorer: Scorer) -> str | None:
    part = scorer.bundle.extras.get(AMOUNTS)
    if isinstance(part, AmountModel):
        return part.currency
    return load_params().comparison.currency or find_definition(run.source).currency


def _week(one: WeekForecast, as_of: datetime) -> dict[str, Any]:
    def ends(told: tuple[float, float, float] | None) -> dict[str, float] | None:
        return None if told is None else dict(zip(("mean", "low", "high"), told, strict=True))

    return {
        "week": one.week,
        "from": (as_of + (one.week - 1) * WEEK).isoformat(),
        "to": (as_of + one.week * WEEK).isoformat(),
        "customers": ends(one.customers),
        "revenue": ends(one.revenue),
        "customers_so_far": ends(one.customers_so_far),
        "revenue_so_far": ends(one.revenue_so_far),
    }


def flat(content: dict[str, Any]) -> pl.DataFrame:
    """Lay a forecast out as a table: a row a week."""
    names = ("customers", "revenue", "customers_so_far", "revenue_so_far")
    rows = [
        {"week": one["week"], "from": one["from"], "to": one["to"]}
        | {
            f"{name}{end}": None if one[name] is None else one[name][key]
            for name in names
            for key, end in (("mean", ""), ("low", "_low"), ("high", "_high"))
        }
        | {"currency": content["currency"]}
        for one in content["weeks"]
    ]
    return pl.DataFrame(rows, infer_schema_length=None)


def _table(content: dict[str, Any]) -> list[str]:
    has_money = content["weeks"][0]["revenue"] is not None
    money = f"        revenue {content['currency'] or '':<4} 90 %" if has_money else ""
    lines = [f"week  ends        customers      90 %{money}"]
    for one in content["weeks"]:
        mean, low, high = one["customers"].values()
        line = f"{one['week']:>4}  {one['to'][:10]}  {mean:>9.1f}  {low:>4.0f} to {high:<4.0f}"
        if one["revenue"] is not None:
            mean, low, high = one["revenue"].values()
            line += f"  {mean:>12,.0f}  {low:>9,.0f} to {high:<,.0f}"
        lines.append(line.rstrip())
    return lines


def _places(run: RunFolder) -> tuple[Path, Path, Path]:
    return run.forecast, run.forecast_csv, run.forecast_page


def _refuse_other_suffixes(out: Path) -> None:
    if out.suffix.lower() not in (".csv", ".json"):
        raise LeadcastError(f"--out: found {out}; expected a name that ends in .csv or .json")


def _write(content: dict[str, Any], run: RunFolder, request: ForecastRequest) -> str:
    write_json(run.forecast, content)
    with written_whole(run.forecast_csv) as temporary:
        flat(content).write_csv(temporary)
    with written_whole(run.forecast_page) as temporary:
        page = render_forecast(content, find_definition(run.source).title)
        temporary.write_text(page, encoding="utf-8")
    written = [*_places(run)]
    if request.out is not None:
        with written_out(request.out, force=request.force) as temporary:
            if request.out.suffix.lower() == ".csv":
                flat(content).write_csv(temporary)
            else:
                temporary.write_bytes(run.forecast.read_bytes())
        written.append(request.out)
    return ", ".join(map(str, written))

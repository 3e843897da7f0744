"""Policies between trainings, backtested: ``python -m benchmarks.level_tracking [SOURCE ...]``.

On the demo (its own drifts: the price rise, the weak campaign), bank_marketing and bpi2012. A
logistic regression stands in for the champion. Policies: never, the level alone, trained anew on
all mature labels (quarterly, every four weeks, when the alarm of all conversions is raised), and
quarterly with the level. Customers reached are those among the fifth of each week's leads that is
scored highest; an offset of all scores cannot change that within a week.

The demo and bpi2012 (`benchmarks.level_dated`): a night sees conversions and mature labels as they
were known by then. The demo's champion is trained on the day of the price rise, bpi2012's after
60 of its 166 days. bank_marketing: it learns from the earliest four fifths, the latest fifth is
scored in time's order; a day is a run of rows with the same month and weekday, and a label is known
five such days (a working week) after its call.
"""

import argparse
from datetime import UTC, date, datetime
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from benchmarks.level_dated import Backtest, read_dated
from benchmarks.level_policies import (
    NEVER,
    POLICIES,
    Outcomes,
    Policy,
    Scored,
    draw,
    table,
    told_of,
)
from benchmarks.results import RESULTS, write_result
from leadcast.demo.world import PRICE_CHANGE, WEAK_CAMPAIGN_FIRST, WEAK_CAMPAIGN_LAST
from leadcast.features.base.files import read_json
from leadcast.features.registry import DAY_US
from leadcast.models.data import Floats, Integers
from leadcast.models.evaluation.logistic import log_odds_of, sigmoid
from leadcast.models.monitoring.evidence import Thresholds, watch_counts
from leadcast.models.monitoring.level_tracker import LevelWeek, track_level
from leadcast.models.monitoring.streams import FALSE_ALARMS_PER_YEAR, FEWER_SHARES, SHARES
from leadcast.models.monitoring.thresholds import thresholds_for

FILE = Path("../shared/data/bank_marketing/bank-additional-full.csv")
LAG_DAYS = 5
DISPERSION = 0.05
"""Of calls of one day: campaigns call lists of like people."""
WEEKDAYS = 5
FIRST_AFTER_DAYS = 60
RESULT = RESULTS / "level_tracking.json"
SOURCES = ("demo", "bank_marketing", "bpi2012")
LEVEL_VARIANCE = 0.001
"""Some thousand conversions taught the level."""


@cache
def read_bank(file: Path = FILE) -> tuple[pl.DataFrame, Integers, Floats]:
    """Read the export, with each row's day and outcome."""
    frame = pl.read_csv(file, separator=";", infer_schema_length=None)
    same = pl.concat_str("month", "day_of_week")
    day = frame.select((same != same.shift(1)).fill_null(value=False).cum_sum()).to_series()
    converted = (frame["y"] == "yes").cast(pl.Float64).to_numpy()
    return frame.drop("y", "duration"), day.cast(pl.Int64).to_numpy(), converted


class Champion:
    """A logistic regression of the rows before a moment."""

    def __init__(self, frame: pl.DataFrame, converted: Floats, first: int) -> None:
        self.frame = frame
        self.numbers = [name for name, kind in frame.schema.items() if kind != pl.String]
        self.texts = [name for name in frame.columns if name not in self.numbers]
        known = frame[:first]
        self.scaled = StandardScaler().fit(known.select(self.numbers).to_numpy())
        self.coded = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
        self.coded.fit(known.select(self.texts).to_numpy())
        self.model = LogisticRegression(C=0.1, solver="newton-cholesky")
        self.model.fit(self._values(known), converted[:first])

    def _values(self, frame: pl.DataFrame) -> Floats:
        numbers = self.scaled.transform(frame.select(self.numbers).to_numpy())
        return np.hstack([numbers, self.coded.transform(frame.select(self.texts).to_numpy())])

    @cached_property
    def log_odds(self) -> Floats:
        """Score every row."""
        return log_odds_of(self.model.predict_proba(self._values(self.frame))[:, 1])


@cache
def champion_before(first: int) -> Champion:
    """Train on the rows before one; policies share what they train at the same moment."""
    frame, _, converted = read_bank()
    return Champion(frame, converted, first)


def scored_by(policy: Policy, first: int) -> Scored:
    """Score the test's rows under a policy; weeks are of five days of calls.

    Parameters
    ----------
    policy : Policy
    first : int
        The test's first row.

    Returns
    -------
    Scored
    """
    _, day, converted = read_bank()
    days, parts, moved, trained = np.unique(day[first:]), list[Floats](), 0, list[float]()
    champion, since = champion_before(first), 0
    seen, due, strength = (np.zeros(len(days)) for _ in range(3))
    offset = 0.0
    for place, one in enumerate(days):
        known = max(place - LAG_DAYS, since)
        level = slice(since, known)
        aged = policy.retrain_weeks and place - since >= policy.retrain_weeks * WEEKDAYS
        if aged or (policy.on_alarm and is_alarm(seen[level], due[level])):
            # Labels of the last days are not known yet.
            rows = int(np.searchsorted(day, days[place - LAG_DAYS]))
            champion, since, offset = champion_before(rows), place, 0.0
            level = slice(place, place)
            trained.append(place / WEEKDAYS)
        if policy.level:
            weeks = [
                LevelWeek(*row, 1 / WEEKDAYS)
                for row in zip(seen[level], due[level], strength[level], strict=True)
            ]
            found = track_level(weeks, DISPERSION).offset
            moved, offset = moved + (found != offset), found
        rows_of_day = slice(*np.searchsorted(day, [one, one + 1]))
        log_odds = champion.log_odds[rows_of_day]
        p = sigmoid(log_odds)
        seen[place], due[place] = converted[rows_of_day].sum(), p.sum()
        strength[place] = (p * (1 - p)).sum() / p.sum()
        parts.append(log_odds + offset)
    log_odds = np.concatenate(parts)[-(len(day) - first) :]
    return Scored(log_odds, tuple(trained), moved)


def is_alarm(seen: Floats, due: Floats) -> bool:
    """Tell whether the stream of all conversions has raised an alarm."""
    return bool(len(due)) and bool(watch_counts(seen, due, DISPERSION, thresholds(due)).raised)


def thresholds(due: Floats) -> Thresholds:
    """Give those of monitoring."""
    rate = FALSE_ALARMS_PER_YEAR * SHARES["conversions"]
    fewer = rate * FEWER_SHARES["conversions"]
    return thresholds_for(7 * float(due.mean()), DISPERSION, LEVEL_VARIANCE, fewer, rate - fewer)


def of_bank() -> tuple[dict[str, Any], list[tuple[float, str]]]:
    """Backtest bank_marketing's latest fifth, with when the rise of its base rate is told."""
    _, day, converted = read_bank()
    first = round(0.8 * len(day))
    place, converted = day[first:] - day[first], converted[first:]
    every = np.ones(len(place), np.bool_)
    scored = {policy.name: scored_by(policy, first) for policy in POLICIES}
    told = told_of(Outcomes(converted, place // WEEKDAYS, every), scored)
    seen, due = (
        np.bincount(place, part).astype(np.float64)
        for part in (converted, sigmoid(scored[NEVER.name].log_odds))
    )
    alarm = watch_counts(seen, due, DISPERSION, thresholds(due)).raised[0]
    sums = {
        name: float(part[: alarm.day + 1].sum())
        for name, part in (("observed", seen), ("expected", due))
    }
    found = {"after_days_of_calls": alarm.day + 1, "since_day": alarm.since} | sums
    print(f"bank_marketing: the rise is told: {found}", flush=True)
    return {"policies": told, "alarm": found}, [((alarm.day + 1) / WEEKDAYS, "alarm")]


def of_dated(source: str) -> tuple[dict[str, Any], list[tuple[float, str]]]:
    """Backtest a source with dates."""
    dated = read_dated(source)
    marks = list[tuple[float, str]]()
    if source == "demo":
        first = _day(PRICE_CHANGE)
        for begin, words in ((PRICE_CHANGE, "price rise"), (WEAK_CAMPAIGN_FIRST, "weak campaign")):
            marks.append(((_day(begin) - first) / 7, words))
        marks.append(((_day(WEAK_CAMPAIGN_LAST) - first) / 7, "its end"))
    else:
        first = int(dated.at.min() // DAY_US) + FIRST_AFTER_DAYS
    backtest = Backtest(dated, first)
    scored = {policy.name: backtest.scored(policy) for policy in POLICIES}
    since = f"{datetime.fromtimestamp(first * 86400, UTC):%Y-%m-%d}"
    told = told_of(backtest.outcomes, scored)
    return {"policies": told, "from": since, "scores": len(backtest.tested)}, marks


def _day(one: date) -> int:
    return (one - date(1970, 1, 1)).days


def main() -> None:
    """Measure, print, draw and write it down; sources that were not named keep their figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sources", nargs="*", default=list(SOURCES))
    asked: list[str] = parser.parse_args().sources
    kept = read_json(RESULT) if RESULT.exists() else {}
    for source in asked:
        found, marks = of_bank() if source == "bank_marketing" else of_dated(source)
        kept[source] = found | {"marks": marks}
        print(table(source, found["policies"]), flush=True)
        write_result(RESULT.stem, {name: kept[name] for name in SOURCES if name in kept})
    draw({name: kept[name] for name in SOURCES if name in kept})


if __name__ == "__main__":
    main()

"""Policies between trainings on sources with dates: each night sees what was known by then."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import pairwise

import numpy as np
import polars as pl
from sklearn.linear_model import LogisticRegression

from benchmarks.level_policies import Outcomes, Policy, Scored
from benchmarks.projects import source_stages
from leadcast.features.engine.engine import compute
from leadcast.features.registry import DAY_US, Feature
from leadcast.features.snapshots import make_snapshots, microseconds, microseconds_of
from leadcast.features.tables import Tables
from leadcast.models.data import Floats, Integers, Matrix
from leadcast.models.evaluation.logistic import log_odds_of, sigmoid
from leadcast.models.monitoring.conversions import (
    NEVER,
    DayCounts,
    Delays,
    Statements,
    count_by_day,
    until_next,
    weekday_factors,
)
from leadcast.models.monitoring.evidence import WEEK_DAYS, weekly_dispersion
from leadcast.models.monitoring.level_tracker import LevelWeek, track_level
from leadcast.models.monitoring.streams import FALSE_ALARMS_PER_YEAR, SHARES, Stream
from leadcast.pipelines.base.dataset import read_plan
from leadcast.pipelines.base.params import load_params, snapshot_settings
from leadcast.pipelines.base.paths import RunFolder

QUIET_DAYS = 28
"""After a training an alarm has so long to come again: its labels are the same until then."""
CUTS = (0.01, 0.99)
PENALTY = 10.0


@dataclass(frozen=True)
class Dated:
    """All looks at a source's leads, in time's order.

    Parameters
    ----------
    values : ndarray of float32, shape (n, n_features)
    features : tuple of Feature
    at : ndarray of int64, shape (n,)
        In microseconds since 1970.
    lead, landmark : ndarray of int64, shape (n,)
        Codes.
    due, won, lost : ndarray of int64, shape (n,)
        When the next look is due, and how it ended; `NEVER` where none is, or not known.
    converted : ndarray of float64, shape (n,)
        NaN where not mature at the end.
    horizon_days, known_until : int
        The latter in microseconds.
    """

    values: Matrix
    features: tuple[Feature, ...]
    at: Integers
    lead: Integers
    landmark: Integers
    due: Integers
    won: Integers
    lost: Integers
    converted: Floats
    horizon_days: int
    known_until: int

    @cached_property
    def until(self) -> Integers:
        """Until when each look is its lead's newest."""
        return until_next(self.lead, self.at, self.horizon_days, self.due, self.lost)

    def mature(self, day: int) -> Integers:
        """Give the looks whose label is known on a day, in days since 1970."""
        rows = (self.at + self.horizon_days * DAY_US <= day * DAY_US) & ~np.isnan(self.converted)
        return np.flatnonzero(rows)


def read_dated(source: str) -> Dated:
    """Read a source, with the features that its run has planned."""
    source_stages(source, "features")
    run, params = RunFolder(source), load_params()
    tables = Tables.read(run.tables)
    settings = snapshot_settings(source, params, tables)
    looks = make_snapshots(tables, settings, params.seed).sort("lead_id", "position")
    plan = read_plan(run)
    values = compute(plan, tables.leads, tables.events, looks)
    ends = {"won": "won_at", "lost": "lost_at"}
    outcomes = tables.outcomes.select(
        "lead_id", **{name: pl.col(column).dt.epoch("us") for name, column in ends.items()}
    )
    ages = settings.landmarks_days
    gaps = {first: microseconds(second - first) for first, second in pairwise(ages)}
    gap = pl.col("landmark_days").replace_strict(gaps, default=None, return_dtype=pl.Int64)
    rows = looks.join(outcomes, on="lead_id", how="left", maintain_order="left").with_columns(
        place=pl.int_range(pl.len()),
        at=pl.col("as_of").dt.epoch("us"),
        lead=pl.col("lead_id").rank("dense").cast(pl.Int64),
        landmark=pl.col("landmark_days").rank("dense").cast(pl.Int64) - 1,
        due=(pl.col("as_of").dt.epoch("us") + gap).fill_null(NEVER),
        won=pl.col("won").fill_null(NEVER),
        lost=pl.col("lost").fill_null(NEVER),
    )
    rows = rows.sort("at", "place")
    assert isinstance(tables.observed_until, datetime)
    return Dated(
        values=values[rows["place"].to_numpy()],
        features=plan.features,
        at=rows["at"].to_numpy(),
        lead=rows["lead"].to_numpy(),
        landmark=rows["landmark"].to_numpy(),
        due=rows["due"].to_numpy(),
        won=rows["won"].to_numpy(),
        lost=rows["lost"].to_numpy(),
        converted=rows["converted"].cast(pl.Float64).fill_null(np.nan).to_numpy(),
        horizon_days=round(settings.horizon_days),
        known_until=microseconds_of(tables.observed_until),
    )


class Champion:
    """A logistic regression of what was mature on a day, and what it leads one to expect."""

    def __init__(self, source: Dated, day: int) -> None:
        self.source, self.day = source, day
        rows = source.mature(day)
        design = _design(source, rows)
        model = LogisticRegression(C=1 / PENALTY, solver="newton-cholesky", max_iter=50)
        model.fit(design[rows], source.converted[rows])
        self.log_odds = log_odds_of(model.predict_proba(design)[:, 1])

    @cached_property
    def counts(self) -> tuple[DayCounts, DayCounts]:
        """Count conversions by day before it was trained, and since: to the source's end."""
        source = self.source
        p = sigmoid(self.log_odds)
        said = Statements(
            source.at, source.until, p, source.landmark, source.won, source.horizon_days
        )
        delays = Delays.learned(said, self.day * DAY_US)
        begin = int(source.at.min()) // DAY_US
        every = count_by_day(said, delays, begin, source.known_until)
        quiet = every.between(begin, self.day)
        even = every.with_weekdays(weekday_factors(quiet))
        end = begin + len(every.expected)
        return even.between(begin, self.day), even.between(self.day, end)

    def offset(self, day: int) -> float:
        """Follow the level by the whole weeks until a day."""
        quiet, since = self.counts
        p = sigmoid(self.log_odds)
        sensitivity = float((p * (1 - p)).sum() / p.sum())
        weeks = [
            LevelWeek(
                float(since.observed[start : start + WEEK_DAYS].sum()),
                float(since.expected[start : start + WEEK_DAYS].sum()),
                sensitivity,
            )
            for start in range(0, day - self.day - WEEK_DAYS + 1, WEEK_DAYS)
        ]
        return track_level(weeks, weekly_dispersion(quiet.observed, quiet.expected)).offset

    def is_alarm(self, day: int) -> bool:
        """Tell whether all leads' conversions have raised an alarm by a day."""
        quiet, since = self.counts
        n_days = day - self.day
        if n_days <= 0:
            return False
        parts = (since.observed[:n_days], since.expected[:n_days], quiet.observed, quiet.expected)
        stream = Stream("conversions", "", "", *parts)
        return bool(stream.watched(FALSE_ALARMS_PER_YEAR * SHARES["conversions"]).raised)


class Backtest:
    """Policies on one source, from a day on; champions of a day are shared among them."""

    def __init__(self, source: Dated, first_day: int) -> None:
        self.source, self.first_day = source, first_day
        self.champions: dict[int, Champion] = {}
        tested = ~np.isnan(source.converted) & (source.at >= first_day * DAY_US)
        self.tested = np.flatnonzero(tested)
        self.last_day = int(source.at[self.tested].max() // DAY_US) + 1
        self.outcomes = Outcomes(
            source.converted[self.tested],
            (source.at[self.tested] // DAY_US - first_day) // WEEK_DAYS,
            source.landmark[self.tested] == 0,
        )

    def champion(self, day: int) -> Champion:
        """Train on what was mature on a day."""
        if day not in self.champions:
            self.champions[day] = Champion(self.source, day)
        return self.champions[day]

    def scored(self, policy: Policy) -> Scored:
        """Score every look in its own week; a policy acts on Mondays."""
        source, champion = self.source, self.champion(self.first_day)
        log_odds, offset, moved = np.zeros(len(source.at)), 0.0, 0
        trained = list[float]()
        for day in range(self.first_day, self.last_day, WEEK_DAYS):
            age = day - champion.day
            due = policy.retrain_weeks and age >= policy.retrain_weeks * WEEK_DAYS
            told = policy.on_alarm and age >= QUIET_DAYS and champion.is_alarm(day)
            if due or told:
                champion, offset = self.champion(day), 0.0
                trained.append((day - self.first_day) / WEEK_DAYS)
            if policy.level:
                found = champion.offset(day)
                moved, offset = moved + (found != offset), found
            week = slice(*np.searchsorted(source.at, [day * DAY_US, (day + WEEK_DAYS) * DAY_US]))
            log_odds[week] = champion.log_odds[week] + offset
        return Scored(log_odds[self.tested], tuple(trained), moved)


def _design(source: Dated, rows: Integers) -> Floats:
    """Write features as columns of a regression: scaled and cut by the rows that are learned."""
    columns = list[Floats]()
    for place, feature in enumerate(source.features):
        column = source.values[:, place].astype(np.float64)
        missing = np.isnan(column)
        if feature.dtype == "category":
            codes = np.where(missing, -1, column)
            columns += [(codes == code).astype(np.float64) for code in np.unique(codes[rows])]
            continue
        known = column[rows][~missing[rows]]
        if not len(known):
            continue
        low, high = np.quantile(known, CUTS)
        middle, width = float(np.mean(np.clip(known, low, high))), float(known.std())
        kept = np.clip(np.where(missing, middle, column), low, high)
        columns.append((kept - middle) / (width or 1.0))
        if missing[rows].any():
            columns.append(missing.astype(np.float64))
    return np.column_stack(columns)

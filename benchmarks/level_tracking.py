"""Policies between trainings, on bank_marketing: ``python -m benchmarks.level_tracking``.

A logistic regression, which stands in for a champion, learns from the earliest four fifths; the
latest fifth is scored in time's order. A day is a run of rows with the same month and weekday; a
label is known five such days (a working week) after its call, and a policy sees no other. Policies:
never, the level alone (every day, every week), retrained on all labels so far (every 63 days of
calls, every 21, when the alarm of monitoring is raised), and quarterly with the level. Customers
reached are those among the fifth of each week's calls that is scored highest.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from benchmarks.results import write_result
from leadcast.models.data import Floats, Integers
from leadcast.models.evaluation.logistic import log_odds_of, sigmoid
from leadcast.models.evaluation.metrics import expected_calibration_error
from leadcast.models.evaluation.tally import tally
from leadcast.models.monitoring.evidence import Thresholds, watch_counts
from leadcast.models.monitoring.level_tracker import LevelWeek, record_of, track_level
from leadcast.models.monitoring.streams import FALSE_ALARMS_PER_YEAR, FEWER_SHARES, SHARES
from leadcast.models.monitoring.thresholds import thresholds_for

FILE = Path("../shared/data/bank_marketing/bank-additional-full.csv")
LAG_DAYS = 5
DISPERSION = 0.05
"""Of calls of one day: campaigns call lists of like people."""
WEEKDAYS = 5
LEVEL_VARIANCE = 0.001
"""Some thousand conversions taught the level."""
PLOT = Path("benchmarks/results/level_tracking.svg")


@cache
def read_bank(file: Path = FILE) -> tuple[pl.DataFrame, Integers, Floats]:
    """Read the export, with each row's day and outcome."""
    frame = pl.read_csv(file, separator=";", infer_schema_length=None)
    same = pl.concat_str("month", "day_of_week")
    day = frame.select((same != same.shift(1)).fill_null(value=False).cum_sum()).to_series()
    converted = (frame["y"] == "yes").cast(pl.Float64).to_numpy()
    return frame.drop("y", "duration"), day.cast(pl.Int64).to_numpy(), converted


@dataclass(frozen=True)
class Policy:
    """When a model is trained anew, and whether its level follows in between.

    Parameters
    ----------
    name : str
    retrain_days : int
        After so many days of calls; 0 for never.
    level_days : int
        How often the level is moved; 0 for never.
    on_alarm : bool
        Whether an alarm of all conversions has the model trained anew.
    """

    name: str
    retrain_days: int = 0
    level_days: int = 0
    on_alarm: bool = False


POLICIES = (
    Policy("never"),
    Policy("the level, every day", level_days=1),
    Policy("the level, every week", level_days=WEEKDAYS),
    Policy("retrained quarterly", retrain_days=63),
    Policy("retrained monthly", retrain_days=21),
    Policy("retrained on alarm", on_alarm=True),
    Policy("quarterly, and the level every day", retrain_days=63, level_days=1),
)


class Champion:
    """A logistic regression of the rows before a moment."""

    def __init__(self, frame: pl.DataFrame, converted: Floats, first: int) -> None:
        self.numbers = [name for name, kind in frame.schema.items() if kind != pl.String]
        self.texts = [name for name in frame.columns if name not in self.numbers]
        known = frame[:first]
        self.scaled = StandardScaler().fit(known.select(self.numbers).to_numpy())
        self.coded = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
        self.coded.fit(known.select(self.texts).to_numpy())
        self.model = LogisticRegression(C=0.1, max_iter=500)
        self.model.fit(self._values(known), converted[:first])

    def _values(self, frame: pl.DataFrame) -> Floats:
        numbers = self.scaled.transform(frame.select(self.numbers).to_numpy())
        return np.hstack([numbers, self.coded.transform(frame.select(self.texts).to_numpy())])

    def log_odds(self, frame: pl.DataFrame) -> Floats:
        """Score leads."""
        return log_odds_of(self.model.predict_proba(self._values(frame))[:, 1])


@cache
def champion_before(first: int) -> Champion:
    """Train on the rows before one; policies share what they train at the same moment."""
    frame, _, converted = read_bank()
    return Champion(frame, converted, first)


def scored_by(policy: Policy, first: int) -> tuple[Floats, int, list[int]]:
    """Score the test's rows under a policy.

    Parameters
    ----------
    policy : Policy
    first : int
        The test's first row.

    Returns
    -------
    tuple
        Log-odds, the number of models and levels that were put in use after the first, and the
        days of calls, from 0, on which a model was trained anew.
    """
    frame, day, converted = read_bank()
    days, parts, changes, trained = np.unique(day[first:]), list[Floats](), 0, list[int]()
    champion, since = champion_before(first), 0
    seen, due, strength = (np.zeros(len(days)) for _ in range(3))
    offset = 0.0
    for place, one in enumerate(days):
        known = max(place - LAG_DAYS, since)
        level = slice(since, known)
        aged = policy.retrain_days and place - since >= policy.retrain_days
        if aged or (policy.on_alarm and is_alarm(seen[level], due[level])):
            # Labels of the last days are not known yet.
            rows = int(np.searchsorted(day, days[place - LAG_DAYS]))
            champion, since, offset = champion_before(rows), place, 0.0
            changes, level = changes + 1, slice(place, place)
            trained.append(place)
        if policy.level_days and (place - since) % policy.level_days == 0:
            weeks = [
                LevelWeek(*row, 1 / WEEKDAYS)
                for row in zip(seen[level], due[level], strength[level], strict=True)
            ]
            moved = track_level(weeks, DISPERSION).offset
            changes, offset = changes + (moved != offset), moved
        rows_of_day = slice(*np.searchsorted(day, [one, one + 1]))
        log_odds = champion.log_odds(frame[rows_of_day])
        p = sigmoid(log_odds)
        seen[place], due[place] = converted[rows_of_day].sum(), p.sum()
        strength[place] = (p * (1 - p)).sum() / p.sum()
        parts.append(log_odds + offset)
    return np.concatenate(parts)[-(len(day) - first) :], changes, trained


def is_alarm(seen: Floats, due: Floats) -> bool:
    """Tell whether the stream of all conversions has raised an alarm."""
    return bool(len(due)) and bool(watch_counts(seen, due, DISPERSION, thresholds(due)).raised)


def thresholds(due: Floats) -> Thresholds:
    """Give those of monitoring."""
    rate = FALSE_ALARMS_PER_YEAR * SHARES["conversions"]
    fewer = rate * FEWER_SHARES["conversions"]
    return thresholds_for(7 * float(due.mean()), DISPERSION, LEVEL_VARIANCE, fewer, rate - fewer)


def reached(log_odds: Floats, converted: Floats, week: Integers) -> int:
    """Count the customers among the fifth of each week's leads that is scored highest."""
    found = 0.0
    for one in np.unique(week):
        rows = np.flatnonzero(week == one)
        best = rows[np.argsort(-log_odds[rows], kind="stable")[: round(len(rows) / 5)]]
        found += converted[best].sum()
    return int(found)


def draw(gains: dict[str, Floats], place: Path) -> None:
    """Draw each policy's gain over never, added up week by week."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    for name, gain in gains.items():
        axes.plot(np.arange(1, len(gain) + 1), np.cumsum(gain), label=name)
    axes.set(xlabel="Week of calls", ylabel="Summed log loss saved, against never")
    axes.set_title("Bank marketing: what a policy saves")
    axes.legend(frameon=False)
    figure.savefig(place)
    plt.close(figure)
    print(f"drawn: {place}")


def main() -> None:
    """Measure, print and write it down."""
    _, day, converted = read_bank()
    first = round(0.8 * len(day))
    day, converted = day[first:], converted[first:]
    week = (day - day[0]) // WEEKDAYS
    leads = np.bincount(week).astype(np.float64)
    result: dict[str, Any] = {"leads": len(day), "days": len(np.unique(day)), "policies": {}}
    losses = dict[str, Floats]()
    for policy in POLICIES:
        log_odds, changes, trained = scored_by(policy, first)
        loss = np.logaddexp(0.0, log_odds) - converted * log_odds
        losses[policy.name] = np.bincount(week, loss).astype(np.float64)
        record = record_of(losses["never"], losses[policy.name], leads)
        told = {
            "log_loss": float(loss.mean()),
            "calibration_error": float(
                expected_calibration_error(tally(sigmoid(log_odds), converted))
            ),
            "gain": [record.gain, record.low, record.high],
            "reached": reached(log_odds, converted, week),
            "changes": changes,
            "trained_on_days": trained,
        }
        result["policies"][policy.name] = told
        print(policy.name, told, flush=True)
    draw({name: losses["never"] - one for name, one in losses.items()}, PLOT)
    never = champion_before(first).log_odds(read_bank()[0][first:])
    place = day - day[0]
    seen, due = (
        np.bincount(place, part).astype(np.float64) for part in (converted, sigmoid(never))
    )
    alarm = watch_counts(seen, due, DISPERSION, thresholds(due)).raised[0]
    sums = {
        name: float(part[: alarm.day + 1].sum())
        for name, part in (("observed", seen), ("expected", due))
    }
    result["alarm"] = {"after_days": alarm.day + 1, "since_day": alarm.since} | sums
    print(
        f"the rise is told {alarm.day + 1} days of calls after the test begins: {result['alarm']}"
    )
    write_result("level_tracking", result)


if __name__ == "__main__":
    main()

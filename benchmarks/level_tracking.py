"""The level between retrainings, on bank_marketing: ``python -m benchmarks.level_tracking``.

A logistic regression learns from the earliest four fifths and scores the latest fifth in time's
order; it stands in for a champion that is never retrained. A day is a run of rows with the same
month and weekday; a lead's label is known five such days (a working week) after its call. Policies:
never, the level alone (every day, every week), without a look at later labels.
"""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from benchmarks.results import write_result
from leadcast.models.data import Floats, Integers
from leadcast.models.evaluation.logistic import log_odds_of, sigmoid
from leadcast.models.evaluation.metrics import expected_calibration_error
from leadcast.models.evaluation.tally import tally
from leadcast.models.monitoring.evidence import watch_counts
from leadcast.models.monitoring.level_tracker import LevelWeek, record_of, track_level

FILE = Path("../shared/data/bank_marketing/bank-additional-full.csv")
LAG_DAYS = 5
DISPERSION = 0.05
"""Of calls of one day: campaigns call lists of like people."""
WEEKDAYS = 5


def read_bank(file: Path = FILE) -> tuple[pl.DataFrame, Integers, Floats]:
    """Read the export, with each row's day and outcome."""
    frame = pl.read_csv(file, separator=";", infer_schema_length=None)
    same = pl.concat_str("month", "day_of_week")
    day = frame.select((same != same.shift(1)).fill_null(value=False).cum_sum()).to_series()
    converted = (frame["y"] == "yes").cast(pl.Float64).to_numpy()
    return frame.drop("y", "duration"), day.cast(pl.Int64).to_numpy(), converted


def champion_log_odds(frame: pl.DataFrame, converted: Floats, first: int) -> Floats:
    """Score all rows by a model of those before `first`."""
    numbers = [name for name, kind in frame.schema.items() if kind != pl.String]
    texts = [name for name in frame.columns if name not in numbers]
    scaled = StandardScaler().fit(frame[:first].select(numbers).to_numpy())
    coded = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    coded.fit(frame[:first].select(texts).to_numpy())
    parts = (
        scaled.transform(frame.select(numbers).to_numpy()),
        coded.transform(frame.select(texts).to_numpy()),
    )
    values = np.hstack(parts)
    model = make_pipeline(LogisticRegression(C=0.1, max_iter=500))
    model.fit(values[:first], converted[:first])
    return log_odds_of(model.predict_proba(values)[:, 1])


def offsets_by_day(
    log_odds: Floats, converted: Floats, day: Integers, every: int
) -> dict[int, float]:
    """Give the offset at the beginning of each day, from labels that were known by then."""
    days, found, offset = np.unique(day), dict[int, float](), 0.0
    p = sigmoid(log_odds)
    weeks = []
    for one in days:
        mask = day == one
        due = float(p[mask].sum())
        strength = float((p[mask] * (1 - p[mask])).sum() / due)
        weeks.append(LevelWeek(float(converted[mask].sum()), due, strength, 1 / WEEKDAYS))
    for place, one in enumerate(days):
        if place % every == 0:
            offset = track_level(weeks[: max(place - LAG_DAYS, 0)], DISPERSION).offset
        found[int(one)] = offset
    return found


def main() -> None:
    """Measure, print and write it down."""
    frame, day, converted = read_bank()
    first = round(0.8 * len(day))
    log_odds = champion_log_odds(frame, converted, first)[first:]
    converted, day = converted[first:], day[first:]
    base = np.logaddexp(0.0, log_odds) - converted * log_odds
    week = (day - day[0]) // WEEKDAYS
    leads = np.bincount(week).astype(np.float64)
    result: dict[str, Any] = {"leads": len(day), "days": len(np.unique(day)), "policies": {}}
    for name, every in (("never", 0), ("level, every day", 1), ("level, every week", WEEKDAYS)):
        offset = np.zeros(len(day))
        if every:
            by_day = offsets_by_day(log_odds, converted, day, every)
            offset = np.array([by_day[one] for one in day.tolist()])
        moved = log_odds + offset
        loss = np.logaddexp(0.0, moved) - converted * moved
        error = float(expected_calibration_error(tally(sigmoid(moved), converted)))
        record = record_of(
            np.bincount(week, base).astype(float), np.bincount(week, loss).astype(float), leads
        )
        told = {
            "log_loss": float(loss.mean()),
            "calibration_error": error,
            "gain": [record.gain, record.low, record.high],
            "changes": len(np.unique(offset)) - 1,
        }
        result["policies"][name] = told
        print(
            f"{name}: log loss {told['log_loss']:.4f}, calibration error {error:.3f}, gain "
            f"{record.gain:.4f} ({record.low:.4f} to {record.high:.4f}), "
            f"{told['changes']} changes",
            flush=True,
        )
    place = day - day[0]
    seen = np.bincount(place, converted).astype(float)
    due = np.bincount(place, sigmoid(log_odds)).astype(float)
    raised = watch_counts(seen, due, DISPERSION, 0.25).raised
    alarm = raised[0]
    result["alarm"] = {"after_days": alarm.day, "since_day": alarm.since}
    days = seen.reshape(-1)[: alarm.day + 1], due.reshape(-1)[: alarm.day + 1]
    result["alarm"]["observed"], result["alarm"]["expected"] = (float(p.sum()) for p in days)
    print(f"the rise is told {alarm.day} days of calls after the test begins: {result['alarm']}")
    write_result("level_tracking", result)


if __name__ == "__main__":
    main()

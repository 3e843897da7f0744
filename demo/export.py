"""From arrays to the columns of an export."""

import numpy as np
import polars as pl

from leadcast.demo import world
from leadcast.demo.behaviour import Log
from leadcast.demo.law import NAMES
from leadcast.demo.outcomes import HORIZONS_DAYS, Endings, Truth
from leadcast.demo.world import Floats, Integers
from leadcast.features.tables import TIME


def event_rows(ids: pl.Series, log: Log) -> pl.DataFrame:
    """Write events down."""
    return pl.DataFrame(
        {
            "Lead ID": ids.gather(log.lead),
            "Time": as_times(log.at),
            "Type": pl.Series(NAMES).gather(log.kind),
            "Value": numbers(log.value),
        }
    )


def outcome_rows(ids: pl.Series, endings: Endings) -> pl.DataFrame:
    """Write outcomes down."""
    return pl.DataFrame(
        {
            "Lead ID": ids,
            "Won At": as_times(endings.won_at),
            "Lost At": as_times(endings.lost_at),
            "Amount": numbers(endings.amount),
        }
    )


def truth_rows(ids: pl.Series, truth: Truth) -> pl.DataFrame:
    """Write the truth down."""
    horizons = len(HORIZONS_DAYS)
    row = np.repeat(np.arange(len(truth.lead)), horizons)
    return pl.DataFrame(
        {
            "lead_id": ids.gather(truth.lead[row]),
            "landmark_days": truth.landmark_days[row].astype(np.float64),
            "as_of": as_times(truth.as_of[row]),
            "horizon_days": np.tile(np.array(HORIZONS_DAYS, dtype=np.float64), len(truth.lead)),
            "true_probability": truth.probabilities.ravel(),
        }
    )


def lead_ids(first_number: int, count: int) -> pl.Series:
    """Name leads by their running number."""
    return numbered("L", np.arange(first_number, first_number + count))


def as_times(seconds: Integers) -> pl.Series:
    """Turn seconds since the world's start into times."""
    start = int(world.START.timestamp())
    times = pl.Series((start + seconds) * 1_000_000).cast(TIME)
    return times.set(pl.Series(seconds < 0), None)


def numbers(values: Floats) -> pl.Series:
    """Turn numbers into a column."""
    return pl.Series(values, nan_to_null=True)


def numbered(letter: str, number: Integers) -> pl.Series:
    """Name things by a letter and a running number."""
    return letter + pl.Series(number).cast(pl.String).str.zfill(7)

"""Leads with two scores whose worth is known: a better one, and points that are a coarse copy."""

from datetime import UTC, datetime

import numpy as np
import polars as pl

from leadcast.features.tables import TIME
from leadcast.models.comparison import Compared
from leadcast.models.data import Floats

START_US = int(datetime(2025, 1, 6, tzinfo=UTC).timestamp() * 1e6)
DAY_US = 86_400_000_000


def world(
    leads: int = 1200,
    weeks: int = 12,
    seed: int = 1,
    noise: float = 1.5,
    without_points: float = 0.0,
    landmarks: tuple[float, ...] = (0.0,),
) -> Compared:
    """Draw leads, a row a lead and landmark; `noise` is what points have beyond log-odds."""
    frame = world_frame(leads, weeks, seed, noise, without_points, landmarks)
    return Compared.of(frame, ("industry",))


def world_frame(
    leads: int = 1200,
    weeks: int = 12,
    seed: int = 1,
    noise: float = 1.5,
    without_points: float = 0.0,
    landmarks: tuple[float, ...] = (0.0,),
) -> pl.DataFrame:
    """Draw the rows that `world` puts into weeks."""
    generator = np.random.default_rng(seed)
    log_odds = -2.0 + 1.5 * generator.normal(size=leads)
    converted = generator.random(leads) < sigmoid(log_odds)
    points = np.round(50 + 10 * (log_odds + noise * generator.normal(size=leads)))
    created = START_US + np.sort(generator.integers(0, weeks * 7 * DAY_US, leads))
    lacking = generator.random(leads) < without_points
    ages = np.repeat(landmarks, leads)
    each = len(landmarks)
    position = np.tile(created, each) + (ages * DAY_US).astype(np.int64)
    probability = np.tile(sigmoid(log_odds), each)
    return pl.DataFrame(
        {
            "lead_id": [f"lead {i}" for i in range(leads)] * each,
            "as_of": pl.Series(position).cast(TIME),
            "landmark_days": ages,
            "position": position,
            "group": np.tile(np.arange(leads), each),
            "converted": np.tile(converted, each),
            "amount": np.tile(np.where(converted, 1000.0 + 10 * (created % 50), np.nan), each),
            "probability": probability,
            "lower": probability * 0.8,
            "upper": np.minimum(probability * 1.2, 1.0),
            "grade": np.where(probability > 0.3, "A", "D"),
            "points": np.tile(np.where(lacking, np.nan, points), each),
            "worked": np.tile(points >= 40, each),
            "random_slice": [None] * leads * each,
            "industry": np.tile(np.array(["retail", "software"])[created % 2], each),
        },
        schema_overrides={"random_slice": pl.Boolean},
    ).with_columns(pl.col("points", "amount").fill_nan(None))


def sigmoid(log_odds: Floats) -> Floats:
    """Turn log-odds into probabilities."""
    return np.asarray(1 / (1 + np.exp(-log_odds)))

"""Strange worlds: leads whose true probabilities are known, with a level that does what it likes.

Each kind changes one thing of a plain seller: leads come evenly over two years, a few columns tell
something, and those that convert do so within a horizon of 60 days. None of them is the demo.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from leadcast.features.tables import TIME, Tables, TimeOrder, empty_events
from leadcast.models.data import Floats
from leadcast.models.evaluation.logistic import sigmoid

HORIZON_DAYS = 60.0
LANDMARKS_DAYS = (0.0, 7.0)
BEGIN = datetime(2023, 1, 1, tzinfo=UTC)
CHANNELS = ("search", "referral", "fair", "partner", "list", "new")
CHANNEL_EFFECTS = np.array([0.3, 0.9, -0.2, 0.4, -1.0, -0.8])
CHANNEL_SHARES = np.array([0.35, 0.15, 0.15, 0.15, 0.2, 0.0])

Level = Callable[[Floats, np.random.Generator], Floats]
"""From the share of the world's time that has passed (0 to 1) to what is added to the log-odds."""


def steady(passed: Floats, _: np.random.Generator) -> Floats:
    """Keep the level."""
    return np.zeros_like(passed)


def step(at: float, by: float) -> Level:
    """Let the level jump once, and stay there."""
    return lambda passed, _: np.where(passed >= at, by, 0.0)


def ramp(by: float) -> Level:
    """Let the level rise evenly."""
    return lambda passed, _: np.asarray(by * (passed - 0.5), np.float64)


def spike(begin: float, end: float, by: float) -> Level:
    """Let the level be another for a while."""
    return lambda passed, _: np.where((passed >= begin) & (passed < end), by, 0.0)


def seasons(years: float, by: float) -> Level:
    """Let the level swing once a year."""
    return lambda passed, _: np.asarray(by * np.sin(2 * np.pi * years * passed), np.float64)


def wandering(months: int, by: float) -> Level:
    """Let the level take a random step each month."""

    def level(passed: Floats, generator: np.random.Generator) -> Floats:
        steps = by * generator.normal(size=months).cumsum()
        return np.asarray(steps[np.minimum((passed * months).astype(np.int64), months - 1)])

    return level


@dataclass(frozen=True)
class Kind:
    """One kind of world.

    Parameters
    ----------
    level : callable
        What time does to every lead alike.
    base : float
        Log-odds of a lead of no particular kind.
    effects : float
        How much the columns tell; 0 for nothing.
    drift : float
        How far the columns' values move over the time, in standard deviations.
    volume : mapping of float to float
        From which share of the time on how many leads come, as a factor.
    new_channel_from : float
        From which share of the time on most leads come from a channel never seen before.
    recorded_from : float
        From which share of the time on wins and losses are recorded.
    delay_days : tuple of float
        Mean time to a win, at the beginning and at the end.
    days : int
        How long the world lasts.
    is_dated : bool
        Whether the export has dates, or only an order.
    index : float or None
        What an index that all leads of a week share (a rate of interest, an economy's mood) does
        to the log-odds, in standard deviations of its weekly steps; None for no such column.
    """

    level: Level = steady
    base: float = -2.2
    effects: float = 1.0
    drift: float = 0.0
    volume: Mapping[float, float] = field(default_factory=dict)
    new_channel_from: float = 2.0
    recorded_from: float = 0.0
    delay_days: tuple[float, float] = (15.0, 15.0)
    days: int = 730
    is_dated: bool = True
    index: float | None = None


PLAIN = Kind()
KINDS: dict[str, Kind] = {
    "nothing strange": PLAIN,
    "recording begins late": replace(PLAIN, recorded_from=0.4),
    "a funnel whose recording begins late": replace(
        PLAIN, base=-3.6, recorded_from=0.5, volume={0.5: 2.5}, days=400
    ),
    "step up": replace(PLAIN, level=step(0.7, 1.2)),
    "step down": replace(PLAIN, level=step(0.7, -1.2), base=-1.2),
    "step up, some time ago": replace(PLAIN, level=step(0.5, 1.2)),
    "step down, some time ago": replace(PLAIN, level=step(0.5, -1.2), base=-1.2),
    "ramp": replace(PLAIN, level=ramp(2.0)),
    "spike": replace(PLAIN, level=spike(0.6, 0.66, 2.0)),
    "seasons": replace(PLAIN, level=seasons(2.5, 0.8), days=913),
    "thin end": replace(PLAIN, volume={0.85: 0.1}),
    "volume collapses and returns": replace(PLAIN, volume={0.4: 0.1, 0.6: 1.0}),
    "new channel takes over": replace(PLAIN, new_channel_from=0.75),
    "delays grow": replace(PLAIN, delay_days=(6.0, 40.0)),
    "level wanders": replace(PLAIN, level=wandering(24, 0.25)),
    "columns move": replace(PLAIN, drift=1.5),
    "an index that means nothing": replace(PLAIN, index=0.0),
    "an index that moves the level": replace(PLAIN, index=0.15),
    "an index beside a level that wanders": replace(PLAIN, index=0.0, level=wandering(24, 0.25)),
    "nothing to learn": replace(PLAIN, effects=0.0),
    "step up, no dates": replace(PLAIN, level=step(0.7, 1.2), is_dated=False),
    "level wanders, no dates": replace(PLAIN, level=wandering(24, 0.25), is_dated=False),
}


@dataclass(frozen=True)
class StrangeWorld:
    """A drawn world.

    Parameters
    ----------
    tables : Tables
        What its export would give.
    truth : pl.DataFrame
        ``lead_id``, ``landmark_days`` and ``true_probability`` of a win within the horizon.
    """

    tables: Tables
    truth: pl.DataFrame


def draw(kind: Kind, leads: int, seed: int) -> StrangeWorld:
    """Draw a world.

    Parameters
    ----------
    kind : Kind
    leads : int
        How many come.
    seed : int
        The same seed gives the same world.

    Returns
    -------
    StrangeWorld
        A lead that wins does so after an exponential delay that ends within the horizon; all
        others are lost after 45 days on average. Nothing is known after the last lead came.
    """
    generator = np.random.default_rng(seed)
    passed = np.sort(_arrivals(kind, leads, generator))
    frame, log_odds = _columns(kind, passed, generator)
    log_odds += kind.base + kind.level(passed, generator)
    mean = kind.delay_days[0] + (kind.delay_days[1] - kind.delay_days[0]) * passed
    caught = 1 - np.exp(-HORIZON_DAYS / mean)
    delay = -mean * np.log1p(-generator.random(leads) * caught)
    won = generator.random(leads) < sigmoid(log_odds)
    lost_after = generator.exponential(45.0, leads)
    created = passed * kind.days
    tables = _tables(kind, frame, created, np.where(won, delay, np.nan), lost_after)
    ids, probability = frame["lead_id"], sigmoid(log_odds)
    truths = []
    for age in LANDMARKS_DAYS if kind.is_dated else (None,):
        still = 0.0 if age is None else age
        # Given that neither a win nor a loss has come by then.
        open_won = 1 - (1 - np.exp(-still / mean)) / caught
        open_lost = np.exp(-still / 45.0)
        true = probability * open_won / (probability * open_won + (1 - probability) * open_lost)
        truths.append(
            pl.DataFrame({"lead_id": ids, "landmark_days": age, "true_probability": true}).cast(
                {"landmark_days": pl.Float64}
            )
        )
    return StrangeWorld(tables, pl.concat(truths))


def _arrivals(kind: Kind, leads: int, generator: np.random.Generator) -> Floats:
    edges = np.array([0.0, *kind.volume, 1.0])
    weights = np.diff(edges) * np.array([1.0, *kind.volume.values()])
    piece = generator.choice(len(weights), leads, p=weights / weights.sum())
    return np.asarray(edges[piece] + generator.random(leads) * np.diff(edges)[piece])


def _columns(
    kind: Kind, passed: Floats, generator: np.random.Generator
) -> tuple[pl.DataFrame, Floats]:
    leads = len(passed)
    fit = generator.normal(size=leads) + kind.drift * (passed - 0.5)
    visits = generator.poisson(np.exp(0.8 + 0.5 * generator.normal(size=leads)))
    size = np.exp(generator.normal(3.5, 1.2, leads))
    channel = generator.choice(len(CHANNELS), leads, p=CHANNEL_SHARES)
    moved = (passed >= kind.new_channel_from) & (generator.random(leads) < 0.7)
    channel[moved] = len(CHANNELS) - 1
    region = generator.choice(12, leads)
    log_odds = kind.effects * (
        0.7 * fit + 0.25 * np.minimum(visits, 8) + CHANNEL_EFFECTS[channel] - 0.6
    )
    ids = [f"L{number:06d}" for number in range(leads)]
    frame = pl.DataFrame(
        {
            "lead_id": ids,
            "fit": fit,
            "visits": visits.astype(np.float64),
            "company_size": size.round(),
            "source": [CHANNELS[one] for one in channel],
            "region": [f"region {one}" for one in region],
        }
    )
    if kind.index is not None:
        weekly = generator.normal(size=int(kind.days / 7) + 1).cumsum()
        index = weekly[(passed * kind.days / 7).astype(np.int64)]
        frame, log_odds = frame.with_columns(index=index), log_odds + kind.index * index
    return frame, np.asarray(log_odds)


def _tables(
    kind: Kind, frame: pl.DataFrame, created: Floats, won_after: Floats, lost_after: Floats
) -> Tables:
    recorded = kind.recorded_from * kind.days
    won_day = created + won_after
    lost_day = np.where(np.isnan(won_after), created + lost_after, np.nan)
    ids, numbers = frame["lead_id"], pl.int_range(0, frame.height, eager=True, dtype=pl.Int64)
    nothing = pl.Series([None], dtype=TIME).new_from_index(0, frame.height)
    if kind.is_dated:
        won, lost = (
            _times(np.where((day >= recorded) & (day <= kind.days), day, np.nan))
            for day in (won_day, lost_day)
        )
        converted = pl.Series([None], dtype=pl.Boolean).new_from_index(0, frame.height)
    else:
        won, lost, converted = nothing, nothing, pl.Series(~np.isnan(won_after))
    numeric = ("fit", "visits", "company_size", "index")
    types = {name: "number" for name in numeric if name in frame.columns}
    return Tables(
        leads=frame.select(
            "lead_id",
            (_times(created) if kind.is_dated else nothing).alias("created_at"),
            numbers.alias("position"),
            pl.exclude("lead_id"),
        ),
        events=empty_events(),
        outcomes=pl.DataFrame(
            {
                "lead_id": ids,
                "won_at": won,
                "lost_at": lost,
                "converted": converted,
                "amount": pl.Series([None], dtype=pl.Float64).new_from_index(0, frame.height),
            }
        ),
        observed_until=BEGIN + timedelta(days=kind.days) if kind.is_dated else None,
        time_order=TimeOrder.DATED if kind.is_dated else TimeOrder.ORDERED,
        attribute_types=types | {"source": "category", "region": "category"},
    )


def _times(days: Floats) -> pl.Series:
    micros = pl.Series(days * 86_400e6, dtype=pl.Float64).fill_nan(None).round().cast(pl.Int64)
    begin = int(BEGIN.timestamp() * 1e6)
    return (micros + begin).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")

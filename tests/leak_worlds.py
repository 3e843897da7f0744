"""Honest worlds for the leakage gate, undated and dated, and the ways to spoil them."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import numpy as np
import numpy.typing as npt
import polars as pl

from leadcast.features.engine.engine import compute
from leadcast.features.engine.fitting import fit_plan
from leadcast.features.settings import FeatureSettings
from leadcast.features.snapshots import SnapshotSettings, group_ids, make_snapshots, microseconds
from leadcast.features.tables import TIME, Tables, TimeOrder, empty_events
from leadcast.models.data import LabelledMatrix
from leadcast.models.leakage import LeakageContext
from leadcast.models.splits import SplitSettings, split_snapshots

LANDMARKS = SnapshotSettings(landmarks_days=(0, 1), horizon_days=30)
START = 1_700_000_000_000_000
DAY = 86_400_000_000


def undated(leads: int = 1_200, seed: int = 0) -> Tables:
    """Leads in an order, one row each, whose attributes tell some of the outcome and no more."""
    rng = np.random.default_rng(seed)
    frame, log_odds = _profiles(rng, leads)
    frame = frame.with_columns(
        created_at=pl.lit(None, TIME), position=pl.lit(rng.permutation(leads))
    )
    converted = rng.random(leads) < 1 / (1 + np.exp(-log_odds))
    outcomes = pl.DataFrame({"lead_id": frame["lead_id"], "converted": converted})
    outcomes = outcomes.with_columns(won_at=pl.lit(None, TIME), lost_at=pl.lit(None, TIME))
    return Tables(frame, empty_events(), outcomes, None, TimeOrder.ORDERED, _types(frame))


def dated(leads: int = 1_200, seed: int = 0) -> Tables:
    """Leads with page views, more of them where the interest is greater, and dated outcomes."""
    rng = np.random.default_rng(seed)
    frame, log_odds = _profiles(rng, leads)
    created = START + rng.integers(0, 400 * DAY, leads)
    interest = log_odds + rng.normal(0, 0.7, leads)
    wins = rng.random(leads) < 1 / (1 + np.exp(-interest))
    ends = created + (2 * DAY + rng.exponential(8, leads) * DAY).astype(np.int64)
    views = rng.poisson(3 * np.exp(0.2 * interest))
    number = np.repeat(np.arange(leads), views)
    times = created[number] + rng.integers(-2 * DAY, 20 * DAY, len(number))
    kinds = np.array(["page", "pricing", "email"])[rng.integers(0, 3, len(number))]
    frame = frame.with_columns(_times(created).alias("created_at"), position=pl.int_range(leads))
    events = pl.DataFrame({"lead_id": frame["lead_id"][number], "occurred_at": _times(times)})
    events = events.with_columns(event_type=pl.Series(kinds), value=pl.lit(None, pl.Float64))
    end = _times(ends)
    outcomes = pl.DataFrame({"lead_id": frame["lead_id"], "won_at": end, "lost_at": end})
    won = pl.Series(wins)
    outcomes = outcomes.with_columns(
        won_at=pl.when(won).then("won_at"),
        lost_at=pl.when(~won).then("lost_at"),
        converted=pl.lit(None, pl.Boolean),
    )
    until = datetime.fromtimestamp((START + 440 * DAY) / 1e6, UTC)
    return Tables(frame, events.lazy(), outcomes, until, TimeOrder.DATED, _types(frame))


def losses_forgotten(tables: Tables) -> Tables:
    """Leave out when leads were lost, and number leads as they come: what most CRMs export.

    Nothing else is known of them, so that how old they are tells nearly all.
    """
    came = tables.leads["created_at"].rank("ordinal").cast(pl.Int64)
    ids = pl.select(pl.format("{}", 10_000 + came)).to_series()
    named = dict(zip(tables.leads["lead_id"], ids, strict=True))
    shuffled = [pl.col(name).shuffle(seed=4) for name in tables.attribute_types]
    return replace(
        tables,
        leads=tables.leads.with_columns(*shuffled, lead_id=ids),
        events=empty_events(),
        outcomes=tables.outcomes.with_columns(
            pl.col("lead_id").replace_strict(named), lost_at=pl.lit(None, TIME)
        ),
    )


def context(
    tables: Tables,
    split_by: Tables | None = None,
    purge_horizons: float = 1.0,
    looks: SnapshotSettings = LANDMARKS,
) -> LeakageContext:
    """Take snapshots of a world, split them, and compute the matrix as the product does."""
    snapshots = make_snapshots(split_by or tables, looks, seed=0)
    horizon = looks.horizon_days if tables.time_order is TimeOrder.DATED else None
    split = split_snapshots(snapshots, SplitSettings(purge_horizons=purge_horizons), horizon)
    train = split.filter(pl.col("part") == "train")
    plan = fit_plan(tables, train, FeatureSettings(), None, looks)
    training = LabelledMatrix(
        values=compute(plan, tables.leads, tables.events, train),
        features=plan.features,
        converted=train["converted"].cast(pl.Float64).to_numpy(),
        position=train["position"].to_numpy(),
        group=train["group_id"].rank("dense").cast(pl.Int64).to_numpy(),
        horizon=microseconds(horizon or 0.0),
    )
    return LeakageContext(tables, split, training, recompute=partial(compute, plan))


def won(tables: Tables) -> npt.NDArray[np.bool_]:
    """Which leads are won, in the order of the leads' table."""
    joined = tables.leads.select("lead_id").join(
        tables.outcomes, on="lead_id", how="left", maintain_order="left"
    )
    return (joined["converted"].fill_null(False) | joined["won_at"].is_not_null()).to_numpy()


def with_few(tables: Tables, winners: int, seed: int = 0) -> Tables:
    """Let all but some winners be lost, at the moment at which they were won."""
    converted = np.flatnonzero(won(tables))
    rng = np.random.default_rng(seed)
    lost = tables.leads["lead_id"][rng.choice(converted, len(converted) - winners, replace=False)]
    changed = pl.col("lead_id").is_in(lost.implode())
    outcomes = tables.outcomes.with_columns(
        lost_at=pl.when(changed).then("won_at").otherwise("lost_at"),
        won_at=pl.when(~changed).then("won_at"),
        converted=pl.when(changed & pl.col("converted").is_not_null())
        .then(pl.lit(value=False))
        .otherwise("converted"),
    )
    return replace(tables, outcomes=outcomes)


def with_attribute(tables: Tables, name: str, values: pl.Series, kind: str) -> Tables:
    """Add a column to the leads."""
    return replace(
        tables,
        leads=tables.leads.with_columns(values.alias(name)),
        attribute_types=tables.attribute_types | {name: kind},
    )


def with_noise(tables: Tables, name: str, strength: float, seed: int = 1) -> Tables:
    """Add a number that is the outcome times a strength, and noise of unit variance."""
    noise = np.random.default_rng(seed).normal(0, 1, tables.leads.height)
    return with_attribute(tables, name, pl.Series(strength * won(tables) + noise), "number")


def spoilt(tables: Tables, kind: str, seed: int = 3) -> Tables:
    """Add a column ``x`` that nobody can know when leads are scored."""
    wins, rng = won(tables), np.random.default_rng(seed)
    n = len(wins)
    open_stages = np.array(["new", "working", "lost"])[rng.integers(0, 3, n)]
    won_stages = np.array(["paid", "live"])[rng.integers(0, 2, n)]
    columns: dict[str, tuple[pl.Series, str]] = {
        "flag": (pl.Series(wins), "flag"),
        "near flag": (pl.Series(wins | (rng.random(n) < 0.005)), "flag"),
        "number": (pl.Series(np.where(wins, rng.lognormal(8, 1, n), 0.0)), "number"),
        "blurred number": (pl.Series(10.0 * wins + rng.normal(0, 1, n)), "number"),
        "level": (pl.Series(np.where(wins, "customer", open_stages)), "category"),
        "levels": (pl.Series(np.where(wins, won_stages, open_stages)), "category"),
        "filled text": (
            pl.Series([f"note {i}" if w else None for i, w in enumerate(wins)]),
            "text",
        ),
        "reason of a loss": (pl.Series([None if w else "price" for w in wins]), "category"),
    }
    values, form = columns[kind]
    return with_attribute(tables, "x", values, form)


SPOILT = (
    *("flag", "near flag", "number", "blurred number", "level", "levels", "filled text"),
    "reason of a loss",
)
"""Every kind of column that `spoilt` adds."""


def with_honest_columns(tables: Tables, seed: int = 0) -> Tables:
    """Add columns as strong as honest ones get, of every kind, and others of noise."""
    rng, wins = np.random.default_rng(seed + 7), won(tables)
    n = len(wins)
    known = rng.random(n) < np.where(wins, 0.7, 0.4)
    campaigns = np.minimum((300 * rng.random(n) ** 3).astype(int), 299)
    columns: dict[str, tuple[pl.Series, str]] = {
        "strong": (pl.Series(1.0 * wins + rng.normal(0, 1, n)), "number"),
        "heavy": (pl.Series(np.exp(1.5 * (0.8 * wins + rng.normal(0, 1, n)))), "number"),
        "pages": (pl.Series(rng.poisson(np.where(wins, 4.5, 3)).astype(float)), "number"),
        "demo": (pl.Series(rng.random(n) < np.where(wins, 0.4, 0.1)), "flag"),
        "region": (pl.Series([f"r{code}" for code in rng.integers(0, 50, n)]), "category"),
        "campaign": (pl.Series([f"c{code}" for code in campaigns]), "category"),
        "phone_2": (pl.Series([float(i) if k else None for i, k in enumerate(known)]), "number"),
        "price_index": (pl.Series(np.floor(tables.leads["position"].to_numpy() / 20)), "number"),
        **{f"n{i}": (pl.Series(rng.normal(0, 1, n)), "number") for i in range(10)},
        **{f"m{i}": (pl.Series(1.0 * rng.integers(0, 4, n)), "number") for i in range(10)},
    }
    for name, (values, form) in columns.items():
        tables = with_attribute(tables, name, values, form)
    return tables


def with_email(tables: Tables, persons: int) -> Tables:
    """Give the leads so many e-mail addresses, by turns."""
    numbers = np.arange(tables.leads.height) % persons
    emails = pl.Series([f"person{number}@example.com" for number in numbers])
    spoilt = with_attribute(tables, "email", emails, "text")
    assert group_ids(spoilt.leads).n_unique() == persons
    return spoilt


def _profiles(rng: np.random.Generator, leads: int) -> tuple[pl.DataFrame, npt.NDArray[np.float64]]:
    size, visits = rng.normal(0, 1, leads), rng.poisson(2, leads)
    country, newsletter = rng.integers(0, 4, leads), rng.random(leads) < 0.3
    budget = np.where(rng.random(leads) < 0.3, np.nan, rng.normal(0, 1, leads))
    log_odds = 0.7 * size + 0.3 * (visits - 2) + 0.3 * country - 0.9 + 0.5 * newsletter
    frame = pl.DataFrame(
        {
            "lead_id": [f"{number:05x}" for number in rng.choice(2**20, leads, replace=False)],
            "size": np.round(np.exp(3 + size), 2),
            "visits": visits.astype(np.float64),
            "country": np.array(["de", "fr", "it", "es"])[country],
            "newsletter": newsletter,
            "budget": pl.Series(budget).fill_nan(None),
            "landing": np.array(["home", "blog", "shop"])[rng.integers(0, 3, leads)],
        }
    )
    return frame, log_odds


def _types(frame: pl.DataFrame) -> dict[str, str]:
    kinds = {"String": "category", "Boolean": "flag", "Float64": "number"}
    names = ("size", "visits", "country", "newsletter", "budget", "landing")
    return {name: kinds[str(frame.schema[name])] for name in names}


def _times(moments: npt.NDArray[np.int64]) -> pl.Series:
    return pl.Series(moments, dtype=pl.Int64).cast(TIME)

"""Whether an export is still what it was: the same past, told in the same way.

What is compared is the past that both exports cover, the leads that were there when the champion
was made. The past does not drift: where its leads vanish or double, where a column of it tells
other values, the export has changed and not the world.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl
from pydantic import Field

from leadcast.features.base.errors import Fault, FaultsError
from leadcast.features.base.files import read_json
from leadcast.features.base.plain import Count, Plain, Share, Text
from leadcast.features.tables import Tables
from leadcast.pipelines.base.paths import RunFolder

FEWEST_LEFT, MOST_THERE = 0.5, 1.5
"""Of the leads of the past, or of its events."""
MOST_MOVED = 0.25
"""Of a column's values: the share that may have moved (total variation; Kolmogorov's distance)."""
MOST_SET_ASIDE = 0.1
"""Of the leads' rows, more than before."""
LEAST_SEEN = 20
"""Rarer values are not kept: they might tell who somebody is."""
COMMON = 0.05
"""A value or a kind of event of such a share does not vanish by chance."""
_STEPS = tuple(step / 20 for step in range(1, 20))
_MOST_LEVELS = 50


class ColumnProfile(Plain):
    """How a column's values are distributed.

    Parameters
    ----------
    kind : str
        The attribute's type.
    missing : float
        The share of leads without a value.
    levels : dict of str to float
        Of a category or a flag: the common values' shares of the values that are there.
    edges, below : tuple of float
        Of a number: values, rising, and the share of the values that are at most so large.
    """

    kind: Text
    missing: Share
    levels: dict[Text, Share] = Field(default_factory=dict)
    edges: tuple[float, ...] = ()
    below: tuple[float, ...] = ()


class ExportProfile(Plain):
    """What is kept of an export, to tell whether the next one is of the same kind.

    Parameters
    ----------
    until : datetime or None
        The end of the past that is described; None where nothing is dated.
    leads : int
    won : float
        The share of them that have become customers.
    set_aside : float
        The share of the leads' rows that could not be used (ids that repeat, and the like).
    events : dict of str to int
        How many there are of each kind.
    columns : dict of str to ColumnProfile
    """

    until: datetime | None
    leads: Count
    won: Share
    set_aside: Share
    events: dict[Text, Count]
    columns: dict[Text, ColumnProfile]


def profile_of(
    run: RunFolder, until: datetime | None, like: ExportProfile | None = None
) -> ExportProfile:
    """Describe the past of an export.

    Parameters
    ----------
    run : RunFolder
        With its tables.
    until : datetime or None
        The end of that past.
    like : ExportProfile, optional
        An earlier one, whose edges numbers are then counted by.

    Returns
    -------
    ExportProfile
    """
    tables = Tables.read(run.tables)
    leads, events = tables.leads, tables.events
    if until is not None:
        leads = leads.filter(pl.col("created_at") <= until)
        events = events.filter(pl.col("occurred_at") <= until)
    won_at = pl.col("won_at").is_not_null() | pl.col("converted").fill_null(False)
    outcomes = tables.outcomes.join(leads.select("lead_id"), on="lead_id", how="semi")
    counted = events.group_by("event_type").len().collect()
    before = {} if like is None else like.columns
    return ExportProfile(
        until=until,
        leads=leads.height,
        won=float(outcomes.select(won_at.mean()).item() or 0.0),
        set_aside=_set_aside(run),
        events={str(kind): int(n) for kind, n in counted.iter_rows()},
        columns={
            name: _column(leads[name], kind, before.get(name))
            for name, kind in sorted(tables.attribute_types.items())
            if name in leads.columns
        },
    )


def _set_aside(run: RunFolder) -> float:
    rows = [
        (line["fate"], line["rows"])
        for line in read_json(run.tables / "quality.json")["account"]
        if line["table"] == "leads"
    ]
    all_of_them = sum(n for _, n in rows)
    return float(sum(n for fate, n in rows if fate != "kept") / max(all_of_them, 1))


def _column(values: pl.Series, kind: str, before: ColumnProfile | None) -> ColumnProfile:
    known = values.drop_nulls()
    if values.dtype == pl.Float64:
        known = known.drop_nans()
    missing = 1 - len(known) / max(len(values), 1)
    if kind == "number" and len(known):
        numbers = np.sort(known.to_numpy())
        edges = np.unique(np.quantile(numbers, _STEPS, method="inverted_cdf"))
        if before is not None and before.edges:
            edges = np.array(before.edges)
        below = np.searchsorted(numbers, edges, side="right") / len(numbers)
        told = {"edges": tuple(edges.tolist()), "below": tuple(below.tolist())}
        return ColumnProfile(kind=kind, missing=missing, **told)
    levels: dict[str, float] = {}
    if kind in ("category", "flag") and len(known):
        counted = known.cast(pl.String).value_counts(sort=True).rows()
        wanted = {} if before is None else before.levels
        levels = {
            level: n / len(known)
            for place, (level, n) in enumerate(counted)
            if level in wanted or (n >= LEAST_SEEN and place < _MOST_LEVELS)
        }
    return ColumnProfile(kind=kind, missing=missing, levels=levels)


def refuse_other_export(source: str, before: Mapping[str, Any], *, accept: bool = False) -> None:
    """Stop where the past of a source's tables is not what it was.

    Parameters
    ----------
    source : str
        Whose tables were just made.
    before : mapping
        The profile that is kept with the champion; empty where there is none.
    accept : bool
        Whether the change is meant.

    Raises
    ------
    FaultsError
        Tells everything that has changed.
    """
    if not before or accept:
        return
    old = ExportProfile.model_validate(before)
    new = profile_of(RunFolder(source), old.until, old)
    faults = [*changes(old, new)]
    if faults:
        raise FaultsError(f"export of source {source!r} since the champion was made", faults)


REMEDY = (
    "See what has changed in the export; if it is meant, retrain once with --accept-export, and "
    "mend the definition in data/sources where a column means something else."
)


def changes(old: ExportProfile, new: ExportProfile) -> Iterator[Fault]:
    """Find what has changed of the same past.

    Parameters
    ----------
    old, new : ExportProfile
        The new one made like the old one, up to the same moment.

    Yields
    ------
    Fault
    """
    most = MOST_THERE if old.until is not None else MOST_THERE * 2
    yield from _count("leads", old.leads, new.leads, most)
    yield from _count("events", sum(old.events.values()), sum(new.events.values()), most)
    if new.set_aside > old.set_aside + MOST_SET_ASIDE:
        found = f"{new.set_aside:.0%} of the rows set aside (ids that repeat, for example)"
        yield _fault("leads", found, f"about {old.set_aside:.0%}")
    if old.won and not FEWEST_LEFT <= new.won / old.won <= 2:
        yield _fault("outcomes", f"{new.won:.1%} of these leads won", f"about {old.won:.1%}")
    total = max(sum(old.events.values()), 1)
    for kind, n in old.events.items():
        if n / total >= COMMON and new.events.get(kind, 0) < FEWEST_LEFT * n * _kept(old, new):
            found = f"{new.events.get(kind, 0):,} of these events"
            yield _fault(f"events {kind!r}", found, f"about {n:,}")
    for name, column in old.columns.items():
        yield from _of_column(name, column, new.columns.get(name))


def _kept(old: ExportProfile, new: ExportProfile) -> float:
    # What is missing of all kinds alike is told once.
    return min(sum(new.events.values()) / max(sum(old.events.values()), 1), 1.0)


def _count(where: str, old: int, new: int, most: float) -> Iterator[Fault]:
    if old and not FEWEST_LEFT <= new / old <= most:
        yield _fault(where, f"{new:,} of the past, {new / old:.2f} of before", f"about {old:,}")


def _of_column(name: str, old: ColumnProfile, new: ColumnProfile | None) -> Iterator[Fault]:
    where = f"column {name!r}"
    if new is None or new.kind != old.kind:
        found = "no such column" if new is None else f"a {new.kind}"
        yield _fault(where, found, f"a {old.kind}")
        return
    if abs(new.missing - old.missing) > MOST_MOVED:
        yield _fault(where, f"{new.missing:.0%} missing", f"about {old.missing:.0%}")
        return
    if old.edges and new.below:
        gaps = np.abs(np.array(new.below) - np.array(old.below))
        place = int(gaps.argmax())
        if gaps[place] > MOST_MOVED:
            edge = f"up to {old.edges[place]:g}"
            found = f"{new.below[place]:.0%} of the values {edge}"
            yield _fault(where, found, f"about {old.below[place]:.0%} (another unit, or meaning?)")
    gone = [
        level
        for level, share in old.levels.items()
        if share >= COMMON and new.levels.get(level, 0.0) < share / 10
    ]
    names = {*old.levels, *new.levels}
    moved = sum(abs(new.levels.get(one, 0.0) - old.levels.get(one, 0.0)) for one in names) / 2
    if gone:
        yield _fault(where, f"no more {', '.join(map(repr, gone[:5]))}", "these values as before")
    elif moved > MOST_MOVED:
        yield _fault(where, f"{moved:.0%} of the values moved to others", "the values of before")


def _fault(where: str, found: str, expected: str) -> Fault:
    return Fault(where, found, expected, REMEDY)

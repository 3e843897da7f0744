"""Write a demo world: leads, events and outcomes as a CRM exports them, and the truth beside them.

The folder holds

- ``leads.parquet``: ``Lead ID`` (String), ``Created Date`` (Datetime us UTC), ``Job Title``,
  ``Company Size`` (free text: bands, numbers, "unknown"), ``Annual Revenue`` (Float64, euro; some
  0, some in thousands by mistake), ``Industry``, ``Country``, ``Email``, ``Phone``, ``Lead
  Source``, ``Campaign``, ``Vendor``, ``Request`` (what the lead asked for on arrival), ``Landing
  Page``, ``Visits Before`` (Int64, visits of the web site before arrival), ``Account ID``,
  ``Cost`` (Float64, euro), ``Lead Points`` (Int64: marketing's own score, fixed one day after
  creation, so at landmark 0 it knows a day more than it should) and ``Sales Stage`` (filled in by
  sales up to the day of the export: it leaks, so forbid it);
- ``events/part-0000.parquet`` and so on, each in time's order: ``Lead ID``, ``Time`` (Datetime us
  UTC), ``Type`` (String), ``Value`` (Float64: seconds of ``video_watched`` and
  ``call_connected``, minutes of ``webinar_attended``, else null). Some are later than the
  outcome;
- ``outcomes.parquet``: ``Lead ID``, ``Won At``, ``Lost At`` (Datetime us UTC, both null while
  open), ``Amount`` (Float64, euro, null unless won), a row for each lead;
- ``truth.parquet``: ``lead_id``, ``landmark_days``, ``as_of``, ``horizon_days``,
  ``true_probability``. For tests and benchmarks only;
- ``about.json``: seed, counts, ``observed_until`` and the two drifts.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import polars as pl

from leadcast.demo import world
from leadcast.demo.crm import crm_rows, sales_stages
from leadcast.demo.export import event_rows, outcome_rows, truth_rows
from leadcast.demo.outcomes import HORIZONS_DAYS, LANDMARKS_DAYS, truth_of
from leadcast.demo.parts import Bend, Part, draw_part, draw_sizes
from leadcast.demo.points import POINTS_AFTER_DAYS, points_of
from leadcast.demo.world import Integers
from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import write_json, written_whole

SIMULATOR_VERSION = 2
"""Rises whenever the same seed gives another world."""
WORLD = "world"
"""What the folder is marked as."""


@dataclass(frozen=True)
class WorldTables:
    """A part of the world, as it is written."""

    leads: pl.DataFrame
    events: pl.DataFrame
    outcomes: pl.DataFrame
    truth: pl.DataFrame
    sellers: pl.DataFrame | None = None
    """What each lead really is, in a world that has sellers."""
    actors: pl.DataFrame | None = None
    """Who caused each event, in a world that has machines."""
    changes: pl.DataFrame | None = None
    """What fields of the leads said before, in a world that has histories."""
    accounts: pl.DataFrame | None = None
    """The truth of open leads at moments, and their accounts, in a world of buying groups."""


_SELLERS: Mapping[str, Any] = MappingProxyType({"sellers": True})
Change = Callable[[WorldTables, Part, int, int], WorldTables]
"""Changes a part before it is written, by the world's seed and the part's number."""


def simulate(
    leads: int,
    seed: int,
    out: Path,
    progress: Callable[[int], None] | None = None,
    part_leads: int = 50_000,
    change: Change | None = None,
    marks: Mapping[str, Any] = _SELLERS,
    bend: Bend | None = None,
) -> None:
    """Simulate a world and write it into a folder, whole or not at all.

    Leads are numbered in order of arrival and drawn in parts, one after another, so memory does
    not grow with `leads`. The same `leads`, `seed` and `part_leads` give the same bytes.

    Parameters
    ----------
    leads : int
        How many, at least 1.
    seed : int
        Not negative.
    out : Path
        The folder; an unchanged world that stands there is replaced.
    progress : callable, optional
        Told how many leads have been written since it was last told.
    part_leads : int
        How many leads are in memory at once, at least 1; each takes about 20 kB there.
    change : callable, optional
        Adds sellers (`leadcast.demo.sellers.overlay.add_sellers`): the truth of each lead is then
        in ``sellers_truth.parquet``. Or machines (`leadcast.demo.machines.written.machines_of`):
        who caused each event is in ``event_truth``. Or histories
        (`leadcast.demo.histories.edits.add_histories`): what was changed when is in
        ``attribute_changes.parquet``. Or buying groups
        (`leadcast.demo.accounts.groups.add_accounts`): the truth of each lead that is open at a
        moment is in ``accounts_truth.parquet``. Without it the world is what it always was.
    marks : mapping
        What ``about.json`` says of that change.
    bend : callable, optional
        Makes another law of the demo's (`leadcast.demo.parts.Bend`); ``truth.parquet`` is the
        bent law's.

    Raises
    ------
    LeadcastError
        If `leads` or `part_leads` is less than 1, `seed` is negative, or the folder holds what is
        no world of the simulator's.
    """
    if leads < 1 or part_leads < 1 or seed < 0:
        raise LeadcastError(
            f"simulate: found leads {leads}, part_leads {part_leads}, seed {seed}; "
            "expected at least 1, 1 and 0"
        )
    with written_whole(out, WORLD, is_named=True) as folder:
        (folder / "events").mkdir(parents=True)
        counts = _write_parts(leads, seed, folder, progress, part_leads, change, bend)
        about = _about(leads, seed, part_leads, counts)
        write_json(folder / "about.json", about | ({} if change is None else dict(marks)))


def true_sizes(leads: int, seed: int, part_leads: int = 50_000) -> Integers:
    """Draw again how large the companies of a world's leads are, as amounts follow it.

    Parameters
    ----------
    leads, seed, part_leads : int
        As in `simulate`.

    Returns
    -------
    ndarray of int64, shape (leads,)
        The place of each lead's size, by its running number.
    """
    starts = range(0, leads, part_leads)
    seeds = np.random.SeedSequence(seed).spawn(len(starts))
    parts = [
        draw_sizes(np.random.default_rng(one), first, min(part_leads, leads - first), leads)
        for one, first in zip(seeds, starts, strict=True)
    ]
    return np.concatenate(parts)


def _write_parts(
    leads: int,
    seed: int,
    folder: Path,
    progress: Callable[[int], None] | None,
    part_leads: int,
    change: Change | None,
    bend: Bend | None,
) -> dict[str, int]:
    starts = range(0, leads, part_leads)
    seeds = np.random.SeedSequence(seed).spawn(len(starts))
    counts = {"events": 0, "won": 0, "lost": 0}
    with (
        _appended(folder / "leads.parquet") as add_leads,
        _appended(folder / "outcomes.parquet") as add_outcomes,
        _appended(folder / "truth.parquet") as add_truth,
        _appended(folder / "sellers_truth.parquet") as add_sellers,
        _appended(folder / "attribute_changes.parquet") as add_changes,
        _appended(folder / "accounts_truth.parquet") as add_accounts,
    ):
        for number, first in enumerate(starts):
            count = min(part_leads, leads - first)
            rng = np.random.default_rng(seeds[number])
            part = draw_part(rng, first, count, leads, bend)
            tables = written(part, rng, first)
            if change is not None:
                tables = change(tables, part, seed, number)
            if tables.sellers is not None:
                add_sellers(tables.sellers)
            if tables.changes is not None:
                add_changes(tables.changes)
            if tables.accounts is not None:
                add_accounts(tables.accounts)
            add_leads(tables.leads)
            add_outcomes(tables.outcomes)
            add_truth(tables.truth)
            tables.events.write_parquet(folder / "events" / f"part-{number:04d}.parquet")
            if tables.actors is not None:
                truth = folder / "event_truth"
                truth.mkdir(exist_ok=True)
                tables.actors.write_parquet(truth / f"part-{number:04d}.parquet")
            counts["events"] += tables.events.height
            counts["won"] += tables.outcomes["Won At"].count()
            counts["lost"] += tables.outcomes["Lost At"].count()
            if progress is not None:
                progress(count)
    return counts


def written(part: Part, rng: np.random.Generator, first: int) -> WorldTables:
    """Write a part down.

    Parameters
    ----------
    part : Part
    rng : np.random.Generator
        Draws how people write.
    first : int
        The number of its first lead.

    Returns
    -------
    WorldTables
    """
    rows = crm_rows(rng, part.origins, part.people, first)
    won, lost = part.endings.won_at >= 0, part.endings.lost_at >= 0
    stages = sales_stages(rng, part.last_states(), won, lost)
    points = pl.Series(points_of(rows, part.origins, part.people, part.log))
    ids = rows["Lead ID"]
    truth = truth_of(part.law, part.risks, part.origins.created, part.path)
    return WorldTables(
        leads=rows.with_columns(points.alias("Lead Points"), stages.alias("Sales Stage")),
        events=event_rows(ids, part.log),
        outcomes=outcome_rows(ids, part.endings),
        truth=truth_rows(ids, truth),
    )


@contextmanager
def _appended(path: Path) -> Iterator[Callable[[pl.DataFrame], None]]:
    """Give a function that appends a frame to a Parquet file as row groups of its own."""
    import pyarrow.parquet as pq

    writers: list[Any] = []

    def append(frame: pl.DataFrame) -> None:
        table = frame.to_arrow()
        if not writers:
            writers.append(pq.ParquetWriter(path, table.schema, compression="zstd"))
        writers[0].write_table(table)

    try:
        yield append
    finally:
        for writer in writers:
            writer.close()


def _about(leads: int, seed: int, part_leads: int, counts: dict[str, int]) -> dict[str, Any]:
    return {
        "simulator_version": SIMULATOR_VERSION,
        "seed": seed,
        "leads": leads,
        "part_leads": part_leads,
        **counts,
        "begins": world.START.isoformat(),
        "observed_until": world.OBSERVED_UNTIL.isoformat(),
        "truth": {"landmarks_days": LANDMARKS_DAYS, "horizons_days": HORIZONS_DAYS},
        "points_fixed_after_days": POINTS_AFTER_DAYS,
        "price_change": world.PRICE_CHANGE.isoformat(),
        "weak_campaign": {
            "name": world.WEAK_CAMPAIGN,
            "first_day": world.WEAK_CAMPAIGN_FIRST.isoformat(),
            "last_day": world.WEAK_CAMPAIGN_LAST.isoformat(),
        },
    }

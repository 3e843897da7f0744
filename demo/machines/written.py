"""A world among machines, as its mail tool writes it down, and who caused what."""

from dataclasses import replace

import numpy as np
import polars as pl

from leadcast.demo import world
from leadcast.demo.export import numbers
from leadcast.demo.handwriting import where
from leadcast.demo.machines.machine_log import (
    ACTORS,
    AGENTS,
    KINDS,
    MAIL,
    OWN_DOMAIN,
    PERSON,
    MachineLog,
    nobodys,
    with_machines,
)
from leadcast.demo.parts import Part
from leadcast.demo.points import points_of
from leadcast.demo.simulate import Change, WorldTables
from leadcast.features.definitions.definition import SimulatedMachines
from leadcast.features.tables import TIME

_STREAM = 20_261_129
"""Sets the stream of machines apart from the world's own."""
_NETWORKS = ("198.18.", "198.51.100.", "203.0.113.")


def machines_of(shares: SimulatedMachines) -> Change:
    """Give what adds machines to a world that `leadcast.demo.simulate.simulate` writes.

    Parameters
    ----------
    shares : SimulatedMachines
        How many there are.

    Returns
    -------
    callable
        Leads, outcomes and truth stay, but that tests have addresses of their own and marketing's
        points count the new events. Events have ``Event ID``, ``User Agent``, ``IP Address`` and
        ``Filtered`` as well; ``actors`` tells of each ``event_id`` its ``actor`` and whether it is
        ``nonhuman``.
    """

    def change(tables: WorldTables, part: Part, seed: int, number: int) -> WorldTables:
        rng = np.random.default_rng(np.random.SeedSequence([seed, _STREAM, number]))
        tests = nobodys(rng, len(part.origins.created), shares)
        about = (part.origins, part.people, part.path, part.log, tests, shares)
        log = with_machines(rng, *about)
        leads = tables.leads
        own = "qa" + leads["Lead ID"].str.to_lowercase() + f"@{OWN_DOMAIN}"
        points = points_of(leads, part.origins, part.people, log.as_log())
        leads = leads.with_columns(
            where(tests, own, leads["Email"]).alias("Email"),
            pl.Series("Lead Points", points),
        )
        events = _event_rows(leads["Lead ID"], log, number)
        return replace(tables, leads=leads, events=events, actors=_actor_rows(log, number))

    return change


def _event_rows(ids: pl.Series, log: MachineLog, part: int) -> pl.DataFrame:
    """Write events down with what tells machines from people, and a number for each."""
    start = int(world.START.timestamp())
    times = pl.Series((start * 1_000 + log.at_ms) * 1_000).cast(TIME)
    high, low = pl.Series(log.host // 250 % 256), pl.Series(log.host % 250 + 1)
    nets = pl.Series([*_NETWORKS, None], dtype=pl.String).gather(
        np.where(log.address < 0, len(_NETWORKS), log.address)
    )
    end = low.cast(pl.String)
    anywhere = pl.Series(log.address == 0)
    address = (nets + high.cast(pl.String) + "." + end).zip_with(anywhere, nets + end)
    agents = pl.Series([*AGENTS, None], dtype=pl.String)
    return pl.DataFrame(
        {
            "Event ID": _event_ids(part, len(log.lead)),
            "Lead ID": ids.gather(log.lead),
            "Time": times,
            "Type": pl.Series(KINDS).gather(log.kind),
            "Value": numbers(log.value),
            "User Agent": agents.gather(np.where(log.agent < 0, len(AGENTS), log.agent)),
            "IP Address": address,
            "Filtered": pl.Series(log.filtered),
        }
    )


def _actor_rows(log: MachineLog, part: int) -> pl.DataFrame:
    """Write down who caused each event."""
    return pl.DataFrame(
        {
            "event_id": _event_ids(part, len(log.lead)),
            "actor": pl.Series(ACTORS).gather(log.actor),
            "nonhuman": pl.Series((log.actor != PERSON) & (log.actor != MAIL)),
        }
    )


def _event_ids(part: int, count: int) -> pl.Series:
    return f"E{part:04d}-" + pl.Series(np.arange(count)).cast(pl.String)

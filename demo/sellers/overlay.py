"""How forms were filled in, and from where: what is added to a world that has sellers.

A faked lead is sent by a program: many at once, at night, from one device, with running numbers,
and nobody is there to read a mail. Somebody who is paid for it fills in one form after the other on
one device, faster than people do who have to think, and is not seen again.
"""

from dataclasses import replace

import numpy as np
import polars as pl

from leadcast.demo import world
from leadcast.demo.export import as_times
from leadcast.demo.origins import Origins
from leadcast.demo.parts import Part
from leadcast.demo.sellers.vendors import FAKED, PAID_FORM, TRUTHS, Deliveries, draw_deliveries
from leadcast.demo.sellers.vendors import NAMES as VENDOR_NAMES
from leadcast.demo.simulate import WorldTables
from leadcast.demo.words import FREE_DOMAINS, LAST_NAMES
from leadcast.demo.world import Integers

_STREAM = 20_260
_SECONDS = (75.0, 28.0, 4.0)
_SPREAD = (0.55, 0.5, 0.6)
"""Of an honest lead, of a worker's and of a program's."""
_UNTIMED = 0.08
_PASTED = ((0.80, 0.12, 0.05, 0.03), (0.35, 0.20, 0.20, 0.25), (0.30, 0.05, 0.05, 0.60))
_FORMS_OF_A_WORKER, _FORMS_OF_A_PROGRAM = 8, 30
_SHARED_ADDRESSES, _SHARED_SHARE = 400, 0.05
"""Behind an address of a mobile network there are many."""
_BATCH = (4, 13)
_NIGHT = (1, 5)
_NUMBERED = 0.6
_AGAIN_BY_ITSELF = 0.015
_DISCONNECTED = 0.5
_GIVEN_UP = 0.02
NUMBER_DISCONNECTED = "number_disconnected"
"""The kind of event that sales writes down where a number is out of service."""


def add_sellers(tables: WorldTables, part: Part, seed: int, number: int) -> WorldTables:
    """Let vendors deliver the leads of a part.

    Parameters
    ----------
    tables : WorldTables
        The part as it is written without.
    part : Part
        With what is hidden.
    seed, number : int
        The world's seed, and the part's number: what is drawn hangs on these alone.

    Returns
    -------
    WorldTables
        The leads with ``Vendor`` and ``Cost`` anew, and ``Form Seconds`` (Float64), ``Pasted
        Fields`` (Int64), ``Device`` and ``IP Address`` (String); faked leads at other times, with
        no events; ``sellers`` with ``lead_id``, ``vendor`` and ``kind`` (one of `TRUTHS`).
    """
    rng = np.random.default_rng([seed, number, _STREAM])
    given = draw_deliveries(rng, part.origins)
    batch = _batches(rng, given)
    later = _shifts(rng, part.origins, batch)
    leads = _filled_in(rng, tables.leads, part.origins, given, batch)
    leads = _people_again(rng, _numbered(rng, leads, batch), given)
    moved = pl.DataFrame({"Lead ID": leads["Lead ID"], "later": pl.Series(later * 1_000_000)})
    sellers = leads.select(
        lead_id="Lead ID",
        vendor="Vendor",
        kind=pl.Series(TRUTHS).gather(pl.Series(given.truth)),
    )
    return replace(
        tables,
        leads=_moved(leads, moved, "Created Date"),
        events=_events(rng, tables.events, leads, part, given),
        outcomes=_moved(tables.outcomes, moved, "Won At", "Lost At"),
        truth=_moved(tables.truth, moved.rename({"Lead ID": "lead_id"}), "as_of"),
        sellers=sellers,
    )


def _batches(rng: np.random.Generator, given: Deliveries) -> Integers:
    """Put each vendor's faked leads into batches, one after the other; -1 for all others."""
    batch = np.full(len(given.truth), -1)
    start = 0
    for vendor in np.unique(given.vendor[given.truth == FAKED]):
        own = np.flatnonzero((given.truth == FAKED) & (given.vendor == vendor))
        sizes = rng.integers(*_BATCH, size=len(own))
        batch[own] = start + np.repeat(np.arange(len(own)), sizes)[: len(own)]
        start = int(batch.max()) + 1
    return batch


def _shifts(rng: np.random.Generator, origins: Origins, batch: Integers) -> Integers:
    """Say by how many seconds each lead arrives later: a batch at once, in a night."""
    shift = np.zeros(len(batch), np.int64)
    for one in range(int(batch.max(initial=-1)) + 1):
        own = np.flatnonzero(batch == one)
        day = origins.created[own[0]] // world.DAY_SECONDS * world.DAY_SECONDS
        start = day + rng.integers(_NIGHT[0] * 3600, _NIGHT[1] * 3600)
        at = start + np.cumsum(rng.exponential(40.0, len(own))).astype(np.int64)
        shift[own] = at - origins.created[own]
    return shift


def _filled_in(
    rng: np.random.Generator,
    leads: pl.DataFrame,
    origins: Origins,
    given: Deliveries,
    batch: Integers,
) -> pl.DataFrame:
    n_leads = leads.height
    how = np.select([given.truth == PAID_FORM, given.truth == FAKED], [1, 2], 0)
    seconds = np.array(_SECONDS)[how] * np.exp(np.array(_SPREAD)[how] * rng.normal(size=n_leads))
    seconds[rng.random(n_leads) < _UNTIMED] = np.nan
    reached = np.cumsum(np.array(_PASTED), axis=1)[how]
    pasted = np.count_nonzero(rng.random(n_leads)[:, None] >= reached[:, :-1], axis=1)
    prices = given.price
    cost = np.where(
        np.isnan(prices), leads["Cost"].cast(pl.Float64).fill_null(np.nan).to_numpy(), prices
    )
    return leads.with_columns(
        pl.Series("Vendor", [*VENDOR_NAMES, None], dtype=pl.String).gather(
            pl.Series(given.vendor % (len(VENDOR_NAMES) + 1))
        ),
        pl.Series("Cost", cost, nan_to_null=True),
        pl.Series("Form Seconds", np.round(seconds, 1), nan_to_null=True),
        pl.Series("Pasted Fields", pasted),
        _devices(rng, origins, given).alias("Device"),
        _addresses(rng, origins, given, batch).alias("IP Address"),
    )


def _devices(rng: np.random.Generator, origins: Origins, given: Deliveries) -> pl.Series:
    """Name devices: a person's own, one of a vendor's worker, or the one that sends a batch."""
    n_leads = len(given.truth)
    names = rng.integers(0, 1 << 40, n_leads)
    device = names[origins.person].astype(np.int64)
    shared = rng.random(n_leads) < 0.02
    device = np.where(shared, names[origins.account] ^ 1, device)
    device = _pooled(rng, device, given, PAID_FORM, _FORMS_OF_A_WORKER)
    device = _pooled(rng, device, given, FAKED, _FORMS_OF_A_PROGRAM)
    return pl.Series([f"d{one:010x}" for one in device])


def _addresses(
    rng: np.random.Generator, origins: Origins, given: Deliveries, batch: Integers
) -> pl.Series:
    """Name internet addresses, all of them of ranges kept for documentation and tests."""
    n_leads = len(given.truth)
    names = rng.integers(0, 1 << 24, n_leads)
    address = np.where(rng.random(n_leads) < 0.5, names[origins.account], names).astype(np.int64)
    mobile = rng.random(n_leads) < _SHARED_SHARE
    address = np.where(
        mobile, names[rng.integers(0, min(_SHARED_ADDRESSES, n_leads), n_leads)], address
    )
    address = _pooled(rng, address, given, PAID_FORM, 2 * _FORMS_OF_A_WORKER)
    # A program hides behind several addresses in one night.
    hidden = batch * 4 + rng.integers(0, 3, n_leads)
    address = np.where(given.truth == FAKED, hidden * 7919 + 11, address)
    return pl.Series(
        [f"198.{18 + (one >> 16) % 2}.{(one >> 8) & 255}.{one & 255}" for one in address]
    )


def _pooled(
    rng: np.random.Generator, names: Integers, given: Deliveries, truth: int, each: int
) -> Integers:
    """Let a vendor's junk come from few devices, one after the other."""
    result = names.copy()
    for vendor in np.unique(given.vendor[given.truth == truth]):
        own = np.flatnonzero((given.truth == truth) & (given.vendor == vendor))
        near = np.arange(len(own)) // each
        result[own] = rng.integers(0, 1 << 40, near[-1] + 1)[near]
    return result


def _numbered(rng: np.random.Generator, leads: pl.DataFrame, batch: Integers) -> pl.DataFrame:
    """Give the leads of some batches addresses and telephone numbers that run on."""
    n_batches = int(batch.max(initial=-1)) + 1
    chosen = rng.random(n_batches) < _NUMBERED
    name, domain = (
        rng.integers(len(LAST_NAMES), size=n_batches),
        rng.integers(len(FREE_DOMAINS), size=n_batches),
    )
    first = rng.integers(1_000, 90_000, n_batches)
    emails, phones = leads["Email"].to_list(), leads["Phone"].to_list()
    for one in np.flatnonzero(chosen):
        for place, lead in enumerate(np.flatnonzero(batch == one)):
            number = int(first[one]) + place
            emails[lead] = f"{LAST_NAMES[name[one]]}{number}@{FREE_DOMAINS[domain[one]]}"
            phones[lead] = f"+1 555 {1_000_000 + number:07d}"
    return leads.with_columns(pl.Series("Email", emails), pl.Series("Phone", phones))


def _people_again(rng: np.random.Generator, leads: pl.DataFrame, given: Deliveries) -> pl.DataFrame:
    """Let some people come a second time by themselves, whoever brings them."""
    n_leads = leads.height
    again = np.flatnonzero((rng.random(n_leads) < _AGAIN_BY_ITSELF) & (given.truth == 0))
    earlier = np.maximum(again - 1 - rng.integers(0, max(n_leads // 25, 1), len(again)), 0)
    source = np.arange(n_leads)
    source[again] = earlier
    return leads.with_columns(pl.col("Email", "Phone").gather(pl.Series(source)))


def _events(
    rng: np.random.Generator,
    events: pl.DataFrame,
    leads: pl.DataFrame,
    part: Part,
    given: Deliveries,
) -> pl.DataFrame:
    """Drop what faked leads would have done, and let sales find out which numbers are dead."""
    faked = leads["Lead ID"].filter(pl.Series(given.truth == FAKED))
    kept = events.join(faked.to_frame(), on="Lead ID", how="anti", maintain_order="left")
    n_leads, phone = leads.height, leads["Phone"].is_not_null().to_numpy()
    dead = phone & np.where(
        part.people.phone_valid,
        rng.random(n_leads) < _GIVEN_UP,
        rng.random(n_leads) < _DISCONNECTED,
    )
    called = np.flatnonzero(dead & (given.vendor >= 0) & (given.truth != FAKED))
    at = part.origins.created[called] + (
        rng.uniform(0.3, 6.0, len(called)) * world.DAY_SECONDS
    ).astype(np.int64)
    found = at < world.LAST_SECOND
    told = pl.DataFrame(
        {
            "Lead ID": leads["Lead ID"].gather(pl.Series(called[found])),
            "Time": as_times(at[found]),
            "Type": pl.Series([NUMBER_DISCONNECTED] * int(found.sum()), dtype=pl.String),
            "Value": pl.Series([None] * int(found.sum()), dtype=pl.Float64),
        }
    )
    return pl.concat([kept, told]).sort("Time", maintain_order=True)


def _moved(table: pl.DataFrame, moved: pl.DataFrame, *times: str) -> pl.DataFrame:
    key = moved.columns[0]
    joined = table.join(moved, on=key, how="left", maintain_order="left")
    shift = pl.duration(microseconds="later")
    return joined.with_columns((pl.col(times) + shift).cast(table.schema[times[0]])).drop("later")

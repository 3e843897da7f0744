"""What of a lead hints at junk: how its form was filled in, from where, when, and what came after.

Each signal has a few levels, 0 the innocent one. What a source does not know is no signal: -1.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl

from leadcast.features.engine.engagement import on_the_wall
from leadcast.features.registry import DAY_US, HOUR_US
from leadcast.features.snapshots import microseconds_of, person_keys
from leadcast.features.tables import Tables
from leadcast.models.data import Flags, Floats, Integers
from leadcast.models.sellers.contact_quality import contact_faults, persons

SHARED_DAYS = 30
"""Leads of one device or address so many days apart, or less, are counted together."""
BURST_US = 5 * 60 * 1_000_000
RATE_DAYS = 14
"""A seller's usual pace is that of so many days before and after."""
NUMBERS_APART, NUMBERS_DAYS = 3, 7
NIGHT_HOURS = 5
AFTER_DAYS, AT_ONCE_DAYS = 14, 2
_BATCHED = 0.5
FAMILIES: Mapping[str, str] = {
    "form_time": "form",
    "pasted": "form",
    "device": "place",
    "address": "place",
    "burst": "moment",
    "night": "moment",
    "sequence": "writing",
    "contact": "quality",
    "after": "quality",
}
"""Each signal, and what it is about: two of one family may have one innocent cause."""
QUALITY = "quality"
"""Poor contacts and silence show poor leads, which honest vendors deliver too."""
SIGNAL_WORDS: Mapping[str, tuple[str, ...]] = {
    "form_time": ("form filled in quickly", "form filled in faster than anybody types"),
    "pasted": ("two fields pasted", "three or more fields pasted"),
    "device": ("device of other people's leads", "device of many people's leads"),
    "address": ("internet address of several people", "internet address of many people"),
    "burst": ("came in a burst", "came in a burst that chance does not make"),
    "night": ("came at night",),
    "sequence": ("address or number runs on from another lead's",),
    "contact": ("a contact that can be nobody's", "no contact that can be anybody's"),
    "after": ("active at once and never again", "never active"),
}
"""Each signal's levels above 0, for people."""


@dataclass(frozen=True)
class Signals:
    """The signals of leads.

    Parameters
    ----------
    lead_id : pl.Series
    levels : dict of str to ndarray of int8, shape (n_leads,)
        By signal; -1 where it is not known. A signal that is known of no lead is left out.
    """

    lead_id: pl.Series
    levels: dict[str, np.ndarray]

    def without(self, *names: str) -> "Signals":
        """Leave signals out."""
        kept = {name: one for name, one in self.levels.items() if name not in names}
        return Signals(self.lead_id, kept)


def signals_of(
    tables: Tables, seller: pl.Series, until: datetime, passive: Collection[str] = ()
) -> Signals:
    """Read the signals off a source's leads.

    Parameters
    ----------
    tables : Tables
        Of a dated source.
    seller : pl.Series of String, length n_leads
        Who brought each lead.
    until : datetime
        The moment up to which events count, with its zone.
    passive : collection of str
        Kinds of events that the lead does not do itself, as that its number is disconnected. A
        bounced e-mail is none of its doing in any case.

    Returns
    -------
    Signals
        In the order of `tables.leads`.
    """
    leads = tables.leads
    at = leads["created_at"].dt.epoch("us").to_numpy()
    codes = seller.rank("dense").cast(pl.Int64).to_numpy()
    person = persons(leads).rank("dense").cast(pl.Int64).to_numpy()
    hour = on_the_wall(at, tables.time_zone or "UTC") % DAY_US // HOUR_US
    found = {
        "form_time": _form_time(leads),
        "pasted": _pasted(leads),
        "device": _shared(leads, "form_device", at, person, (1, 3)),
        "address": _shared(leads, "form_address", at, person, (3, 8)),
        "contact": _contact(leads),
        "sequence": _sequence(leads, codes, at, person),
        "after": _after(tables, at, microseconds_of(until), passive),
    }
    # Where times are days there is no night, and a day's leads are no burst.
    if len(at) and float(np.mean(at % DAY_US == at[0] % DAY_US)) < _BATCHED:
        found["burst"] = _burst(at, codes, hour)
        found["night"] = (hour < NIGHT_HOURS).astype(np.int8)
    known = {name: levels for name, levels in found.items() if levels is not None}
    return Signals(leads["lead_id"], known)


def _numbers(leads: pl.DataFrame, name: str) -> Floats | None:
    if name not in leads.columns or not leads[name].count():
        return None
    return leads[name].cast(pl.Float64).fill_null(np.nan).to_numpy()


def _levels(value: Floats, bounds: tuple[float, ...]) -> np.ndarray:
    """Count the bounds that a value reaches; -1 where it is not known."""
    level = np.zeros(len(value), np.int8)
    for bound in bounds:
        level += (value >= bound).astype(np.int8)
    level[np.isnan(value)] = -1
    return level


def _form_time(leads: pl.DataFrame) -> np.ndarray | None:
    seconds = _numbers(leads, "form_seconds")
    if seconds is None:
        return None
    usual = float(np.nanmedian(seconds))
    # So many times as fast as the usual lead of this source, whose form it is.
    with np.errstate(divide="ignore"):
        return _levels(usual / np.maximum(seconds, 0.0), (3.0, 8.0))


def _pasted(leads: pl.DataFrame) -> np.ndarray | None:
    pasted = _numbers(leads, "form_pasted")
    return None if pasted is None else _levels(pasted, (2.0, 3.0))


def _shared(
    leads: pl.DataFrame, name: str, at: Integers, person: Integers, bounds: tuple[int, int]
) -> np.ndarray | None:
    if name not in leads.columns or not leads[name].count():
        return None
    key = leads[name].cast(pl.String).rank("dense").cast(pl.Int64)
    missing = key.is_null().to_numpy()
    codes = key.fill_null(0).to_numpy()
    both = pl.DataFrame({"key": codes, "person": person}).select(
        pl.struct("key", "person").rank("dense").cast(pl.Int64)
    )
    half = SHARED_DAYS * DAY_US // 2
    others = within(codes, at, half) - within(both.to_series().to_numpy(), at, half)
    level = _levels(others.astype(np.float64), (float(bounds[0]), float(bounds[1])))
    level[missing] = -1
    return level


def within(codes: Integers, at: Integers, half_us: int) -> Integers:
    """Count for each row the rows of its code that lie at most so far before or after it.

    Parameters
    ----------
    codes : ndarray of int64, shape (n,)
        Not negative.
    at : ndarray of int64, shape (n,)
        Microseconds.
    half_us : int
        Half of the window.

    Returns
    -------
    ndarray of int64, shape (n,)
        The row itself is counted.
    """
    if not len(at):
        return np.zeros(0, np.int64)
    # One axis: each code has a stretch of its own, with more than a window's gap to the next.
    rank = np.unique(codes, return_inverse=True)[1]
    # In seconds: with millions of codes, microseconds would not fit.
    second = 1_000_000
    since = (at - at.min()) // second
    half = half_us // second
    place = rank * (int(since.max()) + 2 * half + 2) + since
    ordered = np.sort(place)
    last = np.searchsorted(ordered, place + half, side="right")
    counts: Integers = last - np.searchsorted(ordered, place - half, side="left")
    return counts


def _burst(at: Integers, codes: Integers, hour: Integers) -> np.ndarray:
    from scipy.special import pdtrc

    # How many of five minutes' other leads the seller's usual pace at this hour makes.
    by_hour = np.bincount(hour, minlength=24) + 1.0
    busy = (by_hour / by_hour.mean())[hour]
    in_days = within(codes, at, RATE_DAYS * DAY_US) - 1
    near = within(codes, at, BURST_US) - 1
    usual = (in_days + 1) / (2 * RATE_DAYS * DAY_US) * 2 * BURST_US * busy
    chance = np.where(near > 0, pdtrc(near - 1, usual), 1.0)
    level = (chance < 1e-2).astype(np.int8) + (chance < 1e-4).astype(np.int8)
    # Whose leads mostly come in bursts delivers files: no single lead is told by that.
    for code in np.unique(codes):
        own = codes == code
        if own.sum() > 1 and (level[own] > 0).mean() > _BATCHED and (near[own] == 0).mean() < 0.1:
            level[own] = -1
    return level


def _contact(leads: pl.DataFrame) -> np.ndarray | None:
    faults = contact_faults(leads)
    if not (faults["has_email"].any() or faults["has_phone"].any()):
        return None
    wrong = faults.select(
        n=pl.col("email_fault").is_not_null().cast(pl.Int8)
        + pl.col("phone_fault").is_not_null().cast(pl.Int8),
        given=pl.col("has_email").cast(pl.Int8) + pl.col("has_phone").cast(pl.Int8),
    )
    n, given = wrong["n"].to_numpy(), wrong["given"].to_numpy()
    level = np.where(n == 0, 0, np.where(n < given, 1, 2)).astype(np.int8)
    level[given == 0] = -1
    return level


def _sequence(
    leads: pl.DataFrame, codes: Integers, at: Integers, person: Integers
) -> np.ndarray | None:
    """Tell leads whose address or number follows another person's of the same seller."""
    keys = person_keys(leads)
    frame = leads.select(email=keys["email"], phone=keys["phone"]).with_columns(
        seller=codes, at=at, person=person, row=pl.int_range(leads.height)
    )
    if not (frame["email"].count() or frame["phone"].count()):
        return None
    local = pl.col("email").str.extract(r"^([^@]*)@", 1)
    domain = pl.col("email").str.extract(r"@(.*)$", 1)
    forms = (
        frame.with_columns(
            stem=local.str.replace(r"\d+$", "") + "@" + domain,
            number=local.str.extract(r"(\d{1,12})$", 1).cast(pl.Int64),
        ),
        frame.with_columns(
            stem=pl.col("phone").str.head(-4),
            number=pl.col("phone").str.tail(4).cast(pl.Int64, strict=False),
        ),
    )
    level = np.zeros(leads.height, np.int8)
    for form in forms:
        level[_runs_on(form)] = 1
    return level


def _runs_on(form: pl.DataFrame) -> Integers:
    known = form.drop_nulls(["stem", "number"]).sort("seller", "stem", "number", "at")
    if known.height < 2:
        return np.zeros(0, np.int64)
    same = known.select(
        (pl.col("seller") == pl.col("seller").shift())
        & (pl.col("stem") == pl.col("stem").shift())
        & (pl.col("person") != pl.col("person").shift())
        & (pl.col("number") - pl.col("number").shift() <= NUMBERS_APART)
        & (pl.col("number") > pl.col("number").shift())
        & ((pl.col("at") - pl.col("at").shift()).abs() <= NUMBERS_DAYS * DAY_US)
    ).to_series()
    second: Flags = same.fill_null(False).to_numpy()
    either = second | np.append(second[1:], False)
    rows: Integers = known["row"].to_numpy()[either]
    return rows


def _after(
    tables: Tables, at: Integers, until_us: int, passive: Collection[str]
) -> np.ndarray | None:
    """Tell whether a lead did anything in its first two weeks, and whether it came back."""
    leads = tables.leads.select("lead_id", "created_at")
    since = pl.col("occurred_at") - pl.col("created_at")
    own = ~pl.col("event_type").is_in(list(passive))
    own &= ~pl.col("event_type").str.to_lowercase().str.contains("bounce", literal=True)
    seen = (
        tables.events.filter(own)
        .select("lead_id", "occurred_at")
        .join(leads.lazy(), on="lead_id")
        .filter(since > pl.duration(), since <= pl.duration(days=AFTER_DAYS))
        .group_by("lead_id")
        .agg(late=(since > pl.duration(days=AT_ONCE_DAYS)).any())
        .collect()
    )
    if seen.is_empty():
        return None
    late = leads.join(seen, on="lead_id", how="left", maintain_order="left")["late"]
    level = np.where(late.is_null().to_numpy(), 2, np.where(late.fill_null(False).to_numpy(), 0, 1))
    level = level.astype(np.int8)
    level[at + AFTER_DAYS * DAY_US > until_us] = -1
    return level

"""How the demo's leads arrive: channel, vendor, campaign, what they asked for, what they cost.

A lead's first intent depends on where it comes from, and what it asks for and which page it
landed on depend on that intent: so a lead says something about itself before it does anything.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from leadcast.demo import world
from leadcast.demo.world import Floats, Integers

CHANNELS = (
    *("Content", "Organic Search", "E-mail", "Social", "Paid Ads"),
    *("Referral", "Telephone", "Event", "Purchased"),
)
PAID_ADS, PURCHASED = CHANNELS.index("Paid Ads"), CHANNELS.index("Purchased")
_CHANNEL_SHARES = (0.16, 0.19, 0.10, 0.09, 0.14, 0.07, 0.07, 0.06, 0.12)

VENDORS = ("Leadharbour", "Northbridge Data", "ProspectPool", "ClickBounty Media")
RESELLER, INCENTIVISED = VENDORS.index("ProspectPool"), VENDORS.index("ClickBounty Media")
_VENDOR_SHARES = (0.26, 0.22, 0.30, 0.22)
_VENDOR_PRICES = (62.0, 48.0, 29.0, 18.0)
_CHANNEL_COSTS = (9.0, np.nan, 2.0, 21.0, 46.0, np.nan, 33.0, 140.0, np.nan)

STATES = ("cold", "curious", "evaluating", "ready")
_FIRST_STATE_BY_CHANNEL = (
    (0.38, 0.46, 0.14, 0.02),
    (0.24, 0.42, 0.26, 0.08),
    (0.46, 0.39, 0.13, 0.02),
    (0.56, 0.35, 0.08, 0.01),
    (0.42, 0.38, 0.16, 0.04),
    (0.16, 0.36, 0.34, 0.14),
    (0.30, 0.39, 0.24, 0.07),
    (0.38, 0.43, 0.16, 0.03),
    (0.64, 0.28, 0.07, 0.01),
)
_FIRST_STATE_OF_WEAK = (0.84, 0.15, 0.01, 0.0)

REQUESTS = (
    *("Newsletter", "Content Download", "Webinar Registration"),
    *("Contact Form", "Demo Request", "Trial Sign-up", None),
)
_REQUEST_BY_STATE = (
    (0.52, 0.20, 0.06, 0.01, 0.005, 0.005, 0.20),
    (0.06, 0.46, 0.30, 0.04, 0.02, 0.02, 0.10),
    (0.01, 0.06, 0.07, 0.34, 0.26, 0.20, 0.06),
    (0.01, 0.02, 0.02, 0.20, 0.53, 0.18, 0.04),
)
LANDINGS = ("/", "/blog", "/resources", "/product", "/pricing", "/demo", "/careers", None)
_LANDING_BY_STATE = (
    (0.25, 0.42, 0.16, 0.02, 0.01, 0.0, 0.06, 0.08),
    (0.20, 0.24, 0.34, 0.12, 0.03, 0.01, 0.0, 0.06),
    (0.10, 0.03, 0.07, 0.42, 0.22, 0.10, 0.0, 0.06),
    (0.07, 0.01, 0.02, 0.24, 0.38, 0.23, 0.0, 0.05),
)
_VISITS_BEFORE_BY_STATE = (0.4, 1.2, 3.5, 5.5)
_EVERGREEN = ("Always On", "Benchmark Report")
_QUARTERS = tuple(f"{year}-Q{quarter}" for year in (2024, 2025) for quarter in (1, 2, 3, 4))
CAMPAIGNS = (
    *(f"{channel} {name}" for channel in CHANNELS for name in (*_EVERGREEN, *_QUARTERS)),
    world.WEAK_CAMPAIGN,
)
_SAME_ACCOUNT_SHARE = 0.2
_RESOLD_SHARE = 0.35


@dataclass(frozen=True)
class Origins:
    """Where each lead of a part comes from, in order of arrival."""

    created: Integers
    """Seconds since the world's start."""
    channel: Integers
    vendor: Integers
    campaign: Integers
    request: Integers
    landing: Integers
    """Numbers of `CHANNELS`, `VENDORS`, `CAMPAIGNS`, `REQUESTS` and `LANDINGS`; -1 for no vendor
    and no campaign."""
    weak: npt.NDArray[np.bool_]
    """Brought by the weak campaign."""
    first_state: Integers
    """Hidden: the number in `STATES` of the intent with which the lead arrives."""
    visits_before: Integers
    """Visits of the web site before the lead gave its name."""
    cost: Floats
    """What the lead cost, in euro; NaN where nobody booked it."""
    account: Integers
    person: Integers
    """The number of the first lead of the same company and of the same person."""


def draw_origins(rng: np.random.Generator, created: Integers) -> Origins:
    """Draw where leads come from."""
    n_leads = len(created)
    weak = world.campaign_runs(created // world.DAY_SECONDS)
    weak &= rng.random(n_leads) < world.WEAK_CAMPAIGN_SHARE
    channel = np.where(weak, PAID_ADS, rng.choice(len(CHANNELS), n_leads, p=_CHANNEL_SHARES))
    bought = channel == PURCHASED
    vendor = np.where(bought, rng.choice(len(VENDORS), n_leads, p=_VENDOR_SHARES), -1)
    first_state = pick(rng, np.array(_FIRST_STATE_BY_CHANNEL), channel)
    weak_state = pick(rng, np.array([_FIRST_STATE_OF_WEAK]), np.zeros(n_leads, np.int64))
    first_state = np.where(weak | (vendor == INCENTIVISED), weak_state, first_state)
    person = _firsts(_earlier(rng, created, vendor == RESELLER, _RESOLD_SHARE, 25.0))
    colleague = _earlier(rng, created, np.ones(n_leads, np.bool_), _SAME_ACCOUNT_SHARE, 20.0)
    request = pick(rng, np.array(_REQUEST_BY_STATE), first_state)
    return Origins(
        created=created,
        channel=channel,
        vendor=vendor,
        campaign=_campaigns(rng, created, channel, weak),
        request=np.where(bought, len(REQUESTS) - 1, request),
        landing=pick(rng, np.array(_LANDING_BY_STATE), first_state),
        weak=weak,
        first_state=first_state,
        visits_before=rng.poisson(np.array(_VISITS_BEFORE_BY_STATE)[first_state]),
        cost=_costs(rng, channel, vendor),
        account=_firsts(np.where(person < np.arange(n_leads), person, colleague)),
        person=person,
    )


def pick(rng: np.random.Generator, shares: Floats, row: Integers) -> Integers:
    """Draw a number for each lead from the shares of its row."""
    reached = np.cumsum(shares, axis=1)[:, :-1]
    passed = rng.random(len(row))[:, None] >= reached[row]
    drawn: Integers = np.count_nonzero(passed, axis=1).astype(np.int64)
    return drawn


def _earlier(
    rng: np.random.Generator,
    created: Integers,
    among: npt.NDArray[np.bool_],
    share: float,
    mean_lag_days: float,
) -> Integers:
    """Point a share of the marked leads to a marked one some days before, the rest to itself."""
    earlier = np.arange(len(created))
    members = np.flatnonzero(among)
    lags = rng.exponential(mean_lag_days * world.DAY_SECONDS, len(members))
    place = np.searchsorted(created[members], created[members] - lags, side="right") - 1
    # A lag shorter than the time since the lead before would point at the lead itself.
    place = np.minimum(place, np.arange(len(members)) - 1)
    follows = (rng.random(len(members)) < share) & (place >= 0)
    earlier[members[follows]] = members[place[follows]]
    return earlier


def _firsts(earlier: Integers) -> Integers:
    """Follow each lead's pointer to an earlier one until it points at itself."""
    while not np.array_equal(earlier, earlier[earlier]):
        earlier = earlier[earlier]
    return earlier


def _campaigns(
    rng: np.random.Generator, created: Integers, channel: Integers, weak: npt.NDArray[np.bool_]
) -> Integers:
    names = len(_EVERGREEN) + len(_QUARTERS)
    month = world.dates()[created // world.DAY_SECONDS].astype("datetime64[M]").astype(np.int64)
    this_quarter = len(_EVERGREEN) + (month - 54 * 12) // 3
    which = pick(rng, np.array([[0.4, 0.15, 0.3, 0.15]]), np.zeros(len(created), np.int64))
    name = np.where(which == 2, this_quarter, which)
    campaign = np.where(which == 3, -1, channel * names + name)
    return np.where(weak, len(CAMPAIGNS) - 1, campaign)


def _costs(rng: np.random.Generator, channel: Integers, vendor: Integers) -> Floats:
    by_channel = np.array(_CHANNEL_COSTS)[channel] * rng.lognormal(0.0, 0.35, len(channel))
    cost: Floats = np.where(vendor >= 0, np.array(_VENDOR_PRICES)[vendor], by_channel)
    return np.round(cost, 2)

"""Which vendor delivers which of the demo's leads, and what each lead really is.

The world is drawn first, as ever; what is added here has random numbers of its own, so that a world
without sellers stays what it was, byte by byte.
"""

from dataclasses import dataclass

import numpy as np

from leadcast.demo.origins import CHANNELS, INCENTIVISED, PURCHASED, RESELLER, Origins
from leadcast.demo.world import Floats, Integers

HONEST, PAID_FORM, FAKED, RESOLD, PRIZE = range(5)
TRUTHS = ("honest", "paid_form", "faked", "resold", "prize")
"""What a lead is: somebody who asked; somebody who was paid for filling in a form; nobody at all;
somebody whom the same vendor had sold before; somebody who wanted the prize of a campaign."""


@dataclass(frozen=True)
class Vendor:
    """A vendor, and what it delivers."""

    name: str
    price: float
    """Euro a lead."""
    honest: float = 0.0
    paid: float = 0.0
    faked: float = 0.0
    """Its share of the leads that somebody asked for, was paid for, or that are made up."""


RESELLING = "ProspectPool"
VENDORS = (
    Vendor("Leadharbour", 62.0, 0.22, 0.030, 0.005),
    Vendor("Northbridge Data", 48.0, 0.17, 0.025, 0.005),
    Vendor("Alpine Leads", 55.0, 0.14, 0.015, 0.005),
    Vendor("Meridian Media", 44.0, 0.11, 0.015, 0.005),
    Vendor("Bluefin Partners", 51.0, 0.09, 0.010, 0.0),
    Vendor("Copperfield", 39.0, 0.07, 0.010, 0.0),
    Vendor("Saltmarsh Digital", 58.0, 0.05, 0.005, 0.0),
    Vendor("Oakline", 47.0, 0.03, 0.0, 0.0),
    Vendor("Twelve Pines", 65.0, 0.0024, 0.0, 0.0),
    Vendor("ClickBounty Media", 18.0, 0.020, 0.53, 0.0),
    Vendor("Formworks Direct", 22.0, 0.022, 0.0, 0.26),
    Vendor("Pollen Network", 35.0, 0.030, 0.07, 0.0),
    Vendor(RESELLING, 29.0),
)
NAMES = tuple(vendor.name for vendor in VENDORS)
PAYING, FAKING = NAMES.index("ClickBounty Media"), NAMES.index("Formworks Direct")
_POOL = tuple(CHANNELS.index(name) for name in ("Paid Ads", "Social", "Content"))
_DELIVERED = 0.6
"""Which share of the leads of the channels above a vendor delivers."""


@dataclass(frozen=True)
class Deliveries:
    """Who delivered the leads of a part, and what they are."""

    vendor: Integers
    """A number of `VENDORS`, -1 where nobody did."""
    truth: Integers
    """A number of `TRUTHS`."""

    @property
    def price(self) -> Floats:
        """What each lead cost; NaN where no vendor delivered it."""
        prices = np.array([*(vendor.price for vendor in VENDORS), np.nan])
        return np.asarray(prices[self.vendor])


def draw_deliveries(rng: np.random.Generator, origins: Origins) -> Deliveries:
    """Draw who delivers the leads of a part.

    Parameters
    ----------
    rng : numpy.random.Generator
        Of its own.
    origins : Origins
        Where the leads come from.

    Returns
    -------
    Deliveries
    """
    n_leads = len(origins.created)
    junk, resells = origins.vendor == INCENTIVISED, origins.vendor == RESELLER
    asked = (origins.channel == PURCHASED) & ~junk & ~resells
    asked |= np.isin(origins.channel, _POOL) & ~origins.weak & (rng.random(n_leads) < _DELIVERED)
    honest, paid, faked = (
        np.array([getattr(vendor, kind) for vendor in VENDORS])
        for kind in ("honest", "paid", "faked")
    )
    of_honest = rng.choice(len(VENDORS), n_leads, p=honest / honest.sum())
    both = np.concatenate([paid, faked])
    of_junk = rng.choice(len(both), n_leads, p=both / both.sum())
    vendor = np.select(
        [asked, junk, resells],
        [of_honest, of_junk % len(VENDORS), NAMES.index(RESELLING)],
        -1,
    )
    again = resells & (origins.person < np.arange(n_leads))
    made_up = of_junk >= len(VENDORS)
    truth = np.select(
        [junk & made_up, junk, again, origins.weak], [FAKED, PAID_FORM, RESOLD, PRIZE], HONEST
    )
    return Deliveries(vendor, truth)

"""The law of hidden intent: how it moves, and the risks that it brings.

What leads can do: the kinds of events, and how often each happens in which state.
"""

from typing import NamedTuple

import numpy as np

from leadcast.demo import world
from leadcast.demo.origins import Origins
from leadcast.demo.people import People
from leadcast.demo.world import Floats, Integers

# A row a state: the probability of each state on the next day.
_MOVES = (
    (0.9989, 0.0009, 0.00015, 0.00005),
    (0.0600, 0.9225, 0.0160, 0.0015),
    (0.0120, 0.0740, 0.8950, 0.0190),
    (0.0080, 0.0200, 0.0920, 0.8800),
)
_WIN_PER_DAY = (0.00006, 0.0029, 0.0054, 0.0083)
_LOSS_PER_DAY = (0.0048, 0.0020, 0.0015, 0.0035)


class Law(NamedTuple):
    """The chain's law, the same for all leads."""

    moves: Floats
    """Daily transition probabilities, a row the state it leaves."""
    win_per_day: Floats
    loss_per_day: Floats
    """Hazards by state for a lead with factor 1."""
    signing: Floats
    """The calendar's factor of the hazard to win."""
    price_day: int
    """From this day of the world on the price factors apply."""


class Risks(NamedTuple):
    """What the law needs of each lead; arrays of shape (n_leads,)."""

    first_state: Integers
    first_day: Integers
    """Intent on arrival, and the day of the world in which most of the first day of age lies."""
    win_factor: Floats
    price_factor: Floats
    loss_factor: Floats
    ramp_days: Floats
    """See `leadcast.demo.people.People`."""


def default_law() -> Law:
    """Give the law of the demo world."""
    return Law(
        moves=np.array(_MOVES),
        win_per_day=np.array(_WIN_PER_DAY),
        loss_per_day=np.array(_LOSS_PER_DAY),
        signing=world.signing_by_day(),
        price_day=world.PRICE_CHANGE_DAY,
    )


def risks_of(origins: Origins, people: People) -> Risks:
    """Gather what the law needs of each lead."""
    half_a_day = world.DAY_SECONDS // 2
    return Risks(
        first_state=origins.first_state,
        first_day=(origins.created + half_a_day) // world.DAY_SECONDS,
        win_factor=np.exp(people.fit),
        price_factor=np.exp(people.price_fit),
        loss_factor=people.loss_factor,
        ramp_days=people.ramp_days,
    )


class Kind(NamedTuple):
    """A kind of event."""

    name: str
    """As in the event log's column ``Type``."""
    medium: str
    """Which temperament drives it."""
    rates: tuple[float, float, float, float, float, float]
    """Events a day while cold, curious, evaluating, ready, a new customer, and lost."""
    hidden_fit: float = 0.0
    """How much the fit that no column tells shows in it (exponent)."""
    value: tuple[float, ...] = ()
    """Median and spread (of the logarithm) of the value; empty where it has none."""


KINDS = (
    Kind("email_opened", "mail", (0.12, 0.23, 0.34, 0.44, 0.30, 0.03)),
    Kind("email_clicked", "mail", (0.012, 0.10, 0.22, 0.30, 0.10, 0.004)),
    Kind("blog_page_viewed", "web", (0.025, 0.58, 0.75, 0.55, 0.05, 0.006)),
    Kind("product_page_viewed", "web", (0.007, 0.30, 1.5, 2.0, 0.08, 0.003), 0.4),
    Kind("pricing_page_viewed", "web", (0.002, 0.055, 0.55, 1.6, 0.03, 0.001), 0.4),
    Kind("docs_page_viewed", "web", (0.005, 0.12, 0.65, 1.1, 0.5, 0.002), 0.4),
    Kind("careers_page_viewed", "web", (0.004, 0.006, 0.004, 0.003, 0.002, 0.003)),
    Kind("video_watched", "web", (0.0035, 0.12, 0.32, 0.36, 0.03, 0.001), 0.0, (95.0, 0.9)),
    Kind("webinar_attended", "mail", (0.002, 0.03, 0.07, 0.08, 0.004, 0.0), 0.0, (31.0, 0.5)),
    Kind("form_submitted", "web", (0.002, 0.055, 0.14, 0.24, 0.004, 0.0)),
    Kind("trial_started", "web", (0.0002, 0.003, 0.03, 0.1, 0.0, 0.0), 0.5),
    Kind("call_connected", "phone", (0.005, 0.035, 0.11, 0.24, 0.05, 0.003), 0.3, (140.0, 1.0)),
    Kind("meeting_booked", "phone", (0.0003, 0.0045, 0.05, 0.2, 0.02, 0.0), 0.6),
    Kind("email_bounced", "mail", (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)),
    Kind("onboarding_email_opened", "mail", (0.0, 0.0, 0.0, 0.0, 0.30, 0.0)),
    Kind("product_logged_in", "web", (0.0, 0.0, 0.0, 0.0, 0.50, 0.0)),
)
NAMES = tuple(kind.name for kind in KINDS)

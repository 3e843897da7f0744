"""The law of hidden intent: how it moves, and the risks that it brings."""

from typing import NamedTuple

import numpy as np

from demo import world
from demo.origins import Origins
from demo.people import People
from demo.world import Floats, Integers

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
    """The chain's law, the same for all leads.

    Parameters
    ----------
    moves : ndarray of float64, shape (4, 4)
        Daily transition probabilities, a row the state it leaves.
    win_per_day, loss_per_day : ndarray of float64, shape (4,)
        Hazards by state for a lead with factor 1.
    signing : ndarray of float64, shape (DAYS + LOOK_AHEAD_DAYS,)
        The calendar's factor of the hazard to win.
    price_day : int
        From this day of the world on the price factors apply.
    """

    moves: Floats
    win_per_day: Floats
    loss_per_day: Floats
    signing: Floats
    price_day: int


class Risks(NamedTuple):
    """What the law needs of each lead; arrays of shape (n_leads,).

    Parameters
    ----------
    first_state, first_day : ndarray of int64
        Intent on arrival, and the day of the world in which most of the first day of age lies.
    win_factor, price_factor, loss_factor, ramp_days : ndarray of float64
        See `demo.people.People`.
    """

    first_state: Integers
    first_day: Integers
    win_factor: Floats
    price_factor: Floats
    loss_factor: Floats
    ramp_days: Floats


def default_law() -> Law:
    """Give the law of the demo world.

    Returns
    -------
    Law
    """
    return Law(
        moves=np.array(_MOVES),
        win_per_day=np.array(_WIN_PER_DAY),
        loss_per_day=np.array(_LOSS_PER_DAY),
        signing=world.signing_by_day(),
        price_day=world.PRICE_CHANGE_DAY,
    )


def risks_of(origins: Origins, people: People) -> Risks:
    """Gather what the law needs of each lead.

    Parameters
    ----------
    origins : Origins
    people : People

    Returns
    -------
    Risks
    """
    half_a_day = world.DAY_SECONDS // 2
    return Risks(
        first_state=origins.first_state,
        first_day=(origins.created + half_a_day) // world.DAY_SECONDS,
        win_factor=np.exp(people.fit),
        price_factor=np.exp(people.price_fit),
        loss_factor=people.loss_factor,
        ramp_days=people.ramp_days,
    )

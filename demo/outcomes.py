"""How the demo's leads end, and the true probability of that at every landmark."""

from dataclasses import dataclass

import numpy as np

from leadcast.demo import world
from leadcast.demo.intent import OPEN_STATES, Path, win_probabilities
from leadcast.demo.law import Law, Risks
from leadcast.demo.people import People
from leadcast.demo.world import Floats, Integers

LANDMARKS_DAYS = (0, 1, 7, 30)
"""Ages at which the truth is told, where the lead is still open then."""
HORIZONS_DAYS = (7, 30, 60, 90, 180)
"""How far the truth looks ahead."""
AMOUNT_SPREAD = 0.6
"""The standard deviation of the logarithm of amounts around those of their size."""
_AMOUNT_BY_SIZE = (900.0, 1600.0, 3800.0, 9500.0, 21_000.0, 38_000.0, 72_000.0, 130_000.0)


@dataclass(frozen=True)
class Endings:
    """How leads ended, as far as the world's end shows."""

    won_at: Integers
    lost_at: Integers
    """Seconds since the world's start; -1 where the lead is not won, or not lost, so far."""
    amount: Floats
    """Euro of the first order; NaN where the lead is not won so far."""


@dataclass(frozen=True)
class Truth:
    """What only the simulator knows, a row for each open lead and landmark."""

    lead: Integers
    landmark_days: Integers
    as_of: Integers
    """The lead's number, its age, and the moment in seconds since the world's start."""
    probabilities: Floats
    """The probability to win after `as_of` and no later than each horizon after it, given the
    complete hidden state at `as_of`."""


def true_mean_amounts() -> Floats:
    """Give the mean amount of a won lead by the company's size, which is all that it follows."""
    means: Floats = np.array(_AMOUNT_BY_SIZE) * float(np.exp(AMOUNT_SPREAD**2 / 2))
    return means


def draw_endings(
    rng: np.random.Generator,
    created: Integers,
    people: People,
    won_day: Integers,
    lost_day: Integers,
) -> Endings:
    """Give each outcome its moment within the day of age on which it happens."""
    won_at = _moments(rng, created, won_day)
    lost_at = _moments(rng, created, lost_day)
    amount = np.array(_AMOUNT_BY_SIZE)[people.size] * rng.lognormal(
        0.0, AMOUNT_SPREAD, len(created)
    )
    return Endings(won_at, lost_at, np.where(won_at >= 0, np.round(amount, 2), np.nan))


def truth_of(law: Law, risks: Risks, created: Integers, path: Path) -> Truth:
    """Compute the true probabilities of every lead at every landmark at which it is open."""
    ages = np.array(LANDMARKS_DAYS)
    as_of = created[:, None] + ages * world.DAY_SECONDS
    is_open = (path[:, ages] < OPEN_STATES) & (as_of < world.LAST_SECOND)
    lead, which = np.nonzero(is_open)
    state = path[lead, ages[which]].astype(np.int64)
    probabilities = win_probabilities(law, risks, lead, ages[which], state, np.array(HORIZONS_DAYS))
    return Truth(lead, ages[which], as_of[lead, which], probabilities)


def _moments(rng: np.random.Generator, created: Integers, day: Integers) -> Integers:
    # An outcome on day d of age lies in (d, d + 1] days after the arrival: a lead that ends on
    # that day is open at the landmark d and not at d + 1, and a horizon's last day belongs to it.
    since = (world.time_of_day(rng, len(day)) - created) % world.DAY_SECONDS
    since = np.where(since == 0, world.DAY_SECONDS, since)
    at = created + day * world.DAY_SECONDS + since
    return np.where((day >= 0) & (at < world.LAST_SECOND), at, -1)

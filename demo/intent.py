"""Hidden intent that rises and cools, and the exact probability of what comes of it.

A lead's intent is a Markov chain over four states (cold, curious, evaluating, ready) that moves
once a day of the lead's age. During a day its state is fixed, and two risks compete: to win, with
a hazard that depends on the state, the lead's fit, its age and the calendar; and to be marked as
lost. All of that is constant within a day, so the probability that a lead in a known state wins
within the next H days is a finite sum, which `win_probabilities` adds up without approximation.
The same compiled law, `_exits`, draws the worlds and computes their truth.
"""

import numpy as np
import numpy.typing as npt

from leadcast.demo import world
from leadcast.demo.law import Law, Risks
from leadcast.demo.world import Floats, Integers
from leadcast.features.base.compiled import compiled

Path = npt.NDArray[np.uint8]

OPEN_STATES = 4
CUSTOMER, GONE, OUT = 4, 5, 6
"""States after the outcome: a new customer, a lost lead that still gets mail, out of sight."""
AFTER_DAYS = 45
"""How long events go on after the outcome."""


def draw_paths(
    rng: np.random.Generator, law: Law, risks: Risks, days_in_view: Integers
) -> tuple[Path, Integers, Integers]:
    """Draw each lead's states by day of age, and when and how it ends."""
    n_leads = len(days_in_view)
    path = np.full((n_leads, world.DAYS), OUT, dtype=np.uint8)
    won_day = np.full(n_leads, -1, dtype=np.int64)
    lost_day = np.full(n_leads, -1, dtype=np.int64)
    _walk(rng, law, risks, days_in_view, path, won_day, lost_day)
    return path, won_day, lost_day


def win_probabilities(
    law: Law, risks: Risks, lead: Integers, age: Integers, state: Integers, horizons: Integers
) -> Floats:
    """Compute the exact probability to win within each horizon, given the hidden state."""
    probabilities = np.zeros((len(lead), len(horizons)))
    _look_ahead(law, risks, lead, age, state, horizons, probabilities)
    return probabilities


@compiled
def _readiness(law: Law, risks: Risks, lead: int, age: int) -> float:
    """Give the factor of the hazard to win on a day of age, which is the same in every state."""
    day = risks.first_day[lead] + age
    factor: float = risks.win_factor[lead] * law.signing[day]
    factor *= 1.0 - np.exp(-(age + 0.5) / risks.ramp_days[lead])
    if day >= law.price_day:
        factor *= risks.price_factor[lead]
    return factor


@compiled
def _exits(law: Law, state: int, readiness: float, loss_factor: float) -> tuple[float, float]:
    """Give the probabilities to win and to be lost on a day: constant competing hazards."""
    win = law.win_per_day[state] * readiness
    loss = law.loss_per_day[state] * loss_factor
    leaves = -np.expm1(-(win + loss))
    return leaves * win / (win + loss), leaves * loss / (win + loss)


@compiled
def _walk(
    rng: np.random.Generator,
    law: Law,
    risks: Risks,
    days_in_view: Integers,
    path: Path,
    won_day: Integers,
    lost_day: Integers,
) -> None:
    for lead in range(len(days_in_view)):
        state = risks.first_state[lead]
        for age in range(days_in_view[lead]):
            path[lead, age] = state
            readiness = _readiness(law, risks, lead, age)
            wins, loses = _exits(law, state, readiness, risks.loss_factor[lead])
            draw = rng.random()
            if draw < wins + loses:
                ending = won_day if draw < wins else lost_day
                ending[lead] = age
                after = CUSTOMER if draw < wins else GONE
                path[lead, age + 1 : min(age + 1 + AFTER_DAYS, days_in_view[lead])] = after
                break
            # What is left of the draw is uniform again, and decides where the intent moves.
            draw = (draw - wins - loses) / (1.0 - wins - loses)
            left = state
            state = 0
            while state < OPEN_STATES - 1 and draw >= law.moves[left, state]:
                draw -= law.moves[left, state]
                state += 1


@compiled
def _look_ahead(
    law: Law,
    risks: Risks,
    lead: Integers,
    age: Integers,
    state: Integers,
    horizons: Integers,
    probabilities: Floats,
) -> None:
    here = np.zeros(OPEN_STATES)
    there = np.zeros(OPEN_STATES)
    for row in range(len(lead)):
        here[:] = 0.0
        here[state[row]] = 1.0
        won = 0.0
        asked = 0
        for day in range(horizons[-1]):
            there[:] = 0.0
            readiness = _readiness(law, risks, lead[row], age[row] + day)
            for origin in range(OPEN_STATES):
                wins, loses = _exits(law, origin, readiness, risks.loss_factor[lead[row]])
                won += here[origin] * wins
                stays = here[origin] * (1.0 - wins - loses)
                for target in range(OPEN_STATES):
                    there[target] += stays * law.moves[origin, target]
            here, there = there, here
            if day + 1 == horizons[asked]:
                probabilities[row, asked] = won
                asked += 1

"""The pair of probabilities of an inductive Venn-Abers predictor, for every score at once."""

import numpy as np

from leadcast.features.base.compiled import compiled
from leadcast.models.data import Floats


def venn_abers_pair(mass: Floats, hits: Floats) -> tuple[Floats, Floats]:
    """Compute what isotonic regression says of a new row, were it lost and were it won.

    Inductive Venn-Abers prediction (Vovk and Petej 2014; the algorithm that needs one pass for all
    scores: Vovk, Petej and Fedorova 2015, section 4). With calibration rows and new row
    exchangeable, one of the two probabilities is perfectly calibrated.
    """
    if_won = _if_won(mass, hits)
    # Turned upside down, a lost row among these is a won one among those.
    if_lost = 1.0 - _if_won(mass[::-1].copy(), (mass - hits)[::-1].copy())[::-1]
    return if_lost, if_won


@compiled
def _if_won(mass: Floats, hits: Floats) -> Floats:
    # The isotonic rate at the new row is the slope of the greatest convex minorant of the
    # cumulated (weight, conversions) where the new row's own piece, (1, 1), lies. The piece starts
    # before the first score and is moved past one score after the other; each move only lowers
    # the cumulated line at one point, so the minorant from the piece on is kept as a stack.
    stack_x, stack_y, top = _minorant(mass, hits)
    rates = np.ones(len(mass) + 1)
    x, y = -1.0, -1.0
    for place in range(len(mass)):
        from_x, from_y = stack_x[top - 1], stack_y[top - 1]
        run, rise = stack_x[top - 2] - from_x, stack_y[top - 2] - from_y
        rates[place] = rise / run
        x += mass[place]
        y += hits[place]
        if run * (y - from_y) >= rise * (x - from_x):
            continue
        top -= 1
        while top > 1 and _turns_back(x, y, stack_x, stack_y, top):
            top -= 1
        stack_x[top], stack_y[top] = x, y
        top += 1
    return rates


@compiled
def _minorant(mass: Floats, hits: Floats) -> tuple[Floats, Floats, int]:
    # Corners of the greatest convex minorant, from the right, of the cumulated line that begins
    # with the new row's piece from (-1, -1) to (0, 0).
    stack_x, stack_y = np.empty(len(mass) + 2), np.empty(len(mass) + 2)
    stack_x[0], stack_y[0] = mass.sum(), hits.sum()
    top = 1
    x, y = stack_x[0], stack_y[0]
    for place in range(len(mass) - 1, -2, -1):
        x -= mass[place] if place >= 0 else 1.0
        y -= hits[place] if place >= 0 else 1.0
        while top > 1 and _turns_back(x, y, stack_x, stack_y, top):
            top -= 1
        stack_x[top], stack_y[top] = x, y
        top += 1
    return stack_x, stack_y, top


@compiled
def _turns_back(x: float, y: float, stack_x: Floats, stack_y: Floats, top: int) -> bool:
    # Whether the stack's last corner lies on or above the line from (x, y) to the corner before.
    run, rise = stack_x[top - 1] - x, stack_y[top - 1] - y
    next_run = stack_x[top - 2] - stack_x[top - 1]
    next_rise = stack_y[top - 2] - stack_y[top - 1]
    return bool(run * next_rise <= rise * next_run)

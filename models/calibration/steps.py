"""Isotonic calibration that keeps every difference the learner makes."""

import numpy as np

from models.calibration.calibrators import probability_of
from models.calibration.curves import Isotonic
from models.calibration.shapes import Line, fitted
from models.calibration.shrinkage import Rows
from models.isotonic import block_sums, pooled_ends
from models.logistic import log_odds_of
from models.tally import tally

OWN_ROWS = 4.0
"""How many rows of the straight line's opinion are added to each step."""

STRAIGHT_SHARE = 0.1
"""Share of the straight line in the curve: leads within a step keep their order."""


def fitted_steps(rows: Rows) -> Isotonic | None:
    """Fit an isotonic curve without flat pieces.

    Centred isotonic regression (Oron and Flournoy 2017): each step of the isotonic fit becomes a
    point at its centre, and lines join the points. Its steps are first drawn towards the straight
    calibration by `OWN_ROWS` rows, so that none is 0 or 1, and a share of the straight line is
    mixed in at the end. (Isotonic calibration as it is, Zadrozny and Elkan 2002, ties hundreds
    of leads at the top of a call list.)

    Parameters
    ----------
    rows : Rows

    Returns
    -------
    Isotonic or None
        None where there is one step only, or no straight calibration.
    """
    line = fitted(Line, rows)
    if line is None:
        return None
    counts = tally(rows.log_odds, rows.converted)
    value, mass, hits = counts.value[::-1], counts.mass[::-1], counts.hits[::-1]
    straight = line.curve(value)
    ends = pooled_ends(mass, hits)
    weight = block_sums(mass, ends)
    centre = block_sums(mass * value, ends) / weight
    opinion = block_sums(mass * probability_of(straight), ends) / weight
    joined_mass, joined_hits = weight + OWN_ROWS, block_sums(hits, ends) + OWN_ROWS * opinion
    # The opinions can bend the order of small steps, so they are pooled once more.
    again = pooled_ends(joined_mass, joined_hits)
    if len(again) < 2:
        return None
    rate = block_sums(joined_hits, again) / block_sums(joined_mass, again)
    knots = block_sums(weight * centre, again) / block_sums(weight, again)
    slope = float(np.diff(line.curve(np.array([0.0, 1.0])))[0])
    values = (1 - STRAIGHT_SHARE) * log_odds_of(rate) + STRAIGHT_SHARE * line.curve(knots)
    return Isotonic(len(rows), tuple(knots.tolist()), tuple(values.tolist()), slope)

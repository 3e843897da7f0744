"""Choosing a calibrator by how much there is to learn from, and by what it loses on other leads."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from leadcast.models.calibration.calibrators import (
    CalibrationCurve,
    Calibrator,
    Identity,
    Isotonic,
)
from leadcast.models.calibration.corrections import (
    LevelShape,
    Line,
    Smooth,
    TalliedRows,
    TwoSlopes,
    fitted,
)
from leadcast.models.data import Floats, Integers
from leadcast.models.evaluation.isotonic import block_sums, pooled_ends
from leadcast.models.evaluation.logistic import log_odds_of, sigmoid
from leadcast.models.evaluation.tally import tally

OWN_ROWS = 4.0
"""How many rows of the straight line's opinion are added to each step."""

STRAIGHT_SHARE = 0.1
"""Share of the straight line in the curve: leads within a step keep their order."""


def fitted_steps(rows: TalliedRows) -> Isotonic | None:
    """Fit an isotonic curve without flat pieces.

    Centred isotonic regression (Oron and Flournoy 2017): each step of the isotonic fit becomes a
    point at its centre, and lines join the points. Its steps are first drawn towards the straight
    calibration by `OWN_ROWS` rows, so that none is 0 or 1, and a share of the straight line is
    mixed in at the end. (Isotonic calibration as it is, Zadrozny and Elkan 2002, ties hundreds
    of leads at the top of a call list.)
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
    opinion = block_sums(mass * sigmoid(straight), ends) / weight
    joined_mass, joined_hits = weight + OWN_ROWS, block_sums(hits, ends) + OWN_ROWS * opinion
    # The opinions can bend the order of small steps, so they are pooled once more.
    again = pooled_ends(joined_mass, joined_hits)
    if len(again) < 2:
        return None
    rate = block_sums(joined_hits, again) / block_sums(joined_mass, again)
    knots = block_sums(weight * centre, again) / block_sums(weight, again)
    slope = float(np.diff(line.curve(np.array([0.0, 1.0])))[0])
    values = (1 - STRAIGHT_SHARE) * log_odds_of(rate) + STRAIGHT_SHARE * line.curve(knots)
    return Isotonic(rows=len(rows), knots=knots.tolist(), values=values.tolist(), slope=slope)


def fitted_smooth(rows: TalliedRows) -> CalibrationCurve | None:
    """Fit a spline; None where nearly all rows have the same log-odds: one knot is no curve."""
    knots = Smooth.on(rows.log_odds).knots
    return fitted(Smooth, rows) if len(knots) >= 2 else None


Fit = Callable[[TalliedRows], CalibrationCurve | None]

METHODS: dict[str, tuple[int, Fit]] = {
    "identity": (0, lambda rows: Identity(rows=len(rows))),
    "level": (5, lambda rows: fitted(LevelShape, rows)),
    "logistic": (20, lambda rows: fitted(Line, rows)),
    "beta": (60, lambda rows: fitted(TwoSlopes, rows)),
    "spline": (120, fitted_smooth),
    "isotonic": (1000, fitted_steps),
}
"""Each method with the fewest leads of the rarer outcome that it needs, the simplest first."""

STRAIGHT = ("identity", "level", "logistic")
"""Each of these holds the one before as a special case and is drawn towards it by shrinkage, so the
last that there is enough for is taken without a contest."""

FOLDS = 5


@dataclass(frozen=True)
class CalibratorCandidate:
    """A calibration method that was tried."""

    method: str
    """Its name in `METHODS`."""
    log_loss: float
    """Cross-validated, on leads that it was not fitted on."""
    excess: float
    """By how much that is above the best one's ("identity", no calibration, does not compete)."""
    standard_error: float
    """Of `excess`, with leads as the units."""


@dataclass(frozen=True)
class CalibrationChoice:
    """A calibrator and why it was chosen.

    Parameters
    ----------
    calibrator : Calibrator
    method : str
        Its name in `METHODS`.
    candidates : tuple of CalibratorCandidate
        What was compared, the simplest first.
    reason : str
        Why this one, for a person.
    """

    calibrator: Calibrator
    method: str
    candidates: tuple[CalibratorCandidate, ...]
    reason: str

    def to_json(self) -> dict[str, Any]:
        """Give the choice as plain data, the calibrator under ``calibrator``."""
        return {
            "calibrator": self.calibrator.to_json(),
            "method": self.method,
            "candidates": [vars(candidate) for candidate in self.candidates],
            "reason": self.reason,
            "words": f"The probabilities are {self.calibrator.describe()}.",
        }


def choose_calibrator(
    log_odds: npt.ArrayLike,
    converted: npt.ArrayLike,
    group: npt.ArrayLike,
    *,
    seed: int = 0,
) -> CalibrationChoice:
    """Choose and fit a calibrator.

    How many leads have the rarer outcome decides what may be tried. Of the methods that are tried
    the simplest is taken whose cross-validated log loss is within one standard error of the best
    (Breiman et al. 1984, section 3.4.3); folds hold whole leads.

    Parameters
    ----------
    log_odds : array_like of float, shape (n_rows,)
        As the learner gives them for snapshots later than it was trained on; finite.
    converted : array_like of float or bool, shape (n_rows,)
        1 for a conversion, else 0.
    group : array_like of int or str, shape (n_rows,)
        The lead (or account) of each row.
    seed : int
        Decides which leads form a fold.

    Returns
    -------
    CalibrationChoice

    Raises
    ------
    ValueError
        If the lengths differ, a log-odds is not finite or an outcome is neither 0 nor 1.
    """
    rows = TalliedRows.of(log_odds, converted, group)
    rarer = rows.leads_of_rarer_outcome
    possible = [name for name, (fewest, _) in METHODS.items() if rarer >= fewest]
    straight = [name for name in possible if name in STRAIGHT][-1]
    bent = [name for name in possible if name not in STRAIGHT]
    candidates = _compared(rows, [straight, *bent], seed) if bent else ()
    method = _simplest_good(candidates) if candidates else straight
    curve = METHODS[method][1](rows)
    if curve is None:
        method, curve = "identity", Identity(rows=len(rows))
    return CalibrationChoice(curve, method, candidates, _reason(method, candidates, rarer))


def _compared(rows: TalliedRows, methods: list[str], seed: int) -> tuple[CalibratorCandidate, ...]:
    losses = {name: _losses_elsewhere(rows, METHODS[name][1], seed) for name in methods}
    known = {name: loss for name, loss in losses.items() if loss is not None}
    if not known:
        return ()
    best = min(known.values(), key=np.mean)
    # What no calibration at all would lose is told with the others, but does not compete.
    shown = {"identity": _losses(Identity(rows=len(rows)), rows), **known}
    return tuple(
        CalibratorCandidate(name, float(loss.mean()), *_excess(loss - best, rows.group))
        for name, loss in shown.items()
    )


def _losses_elsewhere(rows: TalliedRows, fit: Fit, seed: int) -> Floats | None:
    groups = int(rows.group.max()) + 1
    fold = np.random.default_rng(seed).permutation(groups)[rows.group] % FOLDS
    losses = np.empty(len(rows))
    for number in range(FOLDS):
        held = fold == number
        curve = fit(rows.taken(~held))
        if curve is None:
            return None
        losses[held] = _losses(curve, rows.taken(held))
    return losses


def _losses(curve: CalibrationCurve, rows: TalliedRows) -> Floats:
    probability = curve.probability(rows.log_odds)
    return np.asarray(-np.log(np.where(rows.converted == 1, probability, 1 - probability)))


def _excess(difference: Floats, group: Integers) -> tuple[float, float]:
    mean = float(difference.mean())
    sums = np.bincount(group, difference - mean)
    return mean, float(np.sqrt(np.square(sums).sum()) / len(difference))


def _simplest_good(candidates: tuple[CalibratorCandidate, ...]) -> str:
    competing = candidates[1:]
    return next(one.method for one in competing if one.excess <= one.standard_error)


def _reason(method: str, candidates: tuple[CalibratorCandidate, ...], rarer: int) -> str:
    if not candidates:
        return f"{rarer} leads of the rarer outcome are enough for {method} calibration only"
    best = min(candidates[1:], key=lambda candidate: candidate.log_loss)
    if best.method == method:
        return f"{method} calibration has the lowest log loss on leads it was not fitted on"
    chosen = next(candidate for candidate in candidates if candidate.method == method)
    return (
        f"{method} calibration is simpler than {best.method}, and on leads it was not fitted on "
        f"its log loss is higher by {chosen.excess:.5f} only (standard error "
        f"{chosen.standard_error:.5f})"
    )

"""Recalibration of the level on the newest mature snapshots, as a step that is told.

The step itself is the last of fitting a learner: with its shapes known, the level is fitted again,
so that it follows the newest snapshots as far as their number and the usual drift warrant
(`learners.regression`, a prior shift as in Saerens, Latinne and Decaestecker 2002, with
outcomes). Here it is measured, on the snapshots that the last origin's model had not seen: what
that model said of them, what became of them, and what the model used says now.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from leadcast.models.calibration.calibrators import Calibrator
from leadcast.models.calibration.corrections import Correction, LevelShape, TalliedRows, shrunken
from leadcast.models.data import Floats, Integers
from leadcast.models.evaluation.logistic import log_odds_of

FEWEST_LEADS = 5


def level_shift(
    calibrator: Calibrator,
    log_odds: npt.ArrayLike,
    converted: npt.ArrayLike,
    group: npt.ArrayLike,
) -> Correction | None:
    """Estimate how far the base rate has moved since the calibrator was fitted.

    A prior shift moves all log-odds by the same amount (Saerens, Latinne and Decaestecker 2002);
    with outcomes at hand it is estimated from them, shrunken towards none. None where fewer than
    `FEWEST_LEADS` leads have the rarer outcome.
    """
    rows = TalliedRows.of(log_odds, converted, group)
    if rows.leads_of_rarer_outcome < FEWEST_LEADS:
        return None
    moved = TalliedRows(calibrator.log_odds(rows.log_odds), rows.converted, rows.group)
    frame = LevelShape.on(moved.log_odds)
    return shrunken(moved, frame.columns(moved.log_odds), frame.priors())


UNMOVED = 0.005
"""A level that moves by less than this in log-odds has not moved."""


@dataclass(frozen=True)
class NewestLevel:
    """Where the level stood before and after the newest mature snapshots were learned from."""

    rows: int
    leads: int
    """The newest mature snapshots, and how many leads (or accounts) they are of."""
    first: str | None
    last: str | None
    """The days of the first and the last of them; None where the source is not dated."""
    before: float
    after: float
    """Mean probability of these snapshots by a model that had not seen them, and by the one that is
    used."""
    observed: float
    """The share of them that converted."""
    moved: float
    """From `before` to `after`, in log-odds."""
    asked: float
    """From `before` to `observed`: what these snapshots alone ask for."""
    left: float
    """A further shift that they ask of the model that is used; not made, see `standard_error`."""
    standard_error: float | None
    """Of `left`; None where there is too little to tell."""

    def to_json(self) -> dict[str, Any]:
        """Give the step as plain data, with its words."""
        return asdict(self) | {"words": self.describe()}

    def describe(self) -> str:
        """Say what was moved, for a person."""
        when = "" if self.first is None else f", {self.first} to {self.last}"
        whose = f"the newest {self.rows:,} mature snapshots ({self.leads:,} leads{when})"
        before, after, observed = (
            f"{100 * share:.1f} %" for share in (self.before, self.after, self.observed)
        )
        if abs(self.moved) < UNMOVED:
            return (
                f"Level: left where it was. Of {whose} a model that had not seen them said "
                f"{before} on average, and {observed} converted: too little to move it by."
            )
        return (
            f"Level: moved on {whose} by {self.moved:+z.2f} in log-odds, from {before} on average, "
            f"as a model said that had not seen them, to {after}; {observed} of them converted, "
            f"which alone would ask for {self.asked:+z.2f}."
        )


def told_without(reason: str) -> dict[str, Any]:
    """Say why no level was moved.

    Parameters
    ----------
    reason : str
        For a person.

    Returns
    -------
    dict
        Plain data with ``words`` alone.
    """
    return {"words": f"Level: not moved on newer snapshots, since {reason}."}


def follow_newest(
    calibrator: Calibrator,
    before: Floats,
    after: Floats,
    converted: Floats,
    group: Integers,
    days: tuple[str, str] | None,
) -> NewestLevel:
    """Measure how the newest mature snapshots moved the level.

    Parameters
    ----------
    calibrator : Calibrator
        The one that is used.
    before, after : ndarray of float64, shape (n_rows,)
        The newest snapshots' log-odds by a model that had not seen them, and by the one used.
    converted : ndarray of float64, shape (n_rows,)
    group : ndarray of int64, shape (n_rows,)
    days : tuple of str, optional
        The first and the last of their days.

    Returns
    -------
    NewestLevel
    """
    said, says = (float(calibrator.probability(part).mean()) for part in (before, after))
    observed = float(converted.mean())
    # Half a snapshot of either outcome keeps log-odds finite where all turned out alike.
    likely = (float(converted.sum()) + 0.5) / (len(converted) + 1.0)
    places = [float(place) for place in log_odds_of(np.array([said, says, likely]))]
    further = level_shift(calibrator, after, converted, group)
    first, last = days or (None, None)
    return NewestLevel(
        rows=len(converted),
        leads=len(np.unique(group)),
        first=first,
        last=last,
        before=said,
        after=says,
        observed=observed,
        moved=places[1] - places[0],
        asked=places[2] - places[0],
        left=0.0 if further is None else float(further.unshrunken[0]),
        standard_error=None if further is None else float(np.sqrt(further.covariance[0, 0])),
    )

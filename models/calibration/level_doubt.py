"""How far the level of the probabilities may be off in the stretch to come, from how far it was.

At each rolling origin a model said how many of the leads to come would convert, and later it was
seen how many did. By how much the level was missed (in log-odds) has an error, for leads are few;
beyond it the misses tell how far the level moves between a model's fitting and its use, as no
model knows beforehand. That spread is estimated as in a meta-analysis with random effects (Paule
and Mandel 1982), around a miss of zero, which is what a model promises, and pooled with the usual
one (`period_drift`): three quiet origins do not promise a quiet stretch, nor does one jump that the
model has followed since promise another. The interval of the next miss is Student's, with as many
degrees of freedom as misses and prior are worth (Higgins, Thompson and Spiegelhalter 2009, section
4). Misses that all go the same way make it as wide as ones that do not.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from leadcast.models.calibration.corrections import LevelShape, TalliedRows, shrunken
from leadcast.models.data import Floats, Integers
from leadcast.models.evaluation.logistic import sigmoid
from leadcast.models.evaluation.random_effects import (
    USUAL_LEVEL_SPREAD,
    pooled_variance,
    spread_of,
)

LEVEL = 0.9
"""How often the interval should hold the level to come; as leads' intervals."""
BY_CHANCE = 0.95
"""Misses disagree by more than their errors where chance alone keeps so often below."""
USUAL_WORTH = 1.0
"""How many misses the usual spread is worth."""
FEWEST_MISSES = 2
"""One miss does not tell how far misses spread."""
_NO_PRIOR = 1e6


@dataclass(frozen=True)
class Miss:
    """By how much a model missed the level of leads that came after it was fitted."""

    rows: int
    leads: int
    """The snapshots, and how many leads (or accounts) they are of."""
    said: float
    """Their mean probability by that model."""
    converted: float
    """The share of them that converted."""
    shift: float
    """The shift of all log-odds that would have made the level right."""
    standard_error: float
    """Of `shift`, with leads as the units."""

    def to_json(self) -> dict[str, Any]:
        """Give the numbers as plain data, by their names."""
        return asdict(self)


def miss_of(log_odds: npt.ArrayLike, converted: npt.ArrayLike, group: npt.ArrayLike) -> Miss | None:
    """Measure by how much a model missed the level.

    Parameters
    ----------
    log_odds : array_like of float, shape (n_rows,)
        What was told, calibrated, of snapshots later than the model was fitted on; finite.
    converted : array_like of float or bool, shape (n_rows,)
        1 for a conversion, else 0.
    group : array_like of int or str, shape (n_rows,)
        The lead (or account) of each row.

    Returns
    -------
    Miss or None
        None for the rows of fewer than two leads: their error could not be told.

    Raises
    ------
    ValueError
        If the lengths differ, a log-odds is not finite or an outcome is neither 0 nor 1.
    """
    rows = TalliedRows.of(log_odds, converted, group)
    leads = len(np.unique(rows.group))
    column = LevelShape.on(rows.log_odds).columns(rows.log_odds)
    # With a prior that says nothing, what is kept is what the rows alone say, and their error.
    found = shrunken(rows, column, [np.eye(1) * _NO_PRIOR]) if leads > 1 else None
    if found is None:
        return None
    return Miss(
        rows=len(rows),
        leads=leads,
        said=float(sigmoid(rows.log_odds).mean()),
        converted=float(rows.converted.mean()),
        shift=float(found.unshrunken[0]),
        standard_error=float(np.sqrt(found.covariance[0, 0])),
    )


@dataclass(frozen=True)
class LevelDoubt:
    """The interval of the level to come, and the misses that it is made of.

    Parameters
    ----------
    misses : tuple of Miss
        The earliest first; at least `FEWEST_MISSES`.
    spread : float
        Standard deviation of the misses beyond their errors, in log-odds, as they alone tell it; 0
        where their errors explain all of them.
    beyond_errors : bool
        Whether the misses are larger than their errors explain (chi-squared, `BY_CHANCE`).
    low, high : float
        The interval of the shift to come, in log-odds: how far all probabilities may be off
        together. Holds 0.
    mean_probability : float
        What is said of the newest leads on average.
    mean_low, mean_high : float
        What that may have to be: the mean with all log-odds shifted by `low` and by `high`.
    """

    misses: tuple[Miss, ...]
    spread: float
    beyond_errors: bool
    low: float
    high: float
    mean_probability: float
    mean_low: float
    mean_high: float

    @classmethod
    def of(cls, misses: Sequence[Miss], log_odds: Floats) -> Self | None:
        """Estimate how far the level of the stretch to come may be missed.

        Parameters
        ----------
        misses : sequence of Miss
            The earliest first.
        log_odds : ndarray of float64, shape (n_rows,)
            What is said of the newest leads, calibrated.

        Returns
        -------
        LevelDoubt or None
            None for fewer than `FEWEST_MISSES` misses.
        """
        from scipy.special import chdtri, stdtrit

        number = len(misses)
        if number < FEWEST_MISSES:
            return None
        shift = np.array([one.shift for one in misses])
        variance = np.array([one.standard_error for one in misses]) ** 2
        spread = spread_of(shift, variance)
        freedom = USUAL_WORTH + number
        pooled = pooled_variance(spread**2, number, USUAL_LEVEL_SPREAD, USUAL_WORTH)
        # What the errors left open of the misses' own mean is open of the next one as well.
        left_open = 1 / (1 / (variance + pooled)).sum()
        reach = float(stdtrit(freedom, (1 + LEVEL) / 2) * np.sqrt(pooled + left_open))
        means = [float(sigmoid(log_odds + moved).mean()) for moved in (0.0, -reach, reach)]
        surplus = float((shift**2 / variance).sum())
        beyond = surplus > float(chdtri(number, 1 - BY_CHANCE))
        return cls(tuple(misses), spread, beyond, -reach, reach, *means)

    def shifted(self, log_odds: Floats) -> tuple[Floats, Floats]:
        """Give the probabilities that log-odds may have to be, the level being in doubt.

        Parameters
        ----------
        log_odds : ndarray of float64, shape (n_rows,)
            Calibrated.

        Returns
        -------
        low, high : ndarray of float64, shape (n_rows,)
            In [0, 1]; both never fall with `log_odds`.
        """
        return sigmoid(log_odds + self.low), sigmoid(log_odds + self.high)

    @property
    def factor(self) -> float:
        """How many times as large the odds at the high end are as at the low end."""
        return float(np.exp(self.high - self.low))

    def to_json(self) -> dict[str, Any]:
        """Give the interval as plain data.

        Returns
        -------
        dict
            The attributes by their names, ``misses`` as a list of what `Miss` holds, and
            ``level`` (how often the interval should hold), ``factor`` and ``words``.
        """
        told = {"level": LEVEL, "factor": self.factor, "words": self.describe()}
        return asdict(self) | {"misses": [one.to_json() for one in self.misses]} | told

    def describe(self) -> str:
        """Say how far the level may be off, and why, for a person."""
        shifts = ", ".join(f"{one.shift:+z.2f}" for one in self.misses)
        verdict = "more than" if self.beyond_errors else "no more than"
        mean, low, high = (
            f"{100 * share:.1f} %"
            for share in (self.mean_probability, self.mean_low, self.mean_high)
        )
        return (
            f"The level of leads to come: models fitted before them missed it by {shifts} in "
            f"log-odds, {verdict} their errors explain, so where {mean} is said on average, "
            f"{low} to {high} may come ({100 * LEVEL:.0f} %)."
        )


def misses_of(
    log_odds: Floats, converted: Floats, group: Integers, origin: Integers
) -> tuple[Miss, ...]:
    """Measure by how much the level was missed at each rolling origin.

    Parameters
    ----------
    log_odds : ndarray of float64, shape (n_rows,)
        What the model of each row's origin said, calibrated.
    converted : ndarray of float64, shape (n_rows,)
    group : ndarray of int64, shape (n_rows,)
    origin : ndarray of int64, shape (n_rows,)
        0 for the earliest; below 0 for rows that no earlier model was tried on.

    Returns
    -------
    tuple of Miss
        The earliest first; empty where there was no origin.
    """
    each = [origin == number for number in np.unique(origin[origin >= 0])]
    found = (miss_of(log_odds[at], converted[at], group[at]) for at in each)
    return tuple(miss for miss in found if miss is not None)


UNTOLD = "How far the level of leads to come may be off cannot be told: too few origins were tried."


def doubt_to_json(misses: Sequence[Miss], doubt: LevelDoubt | None) -> dict[str, Any]:
    """Give the doubt as plain data, or what there is of it.

    Parameters
    ----------
    misses : sequence of Miss
    doubt : LevelDoubt or None
        Of these misses.

    Returns
    -------
    dict
        As `LevelDoubt.to_json` gives it; ``misses`` and ``words`` alone where there is no doubt to
        tell.
    """
    if doubt is not None:
        return doubt.to_json()
    return {"misses": [one.to_json() for one in misses], "words": UNTOLD}

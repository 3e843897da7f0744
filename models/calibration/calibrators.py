"""Calibrators: plain numbers that turn a learner's log-odds into probabilities.

Each is a strictly rising function of the log-odds, so that a list sorted by one is sorted by the
other, and never gives 0 or 1. Nothing but NumPy is needed to use one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self

import numpy as np

from leadcast.models.data import Floats

FARTHEST = 1e6
"""Log-odds beyond this, either way, are taken as this; doubles could not tell the probabilities."""

FEWEST_ROWS = 1000
"""Data smaller than this do not narrow the range of probabilities any further."""


class Calibrator(Protocol):
    """What turns a learner's log-odds into probabilities."""

    @property
    def kind(self) -> str:
        """Its name in ``calibrator.json``."""

    def log_odds(self, log_odds: Floats) -> Floats:
        """Calibrate log-odds; strictly rising.

        Parameters
        ----------
        log_odds : ndarray of float64, shape (n_rows,)
            As the learner gives them; finite.

        Returns
        -------
        ndarray of float64, shape (n_rows,)

        Raises
        ------
        ValueError
            If one is NaN or infinite.
        """

    def probability(self, log_odds: Floats) -> Floats:
        """Turn log-odds into probabilities.

        Parameters
        ----------
        log_odds : ndarray of float64, shape (n_rows,)
            As the learner gives them; finite.

        Returns
        -------
        ndarray of float64, shape (n_rows,)
            Strictly between 0 and 1, strictly rising with `log_odds` (as far as doubles can tell).

        Raises
        ------
        ValueError
            If one is NaN or infinite.
        """

    def to_json(self) -> dict[str, Any]:
        """Give plain data, from which `calibrator_from_json` makes the same calibrator."""

    def describe(self) -> str:
        """Say what it does, in words that follow "the probabilities are"."""


@dataclass(frozen=True)
class CalibrationCurve:
    """What the calibrators of a fitted curve share: the range that their data support."""

    kind: ClassVar[str]
    rows: int
    """How many rows it was fitted on. Beyond the log-odds of ``1 / (rows + 2)`` and of its
    complement (Laplace's rule: what so many rows without an exception show) the calibrated log-
    odds go on rising, but only logarithmically."""

    def curve(self, log_odds: Floats) -> Floats:
        """Calibrate log-odds before their range is narrowed."""
        raise NotImplementedError

    def describe(self) -> str:
        """Say what it does; see `Calibrator.describe`."""
        raise NotImplementedError

    def log_odds(self, log_odds: Floats) -> Floats:
        """Calibrate log-odds; see `Calibrator.log_odds`."""
        return narrowed(self.curve(_finite(log_odds)), self.rows)

    def probability(self, log_odds: Floats) -> Floats:
        """Turn log-odds into probabilities; see `Calibrator.probability`."""
        return probability_of(self.log_odds(log_odds))

    def to_json(self) -> dict[str, Any]:
        """Give plain data; see `Calibrator.to_json`."""
        return {"kind": self.kind, **{name: _plain(value) for name, value in vars(self).items()}}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Make the calibrator that `to_json` told."""
        numbers: dict[str, Any] = {name: _kept(value) for name, value in content.items()}
        return cls(**numbers | {"rows": int(content["rows"])})


def narrowed(log_odds: Floats, rows: int) -> Floats:
    """Hold log-odds back where they are more extreme than so many rows can show."""
    bound = np.log(max(rows, FEWEST_ROWS) + 1)
    excess = np.maximum(np.abs(log_odds) - bound, 0.0)
    return np.asarray(np.sign(log_odds) * (np.abs(log_odds) - excess + np.log1p(excess)))


def probability_of(log_odds: Floats) -> Floats:
    """Turn log-odds into probabilities, without overflow."""
    small = np.exp(-np.abs(log_odds))
    return np.where(log_odds >= 0, 1.0, small) / (1.0 + small)


def _finite(log_odds: Floats) -> Floats:
    if not np.isfinite(log_odds).all():
        raise ValueError("log_odds holds NaN or an infinity")
    return np.clip(log_odds, -FARTHEST, FARTHEST)


def _kept(value: float | list[float]) -> float | tuple[float, ...]:
    return tuple(map(float, value)) if isinstance(value, list) else float(value)


def _plain(value: float | tuple[float, ...]) -> float | list[float]:
    return list(value) if isinstance(value, tuple) else value

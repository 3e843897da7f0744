"""Measured numbers with their 95 % intervals, as a person reads them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from models.report.numbers import LEVEL, Format, number_or_none

_MISS = 0.05


def chance_words(missed: int, total: int) -> str:
    """Say whether so many of these intervals miss by chance.

    An interval of 95 % misses in one case of twenty though nothing is wrong; how often `missed` or
    more of `total` do is binomial, and below one case of twenty it is called more than chance.

    Parameters
    ----------
    missed, total : int
        How many intervals miss, of how many.

    Returns
    -------
    str
    """
    fewer = (math.comb(total, k) * _MISS**k * (1 - _MISS) ** (total - k) for k in range(missed))
    by_chance = 1.0 - sum(fewer) >= _MISS
    return "which is no more than chance gives" if by_chance else "more than chance explains"


@dataclass(frozen=True)
class Estimate:
    """A measured number with its 95 % interval.

    Parameters
    ----------
    value : float or None
        The number; None where it is undefined (one class only, for example).
    low, high : float or None
        The interval's ends; None where there is none.
    """

    value: float | None
    low: float | None
    high: float | None

    @classmethod
    def of(cls, metrics: Mapping[str, Any], name: str) -> Self:
        """Take a metric from a part of ``metrics.json``; what is absent is undefined.

        Parameters
        ----------
        metrics : mapping
            Such as ``metrics["test"]``: each value ``{"value", "low", "high"}`` or a bare number.
        name : str
            The metric's key.

        Returns
        -------
        Estimate
        """
        entry = metrics.get(name)
        if not isinstance(entry, Mapping):
            return cls(number_or_none(entry), None, None)
        value, low, high = (number_or_none(entry.get(key)) for key in ("value", "low", "high"))
        return cls(value, low, high)

    def interval(self, show: Format) -> str:
        """Write the interval alone: ``37 % to 45 %``; empty where there is none.

        Parameters
        ----------
        show : callable
            The format of one number.

        Returns
        -------
        str
        """
        if self.low is None or self.high is None:
            return ""
        return f"{show(self.low)} to {show(self.high)}"

    def text(self, show: Format) -> str:
        """Write the number and its interval: ``41 % (95 %: 37 % to 45 %)``.

        Parameters
        ----------
        show : callable
            The format of one number.

        Returns
        -------
        str
        """
        interval = self.interval(show)
        return show(self.value) + (f" ({LEVEL}: {interval})" if interval else "")

    def contains(self, target: float) -> bool | None:
        """Tell whether the interval contains a value; None where there is no interval.

        Parameters
        ----------
        target : float
            The value to look for.

        Returns
        -------
        bool or None
        """
        if self.low is None or self.high is None:
            return None
        return self.low <= target <= self.high

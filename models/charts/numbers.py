"""Numbers as a person reads them: counts, shares, durations and dates.

Measured numbers with their 95 % intervals, as a person reads them.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

NBSP = "\N{NO-BREAK SPACE}"
LEVEL = f"95{NBSP}%"
"""How sure every interval is; a line never breaks inside it."""
MISSING = "–"
"""What stands where there is no number."""

Format = Callable[[Any], str]


def number_or_none(value: object) -> float | None:
    """Take a finite number, or None for anything else (null, NaN, infinities, text).

    Parameters
    ----------
    value : object
        As it comes from JSON or a data frame.

    Returns
    -------
    float or None
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if math.isfinite(value) else None


def count(value: object) -> str:
    """Write a whole number with its thousands apart: ``20,000``.

    Parameters
    ----------
    value : int, float or None
        A count.

    Returns
    -------
    str
    """
    number = number_or_none(value)
    return MISSING if number is None else f"{number:,.0f}"


def shared_count(value: object) -> str:
    """Write a count in which ties may stand for a part of a lead: ``20,000``, ``1.5``.

    Parameters
    ----------
    value : int, float or None
        A count.

    Returns
    -------
    str
        With one decimal where it is no whole number, so that a share beside it is seen to fit.
    """
    number = number_or_none(value)
    if number is None or round(number, 1).is_integer():
        return count(number)
    return decimal(1)(number)


def counted(value: int, noun: str, plural: str | None = None) -> str:
    """Write a count with its noun: ``1 lead``, ``20,000 leads``.

    Parameters
    ----------
    value : int
        How many.
    noun : str
        The noun's singular.
    plural : str, optional
        Its plural, by default with an s.

    Returns
    -------
    str
    """
    return f"{count(value)}{NBSP}{noun if value == 1 else plural or noun + 's'}"


def sentence(text: str) -> str:
    """Make a note a sentence: a capital at its beginning and a stop at its end.

    Parameters
    ----------
    text : str
        Words as a log would have them.

    Returns
    -------
    str
    """
    words = text.strip()
    stop = "" if not words or words.endswith((".", "!", "?", "…", ":")) else "."
    return f"{words[:1].upper()}{words[1:]}{stop}"


def decimal(digits: int) -> Format:
    """Make a format for numbers with a fixed number of decimals.

    Parameters
    ----------
    digits : int
        How many decimals.

    Returns
    -------
    callable
        From a number or None to text; the minus is a real one.
    """

    def show(value: object) -> str:
        number = number_or_none(value)
        if number is None:
            return MISSING
        # Adding zero turns a rounded -0.0 into 0.0.
        return f"{round(number, digits) + 0.0:,.{digits}f}".replace("-", "−")

    return show


def percent(value: object) -> str:
    """Write a share as a percentage, with a decimal only below ten: ``41 %``, ``4.1 %``.

    Parameters
    ----------
    value : float or None
        A share; 1 is all.

    Returns
    -------
    str
    """
    number = number_or_none(value)
    return MISSING if number is None else f"{_percent_digits(number)}{NBSP}%"


def _percent_digits(share: float) -> str:
    hundredths = 100.0 * share
    whole = hundredths.is_integer() or abs(hundredths) >= 9.95
    digits = 0 if whole else 3 if abs(hundredths) < 0.05 else 1
    return f"{hundredths:,.{digits}f}".replace("-", "−")


def compact(value: object) -> str:
    """Write a number with four digits and no zeros behind them: ``18``, ``0.25``, ``12.5``.

    Parameters
    ----------
    value : float or None
        Any number.

    Returns
    -------
    str
    """
    number = number_or_none(value)
    if number is None:
        return MISSING
    shown = f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.4g}"
    return shown.replace("-", "−")


def edge(value: object) -> str:
    """Write the edge of a bin of shares as it is: ``12.5 %``."""
    number = number_or_none(value)
    return MISSING if number is None else f"{compact(100.0 * number)}{NBSP}%"


def times(value: object) -> str:
    """Write a ratio: ``4.1 times``.

    Parameters
    ----------
    value : float or None
        A ratio, such as a lift.

    Returns
    -------
    str
    """
    number = number_or_none(value)
    return MISSING if number is None else f"{decimal(1)(number)}{NBSP}times"


def duration(days: float) -> str:
    """Write a number of days in its natural unit: ``6 hours``, ``1 day``, ``60 days``.

    Parameters
    ----------
    days : float
        In days.

    Returns
    -------
    str
    """
    amount, unit = (days, "day") if days >= 1 or days == 0 else (days * 24.0, "hour")
    return f"{amount:,.3g}{NBSP}{unit if amount == 1 else unit + 's'}"


def age(days: float) -> str:
    """Write a lead's age: ``new`` at its creation, else as a duration.

    Parameters
    ----------
    days : float
        Days since the lead's creation.

    Returns
    -------
    str
    """
    return "new" if days == 0 else duration(days)


def day(moment: datetime | None) -> str:
    """Write a date: ``14 March 2025``.

    Parameters
    ----------
    moment : datetime or None
        A time, as a rule in UTC.

    Returns
    -------
    str
    """
    if moment is None:
        return MISSING
    return f"{moment.day}{NBSP}{moment:%B}{NBSP}{moment.year}"


_MISS = 0.05


def chance_words(missed: int, total: int) -> str:
    """Say whether so many of these intervals miss by chance.

    An interval of 95 % misses in one case of twenty though nothing is wrong; how often `missed` or
    more of `total` do is binomial, and below one case of twenty it is called more than chance.
    """
    fewer = (math.comb(total, k) * _MISS**k * (1 - _MISS) ** (total - k) for k in range(missed))
    by_chance = 1.0 - sum(fewer) >= _MISS
    return "which is no more than chance gives" if by_chance else "more than chance explains"


@dataclass(frozen=True)
class ShownEstimate:
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

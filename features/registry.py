"""What a feature is: its name, group, dtype, inputs and words.

Names for columns and words for people, made from what a source calls its things.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Group = Literal["fit", "engagement", "source", "timing"]
DType = Literal["number", "category", "flag"]


@dataclass(frozen=True)
class Feature:
    """One column of the feature matrix.

    The matrix is float32. A number is NaN where it is missing. A flag is 0 or 1, NaN where it is
    missing. A category holds a code: 1 to ``len(levels)`` for ``levels[code - 1]``, 0 for any
    other value (rare in training, or never seen there), NaN where it is missing.

    Parameters
    ----------
    name : str
        Unique, lower case with underscores (``pricing_page_count_7d``).
    group : {"fit", "engagement", "source", "timing"}
        Who the lead is, what it did, where it came from, or when.
    dtype : {"number", "category", "flag"}
        How to read the column.
    inputs : tuple of str
        What it is computed from (``("events.occurred_at", "events.event_type")``).
    words : str
        What it is, for a person ("pricing pages viewed in the last 7 days").
    levels : tuple of str
        A category's known values in the order of their codes; empty otherwise.
    is_log10 : bool
        Whether the column is ``log10(1 + amount)``; an amount is then told rather than it.
    """

    name: str
    group: Group
    dtype: DType
    inputs: tuple[str, ...]
    words: str
    levels: tuple[str, ...] = ()
    is_log10: bool = False


AGE = "age_days"
"""The feature that tells how old a lead is: leads of every period pass the same ages."""
DAY_US = 86_400_000_000
"""Microseconds in a day."""
HOUR_US = 3_600_000_000
"""Microseconds in an hour."""


def snake(text: str) -> str:
    """Make a name of lower-case ASCII letters, digits and single underscores.

    Parameters
    ----------
    text : str
        What a source calls a column or a kind of event (``"Pricing Page – viewed"``).

    Returns
    -------
    str
        ``"pricing_page_viewed"``; ``"unnamed"`` where nothing is left.
    """
    folded = unicodedata.normalize("NFKD", text[:200]).casefold().encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "_", folded).strip("_") or "unnamed"


def humanise(text: str) -> str:
    """Turn a technical name into words.

    Parameters
    ----------
    text : str
        A name (``"pricing_page_viewed"``, ``"PricingPageViewed"``).

    Returns
    -------
    str
        ``"pricing page viewed"``; abbreviations keep their capitals.
    """
    parts = re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])", " ", text[:200])
    words = re.sub(r"[\s_]+", " ", parts).strip()
    return " ".join(w if w.isupper() and len(w) <= 4 else w.lower() for w in words.split())


def span_name(days: float) -> str:
    """Abbreviate a span of time for a name: ``"7d"``, ``"12h"``, ``"1_5h"``."""
    number, unit = _span(days)
    return f"{number:.6g}".replace(".", "_") + unit[0]


def span_words(days: float) -> str:
    """Say a span of time: ``"7 days"``, ``"day"``, ``"12 hours"``."""
    number, unit = _span(days)
    return unit if number == 1 else f"{number:.6g} {unit}s"


def distinct(names: Iterable[str]) -> list[str]:
    """Make names distinct: the second ``"a"`` becomes ``"a_2"``, in the given order.

    Parameters
    ----------
    names : iterable of str
        Names, possibly repeated.

    Returns
    -------
    list of str
        As many names, each different.
    """
    taken: set[str] = set()
    # Where to go on for each name, so that a thousand alike do not each try all before them.
    numbers: dict[str, int] = {}
    result: list[str] = []
    for name in names:
        candidate, number = name, numbers.get(name, 2)
        while candidate in taken:
            candidate, number = f"{name}_{number}", number + 1
        numbers[name] = number
        taken.add(candidate)
        result.append(candidate)
    return result


def _span(days: float) -> tuple[float, str]:
    return (days, "day") if days >= 1 else (days * 24, "hour")

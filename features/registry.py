"""What a feature is: its name, group, dtype, inputs and words."""

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

"""What a user may choose about features."""

from itertools import pairwise
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Days = Annotated[float, Field(gt=0, le=36_500)]
Spans = Annotated[tuple[Days, ...], Field(max_length=32)]
"""Each is so many more columns for every kind of events."""
Count = Annotated[int, Field(ge=1, le=10**9)]


class FeatureSettings(BaseModel):
    """How features are made; every field has a default that works without a choice.

    Parameters
    ----------
    windows_days : tuple of float
        Windows, ending at `as_of`, in which events are counted; ascending.
    trend_windows_days : tuple of float
        Windows that are compared with the window of the same length before them; ascending.
    half_lives_days : tuple of float
        Half-lives of the decayed counts; ascending.
    max_kinds : int
        So many of the most frequent kinds of events have columns of their own; the others share
        the columns of "other".
    max_levels : int
        So many of a category's most frequent values have a code of their own; the others are 0.
    min_level_count : int
        A value of a category needs so many training leads, a column so many rows that differ
        from its most frequent value; what is rarer is noise.
    history_prior_leads : float
        A past conversion rate is drawn towards the overall rate as if by so many more leads; it
        is missing until so many leads have matured.
    max_history_values : int
        So many of the most frequent sources, vendors and campaigns have a past of their own.
    redundancy : float
        A number whose ranks correlate with those of an earlier column by more than this is left
        out: it would say the same again; 1 keeps all but exact repetitions.
    selection_rows : int
        Which columns are worth keeping is judged on at most so many training rows.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    windows_days: Spans = (1, 7, 30, 90)
    trend_windows_days: Spans = (7, 30)
    half_lives_days: Spans = (3, 14)
    max_kinds: Annotated[int, Field(ge=1, le=1_000)] = 24
    max_levels: Count = 20
    min_level_count: Count = 20
    history_prior_leads: Annotated[float, Field(gt=0, le=1e9)] = 30
    max_history_values: Count = 500
    redundancy: Annotated[float, Field(gt=0, le=1)] = 0.99
    selection_rows: Count = 20_000

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        for name in ("windows_days", "trend_windows_days", "half_lives_days"):
            days: tuple[float, ...] = getattr(self, name)
            if any(later <= earlier for earlier, later in pairwise(days)):
                raise ValueError(f"{name} must ascend without repetition; found {list(days)}")
        return self

"""What the plain data of intervals must be; `models.intervals.LeadIntervals` says what it means."""

from itertools import pairwise
from operator import gt
from typing import Annotated, Self

from pydantic import FailFast, Field, model_validator

from features.plain import Number, Plain, Share

MOST_KNOTS = 100_000

Shares = Annotated[list[Share], FailFast(), Field(min_length=1, max_length=MOST_KNOTS)]


class StoredIntervals(Plain):
    """``intervals.json``."""

    level: Share
    knots: Annotated[list[Number], FailFast(), Field(min_length=1, max_length=MOST_KNOTS)]
    if_lost: Shares
    if_won: Shares
    low: Shares
    high: Shares

    @model_validator(mode="after")
    def _are_steps(self) -> Self:
        arrays = (self.knots, self.if_lost, self.if_won, self.low, self.high)
        if len(set(map(len, arrays))) != 1:
            raise ValueError("arrays must be of one length")
        if any(gt(*pair) for array in arrays for pair in pairwise(array)):
            raise ValueError("no array may fall")
        return self

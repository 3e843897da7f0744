"""What the parts of a comparison have in common: frozen plain data, figures with intervals."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

Verdict = Literal["learned", "points", "undecided"]


class Part(BaseModel):
    """A part of a comparison: immutable, strict about its keys, finite numbers only."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def to_json(self) -> dict[str, Any]:
        """Give it as plain data."""
        return self.model_dump(mode="json")


class Measured(Part):
    """A number with its 95 % interval, null where it is not defined."""

    value: float | None = None
    low: float | None = None
    high: float | None = None


class Difference(Measured):
    """Learned minus points.

    Parameters
    ----------
    standard_error : float or None
    p_value : float or None
        Two-sided, of no difference.
    detectable : float or None
        The smallest true difference that this much data shows in four of five cases (at 95 %,
        two-sided): 2.8 standard errors.
    shows : bool
        Whether the interval leaves 0 out.
    """

    standard_error: float | None = None
    p_value: float | None = None
    detectable: float | None = None
    shows: bool = False


class Pair(Part):
    """One figure of both scores, and their difference."""

    learned: Measured
    points: Measured
    difference: Difference

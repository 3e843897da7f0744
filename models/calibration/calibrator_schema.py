"""What a calibrator's plain data must be; `calibration.calibration_curves` says what it means.

What the plain data of intervals must be; `intervals.LeadIntervals` says what it means.
"""

from itertools import pairwise
from operator import gt
from typing import Annotated, Literal, Self

from pydantic import FailFast, Field, RootModel, Strict, model_validator

from leadcast.features.base.plain import LARGEST, Count, Number, Plain, Share, joins, rises

MOST_KNOTS = 100_000
FARTHEST = 1e6
"""As far as log-odds go (`leadcast.models.calibration.calibrators.FARTHEST`)."""

Knots = Annotated[list[Number], FailFast(), Field(min_length=2, max_length=MOST_KNOTS)]
Slope = Annotated[float, Strict(), Field(gt=0, le=LARGEST, allow_inf_nan=False)]
Slopes = Annotated[list[Slope], FailFast(), Field(min_length=2, max_length=MOST_KNOTS)]


class StoredIdentity(Plain):
    """`leadcast.models.calibration.calibration_curves.Identity`."""

    kind: Literal["identity"]
    rows: Count


class StoredLogistic(Plain):
    """`leadcast.models.calibration.calibration_curves.Logistic`."""

    kind: Literal["logistic"]
    rows: Count
    intercept: Number
    slope: Slope


class StoredBeta(Plain):
    """`leadcast.models.calibration.calibration_curves.Beta`."""

    kind: Literal["beta"]
    rows: Count
    intercept: Number
    lower: Slope
    upper: Slope


class StoredSpline(Plain):
    """`leadcast.models.calibration.calibration_curves.Spline`."""

    kind: Literal["spline"]
    rows: Count
    knots: Knots
    start: Number
    slopes: Slopes

    @model_validator(mode="after")
    def _can_be_drawn(self) -> Self:
        if len(self.knots) != len(self.slopes) or not rises(self.knots):
            raise ValueError("knots must rise, with a slope for each")
        if not joins(self.knots, self.slopes):
            raise ValueError("knots must be far enough apart")
        return self


class StoredIsotonic(Plain):
    """`leadcast.models.calibration.calibration_curves.Isotonic`."""

    kind: Literal["isotonic"]
    rows: Count
    knots: Knots
    values: Knots
    slope: Slope

    @model_validator(mode="after")
    def _can_be_drawn(self) -> Self:
        if len(self.knots) != len(self.values) or not rises(self.knots):
            raise ValueError("knots must rise, with a value for each")
        if not rises(self.values):
            raise ValueError("values must rise")
        if not joins(self.knots, self.values):
            raise ValueError("knots must be far enough apart")
        return self


class StoredShifted(Plain):
    """`leadcast.models.calibration.calibration_curves.Shifted`."""

    kind: Literal["shifted"]
    shift: Annotated[float, Strict(), Field(ge=-FARTHEST, le=FARTHEST, allow_inf_nan=False)]
    base: "StoredCalibrator"


StoredCalibrator = Annotated[
    StoredIdentity | StoredLogistic | StoredBeta | StoredSpline | StoredIsotonic | StoredShifted,
    Field(discriminator="kind"),
]


class CalibratorFile(RootModel[StoredCalibrator]):
    """``calibrator.json``."""


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

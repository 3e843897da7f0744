"""What a calibrator's plain data must be; `models.calibration.curves` says what it means."""

from typing import Annotated, Literal, Self

from pydantic import FailFast, Field, RootModel, Strict, model_validator

from features.plain import LARGEST, Count, Number, Plain, joins, rises

MOST_KNOTS = 100_000
FARTHEST = 1e6
"""As far as log-odds go (`models.calibration.calibrators.FARTHEST`)."""

Knots = Annotated[list[Number], FailFast(), Field(min_length=2, max_length=MOST_KNOTS)]
Slope = Annotated[float, Strict(), Field(gt=0, le=LARGEST, allow_inf_nan=False)]
Slopes = Annotated[list[Slope], FailFast(), Field(min_length=2, max_length=MOST_KNOTS)]


class StoredIdentity(Plain):
    """`models.calibration.curves.Identity`."""

    kind: Literal["identity"]
    rows: Count


class StoredLogistic(Plain):
    """`models.calibration.curves.Logistic`."""

    kind: Literal["logistic"]
    rows: Count
    intercept: Number
    slope: Slope


class StoredBeta(Plain):
    """`models.calibration.curves.Beta`."""

    kind: Literal["beta"]
    rows: Count
    intercept: Number
    lower: Slope
    upper: Slope


class StoredSpline(Plain):
    """`models.calibration.curves.Spline`."""

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
    """`models.calibration.curves.Isotonic`."""

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
    """`models.calibration.stored.Shifted`."""

    kind: Literal["shifted"]
    shift: Annotated[float, Strict(), Field(ge=-FARTHEST, le=FARTHEST, allow_inf_nan=False)]
    base: "StoredCalibrator"


StoredCalibrator = Annotated[
    StoredIdentity | StoredLogistic | StoredBeta | StoredSpline | StoredIsotonic | StoredShifted,
    Field(discriminator="kind"),
]


class CalibratorFile(RootModel[StoredCalibrator]):
    """``calibrator.json``."""

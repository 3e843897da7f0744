"""What the clock says about a lead: its age, and the hour and weekday at which it came."""

import numpy as np
import numpy.typing as npt

from leadcast.features.base.compiled import compiled
from leadcast.features.registry import DAY_US, HOUR_US, Feature

NO_TIME = np.iinfo(np.int64).min
"""Stands for a missing time among microseconds since 1970, as in NumPy and Polars."""

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_CREATED = ("leads.created_at",)
_AS_OF = ("as_of",)

MOMENT_FEATURES = (
    Feature("age_days", "timing", "number", (*_CREATED, *_AS_OF), "age of the lead in days"),
    Feature("created_hour", "timing", "number", _CREATED, "hour of creation (UTC)"),
    Feature("created_weekday", "timing", "category", _CREATED, "weekday of creation", WEEKDAYS),
    Feature("created_at_night", "timing", "flag", _CREATED, "created between 22 and 6 h (UTC)"),
    Feature("created_on_weekend", "timing", "flag", _CREATED, "created on a weekend"),
    Feature("as_of_weekday", "timing", "category", _AS_OF, "weekday of the score", WEEKDAYS),
)
"""In the order in which `fill_moments` writes them.

The hour of `as_of` is left out on purpose: among training rows it is the hour of creation, in a
nightly batch it is the hour at which the batch runs.
"""


@compiled
def fill_moments(row: npt.NDArray[np.float64], created_us: int, as_of_us: int) -> None:
    """Write the moments' features of one row."""
    row[5] = _weekday(as_of_us)
    if created_us == NO_TIME:
        for place in range(5):
            row[place] = np.nan
        return
    hour = (created_us % DAY_US) / HOUR_US
    row[0] = (as_of_us - created_us) / DAY_US
    row[1] = hour
    row[2] = _weekday(created_us)
    row[3] = hour < 6 or hour >= 22
    row[4] = row[2] >= 6


@compiled
def _weekday(time_us: int) -> int:
    # The first day of 1970 was a Thursday; Monday is 1.
    return (time_us // DAY_US + 3) % 7 + 1

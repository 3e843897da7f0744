"""Columns from the clock and a lead's events, in the order in which the loop writes them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import polars as pl

from leadcast.features.base.compiled import compiled
from leadcast.features.registry import (
    AGE,
    DAY_US,
    HOUR_US,
    DType,
    Feature,
    Group,
    humanise,
    snake,
    span_name,
    span_words,
)
from leadcast.features.settings import FeatureSettings
from leadcast.features.tables import TIME

NO_TIME = np.iinfo(np.int64).min
"""Stands for a missing time among microseconds since 1970, as in NumPy and Polars."""

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_CREATED = ("leads.created_at",)
_AS_OF = ("as_of",)

MOMENT_FEATURES = (
    Feature(AGE, "timing", "number", (*_CREATED, *_AS_OF), "age of the lead in days"),
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
def fill_local_moments(
    out: npt.NDArray[np.float32],
    columns: npt.NDArray[np.int64],
    rows: npt.NDArray[np.int64],
    created_us: npt.NDArray[np.int64],
    as_of_us: npt.NDArray[np.int64],
) -> None:
    """Write what clocks on the wall showed; `columns` says where each goes, -1: nowhere."""
    moments = np.empty(len(columns))
    for row in range(len(rows)):
        fill_moments(moments, created_us[rows[row]], as_of_us[row])
        for place in range(len(columns)):
            if columns[place] >= 0:
                out[row, columns[place]] = moments[place]


def on_the_wall(times_us: npt.NDArray[np.int64], zone: str) -> npt.NDArray[np.int64]:
    """Tell what clocks in a zone showed at moments, in microseconds since their 1970.

    Parameters
    ----------
    times_us : ndarray of int64
        Microseconds since 1970 in UTC, or `NO_TIME`.
    zone : str
        A name of the IANA database.

    Returns
    -------
    ndarray of int64
        `NO_TIME` stays as it is.
    """
    known = times_us != NO_TIME
    moments = pl.Series(np.where(known, times_us, 0)).cast(TIME)
    local = moments.dt.convert_time_zone(zone).dt.replace_time_zone(None).to_physical()
    return np.where(known, local.to_numpy(), NO_TIME)


@compiled
def _weekday(time_us: int) -> int:
    # The first day of 1970 was a Thursday; Monday is 1.
    return (time_us // DAY_US + 3) % 7 + 1


_TIME = "events.occurred_at"
_KIND = "events.event_type"
_VALUE = "events.value"
OTHER = "other events"
"""What the kinds without columns of their own are called together."""


def loop_features(
    settings: FeatureSettings,
    kinds: Sequence[str],
    value_kinds: Sequence[str],
    zone: str | None = None,
) -> list[Feature | None]:
    """Describe the places of the compiled loop's scratch row; hours are those of a zone."""
    told = [
        replace(one, words=one.words.replace("(UTC)", f"({zone or 'UTC'})"))
        for one in MOMENT_FEATURES
    ]
    features: list[Feature | None] = [*told, _response()]
    features += _order(kinds)
    features += _totals(settings)
    features += [_trend(days) for days in settings.trend_windows_days]
    features += _of_kind(OTHER, settings, OTHER in value_kinds)
    for kind in kinds:
        features += _of_kind(kind, settings, kind in value_kinds)
    return features


def _feature(
    name: str,
    words: str,
    inputs: tuple[str, ...] = (_TIME,),
    dtype: DType = "number",
    group: Group = "engagement",
    levels: tuple[str, ...] = (),
) -> Feature:
    return Feature(name, group, dtype, inputs, words, levels)


def _response() -> Feature:
    words = "hours from creation to the first event after it"
    return _feature("response_hours", words, ("leads.created_at", _TIME), group="timing")


def _order(kinds: Sequence[str]) -> list[Feature]:
    levels, both = tuple(kinds), (_TIME, _KIND)
    return [
        _feature("event_kinds", "number of different kinds of events so far", (_KIND,)),
        _feature("days_since_first_event", "days since the first event"),
        _feature("days_since_last_event", "days since the last event"),
        _feature("first_event", "the first event", both, "category", levels=levels),
        _feature("last_event", "the last event", both, "category", levels=levels),
        _feature("previous_event", "the event before the last", both, "category", levels=levels),
    ]


def _totals(settings: FeatureSettings) -> Iterator[Feature]:
    for name, when in _windows(settings):
        yield _feature(f"events_count_{name}", f"events {when}")
        yield _feature(f"active_days_{name}", f"days with events {when}")
    for days in settings.half_lives_days:
        words = f"events, halved in weight every {span_words(days)}"
        yield _feature(f"events_decayed_{span_name(days)}", words)


def _trend(days: float) -> Feature:
    words = (
        f"doublings of activity in the last {span_words(days)} against the {span_words(days)} "
        "before (below 0: it falls)"
    )
    return _feature(f"events_trend_{span_name(days)}", words)


def kind_prefix(kind: str) -> str:
    """Give what the names of a kind's columns begin with."""
    return f"{snake(kind)}_"


def _of_kind(kind: str, settings: FeatureSettings, has_values: bool) -> Iterator[Feature | None]:
    name = snake(kind)
    noun = OTHER if kind == OTHER else f'"{humanise(kind)}" events'
    for window, when in _windows(settings):
        yield _feature(f"{name}_count_{window}", f"{noun} {when}", (_TIME, _KIND))
        inputs = (_TIME, _KIND, _VALUE)
        told = f"total value of {noun} {when}"
        yield _feature(f"{name}_value_{window}", told, inputs) if has_values else None
    for days in settings.half_lives_days:
        told = f"{noun}, halved in weight every {span_words(days)}"
        yield _feature(f"{name}_decayed_{span_name(days)}", told, (_TIME, _KIND))
    yield _feature(f"{name}_days_since", f"days since the last of the {noun}", (_TIME, _KIND))


def _windows(settings: FeatureSettings) -> list[tuple[str, str]]:
    """List all time and then the windows, the longest first: how a name ends, and words.

    Of columns that say the same on the training rows the first is kept, and the longer the window
    the longer a column goes on saying it when leads grow older than they were in training.
    """
    days = reversed(settings.windows_days)
    return [
        ("ever", "so far"),
        *((span_name(day), f"in the last {span_words(day)}") for day in days),
    ]

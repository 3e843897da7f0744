from datetime import UTC, datetime, timedelta

import polars as pl

from leadcast.features.snapshots import SnapshotSettings, microseconds
from leadcast.features.tables import TIME
from leadcast.models.splits import NEVER, last_look, settlement

START = datetime(2024, 2, 1, tzinfo=UTC)
SETTINGS = SnapshotSettings(landmarks_days=(0, 7), horizon_days=30, reporting_lag_days=2)


def _times(days: list[float | None]) -> pl.Series:
    return pl.Series([None if day is None else START + timedelta(days=day) for day in days]).cast(
        TIME
    )


def _days(position: float) -> int:
    return microseconds(position) + int(START.timestamp() * 1e6)


def test_a_label_is_known_when_the_end_is_reported_at_the_latest_when_the_window_ends() -> None:
    # Won on day 5, lost on day 9, open, won too late, lost and then won, won on the last day.
    ends = [(5.0, None), (None, 9.0), (None, None), (40.0, None), (20.0, 10.0), (30.0, None)]
    leads = pl.Series("lead_id", list("abcdef"))
    outcomes = leads.to_frame().with_columns(
        won_at=_times([won for won, _ in ends]), lost_at=_times([lost for _, lost in ends])
    )
    snapshots = leads.to_frame().with_columns(position=pl.lit(_days(0)))
    found = settlement(snapshots, outcomes, SETTINGS)
    assert found["settled"].to_list() == [_days(day) for day in (7, 11, 30, 30, 12, 30)]
    assert [won for won in found["won"].to_list() if won != NEVER] == [
        _days(7),
        _days(22),
        _days(30),
    ]
    assert (found["won"] == NEVER).to_list() == [False, True, True, True, False, False]


def test_the_last_look_does_not_ask_what_became_of_the_lead() -> None:
    looks = pl.DataFrame({"position": [0, 0, 7], "landmark_days": [0.0, 7.0, 0.0]})
    looks = looks.with_columns(pl.col("position") * microseconds(1.0))
    expected = [microseconds(day) for day in (7, 0, 14)]
    assert looks.select(last_look(looks)).to_series().to_list() == expected

"""What a run uses: the parameters laid over what the source's definition says."""

from datetime import UTC, date, datetime

import pytest
from pydantic import ValidationError

from leadcast.features.definitions.definition import SnapshotDefaults, SplitDefaults
from leadcast.features.landmarks import FIRST, landmarks_of
from leadcast.models.splits import SplitSettings
from leadcast.pipelines.base.params import SnapshotParams, SplitParams
from tests.scoring_world import scoring_world


def test_landmarks_are_found_by_the_ages_of_the_open_leads_where_they_are_auto() -> None:
    tables = scoring_world().tables
    source = SnapshotDefaults(landmarks_days="auto", horizon_days=30)
    found = SnapshotParams().over(source, lambda: tables)
    assert found.landmarks_days == landmarks_of(tables, 30.0)
    assert found.landmarks_days[-1] == 60
    assert SnapshotParams().over(source, lambda: None).landmarks_days == FIRST
    said = SnapshotParams(landmarks_days=(0.0, 5.0)).over(source, lambda: tables)
    assert said.landmarks_days == (0.0, 5.0)
    with pytest.raises(ValidationError, match="auto"):
        SnapshotDefaults(landmarks_days="automatic")


BERLIN = "Europe/Berlin"


def test_nothing_said_leaves_the_defaults() -> None:
    assert SplitParams().over(SplitDefaults(), None) == SplitSettings()


def test_the_source_says_what_the_parameters_leave_open() -> None:
    source = SplitDefaults(test_fraction=0.1, purge_horizons=0.5)
    used = SplitParams(purge_horizons=2.0).over(source, None)
    assert used == SplitSettings(test_fraction=0.1, purge_horizons=2.0)


@pytest.mark.parametrize("given", [date(2024, 4, 1), datetime(2024, 3, 31, 22, tzinfo=UTC)])
def test_a_date_is_its_beginning_in_the_sources_zone(given: date) -> None:
    expected = datetime(2024, 3, 31, 22, tzinfo=UTC)
    assert SplitParams(test_from=given).over(SplitDefaults(), BERLIN).test_from == expected
    source = SplitDefaults(test_from="2024-04-01")
    assert SplitParams().over(source, BERLIN).test_from == expected


def test_a_share_in_the_parameters_goes_before_a_moment_in_the_source() -> None:
    used = SplitParams(test_fraction=0.3).over(SplitDefaults(test_from="2024-04-01"), BERLIN)
    assert (used.test_fraction, used.test_from) == (0.3, None)


@pytest.mark.parametrize("section", [SplitParams, SplitDefaults])
def test_a_part_that_is_no_more_may_be_null_and_is_told_otherwise(
    section: type[SplitParams | SplitDefaults],
) -> None:
    said = {"test_fraction": 0.1, "calibration_fraction": None}
    assert section.model_validate(said) == section(test_fraction=0.1)
    with pytest.raises(ValueError, match=r"calibration_fraction: no part .* Remove the line"):
        section.model_validate(said | {"calibration_fraction": 0.2})


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="names no time zone"):
        SplitParams(test_from=date(2024, 4, 1)).over(SplitDefaults(), None)

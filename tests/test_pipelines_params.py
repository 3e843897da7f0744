"""What a run uses: the parameters laid over what the source's definition says."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from leadcast.features.base.errors import FaultsError
from leadcast.features.definitions.definition import SnapshotDefaults, SplitDefaults
from leadcast.features.landmarks import FIRST, landmarks_of
from leadcast.models.settings import LearnerSettings
from leadcast.models.splits import SplitSettings
from leadcast.pipelines.base.params import SnapshotParams, SplitParams, load_params
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


def refused(text: str, folder: Path) -> list[str]:
    path = folder / "params.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(FaultsError) as caught:
        load_params(path)
    return [str(fault).removeprefix(f"{path}: ") for fault in caught.value.faults]


@pytest.mark.parametrize("days", ["-1", "0", ".nan", ".inf"])
def test_a_horizon_that_is_none_is_refused(days: str, tmp_path: Path) -> None:
    (told,) = refused(f"snapshots: {{horizon_days: {days}}}", tmp_path)
    assert told.startswith(f"snapshots.horizon_days: found {days.lstrip('.')}; expected ")


@pytest.mark.parametrize("days", ["[]", "[-1]", "[7, 1]", "[1, 1]"])
def test_landmarks_that_do_not_increase_from_0_are_refused(days: str, tmp_path: Path) -> None:
    (told,) = refused(f"snapshots: {{landmarks_days: {days}}}", tmp_path)
    assert told.startswith(f"snapshots.landmarks_days: found {days}; expected one or more ages")
    with pytest.raises(ValidationError, match=r"increasing|greater than or equal to 0"):
        SnapshotDefaults.model_validate({"landmarks_days": json.loads(days)})


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("snapshots: {reporting_lag_days: -1}", "snapshots.reporting_lag_days: found -1"),
        ("snapshots: {landmarks_days: [0, .nan]}", "snapshots.landmarks_days[1]: found nan"),
        ("snapshots: {landmarks_days: some}", "snapshots.landmarks_days: found 'some'"),
        ("split: {purge_horizons: .inf}", "split.purge_horizons: found inf"),
        ("model: {candidates: []}", "model.candidates: found []; expected 1 or more"),
        ("model: {capacities: []}", "model.capacities: found []"),
        ("model: {rounds: []}", "model.rounds: found []"),
        ("model: {penalties: []}", "model.penalties: found []"),
        ("model: {penalties: [-1]}", "model.penalties[0]: found -1"),
        ("model: {half_lives: []}", "model.half_lives: found []"),
    ],
)
def test_what_is_out_of_range_is_told_once_by_its_own_key(
    text: str, key: str, tmp_path: Path
) -> None:
    (told,) = refused(text, tmp_path)
    assert told.startswith(key)


def test_a_misspelt_key_is_told_with_the_nearest(tmp_path: Path) -> None:
    (told,) = refused("model: {capacity: [bold]}", tmp_path)
    assert told.startswith("model.capacity: found the unknown key 'capacity'")
    assert "'capacities'" in told


def test_a_date_that_dvc_cannot_hold_is_refused_with_what_to_write(tmp_path: Path) -> None:
    told = refused(
        "split: {test_from: 2025-06-01}\nsources: [demo, 2024-01-01T08:00:00Z]", tmp_path
    )
    assert told[0].startswith("split.test_from: found the date 2025-06-01 without quotation marks")
    assert told[0].endswith('Put it in quotation marks: "2025-06-01".')
    assert told[1].endswith('"2024-01-01T08:00:00+00:00".')


def test_a_moment_as_the_shipped_file_shows_it_works(tmp_path: Path) -> None:
    shown = (Path(__file__).parents[1] / "params.yaml").read_text(encoding="utf-8")
    said = '"2024-01-01T00:00:00Z"'
    assert f"# {said}, or" in shown
    path = tmp_path / "params.yaml"
    path.write_text(shown.replace("test_from: null", f"test_from: {said}"), encoding="utf-8")
    used = load_params(path).split.over(SplitDefaults(), None)
    assert used.test_from == datetime(2024, 1, 1, tzinfo=UTC)
    path.write_text(shown.replace("test_from: null", 'test_from: "2024-01-01"'), encoding="utf-8")
    used = load_params(path).split.over(SplitDefaults(), BERLIN)
    assert used.test_from == datetime(2023, 12, 31, 23, tzinfo=UTC)


def test_what_may_only_rise_is_refused_beside_who_is_not_held_to_it(tmp_path: Path) -> None:
    forest = "{estimator: sklearn.ensemble.RandomForestClassifier, name: forest}"
    text = f"model: {{monotone: {{age: 1}}, candidates: [prior, {forest}]}}"
    (told,) = refused(text, tmp_path)
    assert told.startswith("model.monotone: found {'age': 1}; expected no monotone beside")
    assert "the candidate forest" in told
    assert LearnerSettings(monotone={"age": 1}).monotone == {"age": 1}
    theirs = {"candidates": ["prior", {"estimator": "sklearn.ensemble.RandomForestClassifier"}]}
    assert not LearnerSettings.model_validate(theirs).monotone

"""The report by group: truths by construction, and intervals that hold them."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from leadcast.models.data import Floats
from leadcast.models.steering import report_groups

N = 4_000


def labels(share: float = 0.4) -> npt.NDArray[np.str_]:
    return np.where(np.arange(N) < share * N, "f", "m")


def calibrated(seed: int = 0) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    probability = rng.uniform(0.05, 0.6, N)
    return probability, (rng.random(N) < probability).astype(float)


def test_rates_and_ratios_are_those_that_were_built() -> None:
    group = labels()
    # Of f every tenth is above the cut, of m every fifth; of both the same share converts there.
    place = np.arange(N)
    probability = np.where(place % np.where(group == "f", 10, 5) == 0, 0.8, 0.1)
    converted = (place % 20 < 5).astype(float)
    about = report_groups(probability, converted, place, {"sex": group}, 0.5, replicates=100)
    sex = about["columns"]["sex"]
    assert sex["largest"] == "m"
    assert "no legal advice" in about["words"]
    f, m = sex["groups"]["f"], sex["groups"]["m"]
    assert (f["leads"], m["leads"]) == (1_600, 2_400)
    assert f["selection_rate"]["value"] == pytest.approx(0.1)
    assert m["selection_rate"]["value"] == pytest.approx(0.2)
    assert f["selection_ratio"]["value"] == pytest.approx(0.5)
    assert f["selection_ratio"]["low"] < 0.5 < f["selection_ratio"]["high"]
    assert f["missed_rate"]["value"] == pytest.approx(0.8)
    assert "selection_ratio" not in m


def test_true_probabilities_are_calibrated_in_every_group() -> None:
    probability, converted = calibrated()
    about = report_groups(probability, converted, np.arange(N), {"sex": labels()}, 0.4)
    for one in about["columns"]["sex"]["groups"].values():
        off = one["calibration_difference"]
        assert off["low"] < 0 < off["high"]


def test_a_group_whose_probabilities_are_too_low_is_seen() -> None:
    probability, converted = calibrated()
    group = labels()
    told = np.where(group == "f", probability / 2, probability)
    sex = report_groups(told, converted, np.arange(N), {"sex": group}, 0.4)["columns"]["sex"]
    assert sex["groups"]["f"]["calibration_difference"]["low"] > 0.05
    off = sex["groups"]["m"]["calibration_difference"]
    assert off["low"] < 0 < off["high"]


def test_of_small_groups_no_figure_is_told() -> None:
    probability, converted = calibrated()
    group = np.where(np.arange(N) < 99, "few", "many")
    groups = report_groups(probability, converted, np.arange(N), {"g": group}, 0.4)
    few = groups["columns"]["g"]["groups"]["few"]
    assert few == {"snapshots": 99, "leads": 99, "customers": few["customers"], "too_few": True}


def test_rows_of_a_lead_rise_and_fall_together() -> None:
    probability, converted = calibrated()
    once = report_groups(probability, converted, np.arange(N), {"g": labels()}, 0.4)
    rows = np.repeat(np.arange(N), 4)
    again = report_groups(probability[rows], converted[rows], rows, {"g": labels()[rows]}, 0.4)

    def width(about: dict[str, Any]) -> float:
        one = about["columns"]["g"]["groups"]["f"]["brier"]
        return float(one["high"] - one["low"])

    assert width(again) == pytest.approx(width(once), rel=1e-6)


def test_lengths_that_differ_are_told() -> None:
    with pytest.raises(ValueError, match="the rows differ in number"):
        report_groups(np.ones(3), np.ones(3), np.arange(3), {"g": np.array(["a"])}, 0.5)


def test_what_is_put_together_of_several_groups_is_none_to_measure_by() -> None:
    probability, converted = calibrated()
    rest = np.where(np.arange(N) < 2_000, "(all others)", np.where(np.arange(N) < 2_600, "f", "m"))
    about = report_groups(probability, converted, np.arange(N), {"g": rest}, 0.4, replicates=100)
    found = about["columns"]["g"]
    assert found["largest"] == "m"
    assert "selection_ratio" in found["groups"]["(all others)"]
    assert "selection_ratio" not in found["groups"]["m"]

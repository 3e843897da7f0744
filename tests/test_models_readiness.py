"""Whether scores are ready to use: each answer, its reasons, and what would change it."""

import copy
from typing import Any

import pytest

from leadcast.models.calibration.readiness import FEW_CUSTOMERS, readiness
from leadcast.models.calibration.verdict import ModelVerdict

FINE = ModelVerdict(use="probability", words="Use it as a probability.", beware=False)
RANKS = ModelVerdict(use="ranking", words="Use it for ranking, not as a probability.", beware=True)
NOTHING = ModelVerdict(use="nothing", words="Use it neither way.", beware=True)
GOOD: dict[str, Any] = {
    "test": {
        "n_converted": 500,
        "n_customers": 180,
        "n_leads": 4000,
        "auc": {"value": 0.77, "low": 0.74, "high": 0.8},
        "ece": {"value": 0.008},
        "ece_if_calibrated": {"value": 0.005, "high": 0.009},
        "mean_probability": {"value": 0.037},
        "base_rate": {"value": 0.04},
        "log_loss": {"value": 0.151},
    },
    "without_model": {"log_loss": 0.169, "low": -0.02, "high": -0.01, "difference": -0.018},
    "level_doubt": {
        "mean_probability": 0.037,
        "mean_low": 0.033,
        "mean_high": 0.041,
        "beyond_errors": False,
    },
    "multicalibration": {"gap": 0.004, "gap_by_chance": 0.006},
}


def changed(path: str, value: object) -> dict[str, Any]:
    metrics = copy.deepcopy(GOOD)
    *above, last = path.split("/")
    place = metrics
    for key in above:
        place = place[key]
    place[last] = value
    return metrics


def test_a_good_model_is_ready_and_says_what_would_take_that_away() -> None:
    found = readiness(FINE, GOOD)
    assert found.title == "Ready to use"
    assert all(one.good for one in found.reasons)
    assert len(found.reasons) == 6
    assert len(found.changes) == 1
    assert "leadcast monitor" in found.changes[0]


def test_customers_are_counted_and_not_their_snapshots() -> None:
    assert "Tested on 180 customers of 4,000 leads" in readiness(FINE, GOOD).reasons[0].words
    of_an_older_version = copy.deepcopy(GOOD)
    del of_an_older_version["test"]["n_customers"]
    assert "Tested on 500 customers" in readiness(FINE, of_an_older_version).reasons[0].words


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("test/n_customers", FEW_CUSTOMERS - 1, "too few"),
        ("test/auc", {"value": 0.55, "low": 0.48, "high": 0.6}, "better than chance"),
        ("test/ece/value", 0.03, "somewhat off"),
        ("without_model/high", 0.01, "not shown"),
        (
            "multicalibration",
            {"gap": 0.01, "gap_by_chance": 0.006, "attribute": "industry", "segment": "retail"},
            "industry retail",
        ),
    ],
)
def test_each_doubt_asks_for_care_comes_first_and_says_what_would_change_it(
    path: str, value: object, words: str
) -> None:
    found = readiness(FINE, changed(path, value))
    assert found.level == "care"
    first = found.reasons[0]
    assert not first.good
    assert words in first.words
    assert found.changes == (first.change,)


def test_a_leak_asks_for_care() -> None:
    found = readiness(FINE, GOOD, ("The leakage gate found 1 error",))
    assert found.level == "care"
    assert "leakage.vouched" in found.changes[0]


def test_a_ranking_is_used_with_care_and_nothing_is_not_yet() -> None:
    loose = changed("level_doubt/beyond_errors", True)
    found = readiness(RANKS, loose)
    assert found.level == "care"
    assert "cannot be told" in found.reasons[0].words
    assert readiness(NOTHING, GOOD).level == "not yet"
    assert readiness(FINE, changed("test/n_customers", 9)).title == "Not yet"


def test_old_metrics_without_these_figures_are_judged_by_the_verdict_alone() -> None:
    assert readiness(FINE, {"test": {"auc": GOOD["test"]["auc"]}}).level == "ready"
    assert readiness(RANKS, {"test": {"auc": GOOD["test"]["auc"]}}).level == "care"
    told = readiness(FINE, GOOD).to_json()
    assert told["level"] == "ready"
    assert len(told["reasons"]) == 6

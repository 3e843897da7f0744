"""The verdict on a model: worlds made so that there is one right answer, and cases by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from leadcast.models.calibration.judging import (
    WithoutModel,
    _off_by_a_factor,
    judge,
    without_model,
)
from leadcast.models.calibration.level_doubt import LevelDoubt, Miss, miss_of
from leadcast.models.calibration.verdict import ADVICE, MOST_FACTOR, OFF_FACTOR, ModelVerdict
from leadcast.models.evaluation.evaluation import evaluate
from leadcast.models.evaluation.logistic import sigmoid

Floats = npt.NDArray[np.float64]
ROWS = 4_000
LEVEL = -2.0


def verdict_on(
    shifts: tuple[float, ...], spread: float = 1.0, slope: float = 1.0, rows: int = ROWS
) -> ModelVerdict:
    """Judge a model that knows the log-odds but for a shift at each origin and, last, at the test.

    What it says is `slope` times as far from the middle as the truth.
    """
    rng = np.random.default_rng(3)
    misses = []
    for shift in shifts:
        truth = rng.normal(LEVEL, spread, rows)
        came = (rng.random(rows) < sigmoid(truth)).astype(np.float64)
        said = LEVEL + slope * (truth - LEVEL) - shift
        found = miss_of(said, came, np.arange(rows))
        assert found is not None
        misses.append(found)
    test = evaluate(sigmoid(said), came, np.arange(rows), replicates=100)["test"]
    without = without_model(said, came, np.arange(rows), rows, round(rows * misses[0].converted))
    return judge(test, without, LevelDoubt.of(misses, said))


def test_origins_that_agree_give_a_probability() -> None:
    found = verdict_on((0.0, 0.0, 0.0, 0.0))
    assert found.use == "probability"
    assert not found.beware
    assert found.words.startswith("Use it as a probability. AUC 0.7")
    assert "no more than chance gives" in found.words


def test_a_level_that_jumps_between_origins_leaves_a_ranking() -> None:
    found = verdict_on((1.0, -1.2, 0.9, 0.0))
    assert found.use == "ranking"
    assert found.beware
    assert found.words.startswith("Use it for ranking, not as a probability: leads that came after")
    assert "times the odds" in found.words


# All on one side: no origin disagrees with another, but each with what was said.
def test_a_level_that_is_missed_each_time_alike_leaves_a_ranking() -> None:
    assert verdict_on((1.0, 1.0, 1.0, 0.0)).use == "ranking"


def test_nothing_to_learn_gives_nothing() -> None:
    found = verdict_on((0.0, 0.0, 0.0, 0.0), spread=0.0)
    assert found.use == "nothing"
    assert found.words.startswith("Use it neither as a probability nor for ranking")


def test_a_test_that_is_off_by_far_leaves_a_ranking_though_the_origins_agreed() -> None:
    found = verdict_on((1.2,))
    assert found.use == "ranking"
    assert "the calibration error is" in found.words
    assert "came)" in found.words


def test_a_ranking_that_loses_more_than_one_rate_for_all_is_no_probability() -> None:
    found = verdict_on((0.0, 0.0, 0.0, 0.0), spread=0.4, slope=6.0)
    assert found.use == "ranking"
    assert "of no model at all" in found.words


def test_a_small_fault_beyond_chance_comes_first_and_leaves_a_probability() -> None:
    found = verdict_on((0.0, 0.0, 0.0, -0.3), rows=8_000)
    assert found.use == "probability"
    assert found.beware
    assert found.words.startswith("Use it as a probability, but beware: the calibration error is")


def told(**changes: float | None) -> dict[str, Any]:
    """A test's metrics, as good as can be but for the changes."""
    value = {"log_loss": 0.30, "ece": 0.01, "mean_probability": 0.1, "base_rate": 0.1, "auc": 0.8}
    content: dict[str, Any] = {
        name: {"value": number, "low": number, "high": number} for name, number in value.items()
    }
    content["ece_if_calibrated"] = {"value": 0.008, "low": 0.004, "high": 0.012}
    for name, number in changes.items():
        content[name] = dict.fromkeys(("value", "low", "high"), number)
    return content


BETTER = WithoutModel(0.1, 0.33, -0.03, -0.04, -0.02)
SAME = WithoutModel(0.1, 0.30, 0.001, -0.01, 0.012)
WORSE = WithoutModel(0.1, 0.20, 0.10, 0.08, 0.12)
BANK = tuple(
    Miss(4393, 4393, 0.1, 0.1, shift, error)
    for shift, error in ((-0.399, 0.063), (-0.825, 0.054), (-0.496, 0.046), (0.441, 0.026))
)
"""How far bank_marketing's level was missed, whose base rate went from 5 % to 30 %."""
DEMO = tuple(Miss(4000, 1000, 0.05, 0.05, shift, 0.1) for shift in (0.1, -0.12, 0.05, 0.02))


@pytest.mark.parametrize(
    ("changes", "without", "misses", "use", "beware"),
    [
        ({}, BETTER, DEMO, "probability", False),
        ({}, BETTER, BANK, "ranking", True),
        ({}, BETTER, (), "probability", False),
        ({}, SAME, DEMO, "probability", True),
        ({}, WORSE, DEMO, "ranking", True),
        ({}, None, DEMO, "probability", False),
        ({"ece": 0.03}, BETTER, DEMO, "probability", True),
        ({"ece": 0.08}, BETTER, DEMO, "ranking", True),
        ({"auc": 0.5}, SAME, DEMO, "nothing", True),
        ({"auc": 0.5}, WORSE, BANK, "nothing", True),
        ({"auc": 0.5}, BETTER, DEMO, "probability", False),
        ({"auc": None}, SAME, (), "nothing", True),
        (
            {"auc": None, "ece": None, "log_loss": None, "base_rate": None},
            None,
            (),
            "nothing",
            True,
        ),
    ],
)
def test_what_the_figures_come_to(
    changes: dict[str, float | None],
    without: WithoutModel | None,
    misses: tuple[Miss, ...],
    use: str,
    beware: bool,
) -> None:
    found = judge(told(**changes), without, LevelDoubt.of(misses, np.array([-2.0])))
    assert (found.use, found.beware) == (use, beware)
    assert found.words.startswith(ADVICE[found.use])
    assert found.words.endswith(".")
    assert ".." not in found.words


def test_a_calibration_error_beyond_chance_is_in_the_first_line_whatever_the_verdict() -> None:
    doubts = [LevelDoubt.of(misses, np.array([-2.0])) for misses in (DEMO, BANK)]
    found = [judge(told(ece=0.03), BETTER, doubt) for doubt in doubts]
    found += [judge(told(ece=0.08), BETTER, None), judge(told(ece=0.03, auc=0.5), SAME, None)]
    assert {one.use for one in found} == {"probability", "ranking", "nothing"}
    for one in found:
        assert one.words.count("the calibration error is") == 1
    above = judge(told(), WORSE, LevelDoubt.of(DEMO, np.array([-2.0])))
    assert above.words.count("is above the 0.200 of no model at all") == 1
    assert "had 0.67, 0.44, 0.61 and 1.6 times the odds" in found[1].words


def test_a_level_in_doubt_by_less_than_twice_or_half_is_still_a_probability() -> None:
    misses = [Miss(9000, 9000, 0.1, 0.1, shift, 0.02) for shift in (0.2, -0.2, 0.2, -0.2)]
    doubt = LevelDoubt.of(misses, np.array([-2.0]))
    assert doubt is not None
    assert doubt.beyond_errors
    assert 2 < doubt.factor < MOST_FACTOR
    assert judge(told(), BETTER, doubt).use == "probability"


def test_without_a_model_is_the_rate_that_was_known() -> None:
    came = np.array([1.0, 0.0, 0.0, 0.0] * 50)
    said = np.full(200, np.log(0.25 / 0.75))
    found = without_model(said, came, np.arange(200), 199, 19)
    assert found is not None
    assert found.base_rate == pytest.approx(0.0975)
    rate = found.base_rate
    assert found.log_loss == pytest.approx(-0.25 * np.log(rate) - 0.75 * np.log(1 - rate))
    own = -0.25 * np.log(0.25) - 0.75 * np.log(0.75)
    assert found.difference == pytest.approx(own - found.log_loss)
    assert found.low < found.difference < found.high < 0
    assert without_model(said[:2], came[:2], np.zeros(2, np.int64), 199, 19) is None


def test_the_document_has_the_words_and_the_lines_that_the_code_has() -> None:
    text = (Path(__file__).parents[1] / "docs/verdict.md").read_text(encoding="utf-8")
    assert all(f"| `{use}` | {words} |" in text for use, words in ADVICE.items())
    assert f"a factor of {MOST_FACTOR:g} in odds" in text
    assert f"factor of {OFF_FACTOR:g} in odds away" in text
    assert "0.05 where a tenth does, 0.17 where half do" in text
    assert [round(_off_by_a_factor(rate), 2) for rate in (0.1, 0.5)] == [0.05, 0.17]
    doubt = LevelDoubt.of(DEMO, np.array([-2.0]))
    assert doubt is not None
    assert all(f"`{name}`" in text for name in doubt.to_json())


def test_nobody_having_converted_before_gives_a_rate_above_nothing() -> None:
    found = without_model(np.array([-2.0, -2.0]), np.array([1.0, 0.0]), np.arange(2), 30, 0)
    assert found is not None
    assert found.base_rate == pytest.approx(0.5 / 31)

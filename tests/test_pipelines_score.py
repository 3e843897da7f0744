"""What ``leadcast score`` tells of the bundle's verdict."""

from pathlib import Path

import pytest

from leadcast.models.calibration.verdict import ADVICE, ModelVerdict, Use
from leadcast.pipelines.daily.score import ScoreReport
from leadcast.serve.batch.batch import BatchSummary
from leadcast.serve.batch.deliver import Outputs
from tests.scoring_world import VERDICT

SUMMARY = BatchSummary(Outputs(Path("scores.csv")), 3, None, "small-1")


@pytest.mark.parametrize("use", ["ranking", "nothing"])
def test_a_bundle_whose_scores_are_no_probabilities_says_so(use: Use) -> None:
    words = f"{ADVICE[use]}: they were wrong."
    told = ScoreReport(SUMMARY, 0.1, ModelVerdict(use=use, words=words, beware=True))
    assert told.words().splitlines() == ["3 leads scored into scores.csv", f"  {words}"]
    assert told.facts()["verdict"] == use


def test_of_probabilities_there_is_nothing_to_say() -> None:
    fine = VERDICT.model_copy(update={"use": "probability"})
    for told in (ScoreReport(SUMMARY, 0.1, fine), ScoreReport(SUMMARY, 0.1)):
        assert told.words() == "3 leads scored into scores.csv"
    assert ScoreReport(SUMMARY, 0.1, fine).facts()["verdict"] == "probability"
    assert ScoreReport(SUMMARY, 0.1).facts()["verdict"] is None

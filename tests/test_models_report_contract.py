"""The report takes what the other modules give, as they give it."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from leadcast.features.delays import LOST, WON, DelayCurve
from leadcast.features.tables import TIME
from leadcast.models.choice.backtest import Result
from leadcast.models.evaluation.curves import draw_curves
from leadcast.models.evaluation.evaluation import evaluate
from leadcast.models.evaluation.reliability import reliability_bins, reliability_curve
from leadcast.models.evaluation.tally import ScoreHistogram
from leadcast.models.leakage.gate import CHECKS, GateResult, LeakageReport
from leadcast.models.report import ReportInputs, render_report
from leadcast.models.report.sections import sections
from leadcast.models.splits import split_summary
from tests.report_samples import bare_inputs

START = datetime(2025, 1, 1, tzinfo=UTC)
ROWS = 1_200


@pytest.fixture(scope="module")
def inputs() -> ReportInputs:
    rng = np.random.default_rng(3)
    probability = rng.beta(1, 8, ROWS)
    converted = (rng.random(ROWS) < probability).astype(np.float64)
    group = np.arange(ROWS) // 2
    position = np.arange(ROWS)
    curves = draw_curves(probability, converted, group, points=51, replicates=20)
    bands = {name: curves[name].frame() for name in ("gain", "lift", "roc")}
    corp = reliability_curve(probability, converted, group, replicates=30)
    return bare_inputs(
        metrics=evaluate(probability, converted, group, position=position, replicates=40),
        reliability=reliability_bins(probability, converted, group).frame(),
        reliability_curve=corp.frame(),
        separation=ScoreHistogram.of(probability, converted).frame(),
        delays=delays(rng).frame(),
        splits=split_summary(split(), 30.0).frame(),
        backtest=pl.DataFrame([result.to_json() for result in backtest()]),
        leakage=LeakageReport(tuple(examined())).frame(),
        **bands,
    )


@pytest.fixture(scope="module")
def page(inputs: ReportInputs) -> str:
    return render_report(inputs)


def delays(rng: np.random.Generator) -> DelayCurve:
    days = rng.exponential(20, 300)
    return DelayCurve.from_durations(days, np.where(days < 30, WON, LOST), np.full(300, 90.0))


def split() -> pl.DataFrame:
    parts = ["train"] * 7 + ["left_out"] + ["test"] * 2
    moments = [START + timedelta(days=20 * day) for day in range(len(parts))]
    reasons = ["purged" if part == "left_out" else None for part in parts]
    return pl.DataFrame({"part": parts, "reason": reasons}).with_columns(
        as_of=pl.Series(moments, dtype=TIME),
        position=pl.int_range(pl.len()),
        group_id=pl.int_range(pl.len()).cast(pl.String),
        converted=pl.int_range(pl.len()) % 2 == 0,
        mature=pl.lit(value=True),
    )


def backtest() -> list[Result]:
    return [
        Result(kind, origin, origin, 100, 50, loss, 0.7, loss - 0.3, loss - 0.31, loss - 0.29)
        for kind, loss in (("logistic", 0.3), ("lightgbm", 0.33))
        for origin in range(2)
    ]


def examined() -> list[GateResult]:
    check = CHECKS[0]
    found = (check.finding("column 'duration'", "It tells the outcome by itself."),)
    clean = [GateResult(other, None, ()) for other in CHECKS[2:]]
    return [GateResult(check, None, found), GateResult(CHECKS[1], "too few leads", ()), *clean]


def test_every_frame_of_the_other_modules_makes_its_section(inputs: ReportInputs) -> None:
    made = [section.name for section in sections(inputs)]
    expected = ["trust", "ranking", "leakage", "separation", "stability", "delays"]
    assert made == [*expected, "choice", "splits", "figures", "run"]


def test_the_page_is_drawn_from_them(page: str) -> None:
    assert page.count("<svg") == 2 * 9
    assert "It tells the outcome by itself." in page


def test_probabilities_that_are_true_are_not_called_wrong(page: str) -> None:
    assert "more than chance explains" not in page
    assert "no more than chance gives: if every" in page

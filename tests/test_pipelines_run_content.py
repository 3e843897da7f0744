"""What MLflow is told of a result: its name, its metrics, and a line for each candidate."""

from contextlib import chdir
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from leadcast.features.base.files import write_json
from leadcast.models.comparison.comparison_store import NOTHING
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.track import git_commit
from leadcast.pipelines.tracking import tracked_plots
from leadcast.pipelines.tracking.run_content import backtest_losses, run_name, told_metrics

RUN = RunFolder("made")
MOST_CHARTS = 26
"""MLflow draws one for each metric."""
RESULTS = [
    {"candidate": name, "origin": origin, "log_loss": loss + origin / 10}
    for name, loss in (("prior", 0.5), ("blend", 0.4))
    for origin in (0, 1)
]


def measured(value: float | None) -> dict[str, float | None]:
    """A metric with an interval around it."""
    ends = (None, None) if value is None else (value - 0.1, value + 0.1)
    return {"value": value, "low": ends[0], "high": ends[1]}


def write_result(compared: dict[str, Any], loss: float | None = 0.4) -> None:
    names = ("auc", "lift_10", "average_precision", "brier", "ece", "calibration_slope")
    test: dict[str, Any] = {name: measured(0.5) for name in names}
    test |= {"log_loss": measured(loss), "base_rate": measured(0.5), "n": 100}
    for path, content in (
        (RUN.metrics, {"test": test | {"gain_1": measured(0.2)}}),
        (RUN.backtest, {"chosen": "blend", "results": RESULTS}),
        (RUN.comparison / "comparison.json", compared),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, content, replacing=True)


@pytest.fixture
def compared() -> dict[str, Any]:
    reached = {"learned": measured(96.0), "points": measured(71.0), "difference": measured(25.0)}
    return {"ranking": {"reached": reached, "customers": 174}}


def test_metrics_are_few_and_grouped_with_their_intervals(
    tmp_path: Path, compared: dict[str, Any]
) -> None:
    with chdir(tmp_path):
        write_result(compared)
        found, losses = told_metrics(RUN), backtest_losses(RUN)
    assert {name.partition("/")[0] for name in found} == {"test", "comparison"}
    assert len(found) + len({name for name, _, _ in losses}) <= MOST_CHARTS
    assert [found[f"test/log_loss{end}"] for end in ("", "_low", "_high")] == [0.4, 0.4 - 0.1, 0.5]
    assert found["comparison/customers_reached"] == 96.0
    assert found["comparison/difference_low"] == 24.9
    assert "test/gain_1" not in found, "all others are in metrics.json"
    # Of a coin that is fair, nobody knows more than log 2 = 0.693.
    assert found["test/skill"] == pytest.approx(1 - 0.4 / 0.693147, abs=1e-6)


def test_a_backtest_is_a_line_over_the_origins(tmp_path: Path, compared: dict[str, Any]) -> None:
    with chdir(tmp_path):
        write_result(compared)
        assert backtest_losses(RUN) == [
            ("backtest/log_loss_prior", 0.5, 0),
            ("backtest/log_loss_prior", 0.6, 1),
            ("backtest/log_loss_blend", 0.4, 0),
            ("backtest/log_loss_blend", 0.5, 1),
        ]


def test_what_is_not_defined_and_what_is_not_compared_is_no_metric(tmp_path: Path) -> None:
    with chdir(tmp_path):
        write_result({NOTHING: "there are no points"}, loss=None)
        found = told_metrics(RUN)
    assert not {name for name in found if name.startswith(("comparison", "test/log_loss"))}
    assert "test/skill" not in found


@pytest.mark.parametrize("used", [True, False])
def test_segments_are_told_where_they_were_asked_for(
    tmp_path: Path, compared: dict[str, Any], used: bool
) -> None:
    told = {"used": used, "gain": 0.01, "standard_error": 0.004, "told": [{}, {}] if used else []}
    with chdir(tmp_path):
        write_result(compared)
        before = told_metrics(RUN)
        write_json(RUN.backtest, {"segments": told}, replacing=True)
        found = told_metrics(RUN)
        write_json(RUN.backtest, {"segments": told | {"gain": None}}, replacing=True)
        assert "segments/gain" not in told_metrics(RUN), "what could not be tried is no metric"
    assert {name: found[name] for name in found.keys() - before.keys()} == {
        "segments/used": float(used),
        "segments/count": 2.0 * used,
        "segments/gain": 0.01,
        "segments/gain_error": 0.004,
    }


def test_a_run_is_named_by_source_learner_and_day(tmp_path: Path, compared: dict[str, Any]) -> None:
    with chdir(tmp_path):
        write_result(compared)
        assert run_name(RUN, date(2026, 11, 28)) == "made · blend · 2026-11-28"
        write_json(RUN.backtest, {"chosen": "lightgbm", "results": []}, replacing=True)
        assert run_name(RUN, date(2026, 11, 28)) == "made · trees · 2026-11-28"
        write_json(RUN.backtest, {"chosen": "Mine", "results": []}, replacing=True)
        assert run_name(RUN, date(2026, 11, 28)) == "made · Mine · 2026-11-28"


def test_what_has_nothing_to_show_is_no_picture(
    tmp_path: Path, compared: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracked_plots, "read_plan", lambda _: SimpleNamespace(features=()))
    with chdir(tmp_path):
        write_result(compared)
        write_json(RUN.backtest, {"importance": []}, replacing=True)
        RUN.curves.mkdir()
        (RUN.curves / "precision_recall.csv").write_text("recall,precision,low,high\n")
        tracked_plots.draw_more(RUN, tmp_path)
    assert not list(tmp_path.glob("*.svg"))


def test_without_git_nobody_knows_the_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git_commit() == "unknown"

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadcast.models.charts.backtest_chart import BacktestChart
from leadcast.models.charts.chart import NARROW, WIDE, Chart, Column, table_of, thinned
from leadcast.models.charts.in_out_chart import CriteriaChart
from leadcast.models.charts.numbers import ShownEstimate, percent
from leadcast.models.charts.ranking_charts import GainChart, LiftChart, RocChart, SeparationChart
from leadcast.models.charts.reliability_chart import ReliabilityChart
from leadcast.models.charts.stability_charts import AgeChart, MonthChart, SegmentsChart
from leadcast.models.charts.time_charts import DelayChart, TimelineChart
from leadcast.models.charts.tracked_charts import ImportanceChart, PrecisionRecallChart
from leadcast.models.charts.watch_charts import (
    CohortsChart,
    ConversionsChart,
    GradesChart,
    LineChart,
)
from leadcast.models.learners.learner_store import LEARNERS
from leadcast.models.report.blocks import Facts, Notices, Words
from leadcast.models.report.data_quality import columns_frame, quality_blocks
from leadcast.models.report.sections import by_feature, by_group, importance_blocks
from tests.report_samples import sample_inputs, sample_quality

INPUTS = sample_inputs()


def spaced(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


def existing(name: str) -> pl.DataFrame:
    frame = INPUTS.frame(name)
    assert frame is not None
    return frame


WEEKS = [f"2025-03-{day:02}" for day in (3, 10, 17, 24)]
WATCHED = pl.DataFrame(
    {
        "week": WEEKS,
        "days": [7, 7, 7, 2],
        "observed": [12.0, 9.0, 4.0, 1.0],
        "expected": [11.0, 11.5, 12.0, 3.0],
        "evidence": [0.01, 0.1, 1.2, 0.02],
    }
)
COHORTS = pl.DataFrame(
    {
        "cohort": ["2025-01-01", "2025-02-01", "2025-03-01"],
        "leads": [400, 380, 0],
        "waiting": [0, 20, 500],
        "said": [0.10, 0.11, None],
        "happened": [0.12, 0.04, None],
        "low": [0.07, 0.08, None],
        "high": [0.13, 0.14, None],
        **{name: [0.7, 0.8, None] for name in ("auc", "expected_auc")},
        **{name: [0.3, 0.2, None] for name in ("log_loss", "expected_log_loss")},
        "gain": [0.5, 0.6, None],
    }
)
GRADES = pl.DataFrame(
    {
        "week": sorted([*WEEKS[:3], *WEEKS[:3]]),
        "grade": ["A", "B"] * 3,
        "leads": [10, 20] * 3,
        "said": [0.3, 0.1] * 3,
        "mature": [10, 20, 10, 20, 0, 0],
        "happened": [0.4, 0.1, 0.2, 0.05, None, None],
    }
)
LINE = pl.DataFrame(
    {
        "week": WEEKS,
        "leads": [100] * 4,
        "above": [30, 41, 44, 12],
        "capacity": [40.0] * 4,
        "used": [0.75, 1.025, 1.1, 0.3],
    }
)
IN_OUT: dict[str, Any] = {
    "name": "industry: it",
    "inside": {"value": 0.3, "low": 0.2, "high": 0.4},
    "outside": {"value": 0.1, "low": 0.05, "high": 0.15},
    "known_inside": 90,
    "known_outside": 400,
}
PRECISION = pl.DataFrame(
    {
        "recall": [0.0, 0.5, 1.0],
        "precision": [None, 0.2, 0.04],
        "low": [None, 0.1, 0.03],
        "high": [None, 0.3, 0.05],
    }
)
IMPORTANCE = pl.DataFrame(
    {"words": ["source", "pages viewed", "nothing"], "importance": [0.4, 0.6, 0.0]}
)
CHARTS: list[Chart] = [
    ReliabilityChart(existing("reliability"), INPUTS.reliability_curve),
    GainChart(existing("gain")),
    LiftChart(existing("lift")),
    RocChart(existing("roc"), ShownEstimate(0.78, 0.75, 0.81)),
    SeparationChart(existing("separation")),
    MonthChart(INPUTS.metrics["by_month"], INPUTS.metrics["test"]),
    AgeChart(INPUTS.metrics["by_landmark"], INPUTS.metrics["test"]),
    DelayChart(existing("delays"), 60.0),
    BacktestChart(existing("backtest"), dated=True),
    TimelineChart(existing("splits")),
    SegmentsChart(INPUTS.metrics["by_segment"], INPUTS.metrics["multicalibration"]),
    CriteriaChart([IN_OUT, IN_OUT | {"name": "nobody", "inside": dict.fromkeys(IN_OUT["inside"])}]),
    ConversionsChart(WATCHED, "2025-03-10"),
    CohortsChart(COHORTS),
    GradesChart(GRADES),
    LineChart(LINE, 0.21),
]
TRACKED = (
    PrecisionRecallChart(PRECISION, 0.04, ShownEstimate(0.11, 0.09, 0.13)),
    ImportanceChart(IMPORTANCE),
)
CHARTS[-4:-4] = TRACKED


def test_what_only_mlflow_is_given_says_what_it_shows() -> None:
    curve, importance = (spaced(chart.finding()) for chart in TRACKED)
    assert curve == "The average precision is 0.110 (95 %: 0.090 to 0.130); random gives 0.040."
    assert importance == "Pages viewed counts most: 60 % of the whole."
    assert TRACKED[1].frame().height == 2, "a feature that counts nothing is not drawn"
    nothing = ImportanceChart(IMPORTANCE.with_columns(importance=pl.lit(0.0)))
    assert nothing.finding() == "No feature counts."


def test_what_monitoring_sees_is_said_in_words() -> None:
    found = [spaced(chart.finding()) for chart in CHARTS[-4:]]
    assert "26 conversions came where 37.5 were expected" in found[0]
    assert "since about 2025-03-10" in found[0]
    assert "alarm" not in ConversionsChart(WATCHED).finding()
    assert "more than luck" in found[1]
    assert "within luck" in CohortsChart(COHORTS.head(1)).finding()
    assert "no month" in CohortsChart(COHORTS.tail(1)).finding()
    assert "A: 30" in found[2]
    assert GradesChart(GRADES.tail(2)).finding() == "No week is mature yet."
    assert "in 2 of 4 weeks" in found[3]


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.name)
def test_a_charts_table_holds_exactly_its_frame(chart: Chart) -> None:
    shown, table = chart.shown(), chart.table()
    assert len(table.rows) == shown.height
    assert shown.join(chart.frame(), on=shown.columns, nulls_equal=True).height == shown.height
    for column, cells in zip(table.columns, zip(*table.rows, strict=True), strict=True):
        assert [column.cell(value) for value in shown[column.name]] == list(cells)


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.name)
def test_no_number_of_a_charts_frame_is_missing_from_its_table(chart: Chart) -> None:
    told = {column.name for column in chart.table().columns}
    hidden = {"part", "reason", "chosen"}  # told in words
    numbers = {name for name, dtype in chart.frame().schema.items() if dtype == pl.Float64}
    ends = {name for name in numbers if name.endswith(("_low", "_high")) and name[:3] != "auc"}
    assert numbers - ends - hidden <= told


def test_calibrated_groups_are_said_to_be_calibrated() -> None:
    finding = ReliabilityChart(groups([0.0] * 10)).finding()
    assert finding.startswith("In all 10 groups")
    assert "no sign" in finding


def test_one_miss_in_ten_is_what_chance_gives() -> None:
    finding = ReliabilityChart(groups([0.0] * 9 + [0.08])).finding()
    assert "In 1 of 10 groups" in finding
    assert "no more than chance gives" in finding


def test_many_misses_are_called_more_than_chance_and_the_widest_is_told() -> None:
    finding = ReliabilityChart(groups([0.06, 0.06, 0.06, 0.2] + [0.0] * 6)).finding()
    assert "In 4 of 10 groups" in finding
    assert "more than chance explains" in finding
    assert "1,000 leads were told 60 % on average and 40 % became customers" in spaced(finding)
    assert finding.endswith("too high.")


def test_predictions_below_what_happened_are_called_too_low() -> None:
    assert ReliabilityChart(groups([-0.1] * 5)).finding().endswith("too low.")


def groups(too_high: Sequence[float]) -> pl.DataFrame:
    observed = np.full(len(too_high), 0.4)
    return pl.DataFrame(
        {
            "n": [1000] * len(too_high),
            "predicted": observed + np.array(too_high),
            "observed": observed,
            "low": observed - 0.05,
            "high": observed + 0.05,
        }
    )


def test_gain_tells_the_top_tenth_and_the_price_of_most_customers() -> None:
    curve = pl.DataFrame({"share": [0.05, 0.1, 0.3, 0.5, 1.0], "gain": [0.2, 0.35, 0.7, 0.8, 1.0]})
    finding = spaced(GainChart(curve).finding())
    assert "top 10 % of the list hold 35 % of the customers" in finding
    assert "To reach 80 % of them, 50 % must be called." in finding


def test_lift_is_told_with_its_interval() -> None:
    row = {"share": [0.1], "lift": [3.5], "low": [3.0], "high": [4.0]}
    finding = spaced(LiftChart(pl.DataFrame(row)).finding())
    assert "hold 3.5 times as many customers" in finding
    assert finding.endswith("(95 %: 3.0 to 4.0).")


def test_one_number_has_one_interval_in_the_whole_page() -> None:
    top = ShownEstimate(0.36, 0.30, 0.42)
    curve = pl.DataFrame({"share": [0.1, 1.0], "gain": [0.36, 1.0]})
    assert spaced(GainChart(curve, top).finding()).count("36 % (95 %: 30 % to 42 %)") == 1


def test_the_median_probability_is_read_off_the_bins() -> None:
    bins = pl.DataFrame({"from": [0.0, 0.5], "to": [0.5, 1.0], "won": [10, 30], "lost": [40, 0]})
    # Half of 40 customers: 10 in the first bin, then 10 of the 30 that lie evenly in 0.5 to 1.
    finding = spaced(SeparationChart(bins).finding())
    assert "above about 67 %" in finding
    assert "below about 25 %" in finding


def test_one_kind_alone_is_not_compared() -> None:
    bins = pl.DataFrame({"from": [0.0], "to": [1.0], "won": [0], "lost": [9]})
    assert "nothing to compare" in SeparationChart(bins).finding()
    assert SeparationChart(bins).frame()["won_share"].to_list() == [0.0]


def metrics(auc: float, half: float = 0.02) -> dict[str, Any]:
    return {"auc": {"value": auc, "low": auc - half, "high": auc + half}, "n": 10}


def test_a_month_apart_from_the_whole_test_is_named() -> None:
    months = {"2025-01": metrics(0.7), "2025-02": metrics(0.61), "2025-03": metrics(0.69)}
    finding = MonthChart(months, metrics(0.7)).finding()
    assert "between 0.610 (Feb 2025) and 0.700 (Jan 2025)" in finding
    assert finding.endswith(
        "In 1 of 3 the interval misses the whole test's (Feb 2025), "
        "which is no more than chance gives."
    )


def test_months_alike_show_no_sign_of_a_change() -> None:
    months = {"2025-01": metrics(0.7), "2025-02": metrics(0.71)}
    assert "no sign of a change" in MonthChart(months, metrics(0.7)).finding()


def test_segments_without_both_outcomes_say_so() -> None:
    undefined = {"auc": {"value": None, "low": None, "high": None}, "n": 3}
    chart = AgeChart({"0": undefined, "7": undefined}, {})
    assert "No age of the test has both" in chart.finding()
    assert chart.svg is not None
    assert chart.frame().columns == ["segment", "n"]


def test_the_delay_chart_reads_the_horizon_off_the_curve() -> None:
    row: dict[str, Any] = {"days": [0.0, 10.0, 40.0], "share": [0.0, 0.04, 0.08]}
    curve = pl.DataFrame(row | {"low": [0.0] * 3, "high": [0.1] * 3, "at_risk": [9, 5, 1]})
    finding = spaced(DelayChart(curve, 30.0).finding())
    assert finding == "4 % of the leads are customers after 30 days, 8 % after 40 days."
    assert DelayChart(curve, 30.0, "Their own words.").finding() == "Their own words."


def segments(gap: float, gap_by_chance: float) -> SegmentsChart:
    name = {"attribute": "channel", "segment": "ads"}
    row = name | {"n": 500, "gap": -gap, "gap_by_chance": gap_by_chance}
    gaps = name | {"gap": gap, "gap_by_chance": gap_by_chance, "segments": [row]}
    return SegmentsChart({"channel": {"ads": {"n": 500}, "few": {"n": 3}}}, gaps)


def test_a_segments_gap_is_told_beside_what_chance_gives() -> None:
    finding = segments(0.02, 0.03).finding()
    assert "2.00 % of all leads (channel: ads), no more than chance" in spaced(finding)
    assert "No segment by itself" in finding
    assert "1 of 1 segments pass" in segments(0.05, 0.03).finding()
    assert SegmentsChart({"channel": {"few": {"n": 3}}}, {}).finding().startswith("No segment has")


def backtest(**losses: tuple[float, float]) -> BacktestChart:
    """Two origins a candidate; ``chosen`` is compared with; every interval is 0.02 wide."""
    rows = [
        (name, origin, origin, loss, loss - best, loss - best - 0.01, loss - best + 0.01)
        for name, own in losses.items()
        for origin, (loss, best) in enumerate(zip(own, losses["chosen"], strict=True))
    ]
    names = ["candidate", "origin", "position", "log_loss", "difference", "low", "high"]
    return BacktestChart(pl.DataFrame(rows, schema=names, orient="row"))


def test_the_backtest_names_the_best_and_who_is_level_with_it() -> None:
    chart = backtest(chosen=(0.30, 0.32), near=(0.31, 0.32), far=(0.4, 0.4))
    assert chart.finding() == (
        "Lowest log loss: chosen, 0.3100 on average over 2 origins. "
        "Not to be told apart from it: near."
    )


def test_a_choice_that_is_not_the_lowest_is_told() -> None:
    finding = backtest(chosen=(0.30, 0.32), better=(0.2, 0.2)).finding()
    assert finding.startswith("Lowest log loss: better")
    assert finding.endswith("Chosen: chosen.")


def test_the_interval_of_a_mean_over_origins_is_narrower_by_their_root() -> None:
    averages = backtest(chosen=(0.30, 0.32), far=(0.4, 0.4)).averages()
    far = averages.filter(candidate="far").row(0, named=True)
    assert far["difference"] == pytest.approx(0.09)
    assert far["high"] - far["difference"] == pytest.approx(0.01 / np.sqrt(2))


def test_origins_are_told_by_date_where_there_are_dates() -> None:
    headings = [column.heading for column in CHARTS[8].columns()]
    assert [spaced(heading) for heading in headings[-3:]] == [
        "from 12 August 2024",
        "from 5 October 2024",
        "from 1 December 2024",
    ]
    assert backtest(chosen=(0.3, 0.3)).columns()[-1].heading == "origin 2"


def test_the_timeline_counts_every_snapshot_once() -> None:
    chart = TimelineChart(existing("splits"))
    assert int(chart.frame()["snapshots"].sum()) == int(existing("splits")["snapshots"].sum())
    assert "27,524 snapshots, 1,592 customers" in spaced(chart.finding())
    assert "24,380 snapshots left out" in spaced(chart.finding())


@pytest.mark.parametrize("year", [1, 1900, 9999])
@pytest.mark.parametrize("column", ["first_as_of", "last_as_of"])
def test_the_timeline_is_drawn_to_the_ends_of_the_calendar(year: int, column: str) -> None:
    moment = pl.lit(datetime(year, 1, 1) if year < 9999 else datetime(year, 12, 31, 23, 59))
    frame = existing("splits")
    far = moment.dt.replace_time_zone("UTC").cast(frame.schema[column])
    parts = frame.with_columns(pl.when(part="train").then(far).otherwise(column).alias(column))
    for size in (WIDE, NARROW):
        assert "Training" in TimelineChart(parts).svg(size)


@settings(max_examples=15)
@given(st.lists(st.datetimes(timezones=st.just(UTC)), min_size=2, max_size=2).map(sorted))
def test_the_timeline_is_drawn_for_any_two_moments(ends: list[datetime]) -> None:
    frame = existing("splits").head(1)
    first, last = (pl.lit(end).cast(frame.schema["first_as_of"]) for end in ends)
    assert "<svg" in TimelineChart(frame.with_columns(first_as_of=first, last_as_of=last)).svg(WIDE)


def test_what_was_left_out_stands_last_in_times_order() -> None:
    frame = TimelineChart(existing("splits")).frame()
    assert frame["part"].to_list() == ["train", "test"] + ["left_out"] * 3
    left_out = frame.filter(part="left_out")["first_position"]
    assert left_out.is_sorted()


def test_importances_by_group_and_by_feature_add_up_to_all() -> None:
    shares = existing("importance").with_columns(
        share=pl.col("importance") / pl.col("importance").sum()
    )
    assert by_group(shares)["share"].sum() == pytest.approx(1)
    assert by_feature(shares)["share"].is_sorted(descending=True)
    assert importance_blocks(shares.with_columns(importance=0.0)) == []


def test_the_emptiest_columns_come_first() -> None:
    frame = columns_frame(sample_quality()["columns"])
    assert frame["name"][:2].to_list() == ["revenue", "phone"]
    assert frame.filter(name="industry")["typical"].item().startswith("Software (4,120)")
    assert frame.filter(name="revenue")["typical"].item() == "12 to 380"


@pytest.mark.parametrize("key", [*sample_quality(), None])
def test_quality_is_shown_without_any_of_its_parts(key: str | None) -> None:
    content = {name: part for name, part in sample_quality().items() if name != key}
    assert quality_blocks(content)


def test_columns_without_gaps_need_no_bars() -> None:
    columns = [{**column, "missing_share": 0.0} for column in sample_quality()["columns"]]
    kinds = [block.kind for block in quality_blocks({"columns": columns})]
    assert "folded" in kinds
    assert "bars" not in kinds


def test_no_quality_shows_nothing() -> None:
    assert quality_blocks(None) == []
    assert quality_blocks({}) == []


def test_a_long_table_is_thinned_evenly_and_says_so() -> None:
    frame = pl.DataFrame({"x": list(range(1001))})
    few = thinned(frame, 11)
    table = table_of(few, (Column("x", "X", percent),), "all", total=frame.height)
    assert few["x"].to_list() == list(range(0, 1001, 100))
    assert table.note == "11 of 1001 rows."
    assert table_of(few, (Column("x", "X", percent),), "few", total=11).note == ""


def test_the_tables_of_gain_and_lift_stand_at_round_shares() -> None:
    table = GainChart(existing("gain")).table()
    called = [spaced(row[0]) for row in table.rows]
    assert called[:6] == ["1 %", "2 %", "5 %", "10 %", "15 %", "20 %"]
    assert called[-1] == "100 %"


def test_candidates_have_the_same_names_in_the_picture_and_the_table() -> None:
    chart = BacktestChart(existing("backtest"), dated=True)
    names = chart.frame()["candidate"].to_list()
    assert LEARNERS["lightgbm"] in names
    for name in names:
        assert name not in LEARNERS
        assert name in chart.svg(WIDE)


def doubt(code: str, severity: str, vouched: str | None = None) -> dict[str, Any]:
    about = {"where": "leads", "found": f"much of {code}", "expected": "less", "remedy": "mend it"}
    return {"code": code, "severity": severity, **about, "count": 3, "vouched": vouched}


def test_doubts_come_before_faults_and_what_is_vouched_for_is_told_as_such() -> None:
    told = [doubt("worst", "error"), doubt("mild", "warning"), doubt("known", "warning", "we know")]
    fault = {"severity": "warning", "where": "leads", "found": "x", "expected": "y", "remedy": "z"}
    blocks = quality_blocks({"doubts": told, "faults": [fault]})
    doubts, words, vouched, faults = blocks
    assert isinstance(doubts, Notices)
    assert isinstance(faults, Notices)
    assert [notice.title for notice in doubts.notices] == ["worst · leads", "mild · leads"]
    assert [notice.level for notice in doubts.notices] == ["error", "warning"]
    assert isinstance(words, Words)
    assert isinstance(vouched, Facts)
    assert vouched.pairs == [("known · leads", "we know (found: much of known)")]

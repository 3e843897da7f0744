"""Whether the model holds in each part of the test: month, age, and each segment that was named."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

import polars as pl

from leadcast.models.charts.chart import (
    Chart,
    Column,
    Size,
    ends_of,
    label_row,
    percent_axes,
    rows_panel,
    two_panels,
)
from leadcast.models.charts.numbers import (
    ShownEstimate,
    age,
    chance_words,
    count,
    decimal,
    percent,
)
from leadcast.models.charts.svg import ACCENT, DASHED, MUTED, SECOND, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHOWN = (
    *("auc", "base_rate", "mean_probability", "log_loss", "calibration_slope"),
    *("calibration_intercept", "brier", "ece", "ece_if_calibrated", "gain_10"),
)
"""The metrics in the table; those that no segment has are left out."""


@dataclass(frozen=True)
class SegmentChart(Chart):
    """Ranking and level, segment by segment, beside the whole test."""

    noun: ClassVar[str]
    """What a segment is, in the singular."""
    reading: ClassVar[str] = (
        "Above, how well the model ranks the leads of each part; below, how many of them became "
        "customers (dots), beside what was predicted (strokes). The bars are 95 % intervals: where "
        "there are few leads they are long, and say little."
    )
    heights_px: ClassVar[tuple[int, int]] = (380, 430)
    segments: Mapping[str, Mapping[str, Any]] = field(repr=False)
    """The metrics of each segment, as a part of ``metrics.json``, in the order to be shown."""
    overall: Mapping[str, Any] = field(repr=False)
    """The metrics of the whole test."""

    def label(self, segment: str) -> str:
        """Name a segment for a person."""
        return plain(segment)

    def frame(self) -> pl.DataFrame:
        """Give a row a segment: ``segment``, ``n``, and each metric with its ends."""
        rows = [
            {"segment": self.label(segment), "n": metrics.get("n")} | _flat(metrics)
            for segment, metrics in self.segments.items()
        ]
        schema = {"segment": pl.String, "n": pl.Int64} | dict.fromkeys(_flat({}), pl.Float64)
        frame = pl.DataFrame(rows, schema=schema)
        return frame.select(column for column in frame if column.count())

    def columns(self) -> Sequence[Column]:
        """Tell how the segments read in the table."""
        return (
            Column("segment", self.noun.capitalize()),
            Column("n", "Snapshots", count),
            Column("auc", "AUC", decimal(3)),
            *ends_of(decimal(3), "auc_"),
            Column("base_rate", "Became customers", percent),
            Column("mean_probability", "Predicted", percent),
            Column("log_loss", "Log loss", decimal(3)),
            Column("brier", "Brier score", decimal(3)),
            Column("calibration_slope", "Calibration slope", decimal(2)),
            Column("calibration_intercept", "and intercept", decimal(2)),
            Column("ece", "Calibration error", percent),
            Column("ece_if_calibrated", "by chance alone", percent),
            Column("gain_10", "Top 10 % reach", percent),
        )

    def finding(self) -> str:
        """Say how far the ranking moves, and whether that is more than chance."""
        frame = self.frame()
        if "auc" not in frame.columns:
            return f"No {self.noun} of the test has both customers and others."
        auc, label = frame.drop_nulls("auc"), self.noun
        best, worst = auc.sort("auc").row(-1, named=True), auc.sort("auc").row(0, named=True)
        if best["segment"] == worst["segment"]:
            return f"There is only one {label} to look at: AUC {decimal(3)(best['auc'])}."
        words = (
            f"AUC lies between {decimal(3)(worst['auc'])} ({worst['segment']}) and "
            f"{decimal(3)(best['auc'])} ({best['segment']})."
        )
        return f"{words} {self._outside(auc)}".strip()

    def draw(self, figure: "Figure", size: Size) -> None:
        """Draw the ranking above, and the level below: what was predicted and what happened."""
        frame = self.frame()
        ranking, level = two_panels(figure, bottom_px=26)
        overall = ShownEstimate.of(self.overall, "auc").value
        if overall is not None:
            ranking.axhline(overall, **DASHED)
        _draw_points(ranking, frame, "auc", ACCENT)
        ranking.set_title("AUC; dashed: the whole test")
        _draw_points(level, frame, "base_rate", ACCENT)
        _draw_predicted(level, frame)
        level.set_title("Share of customers; strokes: predicted")
        level.set_ylim(bottom=0)
        percent_axes(level, y=True)
        _label_places(level, frame["segment"].to_list(), most=5 if size.narrow else 10)

    def _outside(self, auc: pl.DataFrame) -> str:
        overall = ShownEstimate.of(self.overall, "auc").value
        if overall is None or "auc_low" not in auc.columns:
            return ""
        apart = auc.filter(~pl.lit(overall).is_between("auc_low", "auc_high"))["segment"].to_list()
        if not apart:
            return f"Every {self.noun}'s interval contains the whole test's: no sign of a change."
        return (
            f"In {len(apart)} of {auc.height} the interval misses the whole test's "
            f"({', '.join(apart)}), {chance_words(len(apart), auc.height)}."
        )


class MonthChart(SegmentChart):
    """The test month by month (keys like ``"2025-03"``)."""

    name: ClassVar[str] = "by-month"
    title: ClassVar[str] = "Month by month"
    noun: ClassVar[str] = "month"

    def label(self, segment: str) -> str:
        """Name a month: ``Mar 2025``; another key stands as it is."""
        try:
            return f"{datetime.strptime(segment, '%Y-%m'):%b %Y}"
        except ValueError:
            return plain(segment)


class BlockChart(SegmentChart):
    """The test in blocks of equal size, in time's order, where nothing is dated."""

    name: ClassVar[str] = "by-block"
    title: ClassVar[str] = "From the first leads of the test to the last"
    noun: ClassVar[str] = "block"


class AgeChart(SegmentChart):
    """The test by the lead's age when it is scored (keys are days, like ``"7"``)."""

    name: ClassVar[str] = "by-age"
    title: ClassVar[str] = "By the age of the lead when it is scored"
    noun: ClassVar[str] = "age"

    def label(self, segment: str) -> str:
        """Name an age: ``new``, ``1 day``."""
        return age(float(segment))


def _label_places(axes: "Axes", labels: Sequence[str], most: int) -> None:
    places = range(0, len(labels), -(-len(labels) // most))
    axes.set_xticks(places, [plain(labels[place], 14) for place in places])
    axes.set_xlim(-0.6, len(labels) - 0.4)


def _flat(metrics: Mapping[str, Any]) -> dict[str, float | None]:
    flat: dict[str, float | None] = {}
    for name in SHOWN:
        estimate = ShownEstimate.of(metrics, name)
        flat |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
    return flat


def _draw_points(axes: "Axes", frame: pl.DataFrame, name: str, colour: str) -> None:
    if name not in frame.columns:
        return
    known = frame.with_row_index("place").drop_nulls(name)
    places = known["place"].to_numpy()
    if f"{name}_low" in frame.columns:
        low, high = (known[f"{name}_{end}"].to_numpy() for end in ("low", "high"))
        axes.vlines(places, low, high, color=colour, linewidth=1.6)
    axes.plot(places, known[name].to_numpy(), "o", color=colour, markersize=6)


def _draw_predicted(axes: "Axes", frame: pl.DataFrame) -> None:
    if "mean_probability" in frame.columns:
        known = frame.with_row_index("place").drop_nulls("mean_probability")
        places, predicted = known["place"].to_numpy(), known["mean_probability"].to_numpy()
        axes.hlines(predicted, places - 0.22, places + 0.22, color=SECOND, linewidth=2.4)


@dataclass(frozen=True)
class SegmentsChart(Chart):
    """What was predicted and what happened, segment by segment.

    Parameters
    ----------
    by_segment : mapping of str to mapping of str to mapping
        As ``metrics.json`` has it: by attribute, then by segment.
    gaps : mapping
        As `leadcast.models.evaluation.chance.multicalibration` gives it.
    """

    name: ClassVar[str] = "by-segment"
    title: ClassVar[str] = "Segment by segment"
    reading: ClassVar[str] = (
        "Dots show how many of a segment's leads became customers, with the 95 % interval; strokes "
        "what was predicted. The gap in the table is the largest sum of differences between the "
        "two within any range of probabilities, as a share of the segment's leads: a model that "
        "promises too much to some and too little to others shows it here, though its mean is "
        "right. Chance alone gives gaps too, the larger the fewer leads there are."
    )
    heights_px: ClassVar[tuple[int, int]] = (60, 60)
    row_heights_px: ClassVar[tuple[int, int]] = (50, 46)
    told: ClassVar[Sequence[Column]] = (
        Column("attribute", "Attribute"),
        Column("segment", "Segment"),
        Column("n", "Snapshots", count),
        Column("observed", "Became customers", percent),
        *ends_of(percent),
        Column("predicted", "Predicted", percent),
        Column("auc", "AUC", decimal(3)),
        Column("slope", "Calibration slope", decimal(2)),
        Column("error", "Calibration error", percent),
        Column("error_by_chance", "by chance alone", percent),
        Column("gap", "Gap", percent),
        Column("gap_by_chance", "Gap that chance reaches", percent),
    )
    by_segment: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(repr=False)
    gaps: Mapping[str, Any] = field(repr=False)

    def frame(self) -> pl.DataFrame:
        """Give a row a segment, by attribute, the largest first."""
        gaps = {(row["attribute"], row["segment"]): row for row in self.gaps.get("segments", ())}
        rows = [
            _row(attribute, segment, metrics, gaps.get((attribute, segment), {}))
            for attribute, segments in self.by_segment.items()
            for segment, metrics in sorted(
                segments.items(), key=lambda item: (-item[1].get("n", 0), item[0])
            )
        ]
        return pl.DataFrame(rows, schema=_SCHEMA)

    def shown(self) -> pl.DataFrame:
        """Give every row: a segment that is left out would be missed."""
        return self.frame()

    def beyond_chance(self) -> pl.DataFrame:
        """Give the segments whose gap is larger than chance alone gives in 95 % of the cases."""
        return self.frame().filter(pl.col("gap").abs() > pl.col("gap_by_chance"))

    def finding(self) -> str:
        """Say whether the probabilities are right in every segment, and where they are not."""
        gap, chance = self.gaps.get("gap"), self.gaps.get("gap_by_chance")
        measured = self.frame().drop_nulls("gap").height
        if gap is None or chance is None or not measured:
            return "No segment has enough leads to be measured."
        side = "more than" if gap > chance else "no more than"
        where = f"{self.gaps['attribute']}: {self.gaps['segment']}"
        words = (
            f"The multicalibration gap is {_tenths(gap)} of all leads ({plain(where)}), {side} "
            f"chance gives: below {_tenths(chance)} in 95 % of the cases if every probability "
            "were true."
        )
        missed = self.beyond_chance()
        if missed.is_empty():
            return f"{words} No segment by itself is off by more than chance."
        names = ", ".join(
            plain(f"{a}: {s}") for a, s in missed.select("attribute", "segment").rows()
        )
        return (
            f"{words} Taken one by one, {missed.height} of {measured} segments pass what chance "
            f"leaves each of them ({names}), {chance_words(missed.height, measured)}."
        )

    def draw(self, figure: "Figure", size: Size) -> None:
        """Draw a row a segment: what happened as a dot, what was predicted as a stroke."""
        frame = self.frame()
        axes = rows_panel(figure, size, frame.height)
        for place, row in enumerate(frame.iter_rows(named=True)):
            if row["low"] is not None and row["high"] is not None:
                axes.plot([row["low"], row["high"]], [-place, -place], color=ACCENT, linewidth=1.6)
            if row["observed"] is not None:
                axes.plot([row["observed"]], [-place], "o", color=ACCENT, markersize=6)
            if row["predicted"] is not None:
                ends = [-place - 0.2, -place + 0.2]
                axes.plot([row["predicted"]] * 2, ends, color=SECOND, linewidth=2.4)
            name = plain(f"{row['attribute']}: {row['segment']}", 44)
            label_row(axes, place, name, MUTED, above=11)
        axes.set(xlim=(0, None), xlabel="Share of customers; strokes: predicted")
        percent_axes(axes, x=True)


_FIGURES = {
    "predicted": "mean_probability",
    "auc": "auc",
    "slope": "calibration_slope",
    "error": "ece",
    "error_by_chance": "ece_if_calibrated",
}
"""The columns of `SegmentsChart` that are metrics without their ends."""
_NUMBERS = ("observed", "low", "high", *_FIGURES, "gap", "gap_by_chance")
_SCHEMA = {"attribute": pl.String, "segment": pl.String, "n": pl.Int64} | dict.fromkeys(
    _NUMBERS, pl.Float64
)


def _row(
    attribute: str, segment: str, metrics: Mapping[str, Any], gap: Mapping[str, Any]
) -> dict[str, Any]:
    observed = ShownEstimate.of(metrics, "base_rate")
    return {
        "attribute": attribute,
        "segment": segment,
        "n": metrics.get("n"),
        "observed": observed.value,
        "low": observed.low,
        "high": observed.high,
        **{name: ShownEstimate.of(metrics, key).value for name, key in _FIGURES.items()},
        "gap": gap.get("gap"),
        "gap_by_chance": gap.get("gap_by_chance"),
    }


def _tenths(share: float) -> str:
    return f"{100 * share:.2f} %"

"""Whether the model holds in each segment that a user named, and not only on the whole."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import polars as pl

from models.report.chart import Chart, Size
from models.report.estimates import Estimate, chance_words
from models.report.numbers import LEVEL, count, decimal, percent
from models.report.panels import percent_axes, rows_panel
from models.report.svg import ACCENT, MUTED, SECOND, plain
from models.report.table import Column

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class SegmentsChart(Chart):
    """What was predicted and what happened, segment by segment.

    Parameters
    ----------
    by_segment : mapping of str to mapping of str to mapping
        As ``metrics.json`` has it: by attribute, then by segment.
    gaps : mapping
        As `models.multicalibration.multicalibration` gives it.
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

    def columns(self) -> Sequence[Column]:
        """Tell how the segments read in the table."""
        return (
            Column("attribute", "Attribute"),
            Column("segment", "Segment"),
            Column("n", "Snapshots", count),
            Column("observed", "Became customers", percent),
            Column("low", f"{LEVEL} from", percent),
            Column("high", "to", percent),
            Column("predicted", "Predicted", percent),
            Column("auc", "AUC", decimal(3)),
            Column("slope", "Calibration slope", decimal(2)),
            Column("error", "Calibration error", percent),
            Column("error_by_chance", "by chance alone", percent),
            Column("gap", "Gap", percent),
            Column("gap_by_chance", "Gap that chance reaches", percent),
        )

    def shown(self) -> pl.DataFrame:
        """Give every row: a segment that is left out would be missed."""
        return self.frame()

    def beyond_chance(self) -> pl.DataFrame:
        """Give the segments whose gap is larger than chance alone gives in 95 % of the cases.

        Returns
        -------
        pl.DataFrame
            Rows of `frame`.
        """
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

    def height_px(self, size: Size) -> int:
        """Tell the height: as many rows as there are segments."""
        return 60 + (50 if size.narrow else 46) * self.frame().height

    def draw(self, figure: "Figure", size: Size) -> None:
        """Draw a row a segment: what happened as a dot, what was predicted as a stroke."""
        frame = self.frame()
        axes = rows_panel(figure, frame.height)
        for place, row in enumerate(frame.iter_rows(named=True)):
            if row["low"] is not None and row["high"] is not None:
                axes.plot([row["low"], row["high"]], [-place, -place], color=ACCENT, linewidth=1.6)
            if row["observed"] is not None:
                axes.plot([row["observed"]], [-place], "o", color=ACCENT, markersize=6)
            if row["predicted"] is not None:
                ends = [-place - 0.2, -place + 0.2]
                axes.plot([row["predicted"]] * 2, ends, color=SECOND, linewidth=2.4)
            axes.annotate(
                plain(f"{row['attribute']}: {row['segment']}", 44),
                (0, -place),
                xycoords=("axes fraction", "data"),
                xytext=(0, 11),
                textcoords="offset points",
                color=MUTED,
            )
        axes.set_xlim(left=0)
        axes.locator_params(axis="x", nbins=4 if size.narrow else 7)
        axes.set(xlabel="Share of customers; strokes: predicted")
        percent_axes(axes, x=True)


_SCHEMA = {
    "attribute": pl.String,
    "segment": pl.String,
    "n": pl.Int64,
    **dict.fromkeys(("observed", "low", "high", "predicted", "auc"), pl.Float64),
    **dict.fromkeys(("slope", "error", "error_by_chance"), pl.Float64),
    **dict.fromkeys(("gap", "gap_by_chance"), pl.Float64),
}


def _row(
    attribute: str, segment: str, metrics: Mapping[str, Any], gap: Mapping[str, Any]
) -> dict[str, Any]:
    observed = Estimate.of(metrics, "base_rate")
    return {
        "attribute": attribute,
        "segment": segment,
        "n": metrics.get("n"),
        "observed": observed.value,
        "low": observed.low,
        "high": observed.high,
        "predicted": Estimate.of(metrics, "mean_probability").value,
        "auc": Estimate.of(metrics, "auc").value,
        "slope": Estimate.of(metrics, "calibration_slope").value,
        "error": Estimate.of(metrics, "ece").value,
        "error_by_chance": Estimate.of(metrics, "ece_if_calibrated").value,
        "gap": gap.get("gap"),
        "gap_by_chance": gap.get("gap_by_chance"),
    }


def _tenths(share: float) -> str:
    return f"{100 * share:.2f} %"

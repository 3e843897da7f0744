"""Money in pictures: expected against what came, calling by either order, the pipeline by week."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import polars as pl

from leadcast.models.charts.chart import Chart, Column, Size, add_key, ends_of, panel
from leadcast.models.charts.numbers import compact, count, decimal
from leadcast.models.charts.svg import ACCENT, DASHED, SECOND
from leadcast.models.comparison.headline import amount
from leadcast.models.forecast.forecast_words import coverage_words

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Plain = Mapping[str, Any]


@dataclass(frozen=True)
class RevenueChart(Chart):
    """Expected revenue of the test's leads against what came.

    Parameters
    ----------
    bands : sequence of mapping
        As `leadcast.models.amounts.amount_judged.judge_revenue` gives them.
    currency : str or None
    """

    name: ClassVar[str] = "revenue"
    title: ClassVar[str] = "Expected revenue, and what came"
    reading: ClassVar[str] = (
        "The leads of the test in ten parts, those of whom least was expected first. To the right "
        "is what was expected of a lead on average, upwards what came within the horizon, with its "
        "95 % interval. On the dashed line both are the same. Few large deals move a point far."
    )
    told: ClassVar[Sequence[Column]] = (
        Column("predicted", "Expected of a lead", count),
        Column("observed", "Came", count),
        *ends_of(count),
        Column("rows", "Snapshots", count),
    )
    bands: Sequence[Plain]
    currency: str | None = None

    def frame(self) -> pl.DataFrame:
        """Give a row a band."""
        rows = [
            {
                "predicted": one["predicted"],
                "observed": one["observed"]["value"],
                "low": one["observed"]["low"],
                "high": one["observed"]["high"],
                "rows": one["rows"],
            }
            for one in self.bands
        ]
        kinds = dict.fromkeys(("predicted", "observed", "low", "high"), pl.Float64)
        return pl.DataFrame(rows, schema_overrides=kinds)

    def finding(self) -> str:
        """Say how much of the revenue the highest part brings, and how many parts are right."""
        frame = self.frame()
        top, total = frame.row(-1, named=True), frame.select(pl.col("observed").sum()).item()
        right = frame.filter(pl.col("predicted").is_between("low", "high")).height
        share = top["observed"] / total if total else 0.0
        return (
            f"The tenth of whom most was expected brought {100 * share:.0f} % of the revenue; in "
            f"{right} of {frame.height} parts what was expected lies in the interval of what came."
        )

    def draw(self, figure: "Figure", size: Size) -> None:
        """Draw a point a band, and the line on which both are the same."""
        axes, frame = panel(figure, size), self.frame()
        most = float(frame.select(pl.max_horizontal("predicted", "observed").max()).item() or 1.0)
        size_of, words = _unit(most, self.currency)
        frame = frame.with_columns(pl.col("predicted", "observed", "low", "high") / size_of)
        axes.plot([0, most / size_of], [0, most / size_of], **DASHED)
        for row in frame.drop_nulls().iter_rows(named=True):
            at = row["predicted"]
            axes.plot([at, at], [row["low"], row["high"]], color=ACCENT, linewidth=1.4)
        axes.plot(frame["predicted"], frame["observed"], "o", color=ACCENT, markersize=5)
        axes.set(xlim=(0, None), ylim=(0, None), xlabel=f"Expected of a lead{words}")
        axes.set_title(f"Came, of a lead{words}")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(lambda value, _: compact(value))


@dataclass(frozen=True)
class ValueRankingChart(Chart):
    """The money that calling by either order reaches, by how many are called.

    Parameters
    ----------
    ranking : mapping
        As `leadcast.models.amounts.value_ranking.rank_by_value` gives it.
    currency : str or None
    """

    name: ClassVar[str] = "value-ranking"
    title: ClassVar[str] = "Money reached by calling in either order"
    reading: ClassVar[str] = (
        "To the right is how many leads are called, upwards the amounts of the customers among "
        "them, all weeks of the test together: one line calls those of the highest expected "
        "revenue first, the other those of the highest probability. The dashed line is the team's "
        "capacity. Where everybody is called, both reach everything."
    )
    told: ClassVar[Sequence[Column]] = (
        Column("calls_per_week", "Calls", count),
        Column("money_by_value", "Money, by expected revenue", count),
        Column("money_by_probability", "by probability", count),
        Column("customers_by_value", "Customers, by expected revenue", decimal(0)),
        Column("customers_by_probability", "by probability", decimal(0)),
    )
    ranking: Plain
    currency: str | None = None

    def frame(self) -> pl.DataFrame:
        """Give a row a capacity."""
        rows = pl.DataFrame(list(self.ranking["curve"]), infer_schema_length=None)
        return rows.select(pl.col(one.name).cast(pl.Float64) for one in self.told)

    def finding(self) -> str:
        """Say what either order reaches at the team's capacity."""
        money, customers = self.ranking["money"], self.ranking["customers"]
        gap = money["difference"]
        sure = ""
        if gap["low"] is not None:
            ends = " to ".join(_signed(gap[end], self.currency) for end in ("low", "high"))
            sure = f" (95 %: {ends})"
        return (
            f"At {self.ranking['calls_per_week']:g} calls a {self.ranking['per']} the order by "
            f"expected revenue reaches {amount(money['by_value']['value'], self.currency)} of "
            f"{customers['by_value']['value']:.0f} customers, that by probability "
            f"{amount(money['by_probability']['value'], self.currency)} of "
            f"{customers['by_probability']['value']:.0f}: a difference of "
            f"{_signed(gap['value'], self.currency)}{sure}."
        )

    def draw(self, figure: "Figure", size: Size) -> None:
        """Draw a line an order, and the team's capacity."""
        axes, frame = panel(figure, size, key_lines=2 if size.narrow else 1), self.frame()
        calls = frame["calls_per_week"]
        size_of, unit = _unit(float(frame["money_by_value"].to_numpy().max()), self.currency)
        for name, words, colour in (
            ("money_by_value", "by expected revenue", ACCENT),
            ("money_by_probability", "by probability", SECOND),
        ):
            axes.plot(calls, frame[name] / size_of, color=colour, label=words)
        axes.axvline(float(self.ranking["calls_per_week"]), **DASHED)
        axes.set(xlim=(0, None), ylim=(0, None), xlabel=f"Calls a {self.ranking['per']}")
        axes.set_title(f"Money reached{unit}")
        axes.yaxis.set_major_formatter(lambda value, _: compact(value))
        add_key(figure, axes, 1 if size.narrow else 2)


@dataclass(frozen=True)
class PipelineChart(Chart):
    """Customers of the open pipeline by week, each with its interval.

    Parameters
    ----------
    forecast : mapping
        The content of ``forecast.json``.
    """

    name: ClassVar[str] = "pipeline"
    title: ClassVar[str] = "Customers that the open leads bring, week by week"
    reading: ClassVar[str] = (
        "A column a week: the dot is how many customers are expected, the line holds how many come "
        "in 90 of 100 cases. Leads that have yet to come are not in it, so later weeks have fewer."
    )
    what: ClassVar[str] = "customers"
    forecast: Plain

    def columns(self) -> Sequence[Column]:
        """Tell how the weeks read in the table."""
        show = decimal(1) if self.what == "customers" else count
        return (
            Column("week", "Week", count),
            Column("ends", "Ends"),
            Column("mean", "Expected", show),
            Column("low", "from", show),
            Column("high", "to", show),
        )

    def frame(self) -> pl.DataFrame:
        """Give a row a week."""
        rows = [
            {"week": one["week"], "ends": one["to"][:10]} | dict(one[self.what])
            for one in self.forecast["weeks"]
        ]
        return pl.DataFrame(rows)

    def finding(self) -> str:
        """Say how past forecasts did."""
        return coverage_words(self.forecast["backtest"])

    def draw(self, figure: "Figure", size: Size) -> None:
        """Draw a dot and a line a week."""
        axes, frame, size_of, unit = panel(figure, size), self.frame(), 1.0, ""
        if self.what == "revenue":
            most = float(frame["high"].to_numpy().max())
            size_of, unit = _unit(most, self.forecast["currency"])
        frame = frame.with_columns(pl.col("mean", "low", "high") / size_of)
        for row in frame.iter_rows(named=True):
            axes.plot([row["week"]] * 2, [row["low"], row["high"]], color=ACCENT, linewidth=1.6)
        axes.plot(frame["week"], frame["mean"], "o", color=ACCENT, markersize=5)
        axes.set(xlim=(0.4, frame.height + 0.6), ylim=(0, None), xlabel="Week from now")
        step = 1 if frame.height <= 10 else 4
        axes.set_xticks(range(1, frame.height + 1, step))
        axes.set_title(f"{self.what.capitalize()} of the week{unit}")
        axes.yaxis.set_major_formatter(lambda value, _: compact(value))


class PipelineRevenueChart(PipelineChart):
    """The same in money."""

    name: ClassVar[str] = "pipeline-revenue"
    title: ClassVar[str] = "Revenue that the open leads bring, week by week"
    reading: ClassVar[str] = (
        "The same in money: the amounts of the leads that are won in a week. A week's revenue "
        "hangs on few deals, so the line is long; the dot lies above its middle as large deals are "
        "rare."
    )
    what: ClassVar[str] = "revenue"

    def finding(self) -> str:
        """Say what all weeks together bring."""
        last = self.forecast["weeks"][-1]["revenue_so_far"]
        mean, low, high = (
            amount(last[key], self.forecast["currency"]) for key in ("mean", "low", "high")
        )
        return f"All weeks together: {mean} (90 %: {low} to {high})."


def _unit(most: float, currency: str | None) -> tuple[float, str]:
    """Choose in what money is drawn, so that its labels are short: the divisor, and its words."""
    named = currency or ""
    for size, words in ((1e6, "million"), (1e3, "thousand")):
        if most >= 2 * size:
            return size, f", {words} {named}".rstrip()
    return 1.0, f", {named}" if named else ""


def _signed(value: float, currency: str | None) -> str:
    return f"{'-' if value < 0 else '+'}{amount(abs(value), currency)}"

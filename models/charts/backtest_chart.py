"""Why this model was chosen: how the candidates did in the backtest."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar

import polars as pl

from leadcast.models.charts.chart import Chart, Column, Size, ends_of, label_row, rows_panel
from leadcast.models.charts.numbers import count, day, decimal
from leadcast.models.charts.svg import ACCENT, INK, MUTED, THIRD, plain
from leadcast.models.learners.learner_store import LEARNERS, learner_words

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class BacktestChart(Chart):
    """Each candidate's log loss, on average and origin by origin.

    Parameters
    ----------
    scores : pl.DataFrame
        A row for each candidate and origin, as `Result.to_json` gives them:
        ``candidate``, ``origin`` (0 for the earliest), ``position`` (the first that is tried),
        ``log_loss``, ``difference`` (to the candidate chosen, whose own is 0), ``low`` and
        ``high`` (its 95 % interval).
    dated : bool
        Whether positions are microseconds since 1970.
    """

    name: ClassVar[str] = "backtest"
    title: ClassVar[str] = "How the candidates did on later leads"
    reading: ClassVar[str] = (
        "Each candidate was trained several times, each time on the leads up to some moment (an "
        "origin), and tried on the leads after it. Log loss tells how surprised it was by what "
        "happened: further to the left is better. Small dots are the origins, the large one their "
        "average, with the 95 % interval of its distance from the chosen one."
    )
    heights_px: ClassVar[tuple[int, int]] = (70, 70)
    row_heights_px: ClassVar[tuple[int, int]] = (44, 48)
    scores: pl.DataFrame
    dated: bool = False

    def averages(self) -> pl.DataFrame:
        """Average over the origins, each counting the same.

        The interval of the mean difference takes the origins as independent: each is tried on
        rows of its own.

        Returns
        -------
        pl.DataFrame
            A row a candidate, the best first: ``candidate``, ``log_loss``, ``difference``,
            ``low``, ``high``, ``chosen``.
        """
        half = ((pl.col("high") - pl.col("low")) / 2).pow(2).sum().sqrt() / pl.len()
        table = self.scores.group_by("candidate", maintain_order=True).agg(
            pl.col("log_loss", "difference").mean(),
            low=pl.col("difference").mean() - half,
            high=pl.col("difference").mean() + half,
            chosen=(pl.col("difference") == 0.0).all(),
        )
        return table.sort("log_loss", "candidate", nulls_last=True)

    def frame(self) -> pl.DataFrame:
        """Give a row a candidate: its name, average, difference to the chosen one, each origin."""
        origins = self.scores.select(
            "candidate", "log_loss", name=pl.concat_str(pl.lit("origin_"), "origin")
        )
        wide = origins.pivot(on="name", index="candidate", values="log_loss")
        table = self.averages().join(wide, on="candidate", how="left", maintain_order="left")
        return table.with_columns(pl.col("candidate").replace(LEARNERS))

    def columns(self) -> Sequence[Column]:
        """Tell how the candidates read in the table."""
        show = decimal(4)
        return (
            Column("candidate", "Candidate"),
            Column("log_loss", "Log loss, average", show),
            Column("difference", "More than the chosen one", show),
            *ends_of(show),
            *(
                Column(f"origin_{origin}", self._heading(origin, position), show)
                for origin, position in self._places()
            ),
        )

    def finding(self) -> str:
        """Say which candidate was chosen, and whether others are as good."""
        averages = self.averages()
        best, chosen = averages.row(0, named=True), averages.filter("chosen")
        words = (
            f"Lowest log loss: {_named(best['candidate'])}, "
            f"{decimal(4)(best['log_loss'])} on average over {self._origins()}."
        )
        if chosen.height and best["candidate"] not in chosen["candidate"]:
            words += f" Chosen: {_named(chosen['candidate'][0])}."
        level = averages.filter(~pl.col("chosen"), pl.lit(0.0).is_between("low", "high"))
        if level.height:
            words += f" Not to be told apart from it: {', '.join(map(_named, level['candidate']))}."
        return words

    def draw(self, figure: "Figure", size: Size) -> None:
        """Draw a row a candidate: its origins as small dots, its average as a large one."""
        averages = self.averages()
        axes = rows_panel(figure, size, averages.height)
        for place, row in enumerate(averages.iter_rows(named=True)):
            colour = ACCENT if row["chosen"] else THIRD
            losses = self.scores.filter(candidate=row["candidate"])["log_loss"].to_numpy()
            axes.plot(losses, [-place] * len(losses), "o", color=colour, alpha=0.5, markersize=4.5)
            axes.plot([row["log_loss"]], [-place], "o", color=colour, markersize=9)
            if not row["chosen"] and row["low"] is not None:
                base = row["log_loss"] - row["difference"]
                axes.plot([base + row["low"], base + row["high"]], [-place, -place], color=colour)
            words = plain(learner_words(row["candidate"]), 40)
            words += " · chosen" if row["chosen"] else ""
            label_row(axes, place, words, INK if row["chosen"] else MUTED, above=10)
        axes.set(xlabel="Log loss")

    def _places(self) -> list[tuple[int, int]]:
        places = self.scores.group_by("origin").agg(pl.col("position").first())
        return list(places.sort("origin").iter_rows())

    def _heading(self, origin: int, position: int) -> str:
        if not self.dated:
            return f"origin {count(origin + 1)}"
        return f"from {day(_EPOCH + timedelta(microseconds=position))}"

    def _origins(self) -> str:
        number = self.scores["origin"].n_unique()
        return "one origin" if number == 1 else f"{number} origins"


def _named(candidate: str) -> str:
    return plain(learner_words(candidate))

"""What a distilled table costs against the full model, in the figures of the comparison."""

from dataclasses import dataclass

from models.comparison.parts import Measured, Pair
from models.comparison.result_ranking import Ranking

FIGURES = {
    "auc_snapshots": "AUC, every test snapshot",
    "auc": "AUC, call list",
    "average_precision": "average precision, call list",
    "gain": "share of the customers reached at the capacity",
}
"""The figures, by their names in `models.comparison.result_ranking.Ranking`."""


@dataclass(frozen=True)
class Cost:
    """The model, the distilled points and those there were, on the same test rows.

    Parameters
    ----------
    distilled : Ranking
        The model against the distilled points.
    existing : Ranking or None
        The model against the existing points; None where there are none.
    calls_per_week : float
        The capacity.
    """

    distilled: Ranking
    existing: Ranking | None
    calls_per_week: float

    def recovered(self, figure: str) -> float | None:
        """Give the share of the model's advantage over the existing points that is kept.

        Parameters
        ----------
        figure : str
            A key of `FIGURES`.

        Returns
        -------
        float or None
            1 where nothing is lost; None without existing points, or where the model has no
            advantage over them.
        """
        if self.existing is None:
            return None
        before, after = self._pair(self.existing, figure), self._pair(self.distilled, figure)
        old, new, best = before.points.value, after.points.value, after.learned.value
        if old is None or new is None or best is None or best <= old:
            return None
        return (new - old) / (best - old)

    def as_markdown(self) -> str:
        """Tell the cost as a table with a line below it.

        Returns
        -------
        str
        """
        lines = [
            "| figure | model | distilled | model minus distilled | existing points | kept |",
            "|---|---:|---:|---:|---:|---:|",
        ]
        for name, words in FIGURES.items():
            pair, kept = self._pair(self.distilled, name), self.recovered(name)
            old = None if self.existing is None else self._pair(self.existing, name).points.value
            cells = [
                words,
                _number(pair.learned.value),
                _number(pair.points.value),
                _interval(pair.difference),
                _number(old),
                "" if kept is None else f"{kept:.0%}",
            ]
            lines.append(f"| {' | '.join(cells)} |")
        lines.append("")
        lines.append(
            f"On {self.distilled.snapshots:,} test snapshots; the call list has "
            f"{self.distilled.leads:,} leads and {self.distilled.customers:,} customers, of which "
            f"{self.calls_per_week:g} are called a week. Intervals of 95 %. Kept: the share of the "
            "model's advantage over the existing points."
        )
        return "\n".join(lines)

    @staticmethod
    def _pair(ranking: Ranking, figure: str) -> Pair:
        pair: Pair = getattr(ranking, figure)
        return pair


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _interval(measured: Measured) -> str:
    if measured.value is None or measured.low is None or measured.high is None:
        return _number(measured.value)
    return f"{measured.value:+.3f} ({measured.low:+.3f} to {measured.high:+.3f})"

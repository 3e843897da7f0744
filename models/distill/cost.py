"""What a distilled table costs against the full model, and its page for HubSpot or Eloqua."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from leadcast.features.registry import span_words
from leadcast.models.comparison.result import Measured, Pair, Ranking
from leadcast.models.distill.distillation import Distilled
from leadcast.models.rules import RuleTable
from leadcast.models.rules.conditions import AttributeCondition, EventCondition, Span
from leadcast.models.rules.points_table import Rule

FIGURES = {
    "auc_snapshots": "AUC, every test snapshot",
    "auc": "AUC, call list",
    "average_precision": "average precision, call list",
    "gain": "share of the customers reached at the capacity",
}
"""The figures, by their names in `leadcast.models.comparison.result.Ranking`."""


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
        rows = []
        for name, words in FIGURES.items():
            pair, kept = self._pair(self.distilled, name), self.recovered(name)
            old = None if self.existing is None else self._pair(self.existing, name).points.value
            figures = (_number(pair.learned.value), _number(pair.points.value))
            share = "" if kept is None else f"{kept:.0%}"
            rows.append((words, *figures, _interval(pair.difference), _number(old), share))
        heading = "figure", "model", "distilled", "model minus distilled", "existing points", "kept"
        return (
            f"{_grid_of(heading, rows)}\n\n"
            f"On {self.distilled.snapshots:,} test snapshots; the call list has "
            f"{self.distilled.leads:,} leads and {self.distilled.customers:,} customers, of which "
            f"{self.calls_per_week:g} are called a week. Intervals of 95 %. Kept: the share of the "
            "model's advantage over the existing points."
        )

    @staticmethod
    def _pair(ranking: Ranking, figure: str) -> Pair:
        pair: Pair = getattr(ranking, figure)
        return pair


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _interval(measured: Measured) -> str:
    if measured.value is None or measured.low is None or measured.high is None:
        return _number(measured.value)
    return f"{measured.value:+z.3f} ({measured.low:+z.3f} to {measured.high:+z.3f})"


_SIDES = {"fit": ("Fit", "profile"), "engagement": ("Engagement", "engagement")}


def as_markdown(distilled: Distilled, cost: Cost | None) -> str:
    """Write a distilled table as Markdown, in HubSpot's and in Eloqua's terms.

    Parameters
    ----------
    distilled : Distilled
        The table.
    cost : Cost or None
        What it costs against the full model; None where that was not measured.

    Returns
    -------
    str
        A page: the cost, the table for HubSpot, the criteria for Eloqua.
    """
    table = distilled.table
    parts = [
        f"# {table.title}",
        f"{len(table.rules)} rules with integer points, chosen out of {distilled.candidates:,} "
        f"conditions on {distilled.rows:,} snapshots of the learning part.",
    ]
    if cost is not None:
        parts += ["## What it costs", cost.as_markdown()]
    parts += ["## In HubSpot's terms", *_hubspot(table), "## In Eloqua's terms", *_eloqua(table)]
    return "\n\n".join(parts) + "\n"


def _hubspot(table: RuleTable) -> Iterator[str]:
    yield (
        "A combined score with two groups. Properties belong to the fit group, actions to the "
        "engagement group; a reading in brackets is a property that is filled from another."
    )
    for name, group in table.groups.items():
        limit = "no limit" if group.limit is None else f"limit {group.limit:g}"
        yield f"### {_SIDES[name][0]} group, {limit}"
        rows = [
            (_condition(rule), f"{rule.points:+g}") for rule in table.rules if rule.group == name
        ]
        yield _grid_of(("criterion", "points"), rows)
    for name, threshold in table.thresholds.items():
        share = "the upper fifth of the snapshots"
        yield f"Worth a {name}: from {threshold.points:g} points on ({share})."


def _eloqua(table: RuleTable) -> Iterator[str]:
    yield (
        "A scoring model with a profile (A to D) and an engagement (1 to 4). Weights are the "
        "points as a share of the most that the side can give; negative ones lower it."
    )
    for name in table.groups:
        rules = [rule for rule in table.rules if rule.group == name]
        most = sum(max(rule.points, 0.0) for rule in rules) or 1.0
        yield f"### {_SIDES[name][1].capitalize()} criteria"
        rows = [(_condition(rule), f"{rule.points / most:+z.0%}") for rule in rules]
        yield _grid_of(("criterion", "weight"), rows)
        axis = None if table.grid is None else getattr(table.grid, name)
        if axis is not None:
            bands = ", ".join(f"{band} from {least:g} points" for band, least in axis.bands.items())
            yield f"Bands: {bands}; below all of them {list(axis.bands)[-1]}."


def _condition(rule: Rule) -> str:
    return " and ".join(_words(one) for one in rule.when.each())


def _words(one: AttributeCondition | EventCondition) -> str:
    if isinstance(one, EventCondition):
        kinds = ", ".join("any" if kind == "any" else f"`{kind}`" for kind in one.event)
        times = "at least once" if one.at_least == 1 else f"at least {one.at_least} times"
        window = "" if one.within_days is None else f" in the last {span_words(one.within_days)}"
        return f"action: {kinds}, {times}{window}"
    field = f"`{one.attribute}`" + (f" [{one.read_as}]" if one.read_as else "")
    if one.days_ago is not None:
        return f"{field} lies {_span(one.days_ago)} days ago"
    if one.span is not None:
        return f"{field} is {_span(one.span)}"
    if one.is_missing is not None:
        return f"{field} is {'unknown' if one.is_missing else 'known'}"
    values = (one.equals,) if one.equals is not None else one.one_of
    return f"{field} is any of {', '.join(str(value) for value in values)}"


def _span(span: Span) -> str:
    parts = []
    if span.min is not None:
        parts.append(f"at least {span.min:,.15g}")
    if span.max is not None:
        parts.append(f"at most {span.max:,.15g}")
    if span.below is not None:
        parts.append(f"less than {span.below:,.15g}")
    return " and ".join(parts)


def _grid_of(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [" | ".join(cell.replace("|", "&#124;") for cell in row) for row in (heading, *rows)]
    lines.insert(1, "|".join(["---", *["---:"] * (len(heading) - 1)]))
    return "\n".join(f"|{line}|" if line.startswith("---") else f"| {line} |" for line in lines)

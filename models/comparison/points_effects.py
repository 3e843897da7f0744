"""What a table of points does on the call list: each of its rules, and against an earlier one."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from leadcast.features.base.errors import LeadcastError
from leadcast.models.comparison.compared_rows import Compared
from leadcast.models.comparison.headline import whole
from leadcast.models.comparison.lists import Segments, WeeklyList
from leadcast.models.comparison.result import Difference, Measured, ResultPart
from leadcast.models.comparison.score_ranking import apart, interval, paired, redrawn, replicate
from leadcast.models.evaluation.delong import degrees_of_freedom
from leadcast.models.rules.points import RuleScores, points_without, rule_effects
from leadcast.models.rules.points_table import RuleTable

REPLICATES = 500


class RulePart(ResultPart):
    """One rule, on leads at moments, and on the call list."""

    rule: str
    group: str
    points: float
    """What the table says."""
    fired_leads: int
    """For how many leads its conditions hold at some moment."""
    fired_share: float
    """At which share of the moments."""
    listed_share: float
    """For which share of the call list."""
    mean_points: float
    """Over all moments."""
    conversion: float | None
    conversion_else: float | None
    """The share of customers among the moments at which it fires, and among the others; null
    without such moments."""
    reached: Difference
    """Customers that the table reaches, minus those that it would reach without this rule."""


class RuleParts(ResultPart):
    """All rules of a table.

    Parameters
    ----------
    snapshots : int
        Leads at moments that were looked at.
    leads, customers : int
        On the call list among them.
    calls_per_week : float
    week : str
        What stands for a week.
    landmark_days : float or None
        The age at which a lead stands on the call list; null where nothing is dated.
    reached : Measured
        Customers that the whole table reaches.
    rules : tuple of RulePart
        In the table's order.
    """

    snapshots: int
    leads: int
    customers: int
    calls_per_week: float
    week: str
    landmark_days: float | None
    reached: Measured
    rules: tuple[RulePart, ...]


def rule_parts(
    table: RuleTable,
    every: Compared,
    scores: RuleScores,
    calls_per_week: float | None,
    *,
    seed: int,
    replicates: int = REPLICATES,
) -> RuleParts:
    """Tell what each rule contributes, by calling the list again without it.

    Parameters
    ----------
    table : RuleTable
    every : Compared
        Leads at moments; their learned scores are not looked at.
    scores : RuleScores
        What the table gives to them.
    calls_per_week : float or None
        The team's capacity; None: `compared_rows.DEFAULT_SHARE` of a mean week.
    seed, replicates : int
        Of the bootstrap, which draws leads (or accounts) and calls all lists on the same draws.

    Returns
    -------
    RuleParts
    """
    listed, on_list = every.on_list, every.frame["on_list"].to_numpy()
    capacities, converted = listed.capacities(calls_per_week), listed.floats("converted")
    counted = (converted, capacities.team[:, None], Segments.none(len(converted)), 0)
    totals = [scores.points, *(points_without(table, scores, i) for i in range(len(table.rules)))]
    lists = [WeeklyList.of(total[on_list], listed.week) for total in totals]
    seen = np.array([one.reached(*counted).customers[0] for one in lists])
    drawn = redrawn(lists, counted, listed.group, replicates, seed)
    draws = np.array([[one.customers[0] for one in reached] for _, reached in drawn]).reshape(
        -1, len(lists)
    )
    freedom = degrees_of_freedom(converted, listed.group)
    lost = [
        apart(float(seen[0] - seen[one]), draws[:, 0] - draws[:, one], freedom)
        for one in range(1, len(lists))
    ]
    return RuleParts(
        snapshots=every.frame.height,
        leads=len(converted),
        customers=int(converted.sum()),
        calls_per_week=capacities.calls_per_week,
        week=listed.per,
        landmark_days=every.landmark_days,
        reached=interval(float(seen[0]), draws[:, 0]),
        rules=_each(table, scores, every, lost),
    )


def _each(
    table: RuleTable, scores: RuleScores, every: Compared, lost: Sequence[Difference]
) -> tuple[RulePart, ...]:
    effects = rule_effects(table, scores, every.floats("converted"))
    lead, on_list = every.frame["lead_id"], every.frame["on_list"].to_numpy()
    told = effects.drop("rule", "group", "points").to_dicts()
    return tuple(
        RulePart(
            rule=rule.name,
            group=rule.group,
            points=rule.points,
            fired_leads=lead.filter(pl.Series(fired)).n_unique(),
            listed_share=float(fired[on_list].mean()),
            reached=gap,
            **effect,
        )
        for rule, fired, gap, effect in zip(table.rules, scores.fired.T, lost, told, strict=True)
    )


class AgainstEarlier(ResultPart):
    """Customers that new points and earlier ones reach on the leads that have both.

    Parameters
    ----------
    leads, customers : int
        On the call list, with both.
    new, earlier : Measured
        Customers reached at the team's capacity.
    difference : Difference
        New minus earlier.
    words : str
    """

    leads: int
    customers: int
    new: Measured
    earlier: Measured
    difference: Difference
    words: str


def against_earlier(
    every: Compared,
    earlier: pl.DataFrame,
    calls_per_week: float | None,
    *,
    replicates: int,
    seed: int,
) -> AgainstEarlier | None:
    """Compare new points with earlier ones as both are compared with the learned score.

    Parameters
    ----------
    every : Compared
        Test snapshots with the new points.
    earlier : pl.DataFrame
        The leads.parquet of the earlier comparison.
    calls_per_week : float or None
        The team's capacity; None: as `Compared.capacities` takes it.
    replicates, seed : int
        Of the paired bootstrap, which draws leads (or accounts).

    Returns
    -------
    AgainstEarlier or None
        None where no lead on the call list has both.

    Raises
    ------
    LeadcastError
        If `earlier` is no such table.
    """
    both = _with_both(every, earlier).on_list
    if both.frame.is_empty():
        return None
    capacities = every.capacities(calls_per_week).for_part(both, every.on_list).only_team
    drawn = replicate(
        both, capacities, Segments.none(both.frame.height), replicates=replicates, seed=seed
    )
    seen = [reached.customers[0] for reached in drawn.seen]
    pair = paired(np.array(seen), drawn.customers[:, :, 0], drawn.freedom)
    found = AgainstEarlier(
        leads=both.frame.height,
        customers=round(float(both.floats("converted").sum())),
        new=pair.learned,
        earlier=pair.points,
        difference=pair.difference,
        words="",
    )
    return found.model_copy(update={"words": _words(found, capacities.calls_per_week, every.per)})


def _with_both(every: Compared, earlier: pl.DataFrame) -> Compared:
    keys = ["lead_id", "as_of"]
    missing = [name for name in (*keys, "points") if name not in earlier.columns]
    if missing:
        raise LeadcastError(f"the earlier comparison's leads lack {', '.join(missing)}")
    old = earlier.select(*keys, pl.col("points").alias("earlier"))
    rows = (
        every.frame.join(old, on=keys, how="left", nulls_equal=True, maintain_order="left")
        .with_columns(probability=pl.col("points"), points=pl.col("earlier"))
        .drop("earlier")
    )
    both = pl.col("probability").is_not_null() & pl.col("points").is_not_null()
    return Compared(rows.filter(both), (), every.landmark_days, every.weeks)


def _words(found: AgainstEarlier, calls: float, per: str) -> str:
    gap = whole(found.new.value) - whole(found.earlier.value)
    head = (
        f"At {calls:,.6g} calls a {per}, these points reach {whole(found.new.value):,} of "
        f"{found.customers:,} customers among the {found.leads:,} leads that have both, those "
        f"compared before {whole(found.earlier.value):,}: "
    )
    low, high = found.difference.low, found.difference.high
    if low is None or high is None:
        return f"{head}there is too little to tell whether that is a difference."
    told = f"{abs(gap):,} {'more' if gap > 0 else 'fewer'}" if gap else "as many"
    ends = f"{whole(low):+,} to {whole(high):+,}".replace("-", "−").replace("+0", "0")
    sure = "more than chance explains" if found.difference.shows else "chance could explain that"
    return f"{head}{told} (95 %: {ends}; {sure})."

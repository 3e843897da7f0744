"""What each rule contributes, and new points against earlier ones: laws; a case by construction."""

import numpy as np
import polars as pl
import pytest

from leadcast.features.base.errors import LeadcastError
from leadcast.models.comparison import Compared
from leadcast.models.comparison.comparison_store import lead_frame
from leadcast.models.comparison.points_effects import (
    AgainstEarlier,
    RuleParts,
    against_earlier,
    rule_parts,
)
from leadcast.models.rules import RuleScores, RuleTable, evaluate, parse_rules
from tests.comparison_world import world_frame

TABLE = parse_rules(
    """
rules:
  - {name: strong, points: 20, when: {attribute: strong, equals: yes}}
  - {name: never, points: 50, when: {attribute: strong, equals: perhaps}}
  - {name: everyone, points: 7, when: {attribute: strong, is_missing: false}}
""",
    "three.yaml",
)


def of_rules(table: RuleTable = TABLE, leads: int = 600) -> tuple[RuleParts, RuleScores, Compared]:
    frame = world_frame(leads, weeks=6, landmarks=(0.0, 7.0))
    frame = frame.with_columns(
        strong=pl.when("converted").then(pl.lit("yes")).otherwise(pl.lit("no"))
    )
    every = Compared.of(frame, (), 0.0)
    people = frame.unique("lead_id", maintain_order=True).select("lead_id", "strong")
    scores = evaluate(table, people, None, frame.select("lead_id", "as_of"))
    return rule_parts(table, every, scores, 10, seed=1, replicates=50), scores, every


def test_a_rule_that_decides_is_worth_what_it_reaches_beyond_chance() -> None:
    parts, _, every = of_rules()
    listed = every.on_list
    calls = listed.capacities(10).team
    sizes = np.bincount(listed.week, minlength=len(calls))
    won = np.bincount(listed.week, listed.floats("converted"), minlength=len(calls))
    by_rule = np.minimum(calls, won).sum()
    by_chance = (won * np.minimum(calls / np.maximum(sizes, 1), 1)).sum()
    assert parts.reached.value == pytest.approx(by_rule)
    assert parts.rules[0].reached.value == pytest.approx(by_rule - by_chance)
    assert parts.rules[0].reached.shows
    assert (parts.rules[0].conversion, parts.rules[0].conversion_else) == (1.0, 0.0)


def test_a_rule_that_tells_nobody_apart_contributes_nothing() -> None:
    parts, _, _ = of_rules()
    for part in parts.rules[1:]:
        assert (part.reached.value, part.reached.low, part.reached.high) == (0.0, 0.0, 0.0)
    assert (parts.rules[1].fired_leads, parts.rules[1].conversion) == (0, None)
    assert (parts.rules[2].fired_leads, parts.rules[2].listed_share) == (600, 1.0)


def test_mean_points_add_up_to_the_mean_of_the_total() -> None:
    parts, scores, every = of_rules()
    assert sum(part.mean_points for part in parts.rules) == pytest.approx(scores.points.mean())
    assert (parts.snapshots, parts.leads) == (every.frame.height, every.on_list.frame.height)


CALLS = 20.0


def found(new: pl.DataFrame, earlier: pl.DataFrame, replicates: int = 300) -> AgainstEarlier:
    every, before = (Compared.of(frame, ()) for frame in (new, earlier))
    told = against_earlier(every, lead_frame(before), CALLS, replicates=replicates, seed=1)
    assert told is not None
    return told


def with_points(frame: pl.DataFrame, points: pl.Expr) -> pl.DataFrame:
    return frame.with_columns(points=points)


FRAME = world_frame(noise=2.0)
BETTER = with_points(FRAME, 100 * pl.col("probability"))


def test_a_table_against_itself_is_as_many_and_never_a_difference() -> None:
    same = found(FRAME, FRAME)
    assert same.difference.value == same.difference.low == same.difference.high == 0
    assert not same.difference.shows
    assert "as many (95 %: 0 to 0; chance could explain that)" in same.words


def test_what_one_gains_is_what_the_other_loses() -> None:
    gain, loss = found(BETTER, FRAME), found(FRAME, BETTER)
    assert gain.difference.shows
    assert (gain.difference.value or 0) > 0
    assert "more (95 %: +" in gain.words
    assert "more than chance explains" in gain.words
    assert "fewer (95 %: −" in loss.words
    assert gain.new == loss.earlier
    assert gain.difference.low == pytest.approx(-(loss.difference.high or 0))


def test_only_leads_with_both_are_counted_and_with_their_part_of_the_calls() -> None:
    lacking = with_points(FRAME, pl.when(pl.int_range(pl.len()) % 3 > 0).then("points"))
    part = found(BETTER, lacking)
    assert part.leads == lacking["points"].count() < FRAME.height
    assert part.customers == lacking.filter(pl.col("points").is_not_null())["converted"].sum()
    nobody = with_points(FRAME, pl.lit(None, pl.Float64))
    before = lead_frame(Compared.of(nobody, ()))
    assert against_earlier(Compared.of(BETTER, ()), before, CALLS, replicates=9, seed=1) is None


def test_leads_of_an_account_are_drawn_together() -> None:
    # Two leads that are one and the same make a difference half as sure as two that are not.
    twice = pl.concat([FRAME, FRAME.with_columns(lead_id=pl.col("lead_id") + " again")])
    better = with_points(twice, 100 * pl.col("probability"))
    alone = [frame.with_columns(group=np.arange(twice.height)) for frame in (better, twice)]
    errors = [
        found(new, old, replicates=800).difference.standard_error or 0
        for new, old in ((better, twice), alone)
    ]
    assert errors[0] / errors[1] == pytest.approx(2**0.5, rel=0.08)


def test_where_nothing_is_dated_leads_are_matched_by_their_id() -> None:
    undated = [
        frame.with_columns(
            as_of=pl.lit(None, pl.Datetime("us", "UTC")), landmark_days=pl.lit(None, pl.Float64)
        )
        for frame in (BETTER, FRAME)
    ]
    told = found(undated[0], undated[1])
    assert told.leads == FRAME.height
    assert "calls a block of 100 leads" in told.words


def test_another_table_is_refused() -> None:
    with pytest.raises(LeadcastError, match="lack as_of, points"):
        against_earlier(
            Compared.of(FRAME, ()), FRAME.select("lead_id"), CALLS, replicates=9, seed=1
        )

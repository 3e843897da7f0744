"""What each rule contributes: laws and a case by construction."""

import numpy as np
import polars as pl
import pytest

from leadcast.models.comparison import Compared
from leadcast.models.comparison.rule_parts import RuleParts, rule_parts
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

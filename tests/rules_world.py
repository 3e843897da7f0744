"""Random points tables over small random worlds, in the words of a YAML file."""

from typing import Any

import hypothesis.strategies as st
import polars as pl

from leadcast.features.definitions.yaml_lines import yaml_text
from leadcast.models.rules import RuleTable, parse_rules
from tests.feature_world import KINDS, World

INDUSTRIES = [None, "Software", " software", "Retail", "", "IT Services"]
SIZES = [None, 1.0, 10.0, 50.0, float("nan"), 51.0, 1000.0]
points = st.sampled_from([-20, -5, -0.5, 0, 3, 10, 25])
days = st.sampled_from([0.25, 1, 2.5, 7])


def maybe(**keys: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Draw a mapping that has some of these keys."""
    return st.fixed_dictionaries({}, optional=keys)


spans = st.one_of(
    st.builds(
        lambda a, b: {"min": min(a, b), "max": max(a, b)}, *[st.sampled_from([1, 10, 50])] * 2
    ),
    st.sampled_from([{"below": 51}, {"min": 10}, {"max": 10}, {"min": 1, "below": 50}]),
)
attributes = st.one_of(
    st.sampled_from(
        [
            {"attribute": "industry", "equals": "SOFTWARE"},
            {"attribute": "industry", "in": ["retail", "Software"]},
            {"attribute": "industry", "contains": ["soft", "serv"]},
            {"attribute": "industry", "is_missing": True},
            {"attribute": "size", "is_missing": False},
            {"attribute": "size", "in": [10, 51]},
        ]
    ),
    st.builds(lambda span: {"attribute": "size", "range": span}, spans),
    st.builds(lambda day: {"attribute": "created_at", "days_ago": {"min": day}}, days),
)
kinds = st.lists(st.sampled_from([*KINDS, "any", "fax"]), min_size=1, max_size=2, unique=True)
where = st.sampled_from(
    [
        [],
        [{"column": "value", "range": {"min": 0}}],
        [{"column": "value", "is_missing": True, "not": True}],
    ]
)
one_event = st.fixed_dictionaries(
    {"event": kinds, "where": where},
    optional={
        "within_days": days,
        "which": st.sampled_from(["first", "last", "first_of_all", "last_of_all"]),
    },
)
many_events = st.fixed_dictionaries(
    {"event": kinds, "where": where},
    optional={"within_days": days, "at_least": st.integers(1, 3)},
)
events = one_event | many_events
decays = st.one_of(
    st.builds(lambda d: {"form": "linear", "over_days": d}, days),
    st.builds(lambda d: {"form": "exponential", "half_life_days": d}, days),
    st.builds(lambda d: {"form": "expiry", "after_days": d}, days),
    st.just(
        {"form": "step", "steps": [{"after_days": 1, "keep": 0.5}, {"after_days": 2.5, "keep": 0}]}
    ),
)
negatable = st.builds(lambda one, no: one | {"not": no}, attributes | events, st.booleans())
plain_when = st.lists(negatable, min_size=1, max_size=3) | st.builds(
    lambda some: {"any": some}, st.lists(negatable, min_size=1, max_size=3)
)
groups = st.sampled_from(["fit", "engagement"])
plain_rules = st.fixed_dictionaries({"group": groups, "points": points, "when": plain_when})
dated_when = st.builds(lambda event, gate: [event, *gate], events, st.lists(attributes, max_size=1))
each_rules = st.fixed_dictionaries(
    {"group": groups, "points": points, "when": dated_when, "each": st.just(True)},
    optional={"limit": st.sampled_from([4, 30]), "decay": decays},
)
fading_rules = st.fixed_dictionaries(
    {"group": groups, "points": points, "when": dated_when, "decay": decays}
)
limits = maybe(
    negative_limit=st.sampled_from([0, 5]),
    limit=st.sampled_from([12, 40]),
    floor=st.sampled_from([-10, 0, 12]),
)


@st.composite
def table_words(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a table as plain data, with everything said that the oracle reads."""
    rules = draw(st.lists(plain_rules | each_rules | fading_rules, min_size=1, max_size=6))
    exclusions = draw(st.lists(plain_when, max_size=1))
    return {
        "groups": {"fit": draw(limits), "engagement": draw(limits)},
        "total": draw(limits) | draw(maybe(excluded=st.just(-3.0))),
        "rules": [rule | {"name": f"rule {i}"} for i, rule in enumerate(rules)],
        "exclusions": [{"name": f"out {i}", "when": when} for i, when in enumerate(exclusions)],
    }


def as_table(words: dict[str, Any]) -> RuleTable:
    """Take plain data the way that a file goes."""
    return parse_rules(yaml_text(words))


@st.composite
def attribute_rows(draw: st.DrawFn, world: World) -> pl.DataFrame:
    """Give the leads of a world an industry and a size."""
    n = len(world.created)
    industry = draw(st.lists(st.sampled_from(INDUSTRIES), min_size=n, max_size=n))
    size = draw(st.lists(st.sampled_from(SIZES), min_size=n, max_size=n))
    return world.leads.with_columns(
        industry=pl.Series(industry, dtype=pl.String), size=pl.Series(size, dtype=pl.Float64)
    )

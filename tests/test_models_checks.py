"""A points table against data: what is not there, and what has no effect."""

from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_series_equal

from leadcast.features.base.errors import FaultsError
from leadcast.models.rules import RuleTable, check_rules, evaluate, ledger, parse_rules
from leadcast.models.rules.points import rule_effects
from tests.feature_oracle import NaiveEvent
from tests.feature_world import START, event_table

LEADS = pl.DataFrame(
    {
        "lead_id": ["a", "b", "c", "d"],
        "industry": ["Software", "Retail", None, "software "],
        "company_size": ["11-50", "1,000+", None, "200"],
        "size": [10.0, 60.0, None, 51.0],
    }
)
EVENTS = event_table([NaiveEvent(lead, START, "form", 1.0) for lead in "abbb"])
ROWS = LEADS.select("lead_id").with_columns(as_of=START + timedelta(days=1))
FORM = "{event: form}"


def table_of(*rules: str, rest: str = "") -> RuleTable:
    lines = [f"  - {{name: rule {place}, {rule}}}\n" for place, rule in enumerate(rules)]
    return parse_rules("rules:\n" + "".join(lines) + rest)


def told(table: RuleTable, converted: list[int] | None = None) -> dict[int, str]:
    faults = check_rules(table, LEADS, EVENTS, ROWS, converted)
    return {fault.line: f"{fault.severity}: {fault}" for fault in faults}


def test_columns_and_kinds_that_are_not_there_are_told_with_the_nearest_name() -> None:
    table = table_of(
        "points: 1, when: {attribute: industri, equals: x}", "points: 1, when: {event: from}"
    )
    found = told(table)
    assert "'industry'" in found[2]
    assert "'form'" in found[3]
    with pytest.raises(FaultsError, match="industri"):
        evaluate(table, LEADS, EVENTS, ROWS)


@pytest.mark.parametrize(
    "when",
    [
        "{attribute: industry, range: {min: 1}}",
        "{attribute: size, equals: many}",
        "{attribute: size, days_ago: {min: 1}}",
        "{attribute: size, read_as: seniority, equals: x}",
        "{event: form, where: {column: page, equals: x}}",
    ],
)
def test_what_a_column_cannot_answer_is_an_error(when: str) -> None:
    assert told(table_of(f"points: 1, when: {when}"))[2].startswith("error")


def test_rules_that_never_or_always_fire_are_warned_of() -> None:
    found = told(
        table_of(
            "points: 1, when: {attribute: industry, equals: Mining}",
            "points: 1, when: {attribute: size, range: {max: 100}, not: false}",
            "points: 1, when: {attribute: lead_id, is_missing: false}",
        )
    )
    assert list(found) == [2, 4]
    assert "never fires" in found[2]
    assert "always fires" in found[4]


def test_limits_that_undo_a_rule_are_warned_of() -> None:
    rest = "groups: {points: {limit: 5}}\n"
    rules = (f"points: 9, when: {FORM}", "points: 3, when: {event: form, at_least: 2}")
    assert list(told(table_of(*rules, rest=rest))) == [3]
    each = f"points: 5, each: true, limit: 4, when: {FORM}"
    assert "limit of 4" in told(table_of(each))[2]


def test_points_against_the_outcomes_are_warned_of_but_not_those_of_chance() -> None:
    many = pl.concat([ROWS] * 100)
    table = table_of("points: 5, when: {attribute: industry, equals: Software}")
    against, chance = np.tile([0, 1, 1, 0], 100), np.tile([1, 1, 0, 0], 100)
    assert len(check_rules(table, LEADS, EVENTS, many, against)) == 1
    assert not check_rules(table, LEADS, EVENTS, many, chance)


def test_effects_count_what_was_done() -> None:
    table = table_of("points: 5, when: {attribute: industry, equals: Software}")
    effects = rule_effects(table, evaluate(table, LEADS, EVENTS, ROWS), [1, 0, 0, 0])
    assert effects.row(0)[3:] == (0.5, 2.5, 0.5, 0.0)


def test_texts_are_read_as_the_features_read_them() -> None:
    sizes = [
        f"points: 1, when: {{attribute: company_size, read_as: size, range: {span}}}"
        for span in ("{min: 11, max: 50}", "{min: 100}")
    ]
    fired = evaluate(table_of(*sizes), LEADS, EVENTS, ROWS).fired
    assert fired.T.tolist() == [[True, False, False, False], [False, True, False, True]]


def test_the_grid_has_a_cell_for_everybody_but_the_excluded() -> None:
    grid = "grid:\n  fit: {group: fit, bands: {A: 5, B: 1}}\n"
    grid += "  engagement: {group: did, bands: {1: 6, 2: 3}}\ngroups: {fit: {}, did: {}}\n"
    grid += "thresholds: {MQL: {cells: [A1, A2]}, SQL: 4}\n"
    grid += "exclusions: [{name: out, when: {attribute: size, range: {min: 60}}}]\n"
    table = table_of(
        "group: fit, points: 5, when: {attribute: industry, equals: Software}",
        f"group: did, points: 3, each: true, when: {FORM}",
        rest=grid,
    )
    scores = evaluate(table, LEADS, EVENTS, ROWS)
    assert scores.grade is not None
    assert_series_equal(scores.grade, pl.Series("grade", ["A2", None, "B2", "A2"]))
    assert scores.points.tolist() == [8.0, 0.0, 0.0, 5.0]
    assert scores.reached["MQL"].tolist() == [True, False, False, True]
    assert ledger(table, LEADS, EVENTS, "b", START + timedelta(days=1))["points"].sum() == 0.0


def test_a_source_without_dates_or_events_has_points_all_the_same() -> None:
    table = table_of("points: 5, when: {attribute: industry, equals: Software}")
    assert evaluate(table, LEADS, None, ROWS.select("lead_id")).points.sum() == 10.0


def test_more_conditions_than_a_word_has_bits_are_told_apart() -> None:
    when = "{{event: form, where: {{column: value, range: {{min: {}}}}}}}"
    rules = [f"points: {2**place}, when: {when.format(place)}" for place in range(45)]
    events = event_table([NaiveEvent("a", START, "form", 42.0)])
    points = evaluate(table_of(*rules), LEADS, events, ROWS).points
    assert points.tolist() == [2.0**43 - 1, 0.0, 0.0, 0.0]


def test_ranges_of_a_usable_table_that_overlap_are_told_with_their_line() -> None:
    small = "points: 5, when: {attribute: size, range: {max: 60}}"
    large = "points: 5, when: {attribute: size, range: {min: 50}}"
    found = told(table_of(small, large))
    assert found[3].startswith("warning: ")
    assert "overlaps that of 'rule 0'" in found[3]
    apart = told(table_of(small.replace("max: 60", "below: 50"), large))
    assert not any("overlaps" in words for words in apart.values())

"""Reading a points table: its faults, all at once and with their lines."""

from itertools import pairwise
from pathlib import Path

import pytest

from leadcast.features.base.errors import Fault, FaultsError, LeadcastError
from leadcast.features.base.ownership import RULES
from leadcast.models.rules import load_rules, parse_rules
from leadcast.models.rules.checks import overlap
from leadcast.models.rules.conditions import Span
from leadcast.models.rules.points_table import StepDecay

SHIPPED = sorted(RULES.glob("*.yaml"))
GOOD = """rules:
  - name: software
    points: 10
    when: {attribute: industry, equals: Software}
"""


def faults_of(text: str) -> list[Fault]:
    with pytest.raises(FaultsError) as caught:
        parse_rules(text)
    return list(caught.value.faults)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_table_has_no_fault(path: Path) -> None:
    assert load_rules(path).file == str(path)


def test_every_fault_is_told_at_once_with_its_line() -> None:
    faults = faults_of(
        "titel: Points\nrules:\n  - name: a\n    points: ten\n    when: {attribute: x, equal: 1}\n"
        "  - name: b\n    points: 1\n    when: {event: form, at_leest: 2}\n"
    )
    assert [fault.line for fault in faults] == [1, 4, 5, 8]
    assert "'title'" in faults[0].remedy
    assert "'at_least'" in faults[-1].remedy
    assert "rules[1].when" in faults[-1].where


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("each: true", "exactly one condition on events"),
        ("decay: {form: linear, over_days: 3}", "exactly one condition on events"),
        ("group: fitt", "the group 'fitt'"),
        ("limit: 3", "each: true"),
        ("decay: {form: slow}", "form: linear"),
        ("points: 1e308", "less than or equal to"),
        ("points: -1e41", "greater than or equal to"),
    ],
)
def test_what_cannot_be_meant_is_refused(change: str, told: str) -> None:
    key = change.split(":")[0]
    kept = "".join(f"{line}\n" for line in GOOD.splitlines() if f" {key}:" not in line)
    assert told in str(faults_of(kept + f"    {change}\n"))


@pytest.mark.parametrize(
    ("when", "told"),
    [
        ("{attribute: x, equals: 1, in: [2]}", "exactly one of"),
        ("{attribute: x, range: {min: 5, below: 5}}", "ends after it begins"),
        ("{attribute: x, range: {max: 5, below: 5}}", "not with both"),
        ("{attribute: x, matches: '('}", "no regular expression"),
        ("{event: form, which: first, at_least: 2}", "at_least 1"),
        ("{event: form, within_days: 0}", "greater than 0"),
        ("[]", "at least one condition"),
    ],
)
def test_a_condition_that_says_nothing_or_two_things_is_refused(when: str, told: str) -> None:
    (fault,) = faults_of(GOOD.replace("{attribute: industry, equals: Software}", when))
    assert told in f"{fault}"
    assert fault.line == 4


def test_names_are_distinct_and_cells_exist() -> None:
    grid = "grid:\n  fit: {group: points, bands: {A: 10, B: 0}}\n"
    grid += "  engagement: {group: points, bands: {1: 5, 2: 0}}\nthresholds: {MQL: {cells: [A3]}}\n"
    again, cell = faults_of(GOOD + GOOD.removeprefix("rules:\n") + grid)
    assert (again.line, cell.line) == (5, 11)
    assert "'A1'" in cell.remedy


def test_ranges_that_overlap_are_told_and_those_that_touch_are_not() -> None:
    assert overlap(Span(min=1, max=50), Span(min=50))
    assert not overlap(Span(min=1, below=50), Span(min=50))
    assert not overlap(Span(max=3), Span(min=4))
    assert overlap(Span(below=3), Span(below=-100))


def test_steps_fall() -> None:
    with pytest.raises(ValueError, match="keep falls"):
        StepDecay.model_validate(
            {
                "form": "step",
                "steps": [{"after_days": 1, "keep": 0.2}, {"after_days": 2, "keep": 1}],
            }
        )


@pytest.mark.parametrize("text", ["", "- a\n", "a: [", "rules: []\n"])
def test_what_is_no_table_is_told_and_does_not_crash(text: str) -> None:
    assert faults_of(text)[0].line == 1


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(LeadcastError, match=r"nothing\.yaml"):
        load_rules(tmp_path / "nothing.yaml")


def test_text_that_stands_for_billions_of_values_is_refused_at_once() -> None:
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{letter}: &{letter} [{', '.join([f'*{before}'] * 9)}]\n"
        for before, letter in pairwise("abcdefghij")
    )
    for text, found in ((bomb, "more than 100,000 values"), ("[" * 1_000, "more than 20 levels")):
        with pytest.raises(FaultsError, match=found):
            parse_rules(text)

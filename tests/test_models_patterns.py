"""Patterns of a points table: linear time, one answer everywhere, and a budget."""

import re

import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from leadcast.features.base.errors import Fault, FaultsError
from leadcast.features.tables import TIME
from leadcast.models.rules import check_rules, parse_rules
from leadcast.models.rules.answers import answers_of
from leadcast.models.rules.checks import MOST_TOLD
from leadcast.models.rules.conditions import AttributeCondition
from leadcast.models.rules.patterns import (
    MOST_LETTERS,
    MOST_PATTERNS,
    MOST_TOGETHER,
    MOST_WEIGHT,
    fault_of,
    weight,
)

LEADS = pl.DataFrame(schema={"lead_id": pl.String, "text": pl.String, "number": pl.Float64})
NO_ROWS = pl.DataFrame(schema={"lead_id": pl.String(), "as_of": TIME})

_letters = st.sampled_from("abAB12 -_é").map(re.escape)
_classes = st.sampled_from([".", r"\d", r"\w", r"\s", r"\W", "[ab]", "[^a]", "[a-b1]", r"[\d_]"])
_anchors = st.sampled_from(["^", "$", r"\b"])
_patterns = st.recursive(
    _letters | _classes | _anchors,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3).map("".join)
        | st.lists(inner, min_size=2, max_size=3).map(lambda some: f"(?:{'|'.join(some)})")
        | st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,2}", "{1,}", "+?"])).map(
            lambda both: f"({both[0]}){both[1]}"
        )
    ),
    max_leaves=6,
)


def table(*patterns: str) -> str:
    return "rules:\n" + "".join(
        f"  - name: rule {number}\n    points: 1\n    when:\n"
        f"      attribute: text\n      matches: '{pattern}'\n"
        for number, pattern in enumerate(patterns)
    )


def line_of(number: int) -> int:
    return 6 + 5 * number


def faults_of(text: str) -> list[Fault]:
    with pytest.raises(FaultsError) as caught:
        parse_rules(text)
    return list(caught.value.faults)


def asks(pattern: str, texts: list[str]) -> list[bool]:
    condition = AttributeCondition(attribute="text", matches=pattern)
    return list(answers_of(condition, pl.Series(texts, dtype=pl.String)))


@given(_patterns, st.lists(st.text("abAB12 -_é", min_size=1, max_size=8), max_size=5))
def test_a_pattern_answers_as_pythons_own_engine_does(pattern: str, texts: list[str]) -> None:
    texts = [text for text in texts if text.strip()]
    assert fault_of(pattern) is None
    expected = [re.search(pattern, text, re.IGNORECASE) is not None for text in texts]
    assert asks(pattern, texts) == expected
    assert [asks(pattern, [text]) for text in texts] == [[one] for one in expected]


@pytest.mark.parametrize("evil", ["(a+)+$", "(a|aa)+$", "(.*a){12}b", "(a*)*b"])
def test_a_pattern_that_takes_others_forever_ends(evil: str) -> None:
    # Python's own engine would try every way of dividing the text: 2 ** 3,000 of them.
    assert asks(evil, ["a" * 3_000 + "!", "b"]) == [False, bool(re.search(evil, "b"))]


def test_many_such_patterns_end_as_well() -> None:
    read = parse_rules(table(*["(a+)+$"] * 800))
    assert check_rules(read, LEADS, None, NO_ROWS) == []


@pytest.mark.parametrize(
    ("pattern", "what", "instead"),
    [
        ("ceo(?! office)", "look-around", "not: true"),
        ("(?<=vice )president", "look-around", "not: true"),
        (r"(ab)\1", "references back", "alternatives"),
        ("(?P<one>ab)(?P=one)", "references back", "alternatives"),
        ("(?>a+)b", "atomic groups", "(?:…)"),
        ("(a)?(?(1)b|c)", "conditions on a group", "both forms"),
        ("(?#note)a", "comments", "after #"),
        (r"end\Z", r"\Z", r"\z"),
        ("[a", "unclosed character class", "contains:"),
        ("a{3,1}", "repetition count range", "contains:"),
    ],
)
def test_what_the_engine_does_not_know_is_refused_with_its_line_and_what_to_write(
    pattern: str, what: str, instead: str
) -> None:
    (fault,) = faults_of(table("fine", pattern))
    assert fault.line == line_of(1)
    assert "rules[1].when.matches" in fault.where
    assert pattern in fault.found.replace("\\\\", "\\")
    assert what in fault.expected
    assert instead in fault.remedy


def test_every_faulty_pattern_is_told_with_the_other_faults() -> None:
    faults = faults_of(table("(?=a)", "fine", "[a").replace("points: 1", "points: one", 1))
    assert [fault.line for fault in faults] == [3, line_of(0), line_of(2)]


@pytest.mark.parametrize(
    "pattern",
    [r"\w{500}", r"(?:\w{50}){50}", r"((\d{40}){40})+", r"(?x) \w {900}", "a" * (MOST_LETTERS + 1)],
)
def test_a_pattern_that_is_dear_to_build_is_refused_before_it_is_built(pattern: str) -> None:
    (fault,) = faults_of(table(pattern))
    assert fault.line == line_of(0)
    assert "at most" in fault.expected


def test_of_patterns_that_are_dear_together_the_dearest_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def built(pattern: str) -> None:
        raise AssertionError(pattern)

    monkeypatch.setattr("leadcast.models.rules.patterns.searched", built)
    patterns = [rf"\w{{{100 + number % 7}}}x" for number in range(800)]
    (fault,) = faults_of(table(*patterns))
    assert fault.line == line_of(6)
    assert "rules[6].when.matches" in fault.where
    assert f"{MOST_TOGETHER:,} together" in fault.expected


def test_a_table_has_only_so_many_patterns() -> None:
    (fault,) = faults_of(table(*["a"] * (MOST_PATTERNS + 3)))
    assert fault.line == line_of(MOST_PATTERNS)


@pytest.mark.parametrize(
    ("pattern", "least", "most"),
    [
        ("abc", 3, 3),
        (r"\w", 250, 250),
        (r"\w{20}", 5_000, 5_000),
        (r"(?:a\w){20}", 5_000, 5_100),
        (r"[]\w]{20}", 5_000, 6_000),
        (r"[^]\w]{20}", 5_000, 6_000),
        (r"[[\w]a]{20}", 5_000, 6_000),
        (r"\]\w{20}", 5_000, 5_100),
        (r"\x{41}b", 2, 2),
        (r"\b(operations|ops|supply chain)\b", 1, 100),
        ("a{", 1, 5),
        ("(((", 0, 5),
    ],
)
def test_a_weight_is_that_of_what_is_built(pattern: str, least: int, most: int) -> None:
    assert least <= weight(pattern) <= most


@given(st.text(r"ab[](){}^-?*+|\wpPdx:=!<>,0159# é", max_size=30))
def test_any_text_is_weighed_and_judged_without_a_crash(pattern: str) -> None:
    assume(weight(pattern) <= MOST_WEIGHT)
    told = fault_of(pattern)
    if told is None:
        asks(pattern or "a", ["ab 9"])


def test_ranges_that_overlap_in_very_many_pairs_are_told_in_part() -> None:
    rules = "".join(
        f"- {{name: r{n}, points: 1, when: {{attribute: number, range: {{min: 1}}}}}}\n"
        for n in range(100)
    )
    faults = check_rules(parse_rules(f"rules:\n{rules}"), LEADS, None, NO_ROWS)
    assert len(faults) == MOST_TOLD

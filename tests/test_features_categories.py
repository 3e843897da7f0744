"""Categories: which values get a code, and that every other value is safe."""

import math
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from leadcast.features.values.categories import codes_of, encode, learn_levels

values = st.text(max_size=6) | st.sampled_from(["Ads", "ads", " ADS ", "fair"])


def test_rare_values_have_no_code() -> None:
    assert learn_levels([("a", 5), ("b", 4), ("c", 9)], max_levels=5, min_count=5) == ("c", "a")


def test_only_the_most_frequent_values_have_a_code() -> None:
    assert learn_levels([("a", 5), ("b", 7), ("c", 9)], max_levels=2, min_count=1) == ("c", "b")


def test_spellings_count_together_under_the_most_frequent_one() -> None:
    counts = [("google ads", 3), ("Google  Ads", 4), ("fair", 6)]
    assert learn_levels(counts, max_levels=2, min_count=7) == ("Google Ads",)


@given(st.dictionaries(values, st.integers(1, 9)), st.randoms(use_true_random=False))
@settings(max_examples=40)
def test_the_order_of_the_leads_makes_no_difference(
    counts: dict[str, int], shuffler: random.Random
) -> None:
    shuffled = list(counts.items())
    shuffler.shuffle(shuffled)
    assert learn_levels(counts.items(), 3, 2) == learn_levels(shuffled, 3, 2)


@given(st.dictionaries(values, st.integers(1, 9)), values)
@settings(max_examples=40)
def test_a_code_is_a_level_or_other_or_missing(counts: dict[str, int], value: str) -> None:
    levels = learn_levels(counts.items(), 3, 2)
    code = encode(value, codes_of(levels))
    if not value.strip():
        assert math.isnan(code)
    elif code > 0:
        assert levels[int(code) - 1].casefold().split() == value.casefold().split()
    else:
        assert value.casefold() not in {level.casefold() for level in levels}


def test_a_missing_value_has_no_code() -> None:
    assert math.isnan(encode(None, codes_of(("a",))))
    assert math.isnan(encode(" \t", codes_of(("a",))))

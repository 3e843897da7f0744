"""Names and words."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadcast.features.engine.engagement import loop_features
from leadcast.features.registry import distinct, humanise, snake, span_name, span_words
from leadcast.features.settings import FeatureSettings


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        ("pricing_page_viewed", "pricing_page_viewed", "pricing page viewed"),
        ("PricingPageViewed", "pricingpageviewed", "pricing page viewed"),
        ("W_Nabellen offertes", "w_nabellen_offertes", "W nabellen offertes"),
        ("Télé-vente!", "tele_vente", "télé-vente!"),
        ("价格", "unnamed", "价格"),
    ],
)
def test_names_and_words_of_what_a_source_calls_its_things(
    text: str, name: str, words: str
) -> None:
    assert (snake(text), humanise(text)) == (name, words)


@given(st.text())
@settings(max_examples=100)
def test_a_name_is_plain_ascii(text: str) -> None:
    assert re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", snake(text))


@given(st.lists(st.sampled_from(["a", "a_2", "b", "a_3"])))
def test_distinct_names_are_distinct_and_keep_the_first(names: list[str]) -> None:
    found = distinct(names)
    assert len(set(found)) == len(names)
    assert all(new.startswith(old) for old, new in zip(names, found, strict=True))


def test_spans_of_time() -> None:
    assert [span_name(days) for days in (7, 1, 0.5, 1.5)] == ["7d", "1d", "12h", "1_5d"]
    assert [span_words(days) for days in (7, 1, 0.5)] == ["7 days", "day", "12 hours"]


def test_a_person_can_read_what_a_column_is() -> None:
    settings = FeatureSettings(windows_days=(1, 7))
    features = loop_features(settings, ("pricing_page_viewed",), ())
    told = {feature.name: feature.words for feature in features if feature is not None}
    assert told["pricing_page_viewed_count_7d"] == (
        '"pricing page viewed" events in the last 7 days'
    )
    assert told["pricing_page_viewed_count_1d"].endswith("in the last day")
    assert told["events_count_ever"] == "events so far"

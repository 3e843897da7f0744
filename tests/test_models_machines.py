"""The report's section on events that are not people's: what it shows, and that it is absent."""

from typing import Any

from leadcast.features.nonhuman.evidence import CODES
from leadcast.features.nonhuman.telling import ROLE_WORDS, SIGN_WORDS, nonhuman_words
from leadcast.models.report.machines import nonhuman_blocks
from leadcast.models.report.page import render_report
from tests.report_samples import bare_inputs

FOUND: dict[str, Any] = {
    "events": 1_000,
    "nonhuman": 150,
    "dropped": True,
    "threshold": 0.9,
    "roles": [{"role": role, "events": 200, "nonhuman": 30} for role in ROLE_WORDS],
    "signs": [{"sign": code, "events": 20, "nonhuman": 10} for code in CODES],
    "domains": [{"domain": "<b>guarded</b>.example", "leads": 3, "events": 90, "nonhuman": 60}],
    "n_domains": 4,
    "gateways": 2,
    "leads": 70,
    "leads_without_events": 12,
}
POINTS = [{"threshold": "MQL", "snapshots": 500, "with_machines": 90, "without": 60, "no_more": 33}]
MODEL = {
    "with_machines": {"auc": 0.71, "log_loss": 0.1512},
    "without": {"auc": 0.75, "log_loss": 0.1467},
    "snapshots": 500,
    "gain": [0.0045, 0.002, 0.007],
}


def test_the_section_tells_events_points_and_the_model() -> None:
    change = {"found": FOUND, "points": POINTS, "model": MODEL}
    page = render_report(bare_inputs(nonhuman=change))
    for told in (
        "150 of 1,000\N{NO-BREAK SPACE}events",
        "Above it only by machines",
        "0.00450 nats lower",
        "MQL",
        "0.14670",
    ):
        assert told in page
    assert all(words in page for words in SIGN_WORDS.values() if "'" not in words)
    assert "<b>guarded</b>" not in page, "what a lead wrote is no markup"


def test_a_source_that_does_not_ask_has_no_section() -> None:
    assert nonhuman_blocks(None) == []
    assert "Which events are not people" not in render_report(bare_inputs())


def test_where_all_are_kept_only_the_counts_are_told() -> None:
    found = FOUND | {"dropped": False, "domains": []}
    assert len(nonhuman_blocks({"found": found, "points": [], "model": None})) == 3
    assert "kept (nonhuman.events)" in nonhuman_words(found)[0]


def test_every_sign_has_words() -> None:
    assert set(SIGN_WORDS) == set(CODES)

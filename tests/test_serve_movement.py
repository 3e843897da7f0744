"""Why a score moved: parts that add up to the change, each the change that its cause makes."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadcast.serve.scorer import Scorer
from leadcast.serve.today import movement
from leadcast.serve.today.movement import Earlier, moved_words, movements
from leadcast.serve.today.open_leads import attributes_read, events_before, leads_at
from tests.scoring_world import END, INDUSTRIES, START, bundle_folder, scoring_world

CLOSE = 1e-9
moments = st.integers(20 * 24, 239 * 24).map(lambda hours: START + timedelta(hours=hours))


@cache
def scorer() -> Scorer:
    return Scorer.load(bundle_folder())


def asked_about(
    since: datetime, as_of: datetime, told: Mapping[str, Earlier] | None = None, some: int = 40
) -> pl.DataFrame:
    tables = scoring_world().tables
    leads = leads_at(tables, as_of)[:some]
    return movements(scorer(), leads, events_before(tables, leads, as_of), since, as_of, told)


def log_odds_at(
    lead_id: str, as_of: datetime, known: int | None = None, **changed: object
) -> float:
    """What the scorer says of one lead by its first so many events, by another way of scoring."""
    tables = scoring_world().tables
    lead = tables.leads.filter(lead_id=lead_id)
    events = events_before(tables, lead, as_of)[: 10**6 if known is None else known]
    row = {
        name: lead[name].item()
        for name in ("lead_id", "created_at", *attributes_read(scorer(), lead))
    }
    own = list(events.select("occurred_at", "event_type", "value").iter_rows())
    score = scorer().score_one(row | changed, own, as_of, with_reasons=True)
    assert score.reasons is not None
    return score.reasons.log_odds


def sums(moved: pl.DataFrame) -> list[float]:
    return [sum(part["log_odds"] for part in parts) for parts in moved["parts"].to_list()]


earlier_ones = st.builds(
    Earlier,
    log_odds=st.floats(-6, 6),
    model_version=st.sampled_from(["another", scorer.__name__]),
    events=st.integers(0, 9),
    attributes=st.fixed_dictionaries(
        {},
        optional={
            "industry": st.sampled_from([*INDUSTRIES[:3], None]),
            "company_size": st.one_of(st.none(), st.floats(1, 1e4)),
            "newsletter": st.booleans(),
        },
    ),
)


@settings(max_examples=12)
@given(
    ends=st.lists(moments, min_size=2, max_size=2, unique=True).map(sorted),
    told=st.lists(earlier_ones, max_size=30),
)
def test_parts_add_up_to_the_change_whatever_happened(
    ends: list[datetime], told: list[Earlier]
) -> None:
    since, as_of = ends
    leads = leads_at(scoring_world().tables, as_of)["lead_id"].to_list()
    before = dict(zip(leads, told, strict=False))
    moved = asked_about(since, as_of, before)
    change = (moved["log_odds"] - moved["log_odds_before"]).to_numpy()
    assert sums(moved) == pytest.approx(change, abs=CLOSE)
    for lead_id, was in zip(moved["lead_id"], moved["log_odds_before"], strict=True):
        if lead_id in before:
            assert was == before[lead_id].log_odds


def test_the_law_of_sums_can_fail() -> None:
    moved = asked_about(END - timedelta(days=30), END)
    without_time = [
        sum(part["log_odds"] for part in parts if part["kind"] != "time")
        for parts in moved["parts"].to_list()
    ]
    change = (moved["log_odds"] - moved["log_odds_before"]).to_numpy()
    assert without_time != pytest.approx(change, abs=CLOSE)


def test_both_ends_are_what_the_scorer_says_of_the_lead() -> None:
    since, as_of = END - timedelta(days=60), END - timedelta(days=20)
    moved = asked_about(since, as_of, some=8)
    assert moved.height
    for row in moved.iter_rows(named=True):
        assert row["log_odds"] == pytest.approx(log_odds_at(row["lead_id"], as_of), abs=CLOSE)
        assert row["log_odds_before"] == pytest.approx(
            log_odds_at(row["lead_id"], since), abs=CLOSE
        )


def test_an_events_part_is_what_the_score_gains_by_it() -> None:
    since, as_of = END - timedelta(days=90), END - timedelta(days=1)
    moved = asked_about(since, as_of, some=600)
    busiest = moved.sort(pl.col("parts").list.len(), "lead_id").row(-1, named=True)
    parts: list[dict[str, Any]] = busiest["parts"]
    assert [part["kind"] for part in parts[:1]] == ["time"]
    old = log_odds_at(busiest["lead_id"], since)
    tables = scoring_world().tables
    lead = tables.leads.filter(lead_id=busiest["lead_id"])
    n_old = events_before(tables, lead, since).height
    steps = [old, *(log_odds_at(busiest["lead_id"], as_of, n_old + n) for n in range(len(parts)))]
    assert [part["log_odds"] for part in parts] == pytest.approx(np.diff(steps), abs=CLOSE)
    assert len(parts) > 2
    times = [part["at"] for part in parts[1:]]
    assert times == sorted(times)


def test_many_events_are_told_as_one_part_and_still_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    since, as_of = END - timedelta(days=90), END - timedelta(days=1)
    apart = asked_about(since, as_of)
    monkeypatch.setattr(movement, "MOST_EVENTS_APART", 1)
    together = asked_about(since, as_of)
    assert sums(together) == pytest.approx(sums(apart), abs=CLOSE)
    assert max(len(parts) for parts in together["parts"].to_list()) == 3
    assert "events" in {part["kind"] for parts in together["parts"].to_list() for part in parts}


def test_a_changed_attribute_has_the_part_that_its_change_makes() -> None:
    since, as_of = END - timedelta(days=10), END
    lead_id = asked_about(since, as_of)["lead_id"][0]
    before = log_odds_at(lead_id, since, industry="retail")
    n_old = events_before(
        scoring_world().tables, pl.DataFrame({"lead_id": [lead_id]}), since
    ).height
    version = scorer().bundle.manifest.bundle_id[:12]
    told = {lead_id: Earlier(before, version, n_old, {"industry": "retail", "budget": 1.0})}
    parts = asked_about(since, as_of, told)["parts"][0].to_list()
    own = scoring_world().tables.leads.filter(lead_id=lead_id)["industry"].item()
    by_kind = {part["what"].partition(":")[0]: part["log_odds"] for part in parts}
    expected = log_odds_at(lead_id, since) - log_odds_at(lead_id, since, industry="retail")
    assert own != "retail"
    assert by_kind["industry"] == pytest.approx(expected, abs=CLOSE)
    assert any(part["what"].startswith("budget: 1 → ") for part in parts)


def test_another_model_has_what_no_other_cause_explains() -> None:
    since, as_of = END - timedelta(days=10), END
    lead_id = asked_about(since, as_of)["lead_id"][0]
    tables, own = scoring_world().tables, pl.DataFrame({"lead_id": [lead_id]})
    n_old = events_before(tables, own, since).height
    for events, words in ((n_old, "another model"), (n_old + 1, "another model, and what")):
        told = {lead_id: Earlier(-1.25, "another", events)}
        first = asked_about(since, as_of, told)["parts"][0].to_list()[0]
        assert first["kind"] == "model"
        assert first["what"].startswith(words)
        expected = log_odds_at(lead_id, since) + 1.25
        assert first["log_odds"] == pytest.approx(expected, abs=CLOSE)


def test_leads_that_were_not_there_have_not_moved() -> None:
    since, as_of = END - timedelta(days=60), END
    tables = scoring_world().tables
    moved = asked_about(since, as_of, some=600)["lead_id"].to_list()
    there = tables.leads.filter(pl.col("created_at") <= since)["lead_id"]
    assert 0 < len(moved) < leads_at(tables, as_of).height
    assert set(moved) <= set(there)


def test_words_tell_the_strongest_cause_first_and_leave_out_what_is_nothing() -> None:
    parts = [
        {"kind": "time", "what": "time passing", "log_odds": -0.05},
        {"kind": "event", "what": "page_viewed", "log_odds": 0.3},
        {"kind": "event", "what": "demo_requested", "log_odds": 0.62},
        {"kind": "event", "what": "page_viewed", "log_odds": 0.1},
        {"kind": "attribute", "what": "industry: retail → health", "log_odds": 0.001},
    ]
    words = "+0.62 demo requested; +0.40 2 × page viewed; -0.05 time passing"
    assert moved_words(parts) == words
    assert moved_words([]) == moved_words(None) == ""

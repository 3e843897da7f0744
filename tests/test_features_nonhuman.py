"""Machines told from people: each sign, the loop against an oracle, nothing of the future."""

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from pydantic import ValidationError

from leadcast.features.nonhuman.evidence import SETTLED_US
from leadcast.features.nonhuman.gateway_domains import find_gateways
from leadcast.features.nonhuman.judging import judge, reduced
from leadcast.features.nonhuman.people_events import (
    NONHUMAN,
    people_only,
    people_only_of_one,
)
from leadcast.features.nonhuman.people_rules import Gateway, PeopleRules, digest_of
from leadcast.features.nonhuman.signs import (
    AGENT,
    HOSTING,
    PROXY,
    SCANNER,
    STAFF,
    bits_of_address,
    bits_of_agent,
)
from tests.people_world import EMAIL, KINDS, SlowJudge, at, rules, some_events

LEAD = {"lead_id": "A", "email": EMAIL}
RULES = rules()
GUARDED = rules(gateways=[Gateway(domain=digest_of("guarded.example"), since_us=0)])
Events = list[Any]


SCHEMA: dict[str, pl.DataType] = {
    "lead_id": pl.String(),
    "occurred_at": pl.Datetime("us", "UTC"),
    "event_type": pl.String(),
    "value": pl.Float64(),
    "user_agent": pl.String(),
}


def table(events: Events, lead_id: str = "A") -> pl.DataFrame:
    agents = [(one[3] if len(one) > 3 else {}).get("user_agent") for one in events]
    rows = [(lead_id, *one[:3], agent) for one, agent in zip(events, agents, strict=True)]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def people(events: Events, own: PeopleRules = RULES) -> Events:
    return list(people_only_of_one(own, LEAD, events))


def log_odds(events: Events, own: PeopleRules = RULES, email: str | None = EMAIL) -> list[float]:
    nobody = np.zeros(len(events), np.int32)
    found: list[float] = judge(own, reduced(own, table(events)), nobody, [email]).log_odds.tolist()
    return found


def said(*events: tuple[float, str], own: PeopleRules = RULES) -> list[float]:
    """How probable it is that each is not a person's, to two digits."""
    found = np.array(log_odds([(at(when), kind, None) for when, kind in events], own))
    return [round(one, 2) for one in (1 / (1 + np.exp(-found))).tolist()]


@pytest.mark.parametrize("own", [RULES, GUARDED], ids=["any domain", "a gateway's domain"])
@given(events=some_events())
@settings(max_examples=50)
def test_the_loop_says_what_the_words_say(own: PeopleRules, events: Events) -> None:
    since = datetime.fromisoformat("1970-01-01T00:00:00Z") if own is GUARDED else None
    assert log_odds(events, own) == pytest.approx(SlowJudge(own, events, since).log_odds())


def test_the_oracle_can_fail() -> None:
    burst: Events = [
        (at(0), "sent", None, {}),
        *((at(9 + n / 2), "clicked", None, {}) for n in range(3)),
    ]
    wrong = SlowJudge(RULES, burst[:-1]).log_odds()
    assert log_odds(burst)[:-1] != pytest.approx(wrong)


@given(events=some_events(), cut=some_events())
@settings(max_examples=50)
def test_what_counts_at_a_moment_follows_from_what_was_known_then(
    events: Events, cut: Events
) -> None:
    for as_of in {one[0] for one in [*events, *cut]} | {at(0.5), at(2.2)}:
        before = [one for one in events if one[0] < as_of]
        other_future = [one for one in cut if one[0] >= as_of]
        told = [
            sorted(one for one in people(some, GUARDED) if one[0] < as_of)
            for some in (events, before, before + other_future)
        ]
        assert told[0] == told[1] == told[2]


def test_without_the_wait_the_future_would_tell() -> None:
    # So that the law above can fail: the first link of a burst is judged by the links after it.
    first, rest = (
        (at(700), "clicked", None),
        [(at(700.5 + n / 3), "clicked", None) for n in range(3)],
    )
    alone, whole = (people(some) for some in ([first], [first, *rest]))
    assert alone[0][0] - first[0] == timedelta(microseconds=SETTLED_US)
    assert whole == []


@given(events=some_events())
@settings(max_examples=25)
def test_one_lead_and_a_table_are_judged_alike_in_any_order(events: Events) -> None:
    one = sorted(people(events, GUARDED))
    others = table([(at(3), "sent", None), (at(4), "clicked", None)], "B")
    leads = pl.DataFrame({"lead_id": ["B", "A"], "email": ["b@other.example", EMAIL]})
    many = people_only(GUARDED, leads, pl.concat([others, table(events)]).lazy()).collect()
    mine = many.filter(lead_id="A").select("occurred_at", "event_type", "value")
    assert sorted(mine.iter_rows()) == one
    assert set(many.columns) == {"lead_id", "occurred_at", "event_type", "value"}


def test_links_within_two_seconds_and_just_after_delivery_are_a_machine() -> None:
    burst = said((0, "sent"), (20, "clicked"), (20.5, "clicked"), (21.4, "clicked"))
    assert burst == [0.01, 1.0, 1.0, 1.0]
    # Days later, after an open, one link and one at a time.
    assert said((0, "sent"), (9e4, "opened"), (9e4 + 9, "clicked"))[1:] == [0.05, 0.01]
    assert said((0, "sent"), (9e4, "opened"), (9e4 + 9, "clicked"), (9e4 + 9.6, "clicked"))[2] < 0.5


def test_a_click_before_its_delivery_is_written_down_is_at_once() -> None:
    assert said((0, "clicked"), (1.5, "sent"))[0] > said((0, "clicked"), (3.5, "sent"))[0]


def test_habits_and_domains_weigh_only_with_what_is_quick() -> None:
    mails = [(n * 9e4, kind) for n in range(5) for kind in ("sent",)]
    quick = [(n * 9e4 + 30, "clicked") for n in range(5)]
    usual = said(*mails, *quick)[5:]
    assert usual[0] < 0.9 < usual[3], "as quickly on every mail"
    assert said((0, "sent"), (30, "clicked"), own=GUARDED)[1] > 0.9
    assert said((0, "sent"), (9e4, "opened"), (9e4 + 5, "clicked"), own=GUARDED)[2] < 0.1


def test_a_page_after_a_machines_click_is_its_own_and_after_a_persons_it_is_not() -> None:
    burst = [(20 + n / 3, "clicked") for n in range(3)]
    assert said((0, "sent"), *burst, (23, "viewed"), (60, "viewed"))[4:] == [0.95, 0.05]
    assert said((0, "sent"), (9e4, "opened"), (9e4 + 9, "clicked"), (9e4 + 10, "viewed"))[3] == 0.05


def test_opens_say_nothing_where_none_are_recorded() -> None:
    plain = rules(opens=())
    assert (
        said((0, "sent"), (100, "clicked"))[1] > said((0, "sent"), (100, "clicked"), own=plain)[1]
    )


@pytest.mark.parametrize(
    ("agent", "bits"),
    [
        ("Mozilla/5.0 (X11) HeadlessChrome/124.0 Safari/537.36", AGENT),
        ("Googlebot/2.1", AGENT),
        ("some UptimeRobot/2.0", AGENT),
        ("curl/8.5.0", AGENT),
        ("Mozilla/5.0 (compatible; Some bot)", AGENT),
        ("Mozilla/5.0 (Linux; Android 14; CUBOT X70) Chrome/130.0", 0),
        ("Mozilla/5.0 (Linux; Android 9; CUBOT) Chrome/130.0", 0),
        ("Mozilla/5.0", PROXY),
        ("Mozilla/5.0 (Windows NT 5.1) (via ggpht.com GoogleImageProxy)", 0),
        ("Mozilla/5.0 (Macintosh) Version/18.1 Safari/605", 0),
        ("", 0),
    ],
)
def test_user_agents(agent: str, bits: int) -> None:
    assert bits_of_agent(RULES, agent) == bits


def test_addresses() -> None:
    own = rules(
        own_networks=["203.0.113.0/24", "2001:db8::/32"], scanner_networks=["198.51.100.0/24"]
    )
    told = {
        "203.0.113.9": STAFF,
        "2001:db8::1": STAFF,
        "198.51.100.200": SCANNER,
        "17.58.1.1": PROXY,
        "54.144.1.1": HOSTING,
        "192.0.2.1": 0,
        "unknown": 0,
    }
    assert {address: bits_of_address(own, address) for address in told} == told


def test_colleagues_and_test_leads_do_nothing() -> None:
    own = rules(own_domains=["ours.example"], test_leads=["qa+*", "*@try.example"])
    told = {
        "Anna@Ours.example": True,
        "qa+7@guarded.example": True,
        "x@try.example": True,
        "anna@guarded.example": False,
        "ours.example": True,
        None: False,
    }
    assert {email: own.is_nobody(email) for email in told} == told
    call = [(at(0), "call", None)]
    assert people_only_of_one(own, LEAD, call) == call
    assert people_only_of_one(own, LEAD | {"email": "a@ours.example"}, call) == []


def test_events_that_were_judged_before_are_not_judged_again() -> None:
    burst = table([(at(20 + n / 3), "clicked", None) for n in range(3)])
    judged = burst.with_columns(pl.Series(NONHUMAN, [0.95, 0.1, None]))
    kept = people_only(RULES, pl.DataFrame([LEAD]), judged.lazy()).collect()
    assert kept["occurred_at"].to_list() == [at(20 + n / 3) for n in (1, 2)]


def test_what_lacks_its_lead_time_or_kind_stays_for_others_to_tell() -> None:
    gaps = table([(at(0), "call", None)] * 4).with_columns(
        pl.Series("lead_id", ["A", None, "A", "C"]),
        pl.Series("event_type", ["call"] * 2 + [None] * 2),
    )
    kept = people_only(RULES, pl.DataFrame([LEAD]), gaps.lazy()).collect()
    assert kept["lead_id"].to_list() == ["A", None, "A"]


def found_gateways(clicks: list[tuple[str, float]]) -> tuple[Gateway, ...]:
    """The domains behind a machine, where each (lead, moment) is a burst of three links."""
    leads = sorted({lead for lead, _ in clicks})
    events = [(at(when + n / 3), "clicked", None) for _, when in clicks for n in range(3)]
    places = np.repeat([leads.index(lead) for lead, _ in clicks], 3).astype(np.int32)
    few, emails = reduced(RULES, table(events)), [f"{lead}@guarded.example" for lead in leads]
    return find_gateways(RULES, few, judge(RULES, few, places, emails), places, emails)


def test_a_domain_counts_from_when_enough_of_its_leads_had_a_machines_clicks() -> None:
    assert found_gateways([("a", 100.0), ("a", 900.0), ("a", 2000.0)]) == (), "one lead alone"
    (found,) = found_gateways([("a", 100.0), ("b", 900.0), ("b", 5000.0)])
    fifth = at(900 + 1 / 3) + timedelta(microseconds=SETTLED_US)
    assert found.domain == digest_of("guarded.example")
    assert datetime.fromtimestamp(found.since_us / 1e6, fifth.tzinfo) == fifth


def test_providers_whose_users_share_nothing_are_no_gateways() -> None:
    own = rules(gateways=[Gateway(domain=digest_of("gmail.com"), since_us=0)])
    assert own.gateway_since("a@gmail.com") > 2**62
    assert GUARDED.gateway_since(EMAIL) == 0


def test_rules_survive_json_and_hostile_ones_are_refused() -> None:
    assert PeopleRules.from_json(GUARDED.to_json(), "x") == GUARDED
    for wrong in (
        {"threshold": 0.2},
        {"own_networks": ["nowhere"]},
        {"test_leads": ["*a*"]},
        {"agents": [""]},
        {"gateways": [{"domain": "guarded.example", "since_us": 0}]},
    ):
        with pytest.raises(ValidationError):
            PeopleRules(**(RULES.model_dump() | wrong))


def test_every_kind_has_a_place() -> None:
    assert set(RULES.roles) == set(KINDS) - {"call"}

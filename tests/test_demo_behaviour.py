"""Events follow hidden intent, stay inside the world, and betray the paid form-filler."""

import numpy as np
import numpy.typing as npt

from leadcast.demo import world
from leadcast.demo.behaviour import Log, draw_log
from leadcast.demo.intent import CUSTOMER, OPEN_STATES, OUT, Path
from leadcast.demo.law import KINDS, NAMES
from leadcast.demo.origins import INCENTIVISED
from tests.demo_samples import WORLD_LEADS, uniform_origins, uniform_people, world_part


def events_a_lead(log: Log, n_leads: int, *names: str) -> npt.NDArray[np.int64]:
    kinds = [NAMES.index(name) for name in names] or list(range(len(NAMES)))
    return np.bincount(log.lead[np.isin(log.kind, kinds)], minlength=n_leads)


def in_one_state(state: int, n_leads: int = 400, days: int = 30) -> Log:
    path: Path = np.full((n_leads, world.DAYS), OUT, np.uint8)
    path[:, :days] = state
    rng = np.random.default_rng(state)
    created = 100 * world.DAY_SECONDS + 5_000
    return draw_log(rng, uniform_origins(n_leads, created), uniform_people(n_leads), path)


def test_events_are_in_order_after_the_arrival_and_before_the_end() -> None:
    part = world_part()
    assert (np.diff(part.log.at) >= 0).all()
    assert (part.log.at >= part.origins.created[part.log.lead]).all()
    assert part.log.at.max() < world.LAST_SECOND


def test_about_fifty_events_a_lead_with_a_long_tail() -> None:
    counts = events_a_lead(world_part().log, WORLD_LEADS)
    assert 40 < counts.mean() < 65
    assert np.median(counts) < 0.75 * counts.mean()
    assert np.quantile(counts, 0.99) > 200
    assert (counts == 0).any()


def test_activity_rises_with_intent() -> None:
    viewed = [
        events_a_lead(in_one_state(state), 400, "pricing_page_viewed").mean()
        for state in range(OPEN_STATES)
    ]
    assert (np.diff(viewed) > 0).all()
    assert viewed[3] > 20 * viewed[0]


def test_rates_are_those_of_the_table_and_the_season() -> None:
    log = in_one_state(2, n_leads=3_000)
    season = world.activity_by_day()[100:130].sum()
    for number, kind in enumerate(KINDS):
        expected = 3_000 * kind.rates[2] * season
        found = np.count_nonzero(log.kind == number)
        assert abs(found - expected) <= 4 * np.sqrt(expected) + 0.01 * expected, kind.name


def test_some_events_come_after_the_outcome() -> None:
    part = world_part()
    won_at = part.endings.won_at[part.log.lead]
    after = (won_at >= 0) & (part.log.at > won_at)
    onboarding = part.log.kind == NAMES.index("onboarding_email_opened")
    assert after.any()
    assert after[onboarding].all()
    states = in_one_state(CUSTOMER)
    assert events_a_lead(states, 400, "product_logged_in").min() > 0


def test_who_is_paid_for_forms_fills_in_forms_at_once_and_is_not_seen_again() -> None:
    part = world_part()
    paid = part.origins.vendor == INCENTIVISED
    early = part.log.at < part.origins.created[part.log.lead] + 3 * world.DAY_SECONDS
    first_days = Log(*(getattr(part.log, f)[early] for f in ("lead", "at", "kind", "value")))
    forms = events_a_lead(first_days, WORLD_LEADS, "form_submitted")
    assert forms[paid].mean() > 10 * forms[~paid].mean()
    assert events_a_lead(part.log, WORLD_LEADS, "pricing_page_viewed")[paid].mean() < 1.0


def test_only_kinds_that_have_a_value_have_one() -> None:
    log = world_part().log
    for number, kind in enumerate(KINDS):
        values = log.value[log.kind == number]
        assert np.isfinite(values).all() if kind.value else np.isnan(values).all()


def test_unreachable_people_take_no_calls_and_invalid_addresses_open_no_mail() -> None:
    part = world_part()
    calls = events_a_lead(part.log, WORLD_LEADS, "call_connected", "meeting_booked")
    assert calls[~part.people.phone_valid].sum() == 0
    bounced = events_a_lead(part.log, WORLD_LEADS, "email_bounced")
    opened = events_a_lead(part.log, WORLD_LEADS, "email_opened")
    assert not ((bounced > 0) & (opened > 0) & (part.origins.vendor != INCENTIVISED)).any()


def test_scanners_click_seconds_after_the_mail_is_opened() -> None:
    part = world_part()
    opens, clicks = NAMES.index("email_opened"), NAMES.index("email_clicked")
    opened = part.log.kind == opens
    clicked = part.log.kind == clicks
    moment = part.log.lead * world.LAST_SECOND + part.log.at
    lead, at_once = part.log.lead[clicked], np.isin(moment[clicked] - 2, moment[opened])
    assert at_once[part.people.scanned[lead]].mean() > 0.3
    assert at_once[~part.people.scanned[lead]].mean() < 0.01

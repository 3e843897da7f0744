"""Who comes from where: channels, vendors, companies, and what marks the bad sources."""

import numpy as np
import pytest

from leadcast.demo import world
from leadcast.demo.origins import (
    CAMPAIGNS,
    CHANNELS,
    INCENTIVISED,
    PAID_ADS,
    PURCHASED,
    REQUESTS,
    RESELLER,
    VENDORS,
    draw_origins,
    pick,
)
from leadcast.demo.people import BUSINESS_EMAIL, draw_people
from tests.demo_samples import WORLD_LEADS, world_part


def test_every_channel_and_vendor_has_its_share() -> None:
    origins = world_part().origins
    channels = np.bincount(origins.channel, minlength=len(CHANNELS)) / WORLD_LEADS
    assert channels.min() > 0.04
    assert channels[PURCHASED] == pytest.approx(0.12, abs=0.015)
    vendors = np.bincount(origins.vendor[origins.vendor >= 0], minlength=len(VENDORS))
    assert vendors.min() / vendors.sum() > 0.18
    assert np.array_equal(origins.vendor >= 0, origins.channel == PURCHASED)


def test_only_the_reseller_sells_the_same_person_twice() -> None:
    origins = world_part().origins
    copy = origins.person < np.arange(WORLD_LEADS)
    assert (origins.vendor[copy] == RESELLER).all()
    assert 0.2 < copy[origins.vendor == RESELLER].mean() < 0.4


def test_a_person_stays_a_person_and_a_company_a_company() -> None:
    part = world_part()
    for first in (part.origins.person, part.origins.account):
        assert np.array_equal(first, first[first])
        assert (first <= np.arange(WORLD_LEADS)).all()
    assert np.array_equal(part.origins.account, part.origins.account[part.origins.person])
    for name in ("size", "industry", "country", "employees"):
        values = getattr(part.people, name)
        assert np.array_equal(values, values[part.origins.account])


def test_leads_of_one_company_arrive_within_weeks_of_each_other() -> None:
    origins = world_part().origins
    follows = origins.account < np.arange(WORLD_LEADS)
    apart = (origins.created - origins.created[origins.account])[follows] / world.DAY_SECONDS
    assert 0.1 < follows.mean() < 0.3
    assert np.median(apart) < 45


def conversion(rows: np.typing.NDArray[np.bool_]) -> float:
    part = world_part()
    delay = part.endings.won_at - part.origins.created
    mature = part.origins.created < world.LAST_SECOND - 60 * world.DAY_SECONDS
    wins = (part.endings.won_at >= 0) & (delay <= 60 * world.DAY_SECONDS)
    return float(wins[rows & mature].mean())


def test_bad_sources_convert_badly() -> None:
    origins = world_part().origins
    honest = conversion((origins.vendor < 0) & ~origins.weak)
    assert conversion(origins.vendor == RESELLER) < 0.6 * honest
    assert conversion(origins.vendor == INCENTIVISED) < 0.2 * honest
    assert conversion(origins.weak) < 0.2 * honest


def test_the_weak_campaign_shows_as_a_dip_while_it_runs() -> None:
    origins = world_part().origins
    day = origins.created // world.DAY_SECONDS
    runs = world.campaign_runs(day)
    assert origins.weak[~runs].sum() == 0
    assert origins.weak[runs].mean() == pytest.approx(world.WEAK_CAMPAIGN_SHARE, abs=0.02)
    assert (origins.channel[origins.weak] == PAID_ADS).all()
    assert conversion(runs) < 0.85 * conversion(~runs & (day > world.PRICE_CHANGE_DAY))


def test_the_price_change_lowers_conversion() -> None:
    origins = world_part().origins
    day = origins.created // world.DAY_SECONDS
    # A window of 60 days that ends before the change, against any after it.
    before = day < world.PRICE_CHANGE_DAY - 30
    after = (day >= world.PRICE_CHANGE_DAY) & ~world.campaign_runs(day)
    assert conversion(after) < 0.9 * conversion(before)


def test_what_a_lead_asks_for_tells_something_of_its_intent() -> None:
    origins = world_part().origins
    asks_demo = origins.request == REQUESTS.index("Demo Request")
    assert conversion(asks_demo) > 2 * conversion(origins.request == REQUESTS.index("Newsletter"))


def test_new_campaigns_keep_appearing() -> None:
    origins = world_part().origins
    early = origins.created < world.LAST_SECOND // 2
    seen = set(origins.campaign[early].tolist())
    later = set(origins.campaign[~early].tolist())
    assert len(later - seen) >= 4 * len(CHANNELS)
    assert max(later | seen) < len(CAMPAIGNS)


def test_bought_leads_cost_what_the_vendor_asks_and_say_no_request() -> None:
    origins = world_part().origins
    bought = origins.vendor >= 0
    assert np.isfinite(origins.cost[bought]).all()
    assert len(np.unique(origins.cost[bought])) == len(VENDORS)
    assert (origins.request[bought] == REQUESTS.index(None)).all()


def test_business_addresses_are_rare_where_leads_are_paid_or_after_a_prize() -> None:
    part = world_part()
    business = part.people.email == BUSINESS_EMAIL
    bad = part.origins.weak | (part.origins.vendor == INCENTIVISED)
    assert business[bad].mean() < 0.4 < 0.6 < business[~bad].mean()


def test_a_part_of_one_lead_is_legal() -> None:
    rng = np.random.default_rng(0)
    origins = draw_origins(rng, np.array([5]))
    assert origins.person.tolist() == origins.account.tolist() == [0]
    assert len(draw_people(rng, origins).fit) == 1


def test_pick_draws_by_the_shares_of_the_row() -> None:
    shares = np.array([[0.2, 0.5, 0.3], [0.0, 0.0, 1.0]])
    row = np.repeat([0, 1], 30_000)
    drawn = pick(np.random.default_rng(0), shares, row)
    found = [np.bincount(drawn[row == k], minlength=3) / 30_000 for k in (0, 1)]
    assert found[0] == pytest.approx(shares[0], abs=0.01)
    assert found[1].tolist() == [0.0, 0.0, 1.0]

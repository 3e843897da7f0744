"""Accounts: which lead is of which, and what is known of its colleagues at a moment."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import hypothesis.strategies as st
import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from hypothesis import given, settings
from polars.testing import assert_frame_equal

from leadcast.features.accounts.account_history import (
    account_history,
    colleagues,
    with_account_history,
)
from leadcast.features.accounts.account_loop import (
    ACCOUNT_FEATURES,
    account_values,
    entries_of,
    entries_of_one,
)
from leadcast.features.accounts.known_accounts import KnownLeads
from leadcast.features.accounts.matching import EarlierMatches, business_domain, match_leads
from leadcast.features.accounts.roles import buying_role
from leadcast.features.engine.engine import compute, compute_one
from leadcast.features.engine.plan import FeaturePlan
from leadcast.features.tables import ACCOUNT_HISTORY, TIME, Tables, TimeOrder, empty_events
from tests.feature_world import SETTINGS

START = datetime(2025, 3, 1, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LAG_DAYS = 2.0
MICROSECOND = timedelta(microseconds=1)
TITLES = (None, "CEO", "CFO", "Head of IT", "Senior Engineer", "developer", "student")
moments = st.integers(0, 60).map(lambda step: START + timedelta(hours=6 * step))


@dataclass(frozen=True)
class Lead:
    """One lead with all that is known of it."""

    created: datetime
    account: str | None
    email: str | None
    company: str | None
    title: str | None
    events: tuple[datetime, ...]
    won: datetime | None
    lost: datetime | None


leads_drawn = st.builds(
    Lead,
    created=moments,
    account=st.sampled_from([None, None, "A1", "A2"]),
    email=st.sampled_from([None, "a@acme.com", "b@acme.com", "c@blue.io", "d@gmail.com"]),
    company=st.sampled_from([None, "Acme GmbH", "ACME", "Blue Inc."]),
    title=st.sampled_from(TITLES),
    events=st.lists(moments, max_size=4).map(tuple),
    won=st.none() | moments,
    lost=st.none() | moments,
)
World = dict[str, Lead]
worlds = st.lists(leads_drawn, min_size=1, max_size=7).map(
    lambda leads: {f"lead {number}": lead for number, lead in enumerate(leads)}
)


def table_of(world: World, order: list[str] | None = None) -> pl.DataFrame:
    names = [*world] if order is None else order
    columns = {
        "lead_id": names,
        "created_at": [world[name].created for name in names],
        "account_id": [world[name].account for name in names],
        "email": [world[name].email for name in names],
        "company": [world[name].company for name in names],
        "job_title": [world[name].title for name in names],
    }
    texts = dict.fromkeys(("lead_id", "account_id", "email", "company", "job_title"), pl.String())
    return pl.DataFrame(columns, schema_overrides={"created_at": TIME, **texts})


def known_of(world: World) -> tuple[pl.LazyFrame, pl.DataFrame]:
    """Events and outcomes."""
    rows = [(name, at, "x", None) for name, lead in world.items() for at in lead.events]
    events = pl.LazyFrame(rows, schema=empty_events().collect_schema(), orient="row")
    ends = [(name, lead.won, lead.lost) for name, lead in world.items()]
    outcomes = pl.DataFrame(
        ends, schema={"lead_id": pl.String, "won_at": TIME, "lost_at": TIME}, orient="row"
    )
    return events, outcomes


def carried(world: World, order: list[str] | None = None) -> pl.DataFrame:
    """The leads with what they carry of their accounts."""
    leads = table_of(world, order)
    events, outcomes = known_of(world)
    return with_account_history(leads, events, outcomes, match_leads(leads).matches)


def features_at(leads: pl.DataFrame, as_of: datetime) -> dict[str, npt.NDArray[np.float32]]:
    us = np.full(leads.height, (as_of - EPOCH) // MICROSECOND, np.int64)
    lag_us = round(LAG_DAYS * 86_400_000_000)
    values = account_values(entries_of(leads), np.arange(leads.height), us, lag_us)
    return dict(zip(leads["lead_id"], values, strict=True))


def counted_by_hand(world: World, name: str, as_of: datetime) -> dict[str, float]:
    """The features of one lead, by the sentences that describe them."""
    own = match_leads(table_of(world)).matches
    whose = dict(own.select("lead_id", "account_id").iter_rows())
    if whose[name] is None:
        return {feature.name: np.nan for feature in ACCOUNT_FEATURES}
    others = [
        lead
        for one, lead in world.items()
        if one != name and whose[one] == whose[name] and lead.created < as_of
    ]
    roles = [buying_role(lead.title) for lead in others]
    done = [
        (number, max(at, lead.created))
        for number, lead in enumerate(others)
        for at in lead.events
        if max(at, lead.created) < as_of
    ]
    # What happened before a colleague's lead was known became known with it.
    all_others = [
        one for other, one in world.items() if other != name and whose[other] == whose[name]
    ]
    lag = timedelta(days=LAG_DAYS)
    ends = [
        [max(end, one.created) for one in all_others if (end := getattr(one, kind)) is not None]
        for kind in ("won", "lost")
    ]
    won, lost = ([end for end in own if end + lag < as_of] for own in ends)

    def days(times: list[datetime]) -> float:
        return (as_of - max(times)) / timedelta(days=1) if times else np.nan

    def within(span: int) -> list[tuple[int, datetime]]:
        return [one for one in done if one[1] >= as_of - timedelta(days=span)]

    kinds = ("decision_maker", "champion", "influencer", "user", "finance")
    found = {
        f"account_{kind}{'' if kind == 'finance' else 's'}": roles.count(kind) for kind in kinds
    }
    return {
        "account_leads": len(others),
        **found,
        "account_roles": len({*roles} - {"no_role"}),
        **{f"account_events_{span}d": len(within(span)) for span in (7, 30, 90)},
        "account_active_30d": len({number for number, _ in within(30)}),
        "account_days_since_lead": days([lead.created for lead in others]),
        "account_days_since_event": days([at for _, at in done]),
        "account_won": len(won),
        "account_lost": len(lost),
        "account_days_since_won": days(won),
    }


@settings(max_examples=15)
@given(worlds, moments)
def test_features_are_what_their_words_say(world: World, as_of: datetime) -> None:
    found = features_at(carried(world), as_of)
    names = [feature.name for feature in ACCOUNT_FEATURES]
    for name in world:
        by_hand = counted_by_hand(world, name, as_of)
        expected = np.array([by_hand[one] for one in names], np.float32)
        np.testing.assert_allclose(found[name], expected, rtol=1e-6, err_msg=name)


@settings(max_examples=30)
@given(worlds, leads_drawn, moments, st.data())
def test_nothing_from_the_moment_on_changes_a_feature(
    world: World, other: Lead, as_of: datetime, data: st.DataObject
) -> None:
    """Leads, events and outcomes at or after `as_of`, added, moved or removed, change nothing."""
    later = st.integers(0, 9).map(lambda step: as_of + timedelta(hours=6 * step))

    def moved(lead: Lead) -> Lead:
        kept = tuple(at for at in lead.events if at < as_of)
        won, lost = (
            at if at is not None and at < as_of else data.draw(st.none() | later)
            for at in (lead.won, lead.lost)
        )
        events = (*kept, *data.draw(st.lists(later, max_size=3)))
        return replace(lead, events=events, won=won, lost=lost)

    before = {name: lead for name, lead in world.items() if lead.created < as_of}
    changed = {name: moved(lead) for name, lead in before.items()}
    # Its name puts it before all others that come at the same moment.
    changed["a lead of later"] = replace(other, created=data.draw(later))
    found, expected = features_at(carried(changed), as_of), features_at(carried(world), as_of)
    for name in before:
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)


@settings(max_examples=30)
@given(worlds, st.data())
def test_the_order_of_the_rows_changes_nothing(world: World, data: st.DataObject) -> None:
    order = data.draw(st.permutations([*world]))
    assert_frame_equal(carried(world, order).sort("lead_id"), carried(world).sort("lead_id"))


TABLE = pl.DataFrame({"account_id": ["A1"], "name": ["Blue"], "domain": ["blue.io"]})


@settings(max_examples=20)
@given(worlds, moments, moments, st.booleans(), st.data())
def test_new_leads_have_the_accounts_that_a_run_with_them_would_give(
    world: World, cut: datetime, as_of: datetime, has_table: bool, data: st.DataObject
) -> None:
    again = data.draw(st.sets(st.sampled_from([*world])))
    check_new_leads(world, cut, as_of, again, TABLE if has_table else None)


def short(day: int, account: str | None, email: str | None) -> Lead:
    return Lead(START + timedelta(days=day), account, email, None, "CEO", (), None, None)


@pytest.mark.parametrize("again", [set(), {"b"}, {"a", "b"}])
@pytest.mark.parametrize(
    "world",
    [
        {
            "a": short(0, None, "x@acme.com"),
            "b": short(1, None, "y@acme.com"),
            "c": short(5, "A1", "z@acme.com"),
        },
        {
            "a": short(0, "A1", "x@acme.com"),
            "b": short(0, None, "y@acme.com"),
            "c": short(5, None, "z@acme.com"),
        },
    ],
    ids=["a new lead tells an account's identifier", "two leads of one moment"],
)
def test_new_leads_of_an_account_that_is_called_otherwise(world: World, again: set[str]) -> None:
    check_new_leads(world, START + timedelta(days=3), START + timedelta(days=9), again, None)


def check_new_leads(
    world: World, cut: datetime, as_of: datetime, again: set[str], table: pl.DataFrame | None
) -> None:
    """A run knows the leads before `cut`; later ones are new, and any may be given again."""
    every = match_leads(table_of(world), table)
    events, outcomes = known_of(world)
    expected = with_account_history(table_of(world), events, outcomes, every.matches)
    first = {name: lead for name, lead in world.items() if lead.created < cut}
    asked = {name: lead for name, lead in world.items() if name not in first or name in again}

    run, (past, ended) = match_leads(table_of(first), table), known_of(first)
    tables = Tables(
        table_of(first).drop("company"), past, ended, None, TimeOrder.DATED, {}, matches=run.matches
    )
    known = KnownLeads(tables, EarlierMatches(run.matches, run.keys))
    matched = match_leads(table_of(asked), table, earlier=known.earlier)
    whole = every.matches
    assert_frame_equal(matched.matches, whole.filter(pl.col("lead_id").is_in([*asked])))
    assert_frame_equal(
        matched.earlier.drop("matched_by"),
        table_of(first)
        .select("lead_id")
        .join(whole.drop("matched_by"), on="lead_id", how="left", maintain_order="left"),
    )
    events, outcomes = known_of(asked)
    found = known.account_history(table_of(asked), events, outcomes, matched)
    features, by_run = features_at(found, as_of), features_at(expected, as_of)
    for name in asked:
        np.testing.assert_array_equal(features[name], by_run[name], err_msg=name)


def plan() -> FeaturePlan:
    bare = FeaturePlan(time_order=TimeOrder.DATED, settings=SETTINGS, account_lag_days=LAG_DAYS)
    return bare.with_columns(tuple(bare.catalogue))


@settings(max_examples=30)
@given(worlds, moments)
def test_one_lead_by_itself_has_the_features_that_it_has_in_a_batch(
    world: World, as_of: datetime
) -> None:
    leads = carried(world)
    snapshots = leads.select("lead_id", as_of=pl.lit(as_of).cast(TIME))
    batch = compute(plan(), leads, None, snapshots)
    us = (as_of - EPOCH) // MICROSECOND
    alone = [compute_one(plan(), row, [], us) for row in leads.to_dicts()]
    np.testing.assert_array_equal(batch, np.stack(alone))


@settings(max_examples=30)
@given(worlds, moments)
def test_colleagues_of_a_request_say_what_an_export_says(world: World, as_of: datetime) -> None:
    leads = carried(world)
    whose = dict(match_leads(table_of(world)).matches.select("lead_id", "account_id").iter_rows())
    us = np.array([(as_of - EPOCH) // MICROSECOND])
    for name, values in features_at(leads, as_of).items():
        if whose[name] is None:
            continue
        told = [
            {
                "created_at": lead.created,
                "job_title": lead.title,
                "won_at": lead.won,
                "lost_at": lead.lost,
                "events": [{"occurred_at": at} for at in lead.events],
            }
            for one, lead in world.items()
            if one != name and whose[one] == whose[name]
        ]
        entries = entries_of_one(account_history(told))
        lag_us = round(LAG_DAYS * 86_400_000_000)
        found = account_values(entries, np.zeros(1, np.int64), us, lag_us)
        np.testing.assert_array_equal(found[0], values)


def test_who_comes_later_pushes_nobody_out() -> None:
    created = [START + timedelta(days=day) for day in range(9)]
    known = pl.DataFrame({"account_id": ["A"] * 9, "created_at": pl.Series(created, dtype=TIME)})
    of_fourth = colleagues(known, 2).filter(row=4)["other"].to_list()
    assert of_fourth == [2, 3, 5, 6]
    assert colleagues(known[:6], 2).filter(row=4)["other"].to_list() == [2, 3, 5]


def matched(**columns: list[str | None]) -> list[tuple[str | None, str | None]]:
    n = len(next(iter(columns.values())))
    created = pl.Series([START + timedelta(days=day) for day in range(n)], dtype=TIME)
    leads = pl.DataFrame(
        {"lead_id": [str(number) for number in range(n)], "created_at": created, **columns},
        schema_overrides=dict.fromkeys(columns, pl.String()),
    )
    return match_leads(leads).matches.select("account_id", "matched_by").rows()


def test_a_lead_is_matched_by_identifier_then_domain_then_name() -> None:
    found = matched(
        account_id=["X", None, None, None, "Y", None],
        email=["a@acme.com", "b@ACME.com", "c@gmail.com", "d@gmail.com", "e@acme.com", None],
        company=["Acme GmbH", None, "acme", None, None, None],
    )
    assert found == [
        ("X", "account_id"),
        ("X", "domain"),
        ("X", "company"),
        (None, None),
        ("Y", "account_id"),
        (None, None),
    ]


def test_an_account_that_leads_made_takes_the_identifier_that_comes_later() -> None:
    found = matched(account_id=[None, "X", "X"], email=["a@acme.com", "b@acme.com", "c@blue.io"])
    assert found == [("X", "domain"), ("X", "domain"), ("X", "account_id")]


def test_a_table_of_accounts_matches_leads_without_an_identifier() -> None:
    accounts = pl.DataFrame(
        {
            "account_id": ["X", "Y", "Z"],
            "name": ["Acme GmbH", "Blue", None],
            "domain": ["acme.com", "same.org", "same.org"],
        }
    )
    leads = pl.DataFrame(
        {
            "lead_id": ["1", "2", "3"],
            "email": ["a@acme.com", "b@same.org", None],
            "company": [None, None, "BLUE Ltd."],
        }
    )
    found = match_leads(leads, accounts)
    assert found.matches["account_id"].to_list() == ["X", "same.org", "Y"]
    assert found.accounts.filter("from_table")["account_id"].to_list() == ["X", "Y", "Z"]


@pytest.mark.parametrize(
    ("address", "domain"),
    [
        ("jane@acme.co.uk", "acme.co.uk"),
        ("jane@web.de", None),
        ("x@privaterelay.appleid.com", None),
        ("x@mailinator.com", None),
        ("jane@example.com", None),
        ("nobody", None),
    ],
)
def test_only_a_business_domain_tells_an_account(address: str, domain: str | None) -> None:
    assert business_domain(address) == domain


@pytest.mark.parametrize(
    ("title", "role"),
    [
        ("CEO", "decision_maker"),
        ("VP Sales", "decision_maker"),
        ("CFO", "finance"),
        ("Head of IT", "champion"),
        ("Senior Software Engineer", "influencer"),
        ("Accountant", "finance"),
        ("developer", "user"),
        ("student", "no_role"),
        (None, "no_role"),
    ],
)
def test_titles_tell_roles(title: str | None, role: str) -> None:
    assert buying_role(title) == role


def test_a_lead_of_an_unknown_account_has_no_features() -> None:
    world = {"a": Lead(START, None, "a@gmail.com", None, None, (), None, None)}
    leads = carried(world)
    assert leads[ACCOUNT_HISTORY].null_count() == 1
    assert np.isnan(features_at(leads, START + timedelta(days=9))["a"]).all()

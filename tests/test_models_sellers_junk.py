"""Junk: what hints at it, who is found, who is not accused, and what probabilities are worth."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadcast.features.tables import TIME, Tables, TimeOrder, empty_events
from leadcast.models.sellers.false_discovery import found_with_few_false
from leadcast.models.sellers.junk import CLASSES, USUAL, JunkFound, find_junk
from leadcast.models.sellers.reselling import find_resellers
from leadcast.models.sellers.signals import FAMILIES, SIGNAL_WORDS, Signals, signals_of, within

BEGIN = datetime(2025, 1, 6, 9, tzinfo=UTC)
UNTIL = BEGIN + timedelta(days=200)
LEADS = {"(own)": 3_000, "Honest": 900, "Fair": 400, "Paying": 400, "Faking": 300, "Few": 12}
SHARES = {"Paying": (0.4, 0.6, 0.0), "Faking": (0.5, 0.0, 0.5)}
"""Honest, paid, faked; of all others all are honest."""


def drawn(
    shares: Mapping[str, tuple[float, ...]], names: tuple[str, ...] = tuple(USUAL), seed: int = 1
) -> tuple[Signals, pl.Series, np.ndarray]:
    """Leads whose signals are drawn by class: the signals, the sellers, and the class of each."""
    rng = np.random.default_rng(seed)
    seller = np.repeat(list(LEADS), list(LEADS.values()))
    kind = np.concatenate(
        [rng.choice(3, n, p=shares.get(name, (1.0, 0.0, 0.0))) for name, n in LEADS.items()]
    )
    levels = {}
    for name in names:
        reached = np.cumsum(np.array(USUAL[name]), axis=1)[kind]
        levels[name] = (rng.random(len(kind))[:, None] >= reached[:, :-1]).sum(axis=1)
        levels[name] = levels[name].astype(np.int8)
    ids = pl.Series([f"L{n}" for n in range(len(kind))])
    return Signals(ids, levels), pl.Series(seller), kind


def found_in(signals: Signals, seller: pl.Series) -> JunkFound:
    return find_junk(signals, seller, seller != "(own)")


def names_of(found: JunkFound) -> set[str]:
    return {one.seller for one in found.sellers if one.found}


def test_who_delivers_junk_is_found_with_the_kind_and_the_share() -> None:
    signals, seller, _ = drawn(SHARES)
    found = found_in(signals, seller)
    assert names_of(found) == {"Paying", "Faking"}
    by_name = {one.seller: one for one in found.sellers}
    assert by_name["Paying"].low < 0.6 < by_name["Paying"].high
    assert by_name["Faking"].low < 0.5 < by_name["Faking"].high
    assert by_name["Paying"].paid > 0.5 > 0.05 > by_name["Paying"].faked
    assert by_name["Faking"].faked > 0.4 > 0.05 > by_name["Faking"].paid
    assert "(own)" not in by_name
    words, mine, usual = by_name["Faking"].hints[0]
    assert words in {one for each in SIGNAL_WORDS.values() for one in each}
    assert mine > 5 * usual


def test_where_all_are_honest_nobody_is_accused() -> None:
    for seed in range(6):
        signals, seller, _ = drawn({}, seed=seed)
        assert names_of(found_in(signals, seller)) == set()


def test_probabilities_are_as_often_true_as_they_say() -> None:
    signals, seller, kind = drawn(SHARES, seed=2)
    found = found_in(signals, seller)
    said, was = found.probability, kind > 0
    assert said.sum() == pytest.approx(was.sum(), rel=0.05)
    for low, high in ((0.05, 0.5), (0.5, 0.95), (0.95, 1.01)):
        inside = (said >= low) & (said < high)
        doubt = 3 * np.sqrt(max(inside.sum(), 1)) / 2 + 2
        assert abs(said[inside].sum() - was[inside].sum()) < doubt, (low, high)
    assert said[was].mean() > 0.85


def test_probabilities_of_another_class_would_be_seen_to_be_wrong() -> None:
    signals, seller, kind = drawn(SHARES, seed=2)
    mixed_up = found_in(signals, seller.shuffle(seed=1)).probability
    assert mixed_up[kind > 0].mean() < 0.85


def test_poor_contacts_and_silence_alone_accuse_nobody() -> None:
    signals, seller, _ = drawn(SHARES, ("contact", "after"))
    assert names_of(found_in(signals, seller)) == set()


def test_hints_of_one_kind_accuse_nobody() -> None:
    signals, seller, _ = drawn(SHARES, ("form_time", "pasted"))
    assert {FAMILIES[name] for name in signals.levels} == {"form"}
    assert names_of(found_in(signals, seller)) == set()


def test_without_leads_of_ones_own_the_sellers_are_held_against_each_other() -> None:
    signals, seller, _ = drawn(SHARES)
    sold = (seller != "(own)").to_numpy()
    levels = {name: level[sold] for name, level in signals.levels.items()}
    bought = Signals(signals.lead_id.filter(pl.Series(sold)), levels)
    found = find_junk(bought, seller.filter(pl.Series(sold)), pl.Series([True] * int(sold.sum())))
    assert names_of(found) == {"Paying", "Faking"}


def test_the_order_of_leads_makes_no_difference() -> None:
    signals, seller, _ = drawn(SHARES)
    order = np.random.default_rng(4).permutation(len(seller))
    levels = {name: level[order] for name, level in signals.levels.items()}
    moved = found_in(Signals(signals.lead_id.gather(order), levels), seller.gather(order))
    assert moved.probability == pytest.approx(found_in(signals, seller).probability[order])


def test_signals_that_nobody_knows_say_nothing() -> None:
    signals, seller, _ = drawn(SHARES)
    unknown = {name: np.full_like(level, -1) for name, level in signals.levels.items()}
    found = found_in(Signals(signals.lead_id, unknown), seller)
    assert names_of(found) == set()
    assert found.probability.max() < 0.2


def test_what_each_lead_shows_is_told_in_words() -> None:
    levels = {"form_time": np.array([0, 2, -1], np.int8), "night": np.array([0, 1, 1], np.int8)}
    signals = Signals(pl.Series(["a", "b", "c"]), levels)
    found = find_junk(signals, pl.Series(["x", "x", "y"]), pl.Series([True, True, True]))
    assert found.hints_of_leads().to_list() == [
        "",
        "form filled in faster than anybody types, came at night",
        "came at night",
    ]


def test_every_signal_has_its_shares_words_and_family() -> None:
    assert USUAL.keys() == SIGNAL_WORDS.keys() == FAMILIES.keys()
    for name, shares in USUAL.items():
        assert len(shares) == len(CLASSES)
        assert {len(one) for one in shares} == {len(SIGNAL_WORDS[name]) + 1}
        assert [sum(one) for one in shares] == pytest.approx([1.0] * len(CLASSES))


def test_few_of_the_found_are_falsely_found() -> None:
    assert found_with_few_false({"a": 0.99, "b": 0.97, "c": 0.6}) == {"a", "b"}
    assert found_with_few_false({"a": 0.9}) == set()
    assert found_with_few_false({}) == set()
    # A doubtful one may come along with many certain ones; the mean doubt counts.
    assert len(found_with_few_false({f"{n}": 1.0 for n in range(9)} | {"x": 0.6})) == 10


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 40), st.integers(1, 999_999)),
        min_size=1,
        max_size=30,
    ),
    st.integers(1, 12),
)
def test_rows_within_a_window_are_those_a_loop_counts(
    rows: list[tuple[int, int, int]], half: int
) -> None:
    codes = np.array([code for code, _, _ in rows])
    seconds = np.array([second for _, second, _ in rows])
    naive = [
        sum(c == code and abs(s - second) <= half for c, s in zip(codes, seconds, strict=True))
        for code, second in zip(codes, seconds, strict=True)
    ]
    assert within(codes, seconds * 1_000_000, half * 1_000_000).tolist() == naive


def leads_of(rows: Sequence[Mapping[str, object]]) -> pl.DataFrame:
    """Leads of one seller, each a day after the last unless told otherwise."""
    usual = {
        "email": None,
        "phone": None,
        "form_seconds": 60.0,
        "form_pasted": 0.0,
        "form_device": None,
        "form_address": None,
    }
    filled = [
        {"lead_id": f"L{n}", "created_at": BEGIN + timedelta(days=n, minutes=7 * n)}
        | usual
        | {**row}
        for n, row in enumerate(rows)
    ]
    texts = dict.fromkeys(("email", "phone", "form_device", "form_address"), pl.String)
    return pl.DataFrame(filled, schema_overrides=texts | {"created_at": TIME})


def levels_of(
    leads: pl.DataFrame, events: pl.DataFrame | None = None, passive: tuple[str, ...] = ()
) -> dict[str, list[int]]:
    tables = Tables(
        leads=leads,
        events=empty_events() if events is None else events.lazy(),
        outcomes=pl.DataFrame(),
        observed_until=UNTIL,
        time_order=TimeOrder.DATED,
        attribute_types={},
    )
    seller = pl.repeat("Vendor", leads.height, eager=True)
    return {
        name: level.tolist()
        for name, level in signals_of(tables, seller, UNTIL, passive).levels.items()
    }


def test_forms_are_quick_against_the_sources_usual_time() -> None:
    rows = [{"form_seconds": one} for one in (60.0, 61.0, 59.0, 60.0, 60.0, 19.0, 7.0, 0.0, None)]
    assert levels_of(leads_of(rows))["form_time"] == [0] * 5 + [1, 2, 2, -1]
    pasted = [{"form_pasted": one} for one in (0.0, 1.0, 2.0, 3.0, 9.0, None)]
    assert levels_of(leads_of(pasted))["pasted"] == [0, 0, 1, 2, 2, -1]


def test_a_device_is_shared_by_several_people_and_not_by_one_that_comes_twice() -> None:
    own = {"form_device": "d1", "email": "anna@firm.example"}
    rows: list[Mapping[str, object]] = [own, own]
    rows += [*({"form_device": "d2", "email": f"x{n}q@a{n}.example"} for n in range(4))]
    levels = levels_of(leads_of([*rows, {"form_device": None}]))
    assert levels["device"] == [0, 0, 2, 2, 2, 2, -1]
    assert "address" not in levels


def test_people_who_come_on_one_device_months_apart_share_nothing() -> None:
    rows: list[Mapping[str, object]] = [
        {"form_device": "d", "created_at": BEGIN + timedelta(days=40 * n)} for n in range(4)
    ]
    assert levels_of(leads_of(rows))["device"] == [0, 0, 0, 0]


def test_numbers_that_run_on_within_days_are_seen() -> None:
    addresses = ["kim101@web.example", "kim103@web.example", "kim190@web.example", "a@b.example"]
    rows: list[Mapping[str, object]] = [{"email": one} for one in addresses]
    assert levels_of(leads_of(rows))["sequence"] == [1, 1, 0, 0]
    far: list[Mapping[str, object]] = [
        {"email": "kim1@w.example"},
        {"email": "kim2@w.example", "created_at": UNTIL},
    ]
    assert levels_of(leads_of(far))["sequence"] == [0, 0]
    phones = [{"phone": "+49 555 1230001"}, {"phone": "+49 555 1230002"}, {"phone": "+49 555 777"}]
    assert levels_of(leads_of(phones))["sequence"] == [1, 1, 0]


def test_a_burst_is_more_than_the_usual_pace_makes_and_a_file_is_none() -> None:
    burst = [{"created_at": BEGIN + timedelta(days=50, seconds=20 * n)} for n in range(6)]
    usual: list[Mapping[str, object]] = [{}] * 40
    levels = levels_of(leads_of([*usual, *burst]))
    assert levels["burst"] == [0] * 40 + [2] * 6
    # A vendor that uploads its leads once a day delivers nothing but bursts.
    uploaded = [
        {"created_at": BEGIN + timedelta(days=n // 8, minutes=n // 8, seconds=n % 8)}
        for n in range(160)
    ]
    assert set(levels_of(leads_of(uploaded))["burst"]) == {-1}


def test_days_without_a_time_of_day_are_neither_bursts_nor_nights() -> None:
    midnights: list[Mapping[str, object]] = [
        {"created_at": datetime(2025, 1, 6, tzinfo=UTC) + timedelta(days=n // 3)} for n in range(12)
    ]
    assert not {"burst", "night"} & levels_of(leads_of(midnights)).keys()


def test_what_a_lead_does_afterwards_counts_and_what_is_done_to_it_does_not() -> None:
    leads = leads_of([{}, {}, {}, {}, {"created_at": UNTIL - timedelta(days=3)}])
    moments = leads["created_at"].to_list()
    rows = [
        ("L0", moments[0] + timedelta(days=9), "page_viewed"),
        ("L1", moments[1] + timedelta(hours=1), "page_viewed"),
        ("L2", moments[2] + timedelta(days=5), "number_disconnected"),
        ("L2", moments[2] + timedelta(days=5), "Email Bounced"),
        ("L3", moments[3] - timedelta(days=5), "page_viewed"),
    ]
    events = pl.DataFrame(rows, ["lead_id", "occurred_at", "event_type"], orient="row")
    events = events.with_columns(pl.col("occurred_at").cast(TIME), value=pl.lit(None, pl.Float64))
    assert levels_of(leads, events, ("number_disconnected",))["after"] == [0, 1, 2, 2, -1]
    assert levels_of(leads, events)["after"][2] == 0
    assert "after" not in levels_of(leads)


def test_contacts_that_can_be_nobodys_are_counted_by_those_given() -> None:
    rows: list[Mapping[str, object]] = [
        {"email": "kim@firm.de", "phone": "+49 30 1234599"},
        {"email": "kim@firm.de", "phone": "0000000"},
        {"email": "kim@mailinator.com", "phone": "0000000"},
        {"email": "no address"},
        {},
    ]
    assert levels_of(leads_of(rows))["contact"] == [0, 1, 2, 2, -1]


def resold_leads(again: int) -> pl.DataFrame:
    rows = [("A", f"p{n}@x.de", n) for n in range(200)]
    rows += [("B", f"q{n}@x.de", n) for n in range(200 - again)]
    rows += [("B", f"p{n}@x.de", n + 10) for n in range(again)]
    return pl.DataFrame(
        {
            "lead_id": [f"L{n}" for n in range(len(rows))],
            "vendor": [vendor for vendor, _, _ in rows],
            "email": [email for _, email, _ in rows],
            "created_at": [BEGIN + timedelta(days=day) for _, _, day in rows],
        },
        schema_overrides={"created_at": TIME},
    )


def test_who_resells_is_found_and_whose_leads_are_sold_on_is_not() -> None:
    by_name = {one.seller: one for one in find_resellers(resold_leads(60), 90.0)}
    assert by_name["B"].found
    assert not by_name["A"].found
    assert (by_name["B"].resold, by_name["B"].by_others, by_name["B"].delay_days) == (60, 60, 10.0)
    assert by_name["B"].low < 0.3 < by_name["B"].high


def test_a_few_who_come_again_make_no_reseller() -> None:
    assert not any(one.found for one in find_resellers(resold_leads(12), 90.0))
    assert not any(one.resold for one in find_resellers(resold_leads(60), 5.0))

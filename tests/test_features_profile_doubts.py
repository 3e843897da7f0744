"""Each doubt is raised by an export that deserves it, and not by one that nearly does."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from leadcast.features.definitions.doubt_kinds import DOUBTS
from leadcast.features.definitions.yaml_lines import plain_yaml
from leadcast.features.profile.bulk_doubts import peaks_of_days, wins_at_once
from tests.profile_world import KEYS, START, UNTIL, World, healthy, written
from tests.source_samples import Keys

WORLD = healthy(7)
ISO = "%Y-%m-%dT%H:%M:%SZ"
ALL = ("events_before_creation", "future_times")
HALF = dict.fromkeys(
    ("outcomes_before_creation", "future_times", "orphan_events", "orphan_outcomes"), "0.6"
)
LOOSE = {"unreadable_values": "0.9"}
Make = Callable[[], World]


def shifted(column: str, *, days: int = 0, hours: int = 0) -> pl.Expr:
    by = pl.duration(days=days, hours=hours)
    return (pl.col(column).str.to_datetime(ISO) + by).dt.strftime(ISO)


def each(step: int, value: str | pl.Expr, column: str, start: int = 0) -> pl.Expr:
    """Put a value into each so-manieth row."""
    mine = pl.int_range(pl.len()) % step == start
    given = pl.lit(value) if isinstance(value, str) else value
    return pl.when(mine).then(given).otherwise(pl.col(column)).alias(column)


def first(number: int, value: str | pl.Expr, column: str) -> pl.Expr:
    given = pl.lit(value) if isinstance(value, str) else value
    mine = pl.int_range(pl.len()) < number
    return pl.when(mine).then(given).otherwise(pl.col(column)).alias(column)


def ends_from(day: int) -> World:
    moment = written([START + timedelta(days=day)])[0]
    return WORLD.with_outcomes(
        *(pl.when(pl.col(name) >= moment).then(name).alias(name) for name in ("Won", "Lost"))
    )


def last_end(day: int) -> World:
    moment = f"{UNTIL + timedelta(days=day):{ISO}}"
    row = WORLD.outcomes["Lost"].is_not_null().arg_true()[-1]
    world = WORLD.with_outcomes(WORLD.outcomes["Lost"].scatter(row, moment))
    return world.with_keys({"observed_until": "latest"})


def losses(share: float) -> World:
    """Record a share of the losses only."""
    lost = WORLD.outcomes["Lost"]
    places = lost.is_not_null().arg_true()
    gone = places.gather([n for n in range(len(places)) if (n * 7919 % 1000) / 1000 >= share])
    return WORLD.with_outcomes(lost.scatter(gone, None))


def only_ended(but: int = 0) -> World:
    """Leave out all open leads but a few."""
    ends = WORLD.outcomes
    opened = (ends["Won"].is_null() & ends["Lost"].is_null()).arg_true()
    kept = ~pl.int_range(ends.height, eager=True).is_in(opened[but:].implode())
    world = World(WORLD.leads.filter(kept), WORLD.events, ends.filter(kept), WORLD.keys)
    return world.with_keys({"limits": HALF})


def ends_on(day: str, number: int) -> World:
    lost = WORLD.outcomes["Lost"]
    places = (lost < day).fill_null(value=False).arg_true().gather_every(2).head(number)
    return WORLD.with_outcomes(lost.scatter(places, [f"{day}T14:00:00Z"] * len(places)))


def month_ends() -> World:
    written_at_its_end = (
        pl.col(name)
        .str.to_datetime(ISO)
        .dt.month_end()
        .dt.strftime("%Y-%m-%dT15:%M:%SZ")
        .alias(name)
        for name in ("Won", "Lost")
    )
    return WORLD.with_outcomes(*written_at_its_end)


def created_on(day: str, number: int) -> World:
    created = WORLD.leads["Created"]
    places = (created > day).arg_true().gather_every(3).head(number)
    return WORLD.with_leads(created.scatter(places, [f"{day}T09:30:00Z"] * len(places)))


def won_after(days: int, number: int) -> World:
    won, created = WORLD.outcomes["Won"], WORLD.leads["Created"].str.to_datetime(ISO)
    places = won.is_not_null().arg_true().head(number)
    ends = (created.gather(places) + timedelta(days=days, hours=1)).dt.strftime(ISO)
    return WORLD.with_outcomes(won.scatter(places, ends))


def won_within(hours: int, number: int) -> World:
    """Let many be won within so many hours, evenly, and the others when they were."""
    won, created = WORLD.outcomes["Won"], WORLD.leads["Created"].str.to_datetime(ISO)
    places = won.is_not_null().arg_true().head(number)
    waits = pl.Series([timedelta(hours=hours * (n + 0.5) / number) for n in range(number)])
    ends = (created.gather(places) + waits).dt.strftime(ISO)
    return WORLD.with_outcomes(won.scatter(places, ends))


def ended_early(number: int) -> World:
    lost = WORLD.outcomes["Lost"]
    places = lost.is_not_null().arg_true().head(number)
    early = lost.scatter(places, ["2022-12-01T10:00:00Z"] * len(places))
    return WORLD.with_outcomes(early).with_keys({"limits": HALF})


def ended_at_once(step: int) -> World:
    frame = WORLD.outcomes.with_columns(WORLD.leads["Created"])
    at_once = shifted("Created", hours=2)
    mine = pl.int_range(pl.len()) % step == 0
    ends = frame.select(
        "Lead",
        *(
            pl.when(pl.col(name).is_not_null() & mine).then(at_once).otherwise(name).alias(name)
            for name in ("Won", "Lost")
        ),
    )
    return World(WORLD.leads, WORLD.events, ends)


def known_until(before: timedelta) -> World:
    return WORLD.with_keys({"observed_until": f"{UNTIL - before:{ISO}}", "limits": HALF})


def with_ids(name: Callable[[int], str], elsewhere: Callable[[int], str] | None = None) -> World:
    """Give leads other identifiers, and perhaps others still in the other tables."""
    old = WORLD.leads["Id"].to_list()
    new = {one: name(number) for number, one in enumerate(old)}
    other = {one: (elsewhere or name)(number) for number, one in enumerate(old)}
    return World(
        WORLD.leads.with_columns(pl.col("Id").replace_strict(new)),
        WORLD.events.with_columns(pl.col("Lead").replace_strict(other)),
        WORLD.outcomes.with_columns(pl.col("Lead").replace_strict(other)),
    ).with_keys({"limits": HALF})


def in_two_files(overlap: int, *, shuffled: bool = False) -> World:
    half = WORLD.events.height // 2
    one, other = WORLD.events[: half + overlap], WORLD.events[half:]
    if shuffled:
        one, other = WORLD.events, WORLD.events.sample(fraction=1, shuffle=True, seed=3)
    return World(WORLD.leads, one, WORLD.outcomes, WORLD.keys, (other,))


def rows_of_events(*numbers: int) -> World:
    parts, start = [], 0
    for number in numbers:
        parts.append(WORLD.events[start : start + number])
        start += number
    return World(WORLD.leads, parts[0], WORLD.outcomes, WORLD.keys, tuple(parts[1:]))


def repeated(share: float, form: str = ISO) -> World:
    again = WORLD.events.sample(fraction=share, seed=5)
    events = pl.concat([WORLD.events, again])
    at = pl.col("At").str.to_datetime(ISO).dt.strftime(form)
    return World(WORLD.leads, events.with_columns(at), WORLD.outcomes)


def contacted(most: int) -> World:
    """Write the first contact as day/month/year, with days up to a number."""
    day, month = pl.int_range(pl.len()) % most + 1, pl.int_range(pl.len()) // most % 12 + 1
    told = pl.format("{}/{}/2023", day, month).alias("First Contact")
    formats = ["%d/%m/%Y", "%Y-%m-%dT%H:%M:%SZ"]
    return WORLD.with_leads(told).with_keys({"tables.leads.time_format": formats})


def in_files(*spans: tuple[int, int, int, bool]) -> World:
    """Write events day.month into a file each: from day, to day, months, whether exchanged."""
    events, frames = WORLD.events, []
    size = events.height // len(spans)
    for place, (low, high, months, is_exchanged) in enumerate(spans):
        number = pl.int_range(pl.len())
        day, month = number % (high - low + 1) + low, number // 31 % months + 1
        first, second = (month, day) if is_exchanged else (day, month)
        clock = pl.format("{}.{}.2023 12:00", first, second)
        frames.append(events[place * size : (place + 1) * size].with_columns(clock.alias("At")))
    world = World(WORLD.leads, frames[0], WORLD.outcomes, WORLD.keys, tuple(frames[1:]))
    return world.with_keys(
        {"tables.events.time_format": ["%d.%m.%Y %H:%M"], "limits": dict.fromkeys(ALL, "0.99")}
    )


def mail(number: int, address: str) -> World:
    return WORLD.with_leads(first(number, address, "Email"))


def with_currencies(codes: list[str]) -> World:
    listed = [codes[number % len(codes)] for number in range(WORLD.leads.height)]
    world = WORLD.with_leads(pl.Series("Currency", listed))
    attributes = {
        **world.keys["tables"]["leads"]["attributes"],
        "revenue": {"column": "Employees", "type": "number"},
        "currency": {"column": "Currency", "type": "category"},
    }
    return world.with_keys({"tables.leads.attributes": attributes})


LONG = "{:015d}".format


def since(old: str, new: str, *, only: float = 1.0, until: str = "") -> World:
    """Call a kind of events otherwise from autumn on, perhaps after a pause, or few of them."""
    frame = WORLD.events
    late = (pl.col("Kind") == old) & (pl.col("At") >= "2023-09-14")
    few = pl.int_range(pl.len()) % 100 < 100 * only
    paused = late & ((pl.col("At") < until) | ~few)
    named = pl.when(late).then(pl.lit(new)).otherwise("Kind").alias("Kind")
    return replace(WORLD, events=frame.filter(~paused).with_columns(named))


CASES: dict[str, list[tuple[Make, Make]]] = {
    "repeated_files": [
        (lambda: in_two_files(0, shuffled=True), lambda: in_two_files(0)),
        (lambda: in_two_files(300), lambda: in_two_files(3)),
    ],
    "shortened_ids": [
        (
            lambda: with_ids(lambda n: f"{300_000_000_000_000 + n}00"),
            lambda: with_ids(lambda n: f"{300_000_000_000_000 + n}{n % 97:02d}"),
        ),
        (lambda: with_ids(lambda n: f"1.{n:05d}E+15"), lambda: with_ids(lambda n: f"1.{n:05d}")),
        (lambda: with_ids("{:05d}".format, str), lambda: with_ids(str)),
        (
            lambda: with_ids(lambda n: f"{n:05d}" if n % 3 else f"{n}"),
            lambda: with_ids("{:05d}".format),
        ),
        (
            lambda: with_ids("00Q5g00000Ab{:03d}AAX".format, "00Q5g00000Ab{:03d}".format),
            lambda: with_ids("00Q5g00000Ab{:03d}".format),
        ),
    ],
    "row_limit": [
        (lambda: rows_of_events(2000), lambda: rows_of_events(1999)),
        (lambda: rows_of_events(2000), lambda: rows_of_events(2000, 300)),
    ],
    "outcomes_begin_late": [(lambda: ends_from(200), lambda: ends_from(15))],
    "lone_end": [(lambda: last_end(200), lambda: last_end(12))],
    "old_and_open": [(lambda: losses(0.15), lambda: losses(0.8))],
    "nearly_all_won": [(lambda: losses(0.01), lambda: losses(0.2))],
    "none_lost": [(lambda: losses(0), lambda: losses(0.02))],
    "none_open": [(only_ended, lambda: only_ended(5))],
    "ends_in_bulk": [
        (lambda: ends_on("2024-03-20", 80), lambda: ends_on("2024-03-20", 20)),
        (lambda: ends_on("2024-03-20", 80), month_ends),
    ],
    "creations_in_bulk": [
        (lambda: created_on("2023-03-01", 90), lambda: created_on("2023-03-01", 20))
    ],
    "odd_time_to_win": [(lambda: won_after(30, 45), lambda: won_after(30, 6))],
    "wins_on_first_day": [
        (lambda: won_within(10, 40), lambda: won_within(10, 8)),
        (lambda: won_within(10, 40), lambda: won_within(96, 40)),
    ],
    "ends_before_creation": [(lambda: ended_early(8), lambda: ended_early(2))],
    "early_events": [
        (
            lambda: WORLD.with_events(each(8, shifted("At", days=-400), "At")),
            lambda: WORLD.with_events(each(80, shifted("At", days=-400), "At")),
        )
    ],
    "events_after_end": [(lambda: ended_at_once(1), lambda: ended_at_once(5))],
    "late_rows": [
        (lambda: known_until(timedelta(days=20)), lambda: known_until(timedelta(hours=1)))
    ],
    "odd_hours": [
        (
            lambda: WORLD.with_events(shifted("At", hours=-10)),
            lambda: WORLD.with_events(shifted("At", hours=-2)),
        ),
        (
            lambda: WORLD.with_leads(shifted("Created", hours=-8)),
            lambda: WORLD.with_leads(shifted("Created", hours=-1)),
        ),
        (
            lambda: WORLD.with_keys({"time_zone": "America/Los_Angeles"}),
            lambda: WORLD.with_keys({"time_zone": None}),
        ),
        (
            lambda: WORLD.with_keys({"local_time_zone": "Asia/Tokyo"}),
            lambda: WORLD.with_keys({"local_time_zone": "Europe/Madrid"}),
        ),
    ],
    "odd_weekdays": [
        (
            lambda: WORLD.with_events(shifted("At", days=1)).with_keys({"limits": HALF}),
            lambda: WORLD.with_events(each(5, shifted("At", days=-1), "At")),
        )
    ],
    "two_date_formats": [
        (lambda: contacted(12), lambda: contacted(28)),
        (
            lambda: in_files((1, 28, 12, False), (1, 12, 12, True)),
            lambda: in_files((1, 28, 12, False), (1, 28, 12, False)),
        ),
        (
            lambda: in_files((1, 28, 12, False), (1, 12, 3, True)),
            lambda: in_files((1, 10, 1, False), (11, 20, 1, False), (21, 28, 1, False)),
        ),
    ],
    "placeholder": [
        (
            lambda: WORLD.with_leads(each(20, "999999", "Employees")),
            lambda: WORLD.with_leads(each(400, "999999", "Employees")),
        ),
        (
            lambda: WORLD.with_leads(each(20, "-1", "Employees")),
            lambda: WORLD.with_leads(each(20, "1", "Employees")),
        ),
        (
            lambda: WORLD.with_leads(each(20, "€0", "Budget")),
            lambda: WORLD.with_leads(each(4, "0", "Employees")),
        ),
        (
            lambda: WORLD.with_leads(each(10, "unknown", "Channel")),
            lambda: WORLD.with_leads(each(10, "other", "Channel")),
        ),
        (
            lambda: WORLD.with_leads(each(10, " N/A", "Company")),
            lambda: WORLD.with_leads(each(100, "N/A", "Company")),
        ),
        (
            lambda: WORLD.with_leads(each(10, "1970-01-01T00:00:00Z", "First Contact")),
            lambda: WORLD.with_leads(each(10, "2022-01-01T00:00:00Z", "First Contact")),
        ),
        (
            lambda: WORLD.with_leads(first(2, "2000-01-01T00:00:00Z", "Created")),
            lambda: WORLD.with_leads(first(2, "2022-01-01T00:00:00Z", "Created")),
        ),
    ],
    "cut_texts": [
        (
            lambda: WORLD.with_leads(each(50, "n" * 255, "Notes")),
            lambda: WORLD.with_leads(
                each(50, "n" * 255, "Notes"), first(1, "a", "Company")
            ).with_leads(first(1, "n" * 256, "Notes")),
        )
    ],
    "foreign_letters": [
        (
            lambda: WORLD.with_leads(first(1, "G\u043e\u043egle", "Channel")),
            lambda: WORLD.with_leads(
                first(30, "\u041c\u043e\u0441\u043a\u0432\u0430 Köln", "Channel")
            ),
        ),
        (
            lambda: with_ids(lambda n: f"L{n}\u200b" if n == 5 else f"L{n}"),
            lambda: with_ids(lambda n: f"Lö{n}"),
        ),
        (
            lambda: WORLD.with_leads(first(1, "\u0430nna@firm.de", "Email")),
            lambda: WORLD.with_leads(first(1, "pasted\u200bt\u0435xt", "Notes")),
        ),
    ],
    "mixed_currencies": [
        (
            lambda: WORLD.with_leads(each(9, "$500", "Budget")),
            lambda: WORLD.with_leads(each(9, "500", "Budget")),
        ),
        (lambda: with_currencies(["EUR", "USD"]), lambda: with_currencies(["EUR"])),
        (
            lambda: WORLD.with_leads(each(2, "USD 500", "Budget")).with_keys({"limits": LOOSE}),
            lambda: WORLD.with_leads(each(2, "some $", "Notes")).with_leads(
                each(2, "some €", "Notes", 1)
            ),
        ),
    ],
    "repeated_events": [
        (lambda: repeated(0.05), lambda: repeated(0.005)),
        (lambda: repeated(0.05), lambda: repeated(0.05, "%Y-%m-%dT%H:%M:00Z")),
        (lambda: repeated(0.05), lambda: repeated(0.05, "%Y-%m-%d")),
    ],
    "renamed_kind": [
        (lambda: since("page_viewed", "Page View"), lambda: since("page_viewed", "call")),
        (lambda: since("call", "phoned"), lambda: since("call", "phoned", only=0.2)),
        (
            lambda: since("call", "phoned", until="2023-10-01"),
            lambda: since("call", "phoned", until="2024-01-01"),
        ),
    ],
    "test_leads": [
        (lambda: mail(4, "Test3@firm.de"), lambda: mail(2, "test@firm.de")),
        (lambda: mail(4, "anna@example.com"), lambda: mail(700, "anna@example.com")),
        (
            lambda: mail(4, "anna@Ours.de").with_keys({"own_domains": ["ours.de"]}),
            lambda: mail(4, "anna@ours.de"),
        ),
        (
            lambda: WORLD.with_leads(first(4, "Test Lead 2", "Company")),
            lambda: WORLD.with_leads(first(4, "Testo Ltd", "Company")),
        ),
    ],
}
PAIRS = [(code, *pair) for code, pairs in CASES.items() for pair in pairs]
NAMES = [f"{code}-{n}" for code, pairs in CASES.items() for n in range(len(pairs))]


@pytest.mark.parametrize(("code", "odd", "fine"), PAIRS, ids=NAMES)
def test_a_doubt_is_raised_where_it_is_deserved_and_nowhere_else(
    tmp_path: Path, code: str, odd: Make, fine: Make
) -> None:
    doubt = odd().doubts(tmp_path).get(code)
    assert doubt is not None
    assert doubt["count"] > 0
    assert any(letter.isdigit() for letter in doubt["found"])
    assert f"vouched: {{{code}" in doubt["remedy"] or f'vouched: {{"{code}:' in doubt["remedy"]
    for left in tmp_path.iterdir():
        left.unlink()
    assert code not in fine().doubts(tmp_path)


def test_an_hour_stands_out_where_its_day_does_not(tmp_path: Path) -> None:
    world = healthy(7, leads=2500)
    created = world.leads["Created"]
    places = (created > "2023-03-01").arg_true().gather_every(13).head(135)
    at_once = created.scatter(places, ["2023-03-01T09:30:00Z"] * len(places))
    found = world.with_leads(at_once).doubts(tmp_path)["creations_in_bulk"]["found"]
    assert found.startswith("136 of 2,500 creations in the hour from 2023-03-01 10:00 (5%); 95 %")


def test_a_peak_is_what_stands_out_of_the_days_beside_it() -> None:
    smooth = pl.Series([float(day) + 0.5 for day in range(60) for _ in range(60 - day)])
    assert peaks_of_days(smooth) == []
    assert peaks_of_days(pl.concat([smooth, pl.Series([30.2] * 300)])) == [(30, 330)]
    assert peaks_of_days(pl.Series([0.5] * 300 + [1.2] * 300)) == []
    assert peaks_of_days(pl.Series([30.2] * 19)) == []


@pytest.mark.parametrize("median", [0.1, 0.5, 2, 10, 40])
@pytest.mark.parametrize("spread", [0.8, 1.5, 2.5])
@pytest.mark.parametrize("count", [60, 2000])
def test_times_to_win_that_decline_smoothly_are_not_wins_at_once(
    median: float, spread: float, count: int
) -> None:
    rng = np.random.default_rng([int(10 * median), int(10 * spread), count])
    for _ in range(20):
        assert wins_at_once(pl.Series(median * rng.lognormal(0, spread, count))) is None
        assert wins_at_once(pl.Series(rng.exponential(median, count))) is None


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_wins_at_once_stand_out_of_slow_ones(share: float) -> None:
    rng = np.random.default_rng(3)
    at_once, slow = rng.random(int(1000 * share)), rng.lognormal(2.7, 0.8, int(1000 * (1 - share)))
    slow = slow[slow >= 1]
    following = max(int(((slow >= day) & (slow < day + 1)).sum()) for day in (1, 2, 3))
    days = pl.Series([*at_once, *slow])
    assert wins_at_once(days) == (len(at_once), following)
    assert wins_at_once(pl.Series(slow)) is None


def test_equal_files_are_told_once_and_nothing_vouches_for_them(tmp_path: Path) -> None:
    twice = World(WORLD.leads, WORLD.events, WORLD.outcomes, WORLD.keys, (WORLD.events,))
    for vouched in ({}, {"repeated_files": "they are fine"}):
        result = twice.with_keys({"vouched": vouched}).check(tmp_path)
        assert result.profile is not None
        assert [one["code"] for one in result.profile["doubts"]] == []
        assert result.profile["idle_vouches"] == list(vouched)
        told = [str(one) for one in result.faults if one.severity == "error"]
        assert len(told) == 1
        assert "events: events1.csv: found the same content as events0.csv" in told[0]
        assert "Nothing vouches for equal files" in told[0]


def test_the_same_rows_in_another_order_can_be_vouched_for(tmp_path: Path) -> None:
    odd = in_two_files(0, shuffled=True)
    result = odd.check(tmp_path)
    assert not result.is_fine
    vouched = odd.with_keys({"vouched": {"repeated_files": "two systems"}}).check(tmp_path)
    assert vouched.is_fine
    assert vouched.counts["events"] == 2 * WORLD.events.height


def test_the_file_that_exchanges_day_and_month_is_named(tmp_path: Path) -> None:
    odd = in_files((1, 28, 12, False), (1, 12, 12, True), (1, 28, 12, False))
    doubt = odd.doubts(tmp_path)["two_date_formats"]
    each_file = WORLD.events.height // 3
    assert doubt["where"] == "events: column 'At'"
    assert doubt["count"] == each_file
    assert doubt["found"].startswith(f"in events1.csv {each_file:,} dates whose first two numbers")
    assert "% of the dates in other files have one above 12" in doubt["found"]
    assert "Compare a date of events1.csv with the CRM" in doubt["remedy"]
    vouched = odd.with_keys({"vouched": {"two_date_formats:At": "checked"}})
    assert vouched.doubts(tmp_path)["two_date_formats"]["vouched"] == "checked"


def test_a_zone_that_fits_is_named(tmp_path: Path) -> None:
    # People in Berlin: with a zone in the times, and written down by a clock in Tokyo.
    elsewhere = WORLD.with_keys({"time_zone": "Asia/Tokyo"}).doubts(tmp_path)["odd_hours"]
    assert "`local_time_zone: Europe/" in elsewhere["remedy"]
    local = pl.col("At").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_zone="UTC")
    by_tokyo = local.dt.convert_time_zone("Asia/Tokyo").dt.strftime("%Y-%m-%d %H:%M:%S")
    world = WORLD.with_events(by_tokyo.alias("At")).with_keys({"limits": HALF})
    assert "`tables: {events: {time_zone: Asia/" in world.doubts(tmp_path)["odd_hours"]["remedy"]


def pasted(remedy: str, number: int = 0) -> Keys:
    """Read what a remedy gives to paste."""
    yaml = plain_yaml(re.findall(r"`([^`]+)`", remedy)[number])
    assert isinstance(yaml, dict)
    return yaml


def test_what_a_remedy_gives_to_paste_is_read_and_helps(tmp_path: Path) -> None:
    attributes = "tables.leads.attributes"
    odd = WORLD.with_leads(each(20, "999999", "Employees"), first(4, "Test Lead 2", "Company"))
    doubts = odd.doubts(tmp_path)
    assert doubts.keys() == {"placeholder", "test_leads"}
    mended = odd.with_keys(
        {
            attributes: {**KEYS["tables"]["leads"]["attributes"]}
            | pasted(doubts["placeholder"]["remedy"]),
            "tables.leads.where": pasted(doubts["test_leads"]["remedy"])["where"],
            "limits": HALF,
        }
    )
    result = mended.check(tmp_path)
    assert result.is_fine
    assert result.counts["leads"] == WORLD.leads.height - 4
    assert result.profile is not None
    assert result.profile["doubts"] == []
    ended = last_end(200)
    until = pasted(ended.doubts(tmp_path)["lone_end"]["remedy"])
    assert ended.with_keys(until | {"limits": HALF}).doubts(tmp_path) == {}


def test_a_value_called_test_is_left_out_by_what_its_remedy_gives(tmp_path: Path) -> None:
    odd = WORLD.with_leads(first(30, "Test", "Channel"))
    remedy = odd.doubts(tmp_path)["placeholder"]["remedy"]
    assert remedy.startswith("Leave them out")
    mended = odd.with_keys({"tables.leads.where": pasted(remedy)["where"], "limits": HALF})
    assert mended.check(tmp_path).counts["leads"] == WORLD.leads.height - 30
    assert "missing: [Test]" in remedy


def test_days_that_count_at_their_end_are_told_without_an_hour(tmp_path: Path) -> None:
    days = (pl.col(name).str.slice(0, 10).alias(name) for name in ("Won", "Lost"))
    found = ends_on("2024-03-20", 80).with_outcomes(*days).doubts(tmp_path)["ends_in_bulk"]["found"]
    assert re.search(r"on 2024-03-20 \([0-9]+%\); 95 %", found)


@pytest.mark.parametrize("code", ["ends_in_bulk", "row_limit", "odd_hours", "placeholder"])
def test_the_line_that_vouches_is_read_and_vouches(tmp_path: Path, code: str) -> None:
    odd = CASES[code][0][0]
    doubt = odd().doubts(tmp_path)[code]
    line = pasted(doubt["remedy"], -1)
    again = odd().with_keys(line).doubts(tmp_path)[code]
    assert (doubt["vouched"], again["vouched"]) == (None, "the reason")


def test_every_doubt_is_tested() -> None:
    assert set(CASES) == set(DOUBTS)

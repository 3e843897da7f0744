"""How early drifts are found, how often in quiet years: ``python -m benchmarks.monitoring``.

Quiet years are weeks of Poisson counts under shared gamma shocks, of all streams together; the
model's level and the shocks' variance are learned from the forty weeks before, a segment's level
drawn towards that of all leads. The demo's drifts
are looked for in its own law, by the best scores there could be: the exact probability given the
hidden intent, of a model that does not know of the price rise (1 April 2024); for the weak campaign
(5 August to 13 December 2024) first scores are those of the lead's channel, and the next ones, a
week later, know the intent, so that its delay is a lower bound of what scores from behaviour allow.
"""

import argparse
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from benchmarks.monitoring_limit import best_evidence, best_threshold
from benchmarks.results import RESULTS, write_result
from leadcast.demo import world
from leadcast.demo.intent import OPEN_STATES, draw_paths, win_probabilities
from leadcast.demo.law import default_law, risks_of
from leadcast.demo.origins import draw_origins
from leadcast.demo.outcomes import draw_endings
from leadcast.demo.parts import days_in_view
from leadcast.demo.people import draw_people
from leadcast.features.base.files import read_json
from leadcast.features.registry import DAY_US
from leadcast.models.data import Flags, Floats, Integers
from leadcast.models.monitoring.conversions import (
    NEVER,
    Delays,
    Statements,
    count_by_day,
    until_next,
    weekday_factors,
)
from leadcast.models.monitoring.evidence import Watch
from leadcast.models.monitoring.revisions import Revisions, UsualRevisions
from leadcast.models.monitoring.streams import (
    FALSE_ALARMS_PER_YEAR,
    LASTING_DAYS,
    LOOKS_PER_YEAR,
    SHARES,
    WORTH_OF_SEGMENT,
    Stream,
    StreamKind,
    watch_streams,
)
from leadcast.models.monitoring.unlabelled import expected_performance, seen_performance

HORIZON = 60
AGES = (0, 7, 30)
PRICE_RATIO = 0.78
"""What the price rise leaves of conversions: of 70 to 82 % of the hazard, by the company's size."""
SHARE_OF_WORLD = 0.42
"""Leads of the first ten months: both drifts begin in them."""
CAMPAIGN_DAY = (world.WEAK_CAMPAIGN_FIRST - date(2024, 1, 1)).days
SEGMENTS = np.array([0.4, 0.2, 0.15, 0.1, 0.06, 0.04, 0.03, 0.02])
ATTRIBUTES = 3
"""Quiet years have so many segments of so many attributes, beside all leads."""
STREAMS = ATTRIBUTES * len(SEGMENTS) + 1
QUIET_WEEKS, YEAR_WEEKS = 40, 52
SHOCKS = (0.0, 0.0025, 0.01)
A_WEEK = (5, 13, 130)
RESULT = RESULTS / "monitoring.json"


@dataclass(frozen=True)
class Scored:
    """A world whose leads were scored at each age at which they were open."""

    statements: Statements
    weak: Flags
    lead: Integers
    age: Integers
    channel: Integers


def scored_world(seed: int, leads: int, *, price_rises: bool) -> Scored:
    """Draw the first months of a demo of so many leads in two years, and score them."""
    rng = np.random.default_rng(seed)
    count = round(leads * SHARE_OF_WORLD)
    created = world.arrival_seconds(rng, count, 0.0, SHARE_OF_WORLD)
    origins = draw_origins(rng, created)
    people = draw_people(rng, origins)
    unaware, risks = default_law()._replace(price_day=10**6), risks_of(origins, people)
    law = default_law() if price_rises else unaware
    path, won_day, lost_day = draw_paths(rng, law, risks, days_in_view(created))
    endings = draw_endings(rng, created, people, won_day, lost_day)
    lead, which = np.nonzero(path[:, list(AGES)] < OPEN_STATES)
    age = np.array(AGES)[which]
    state = path[lead, age].astype(np.int64)
    said = win_probabilities(unaware, risks, lead, age, state, np.array([HORIZON]))[:, 0]
    at = (created[lead] + age * world.DAY_SECONDS) * 1_000_000
    won = np.where(endings.won_at[lead] >= 0, endings.won_at[lead] * 1_000_000, NEVER)
    lost = np.where(endings.lost_at[lead] >= 0, endings.lost_at[lead] * 1_000_000, NEVER)
    gaps = np.append(np.diff(AGES) * DAY_US, NEVER)[which]
    until = until_next(lead, at, HORIZON, np.where(gaps == NEVER, NEVER, at + gaps), lost)
    kind = which * OPEN_STATES + state
    statements = Statements(at, until, np.clip(said, 1e-6, 1 - 1e-6), kind, won, HORIZON)
    return Scored(statements, origins.weak[lead], lead, age, origins.channel[lead])


def quiet_years(conversions_a_week: float, years: int, shocks: float) -> dict[str, float]:
    """Count the false alarms of a year: all streams together, level and shocks learned before."""
    rng = np.random.default_rng(1)
    alarms = dict.fromkeys((*SHARES, "together", "looks"), 0)
    for _ in range(years):
        streams = _quiet_streams(rng, conversions_a_week, shocks)
        watches = watch_streams(streams)
        days = sorted(one.day for watch in watches for one in watch.raised)
        # What is raised while an alarm stands is that alarm, for who reads it.
        alarms["together"] += sum(np.diff(days, prepend=-LASTING_DAYS) >= LASTING_DAYS)
        for stream, watch in zip(streams, watches, strict=True):
            alarms[stream.kind] += len(watch.raised)
        alarms["looks"] += len(streams[0].watched(LOOKS_PER_YEAR).raised)
    return {name: count / years for name, count in alarms.items()}


def _quiet_streams(rng: np.random.Generator, a_week: float, shocks: float) -> list[Stream]:
    """Draw a quiet year of all streams, and the weeks before; a segment is part of all."""
    weeks = QUIET_WEEKS + YEAR_WEEKS
    shock = rng.gamma(1 / shocks, shocks, weeks) if shocks else np.ones(weeks)
    streams = []
    kinds: tuple[tuple[StreamKind, StreamKind, float], ...] = (
        ("conversions", "conversions in a segment", a_week),
        ("revisions", "revisions", 2 * a_week),
    )
    for of_all, of_segment, rate in kinds:
        seen, due = rng.poisson(np.repeat(shock, 7) * rate / 7), np.full(7 * weeks, rate / 7)
        # The model's level is that of its time before, with its luck.
        due *= max(seen[: 7 * QUIET_WEEKS].sum(), 1) / due[: 7 * QUIET_WEEKS].sum()
        streams.append(_cut(of_all, "", seen, due))
        for _ in range(ATTRIBUTES):
            each = rng.multinomial(seen, SEGMENTS).T
            streams += [
                _cut(of_segment, "attribute", own, _drawn(own, expected))
                for own, expected in zip(each, np.outer(SEGMENTS, due), strict=True)
            ]
    return streams


def _drawn(seen: Integers, due: Floats) -> Floats:
    """Give a segment's expected counts the luck of its own past, drawn towards all leads'."""
    before = slice(7 * QUIET_WEEKS)
    told, expected = float(seen[before].sum()), float(due[before].sum())
    return due * (told + WORTH_OF_SEGMENT) / (expected + WORTH_OF_SEGMENT)


def _cut(kind: StreamKind, name: str, seen: Integers, due: Floats) -> Stream:
    until, counts = 7 * QUIET_WEEKS, seen.astype(np.float64)
    return Stream(kind, name, "", counts[until:], due[until:], counts[:until], due[:until])


def price_delays(
    scored: Scored, delays: Delays, quiet: tuple[Floats, Floats, Floats]
) -> tuple[float, float, float]:
    """Tell the weeks until the price rise raises an alarm, is worth a look, and at best.

    Returns
    -------
    tuple of float
        Infinite where it does not. The last: of the best test there is of this one fall, with
        one false alarm a year for it alone (see `benchmarks.monitoring_limit`).
    """
    change, last = world.PRICE_CHANGE_DAY, CAMPAIGN_DAY
    counts = count_by_day(scored.statements, delays, 0, last * DAY_US).with_weekdays(quiet[0])
    stream = Stream("conversions", "", "", counts.observed, counts.expected, *quiet[1:])
    alarm, look = (
        _after(stream.watched(rate), change)
        for rate in (FALSE_ALARMS_PER_YEAR * SHARES["conversions"], LOOKS_PER_YEAR)
    )
    threshold = best_threshold(7 * float(counts.expected[change:].mean()), PRICE_RATIO)
    return alarm, look, _at_best(counts.observed, counts.expected, threshold, change)


def _at_best(observed: Floats, expected: Floats, threshold: float, change: int) -> float:
    """Tell the weeks until the best test finds the price rise, counting anew after each alarm."""
    first = 0
    while True:
        evidence = best_evidence(observed[None, first:], expected[first:], PRICE_RATIO)[0]
        crossed = np.flatnonzero(evidence >= threshold)
        if not len(crossed):
            return np.inf
        first += int(crossed[0]) + 1
        if first > change:
            return (first - change) / 7


def _after(watch: Watch, change: int) -> float:
    late = [one.day for one in watch.raised if one.day >= change]
    return (late[0] + 1 - change) / 7 if late else np.inf


def learned_quiet(leads: int) -> tuple[Delays, tuple[Floats, Floats, Floats]]:
    """Learn delays, weekdays and shocks in a world without the price rise."""
    scored = scored_world(9_999, leads, price_rises=False)
    delays = Delays.learned(scored.statements, 300 * DAY_US)
    counts = count_by_day(scored.statements, delays, 0, 210 * DAY_US)
    factors = weekday_factors(counts)
    even = counts.with_weekdays(factors)
    return delays, (factors, even.observed, even.expected)


def campaign_delay(scored: Scored) -> float:
    """Tell the weeks until first scores of the weak campaign are seen to be taken back."""
    part, channel = scored.statements, scored.channel
    early = (scored.age == 0) & (part.at < 200 * DAY_US)
    mean = np.array([part.probability[early & (channel == c)].mean() for c in np.unique(channel)])
    first = np.flatnonzero(scored.age == 0)
    later = dict(
        zip(
            scored.lead[scored.age == 7].tolist(),
            part.probability[scored.age == 7].tolist(),
            strict=True,
        )
    )
    due = part.at[first] + 7 * DAY_US
    second = np.array([later.get(one, 0.0) for one in scored.lead[first].tolist()])
    became = np.where(part.won[first] <= due, 1.0, second)
    own = Revisions(due, mean[channel[first]], became, np.zeros(len(first), np.int64))
    usual = UsualRevisions.learned(own.rows(due < 200 * DAY_US), 1)
    days = round(SHARE_OF_WORLD * world.DAYS) - 7
    seen, expected = usual.by_day(own.rows(scored.weak[first]), CAMPAIGN_DAY, days - CAMPAIGN_DAY)
    rate = FALSE_ALARMS_PER_YEAR * SHARES["revisions"] / STREAMS
    nothing = np.zeros(0)
    every = Stream("revisions", "", "", nothing, nothing, *usual.by_day(own, 0, 200))
    new = Stream("revisions", "campaign", "weak", seen, expected, nothing, nothing)
    return _after(new.watched(rate, every.level_variance), 0)


def unlabelled_error(scored: Scored) -> dict[str, Any]:
    """Compare metrics told without labels with those seen, before and after the price rise."""
    part, change = scored.statements, world.PRICE_CHANGE_DAY * DAY_US
    told = {}
    converted = ((part.won > part.at) & (part.won <= part.at + HORIZON * DAY_US)).astype(np.float64)
    for name, mask in (
        ("before", part.at + HORIZON * DAY_US < change),
        ("after", (part.at > change) & (part.at < CAMPAIGN_DAY * DAY_US)),
    ):
        expected = expected_performance(part.probability[mask])
        seen = seen_performance(part.probability[mask], converted[mask])
        told[name] = {"expected": expected.to_json(), "seen": seen.to_json()}
    return told


def _told(weeks: list[float]) -> dict[str, float | int | None]:
    median = float(np.median(weeks))
    return {
        "median": median if np.isfinite(median) else None,
        "worlds": len(weeks),
        "found": int(np.isfinite(weeks).sum()),
        "within four weeks": sum(one <= 4 for one in weeks),
    }


def of_quiet_years(years: int) -> dict[str, dict[str, float]]:
    """Measure the false alarms of quiet years, small sources and large ones."""
    found = {}
    for a_week in A_WEEK:
        for shocks in SHOCKS:
            rates = quiet_years(a_week, years, shocks)
            found[f"{a_week} a week, shocks {shocks}"] = rates
            told = ", ".join(f"{name} {rate:.3f}" for name, rate in rates.items())
            print(f"{a_week} a week, shocks of variance {shocks}: {told}", flush=True)
    return found


def of_worlds(leads: int, seeds: int) -> dict[str, Any]:
    """Measure the delays in worlds of one size, and what is told without labels in the last."""
    delays, quiet = learned_quiet(leads)
    names = ("price", "price, a look", "price, at best", "campaign")
    found: dict[str, list[float]] = {name: [] for name in names}
    for seed in range(seeds):
        scored = scored_world(seed, leads, price_rises=True)
        each = (*price_delays(scored, delays, quiet), campaign_delay(scored))
        for weeks, delay in zip(found.values(), each, strict=True):
            weeks.append(delay)
    for name, weeks in found.items():
        print(f"{leads:,} leads, {name}: {_told(weeks)}", flush=True)
    told: dict[str, Any] = {name: _told(weeks) for name, weeks in found.items()}
    return told | {"unlabelled": unlabelled_error(scored)}


def main() -> None:
    """Measure, print and write it down; what was not asked for keeps its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--years", type=int, default=200, help="quiet years; 0 for none")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--leads", type=int, nargs="*", default=[20_000])
    asked = parser.parse_args()
    kept = read_json(RESULT) if RESULT.exists() else {}
    result = {name: kept.get(name, {}) for name in ("quiet_years", "weeks")}
    if asked.years:
        result["quiet_years"] = of_quiet_years(asked.years)
    for leads in asked.leads:
        result["weeks"][f"{leads} leads, {asked.seeds} seeds"] = of_worlds(leads, asked.seeds)
    write_result(RESULT.stem, result)


if __name__ == "__main__":
    main()

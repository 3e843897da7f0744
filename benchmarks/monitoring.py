"""How early drifts are found, how often in quiet years: ``python -m benchmarks.monitoring``.

Quiet years are weeks of Poisson counts under shared gamma shocks. The demo's drifts are looked for
in its own law, by the best scores there could be: the exact probability given the hidden intent,
of a model that does not know of the price rise (1 April 2024); for the weak campaign (5 August to
13 December 2024) first scores are those of the lead's channel, and the next ones, a week later,
know the intent, so that its delay is a lower bound of what scores from behaviour allow.
"""

import argparse
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from benchmarks.results import write_result
from leadcast.demo import world
from leadcast.demo.intent import OPEN_STATES, draw_paths, win_probabilities
from leadcast.demo.law import default_law, risks_of
from leadcast.demo.origins import draw_origins
from leadcast.demo.outcomes import draw_endings
from leadcast.demo.parts import days_in_view
from leadcast.demo.people import draw_people
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
from leadcast.models.monitoring.evidence import watch_counts, weekly_dispersion
from leadcast.models.monitoring.revisions import Revisions, UsualRevisions
from leadcast.models.monitoring.streams import FALSE_ALARMS_PER_YEAR, SHARES
from leadcast.models.monitoring.unlabelled import expected_performance, seen_performance

HORIZON = 60
AGES = (0, 7, 30)
SHARE_OF_WORLD = 0.42
"""Leads of the first ten months: both drifts begin in them."""
RATE = FALSE_ALARMS_PER_YEAR * SHARES["conversions"]
CAMPAIGN_DAY = (world.WEAK_CAMPAIGN_FIRST - date(2024, 1, 1)).days
STREAMS = 30
"""Segments share their part of the false alarms."""


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
    until = until_next(lead, at, HORIZON)
    kind = which * OPEN_STATES + state
    statements = Statements(at, until, np.clip(said, 1e-6, 1 - 1e-6), kind, won, HORIZON)
    return Scored(statements, origins.weak[lead], lead, age, origins.channel[lead])


def quiet_years(conversions_a_week: float, years: int, shocks: float) -> float:
    """Count the false alarms of a year."""
    rng, found, due = np.random.default_rng(1), 0, np.full(364, conversions_a_week / 7)
    for _ in range(years):
        shock = np.repeat(rng.gamma(1 / shocks, shocks, 52), 7)
        seen = rng.poisson(due * shock).astype(np.float64)
        found += len(watch_counts(seen, due, shocks, RATE).raised)
    return found / years


def price_delay(scored: Scored, delays: Delays, quiet: tuple[Floats, float]) -> float:
    """Tell the weeks until the price rise is found; infinite where it is not within the world."""
    change, last = world.PRICE_CHANGE_DAY, CAMPAIGN_DAY
    counts = count_by_day(scored.statements, delays, 0, last * DAY_US).with_weekdays(quiet[0])
    watch = watch_counts(counts.observed, counts.expected, quiet[1], RATE)
    late = [one.day for one in watch.raised if one.day >= change]
    return (late[0] - change) / 7 if late else np.inf


def learned_quiet(leads: int) -> tuple[Delays, tuple[Floats, float]]:
    """Learn delays, weekdays and shocks in a world without the price rise."""
    scored = scored_world(9_999, leads, price_rises=False)
    delays = Delays.learned(scored.statements, 300 * DAY_US)
    counts = count_by_day(scored.statements, delays, 0, 210 * DAY_US)
    factors = weekday_factors(counts)
    even = counts.with_weekdays(factors)
    return delays, (factors, weekly_dispersion(even.observed, even.expected))


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
    raised = watch_counts(seen, expected, 0.01, rate).raised
    return raised[0].day / 7 if raised else np.inf


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


def main() -> None:
    """Measure, print and write it down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--years", type=int, default=200)
    parser.add_argument("--leads", type=int, nargs="*", default=[20_000, 200_000])
    asked = parser.parse_args()
    result: dict[str, Any] = {"false_alarms_a_year": {}, "price_weeks": {}, "campaign_weeks": {}}
    for a_week in (5, 13, 130):
        rate = quiet_years(a_week, asked.years, 0.01)
        result["false_alarms_a_year"][str(a_week)] = rate
        print(f"{a_week} conversions a week: {rate:.3f} false alarms a quiet year", flush=True)
    for leads in asked.leads:
        delays, quiet = learned_quiet(leads)
        price, campaign = [], []
        for seed in range(asked.seeds):
            scored = scored_world(seed, leads, price_rises=True)
            price.append(price_delay(scored, delays, quiet))
            campaign.append(campaign_delay(scored))
        for name, weeks in (("price_weeks", price), ("campaign_weeks", campaign)):
            median = float(np.median(weeks))
            result[name][str(leads)] = median if np.isfinite(median) else None
            print(
                f"{leads:,} leads, {name}: median {median:.1f} weeks of {asked.seeds} seeds "
                f"({sum(map(np.isfinite, weeks))} found)",
                flush=True,
            )
        if leads == asked.leads[-1]:
            result["unlabelled"] = unlabelled_error(scored)
            print(result["unlabelled"])
    write_result("monitoring", result)


if __name__ == "__main__":
    main()

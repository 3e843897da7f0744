"""How long points take: ``python -m benchmarks.rules_speed [--snapshots N] [--rules N]``.

Makes leads with some 50 events each and looks at them at four moments each; the table has rules of
every kind: attributes, counts in windows, points for each event that fade. Tells the seconds of
`rules.evaluate` as a whole (reading the events, grouping, tallying, adding up), once the
loop is compiled. To reach, on two cores: a million snapshots with 50 rules in under a minute.
"""

import argparse
import resource
import time
from datetime import UTC, datetime

import numpy as np
import polars as pl

from benchmarks.results import write_result
from leadcast.features.definitions.yaml_lines import yaml_text
from leadcast.features.tables import TIME
from leadcast.models.rules import RuleTable, evaluate, parse_rules

KINDS = tuple(f"kind {number}" for number in range(16))
START = datetime(2025, 1, 1, tzinfo=UTC)
MOMENTS_A_LEAD, EVENTS_A_LEAD, DAYS = 4, 50, 120


def make_table(n_rules: int) -> RuleTable:
    """Make a table of every kind of rule, in turn.

    Parameters
    ----------
    n_rules : int
        How many rules.

    Returns
    -------
    RuleTable
    """
    rules = []
    for number in range(n_rules):
        kind = KINDS[number % len(KINDS)]
        forms: list[dict[str, object]] = [
            {"when": {"attribute": "industry", "equals": f"industry {number % 12}"}},
            {"when": {"attribute": "size", "range": {"min": number, "below": number + 1}}},
            {"when": {"event": kind, "at_least": 2, "within_days": 7 + number}},
            {
                "when": {"event": kind},
                "each": True,
                "limit": 20,
                "decay": {"form": "exponential", "half_life_days": 14},
            },
            {"when": {"event": "any", "within_days": 14, "not": True}},
        ]
        rules.append({"name": f"rule {number}", "points": 5} | forms[number % len(forms)])
    return parse_rules(yaml_text({"rules": rules, "total": {"limit": 100, "floor": 0}}))


def make_world(n_leads: int) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Make leads, events and the moments at which they are looked at.

    Parameters
    ----------
    n_leads : int
        How many leads.

    Returns
    -------
    leads, events, rows : pl.DataFrame
    """
    rng = np.random.default_rng(5)
    ids = pl.Series([f"L{number:07d}" for number in range(n_leads)])
    leads = pl.DataFrame(
        {
            "lead_id": ids,
            "industry": pl.Series([f"industry {i}" for i in range(12)])[
                rng.integers(0, 12, n_leads)
            ],
            "size": rng.integers(1, 100, n_leads).astype(np.float64),
        }
    )
    n_events, n_rows = n_leads * EVENTS_A_LEAD, n_leads * MOMENTS_A_LEAD
    events = pl.DataFrame(
        {
            "lead_id": ids[rng.integers(0, n_leads, n_events)],
            "occurred_at": _moments(rng, n_events),
            "event_type": pl.Series(KINDS)[rng.integers(0, len(KINDS), n_events)],
        }
    )
    rows = pl.DataFrame(
        {"lead_id": ids[np.arange(n_rows) % n_leads], "as_of": _moments(rng, n_rows)}
    )
    return leads, events, rows


def _moments(rng: np.random.Generator, count: int) -> pl.Series:
    us = rng.integers(0, DAYS * 86_400_000_000, count) + int(START.timestamp() * 1e6)
    return pl.Series(us).cast(TIME)


def main() -> None:
    """Measure and write ``benchmarks/results/rules_speed.json``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--snapshots", type=int, default=1_000_000)
    parser.add_argument("--rules", type=int, default=50)
    arguments = parser.parse_args()
    table = make_table(arguments.rules)
    # Compiling is not what is measured.
    evaluate(table, *make_world(10))
    leads, events, rows = make_world(arguments.snapshots // MOMENTS_A_LEAD)
    started, busy = time.perf_counter(), time.process_time()
    scores = evaluate(table, leads, events, rows)
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - busy
    result = {
        "snapshots": rows.height,
        "rules": arguments.rules,
        "events": events.height,
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "mean_points": float(scores.points.mean()),
        "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }
    print(
        f"{rows.height:,} snapshots by {arguments.rules} rules over {events.height:,} events: "
        f"{seconds:.1f} s, of the processor {cpu_seconds:.1f} s (to reach: 60), "
        f"peak {result['peak_gib']:.1f} GiB with the world"
    )
    write_result("rules_speed", result)


if __name__ == "__main__":
    main()

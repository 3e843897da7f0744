"""The leakage gate where few leads were won: false alarms in honest worlds, leaks that it finds.

    .venv/bin/python -m benchmarks.leakage_gate [--worlds 25]

Honest worlds have columns as strong as honest ones get, categories of hundreds of levels, and
noise. Spoilt ones have one column more, which nobody can know when leads are scored.
"""

from argparse import ArgumentParser
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np

from benchmarks.results import write_result
from leadcast.features.base.errors import LeadcastError
from leadcast.features.tables import Tables
from leadcast.models.leakage import LeakageContext, examine
from tests.leak_worlds import (
    SPOILT,
    context,
    dated,
    spoilt,
    undated,
    with_few,
    with_honest_columns,
    won,
)

WORLDS: dict[str, Callable[..., Tables]] = {"undated": undated, "dated": dated}
LEADS = (300, 2_000)
HONEST_WINNERS = (3, 5, 8, 12, 19)
SPOILT_WINNERS = (3, 5, 8, 12, 19, 25)


def honest(worlds: int) -> list[dict[str, Any]]:
    """Count the honest worlds that the gate stops, and those that it doubts."""
    rows = []
    for (name, world), leads, winners in product(WORLDS.items(), LEADS, HONEST_WINNERS):
        stopped = doubted = looked = 0
        for seed in range(worlds):
            looked_at = _context(world, leads, winners, seed)
            if looked_at is None:
                continue
            report = examine(looked_at)
            looked += 1
            stopped += bool(report.errors)
            doubted += any(found.code != "L018" for found in report.findings)
        rows.append(
            {"world": name, "leads": leads, "winners": winners, "worlds": looked}
            | {"stopped": stopped, "doubted": doubted}
        )
        print(rows[-1], flush=True)
    return rows


def found() -> list[dict[str, Any]]:
    """Tell how each leak ends: as an error, as a warning, or unseen."""
    rows = []
    for (name, world), leads, winners in product(WORLDS.items(), LEADS, SPOILT_WINNERS):
        ends: dict[str, str] = {}
        for kind in SPOILT:
            spoiled = _context(world, leads, winners, 1, kind)
            if spoiled is not None:
                told = [f for f in examine(spoiled).findings if f.subject.startswith("column 'x'")]
                ends[kind] = told[0].severity if told else "unseen"
        rows.append({"world": name, "leads": leads, "winners": winners} | ends)
        print(rows[-1], flush=True)
    return rows


def _context(
    world: Callable[..., Tables], leads: int, winners: int, seed: int, kind: str | None = None
) -> LeakageContext | None:
    tables = world(leads=leads, seed=seed)
    if won(tables).sum() < winners:
        return None
    few = with_few(tables, winners, seed)
    try:
        return context(with_honest_columns(few, seed) if kind is None else spoilt(few, kind))
    except LeadcastError:
        # No winner is won within the horizon: there is nothing to learn, and nothing to leak.
        return None


def main() -> None:
    """Measure both and write them down."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=25, help="honest worlds of each kind")
    arguments = parser.parse_args()
    clean, leaks = honest(arguments.worlds), found()
    looked, stopped = (int(np.sum([row[name] for row in clean])) for name in ("worlds", "stopped"))
    doubted = int(np.sum([row["doubted"] for row in clean]))
    ends = [row[kind] for row in leaks for kind in SPOILT if kind in row]
    shares = {end: ends.count(end) / len(ends) for end in ("error", "warning", "unseen")}
    print(f"{looked} honest worlds: {stopped} stopped, {doubted} doubted; leaks: {shares}")
    result = {"honest_worlds": looked, "stopped": stopped, "doubted": doubted, "leaks": shares}
    write_result("leakage_gate", result | {"honest": clean, "spoilt": leaks})


if __name__ == "__main__":
    main()

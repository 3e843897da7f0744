"""Small runs for the page's views of leads and rules."""

import json
from argparse import ArgumentParser
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path

import polars as pl

from leadcast.features.tables import TIME, Tables, TimeOrder
from leadcast.models.comparison import Compared, ComparisonQuestion, compare_scores
from leadcast.models.comparison.comparison_store import LEADS, lead_frame, write_comparison
from leadcast.models.comparison.points_effects import against_earlier, rule_parts
from leadcast.models.rules import RuleTable, evaluate, load_rules
from tests.comparison_world import world_frame
from tests.scoring_world import make_tables

HOSTILE = "<script>window.hacked = 1</script>"
FORMULA = '=cmd("/c calc")'
LEAD = "lead 7"
RULES = """\
title: Points of a test
groups:
  fit: {limit: 20}
  engagement: {limit: 15, negative_limit: 5}
total: {floor: 0}
rules:
  - name: software
    group: fit
    points: 15
    when: {attribute: industry, equals: software}
  - name: webinar
    group: engagement
    points: 8
    each: true
    decay: {form: exponential, half_life_days: 7}
    when: {event: webinar}
  - name: page
    group: engagement
    points: 3
    each: true
    limit: 9
    when: {event: page_viewed}
  - name: silent
    group: engagement
    points: -10
    when: {event: any, within_days: 5, not: true}
"""


@cache
def tables() -> Tables:
    """The tables of the scoring world, in which one lead attacks pages and spreadsheets."""
    world = make_tables()
    leads = world.leads.with_columns(
        job_title=pl.when(pl.col("lead_id") == LEAD)
        .then(pl.lit(HOSTILE))
        .when(pl.col("lead_id") == "lead 8")
        .then(pl.lit(FORMULA))
        .otherwise(pl.col("job_title"))
    )
    created = leads.filter(pl.col("lead_id") == LEAD)["created_at"].item()
    many = pl.DataFrame(
        {
            "lead_id": [LEAD] * 90,
            "occurred_at": [created + timedelta(hours=5 * number) for number in range(1, 91)],
            "event_type": ["webinar", "page_viewed", "call"] * 30,
            "value": [None, 1.5, 2.5] * 30,
        },
        schema_overrides={"value": pl.Float64},
    )
    others = world.events.collect()
    events = pl.concat([others, many.with_columns(pl.col("occurred_at").cast(TIME))])
    return Tables(
        leads=leads.with_columns(rules_score=pl.lit(12.0)),
        events=events.lazy(),
        outcomes=world.outcomes,
        observed_until=world.observed_until,
        time_order=world.time_order,
        attribute_types=world.attribute_types,
    )


def write_tables(run: Path, *, without_dates: bool = False) -> Path:
    """Lay out a run's tables in a project, with a points table that fits and one that does not."""
    folder = run / "tables"
    (folder / "events").mkdir(parents=True)
    of = tables()
    if without_dates:
        of = replace(
            of,
            leads=of.leads.with_columns(created_at=pl.lit(None, dtype=TIME)),
            events=of.events.clear(),
            outcomes=of.outcomes.with_columns(won_at=pl.lit(None, dtype=TIME)),
            observed_until=None,
            time_order=TimeOrder.ORDERED,
        )
    of.leads.write_parquet(folder / "leads.parquet")
    of.events.collect().write_parquet(folder / "events/part-00000.parquet", row_group_size=400)
    of.outcomes.write_parquet(folder / "outcomes.parquet")
    of.write_about(folder)
    (run.parents[2] / "params.yaml").touch()
    rules = run.parents[1] / "rules"
    rules.mkdir(exist_ok=True)
    (rules / "mine.yaml").write_text(RULES, encoding="utf-8")
    other = RULES.replace("industry", "shoe_size")
    (rules / "other.yaml").write_text(other, encoding="utf-8")
    return run


def compare(
    table: RuleTable | None,
    folder: Path,
    calls: float,
    landmark_days: float,
    before: Path | None = None,
) -> None:
    """Compare as the command does: the table's points, or those of a column, on known leads."""
    frame = world_frame(600, weeks=6, landmarks=(0.0, 1.0))
    parts = None
    every = Compared.of(frame, ("industry",), landmark_days)
    if table is not None:
        of = tables()
        scores = evaluate(table, of.leads, of.events, frame.select("lead_id", "as_of"))
        points = pl.Series("points", scores.points)
        every = Compared.of(frame.with_columns(points), ("industry",), landmark_days)
        parts = rule_parts(table, every, scores, calls, seed=1, replicates=20)
    earlier = None
    if table is not None and before is not None:
        earlier = against_earlier(
            every, pl.read_parquet(before / LEADS), calls, replicates=50, seed=1
        )
    words = "score column rules_score" if table is None else "rules of a test"
    question = ComparisonQuestion("small", words, calls, replicates=50, seed=1)
    write_comparison(folder, compare_scores(every, question), lead_frame(every), parts, earlier)


def main() -> None:
    """Take the arguments of ``leadcast compare``, and tell its steps."""
    parser = ArgumentParser()
    parser.add_argument("source")
    parser.add_argument("--rules", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--calls-per-week", type=float)
    parser.add_argument("--landmark-days", type=float)
    asked = parser.parse_args()
    print(json.dumps({"step": 1, "of": 2, "doing": "comparing on a small world"}), flush=True)
    before = Path("data/runs/small/comparison")
    asked_for = (asked.calls_per_week, asked.landmark_days)
    compare(load_rules(asked.rules), asked.out, *asked_for, before)


if __name__ == "__main__":
    main()

"""``leadcast whatif`` and ``leadcast misses``: one lead tried, and the test's misses by name."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from leadcast.features.base.errors import LeadcastError, in_number
from leadcast.features.base.files import write_json, write_text_out, written_out
from leadcast.features.base.ownership import refuse_foreign_file, refuse_inputs
from leadcast.features.base.streams import told_as_json
from leadcast.features.tables import Tables
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.daily.today import champion_of, write_people_csv
from leadcast.serve.batch.deliver import TIME_FORMAT
from leadcast.serve.reasons import BETWEEN, Reasons
from leadcast.serve.scorer import Scorer
from leadcast.serve.scores import Score
from leadcast.serve.today.misses import counts, customers_of_test, misses_and_hits
from leadcast.serve.today.open_leads import events_before, require_dated
from leadcast.serve.today.whatif import LeadTrial, what_if

WEEKS_SHOWN = 8


def tell_what_if(
    source: str,
    lead_id: str,
    sets: tuple[str, ...],
    events: tuple[str, ...],
    as_of: datetime | None,
    *,
    as_json: bool = False,
) -> str:
    """Score a lead as it stands and with something changed, both with reasons.

    Parameters
    ----------
    source : str
        Its name; it must have been run.
    lead_id : str
    sets, events : tuple of str
        As `leadcast.serve.today.whatif.LeadTrial.parse` takes them.
    as_of : datetime or None
        The moment; None: the end of the export.
    as_json : bool
        Whether a program reads it.

    Returns
    -------
    str
    """
    run = RunFolder(source)
    run.require(run.tables)
    champion, tables = champion_of(run), Tables.read(run.tables)
    require_dated(tables, f"whatif {source}")
    moment = as_of or tables.observed_until
    if moment is None:
        raise LeadcastError(f"whatif {source}: the end of the export is not told; give --as-of")
    trial = LeadTrial.parse(champion.scorer, sets, events, moment)
    lead = tables.leads.filter(pl.col("lead_id") == lead_id)
    if lead.is_empty():
        raise LeadcastError(
            f"--lead: found no lead {lead_id!r} among those of {source}; look it up"
        )
    before = events_before(tables, lead, moment)
    found = what_if(champion.scorer, lead, before, moment, trial)
    if as_json:
        told = {"tried": found.tried, "before": _plain(found.before), "after": _plain(found.after)}
        return told_as_json(told, indent=2)
    lines = [f"{lead_id} at {moment:%Y-%m-%d %H:%M} UTC, scored with {champion.words}"]
    lines += [f"  as it stands: {_score(found.before)}", *_reasons(found.before.reasons)]
    lines += [f"  with {', '.join(found.tried)}: {_score(found.after)}"]
    return "\n".join([*lines, *_reasons(found.after.reasons)])


def _plain(score: Score) -> dict[str, Any]:
    reasons = score.reasons
    return {
        "probability": score.probability,
        "lower": score.lower,
        "upper": score.upper,
        "grade": score.grade,
        "log_odds": None if reasons is None else reasons.log_odds,
        "reasons_up": [] if reasons is None else [one.words for one in reasons.up],
        "reasons_down": [] if reasons is None else [one.words for one in reasons.down],
    }


def _score(score: Score) -> str:
    interval = (
        ""
        if score.lower is None or score.upper is None
        else f" ({score.lower:.1%} to {score.upper:.1%})"
    )
    return f"{score.probability:.1%}{interval}, grade {score.grade}"


def _reasons(reasons: Reasons | None) -> list[str]:
    if reasons is None:
        return []
    told = sorted((*reasons.up, *reasons.down), key=lambda one: -abs(one.contribution))
    return [f"    {one.contribution:+z.2f} {one.words}" for one in told]


@dataclass(frozen=True)
class MissesRequest:
    """What ``leadcast misses`` is asked."""

    per_week: int = 3
    """At most so many misses and hits of a week."""
    json: Path | None = None
    csv: Path | None = None
    force: bool = False
    """Whether these may replace files that Leadcast did not write."""


def tell_misses(source: str, request: MissesRequest) -> str:
    """Name the customers of the test that were scored low, and the best hits beside them.

    Parameters
    ----------
    source : str
        Its name; it must have been run.
    request : MissesRequest

    Returns
    -------
    str
    """
    run = RunFolder(source)
    for path in (run.tables, run.test_scores, run.judged):
        run.require(path)
    files = [path for path in (request.json, request.csv) if path is not None]
    refuse_inputs(files, run.results)
    for path in files:
        refuse_foreign_file(path, force=request.force, quick=True)
    scorer, tables = Scorer.load(run.judged), Tables.read(run.tables)
    require_dated(tables, f"misses {source}")
    scores = pl.read_parquet(run.test_scores)
    people = customers_of_test(scorer, scores, tables)
    found, counted = misses_and_hits(scorer, people, tables, request.per_week), counts(people)
    content = counted | {"leads": _json_rows(found)}
    if request.json is not None:
        text = json.dumps(content, ensure_ascii=False, indent=2)
        write_text_out(request.json, f"{text}\n", force=request.force)
    if request.csv is not None:
        with written_out(request.csv, force=request.force) as temporary:
            flat = found.with_columns(pl.col("reasons_up", "reasons_down").list.join(BETWEEN))
            write_people_csv(flat, temporary)
    write_json(run.today_misses, content)
    return "\n".join(
        [
            *_told(source, found, counted),
            *(f"written: {path}" for path in (run.today_misses, *files)),
        ]
    )


def _json_rows(found: pl.DataFrame) -> list[dict[str, Any]]:
    times = [name for name, dtype in found.schema.items() if isinstance(dtype, pl.Datetime)]
    return found.with_columns(pl.col(times).dt.strftime(TIME_FORMAT)).to_dicts()


def _told(source: str, found: pl.DataFrame, counted: dict[str, int]) -> list[str]:
    lines = [
        f"{source}: of {counted['customers']:,} customers of the test {counted['misses']:,} never "
        f"were more than a C, and {counted['hits']:,} were an A"
    ]
    weeks = found["week"].unique(maintain_order=True).to_list()
    for week in weeks[-WEEKS_SHOWN:]:
        lines.append(f"  {week}")
        for row in found.filter(pl.col("week") == week).iter_rows(named=True):
            side = "down" if row["kind"] == "miss" else "up"
            why = "; ".join(row[f"reasons_{side}"][:2])
            won = row["days_until_won"]
            later = "later" if won is None else f"{in_number(round(won), 'day')} later"
            lines.append(
                f"    {row['kind']:<4} {row['lead_id']}: {row['probability']:.1%} ({row['grade']}) "
                f"at {in_number(round(row['age_days']), 'day')} with "
                f"{in_number(row['events'], 'event')}, won "
                f"{later}; {why}"
            )
    if len(weeks) > WEEKS_SHOWN:
        lines.append(f"  and {len(weeks) - WEEKS_SHOWN} earlier weeks: --csv or --json tells all")
    return lines

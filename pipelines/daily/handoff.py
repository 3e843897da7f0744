"""The hand-off of ``leadcast today``: the week's call list, lifts for the others, feedback."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from leadcast.features.base.errors import Fault, FaultsError
from leadcast.features.base.files import written_whole
from leadcast.features.base.ownership import PARAMS
from leadcast.features.definitions.definition import SourceDefinition
from leadcast.features.definitions.load import find_definition
from leadcast.features.tables import SALES, TIME, Tables
from leadcast.pipelines.base.params import Params
from leadcast.pipelines.base.paths import RunFolder
from leadcast.serve.batch.deliver import TIME_FORMAT
from leadcast.serve.scorer import Scorer
from leadcast.serve.today.feedback import NOTHING_TOLD, Feedback, read_feedback
from leadcast.serve.today.handoff import CALL, NURTURE, SAME_PERSON, Handoff, hand_off
from leadcast.serve.today.handoff_settings import HandoffRules, HandoffSettings
from leadcast.serve.today.lifts import SCHEMA, lifts, usual_behaviours
from leadcast.serve.today.open_leads import events_before, leads_at
from leadcast.serve.today.today_list import TodayList, in_order

ROUGH_SHARE = 0.2
"""Where nobody says how many leads can be called, it is so many of them, as in a comparison."""


@dataclass(frozen=True)
class SharedOut:
    """A list whose leads are shared out."""

    frame: pl.DataFrame
    """As `TodayList.frame`, with the columns of the hand-off and the lifts."""
    handoff: Handoff
    words: str
    """What was done, for a person."""


def share_out(
    run: RunFolder,
    tables: Tables,
    scorer: Scorer,
    found: TodayList,
    calls: float | None,
    params: Params,
) -> SharedOut:
    """Share the leads of a list out: whom to call this week, whom to nurture and how."""
    definition = find_definition(run.source)
    settings = params.handoff
    rules = _rules(definition, tables)
    told = known_feedback(run).before(told_until(found.as_of, tables))
    frame = found.frame.drop("feedback", "feedback_at", strict=False)
    frame = frame.join(told, on="lead_id", how="left", maintain_order="left")
    needed = [name for name in rules.required if name not in frame.columns]
    asked = frame.join(tables.leads.select("lead_id", *needed), on="lead_id", how="left")
    asked = as_persons(asked, tables, found.as_of)
    capacity, source_of_calls = _capacity(calls, params, definition, frame.height)
    made = hand_off(asked, found.as_of, capacity, settings, rules)
    columns = made.frame.drop("lead_id")
    frame = frame.drop(columns.columns, strict=False)
    frame = pl.concat([frame, columns], how="horizontal")
    raised = _lifts(scorer, tables, frame, found, made, settings, definition)
    frame = frame.join(raised, on="lead_id", how="left", maintain_order="left")
    frame = in_order(frame)
    return SharedOut(frame, made, _words(frame, made, source_of_calls))


def as_persons(asked: pl.DataFrame, tables: Tables, as_of: datetime) -> pl.DataFrame:
    """Tell who is one person, where it is known; whoever is not to be contacted is so everywhere.

    Parameters
    ----------
    asked : pl.DataFrame
        The leads that may be called: ``lead_id``, perhaps ``do_not_contact``.
    tables : Tables
        Of all leads: what is said on a record that is closed counts as well.
    as_of : datetime
        What becomes known later does not count.

    Returns
    -------
    pl.DataFrame
        With ``person_id`` where persons were looked for, in the same order.
    """
    if tables.persons is None:
        return asked
    known = pl.col("known_at").is_null() | (pl.col("known_at") <= pl.lit(as_of).cast(TIME))
    whose = tables.persons.filter(known).select("lead_id", "person_id")
    asked = asked.join(whose, on="lead_id", how="left", maintain_order="left")
    column = f"{SALES}do_not_contact"
    if "do_not_contact" not in asked.columns or column not in tables.leads.columns:
        return asked
    refused = tables.leads.filter(pl.col(column), pl.col("created_at") <= as_of)
    persons = refused.join(whose, on="lead_id")["person_id"].unique().implode()
    told = pl.col("do_not_contact") | pl.col("person_id").is_in(persons).fill_null(value=False)
    return asked.with_columns(do_not_contact=told)


def _rules(definition: SourceDefinition, tables: Tables) -> HandoffRules:
    said = definition.handoff
    unknown = [name for name in said.required if name not in tables.leads.columns]
    if unknown:
        faults = [
            Fault(
                f"{definition.file}: handoff.required",
                f"{name!r}, which is no attribute",
                ", ".join(sorted(tables.attribute_types)),
                "Map it under tables.leads.attributes, or take it out.",
            )
            for name in unknown
        ]
        raise FaultsError(f"hand-off of {definition.name}", faults)
    return HandoffRules(required=said.required, owners=said.owners)


def _capacity(
    calls: float | None, params: Params, definition: SourceDefinition, n_leads: int
) -> tuple[float, str]:
    if calls is not None:
        return calls, "as --calls says"
    if params.handoff.calls_per_week is not None:
        return params.handoff.calls_per_week, f"as {PARAMS} says"
    said = params.comparison.over(definition.comparison).calls_per_week
    if said is not None:
        return said, "as the comparison has it"
    return round(ROUGH_SHARE * n_leads), "a fifth of the leads, because nobody says how many"


def _lifts(
    scorer: Scorer,
    tables: Tables,
    frame: pl.DataFrame,
    found: TodayList,
    made: Handoff,
    settings: HandoffSettings,
    definition: SourceDefinition,
) -> pl.DataFrame:
    """Look for what would lift the likeliest of those who are not called."""
    if made.line is None:
        return pl.DataFrame(schema=SCHEMA)
    below = frame.filter(
        (pl.col("hand_off") == NURTURE) & (pl.col("hand_off_why") == "below the line")
    ).head(settings.lifts_for)
    leads = leads_at(tables, found.as_of)
    everything = events_before(tables, leads, found.as_of)
    behaviours = usual_behaviours(scorer, everything, definition.handoff.behaviours or None)
    mine = below.select("lead_id").join(leads, on="lead_id", how="left", maintain_order="left")
    events = everything.join(mine.select("lead_id"), on="lead_id", how="semi")
    worth = pl.lit(1.0) if settings.rank_by == "probability" else pl.col("amount")
    # Whose amount is not known can never be worth enough.
    needed = below.with_columns(needed=pl.lit(made.line) / worth)["needed"].fill_null(2.0)
    return lifts(scorer, mine, events, found.as_of, behaviours, needed.to_numpy())


def _words(frame: pl.DataFrame, made: Handoff, source_of_calls: str) -> str:
    counted: Mapping[str, int] = dict(frame["hand_off"].value_counts().iter_rows())
    explored = int(frame["explored"].sum())
    not_called = frame.filter(pl.col("hand_off") != CALL)
    why = not_called["hand_off_why"].str.replace(f"^{SAME_PERSON} .*", f"{SAME_PERSON} as another")
    whys = dict(why.value_counts(sort=True).iter_rows())
    crossing = int(frame["lift_crosses"].fill_null(value=False).sum())
    lines = [
        f"  call list of {frame['week'][0]}: {counted.get(CALL, 0):,} of {made.calls:,} places "
        f"({source_of_calls}), {explored:,} of them to explore"
        if frame.height
        else "  nobody to call"
    ]
    if whys:
        told = ", ".join(f"{why} {count:,}" for why, count in whys.items())
        lines.append(f"  not called: {told}")
    if frame["lift"].count():
        lines.append(
            f"  one more behaviour would lift {crossing:,} of the {frame['lift'].count():,} "
            "likeliest below the line over it"
        )
    return "\n".join(lines)


LOGGED = (
    *("week", "lead_id", "as_of", "owner", "hand_off_why", "call_rank", "explored", "propensity"),
    *("probability", "grade", "model_version"),
)


def log_calls(run: RunFolder, frame: pl.DataFrame) -> Path | None:
    """Keep the week's call list with its propensities: each lead as it was listed first.

    Leads that are not called are kept as well, as what is weighted needs their propensity. Who is
    called by a later list of the week keeps the row of the first, which its propensity is of, and
    ``called_later`` tells the moment.
    """
    if frame.is_empty():
        return None
    path = run.today_calls / f"{frame['week'][0]}.parquet"
    own = frame.filter(pl.col("propensity") > 0).select(LOGGED)
    own = own.with_columns(called_later=pl.lit(None, TIME))
    if path.is_file():
        before = pl.read_parquet(path)
        own = pl.concat([before, own.join(before, on="lead_id", how="anti")], how="diagonal")
    called = frame.filter(hand_off=CALL).select("lead_id", now=pl.col("as_of").cast(TIME))
    own = own.join(called, on="lead_id", how="left", maintain_order="left")
    later = pl.when(pl.col("call_rank").is_null()).then("now")
    own = own.with_columns(called_later=pl.coalesce("called_later", later)).drop("now")
    with written_whole(path) as temporary:
        own.write_parquet(temporary)
    return path


def told_until(as_of: datetime, tables: Tables) -> datetime | None:
    """Tell until when feedback counts in a list: all of it, but in one of a moment that is past.

    Sales answers a list after the moment that it is of, which is the end of the export.

    Parameters
    ----------
    as_of : datetime
        The list's moment.
    tables : Tables

    Returns
    -------
    datetime or None
        None for all that was told so far.
    """
    until = tables.observed_until
    return as_of if until is not None and as_of < until else None


def known_feedback(run: RunFolder) -> Feedback:
    """Read what sales has told so far."""
    return (
        Feedback(pl.read_parquet(run.today_feedback))
        if run.today_feedback.is_file()
        else NOTHING_TOLD
    )


def take_feedback(source: str, file: Path) -> str:
    """Read a file of what sales tells back, and keep it as events and outcomes.

    Parameters
    ----------
    source : str
    file : Path
        As `leadcast.serve.today.feedback.read_feedback` takes it.

    Returns
    -------
    str
        What was read and written.
    """
    run = RunFolder(source)
    run.require(run.tables)
    tables, known = Tables.read(run.tables), known_feedback(run)
    until = max(datetime.now(UTC), tables.observed_until or datetime.min.replace(tzinfo=UTC))
    found = read_feedback(file, tables, known, until)
    events, outcomes = (
        run.path / name for name in ("today_feedback_events.csv", "today_feedback_outcomes.csv")
    )
    for path, frame in ((events, found.events()), (outcomes, found.outcomes())):
        with written_whole(path) as temporary:
            frame.write_csv(temporary, datetime_format=TIME_FORMAT)
    # Last, as it is what the next file is added to.
    with written_whole(run.today_feedback) as temporary:
        found.rows.write_parquet(temporary)
    counts = dict(found.rows["result"].value_counts().sort("result").iter_rows())
    told = ", ".join(f"{name} {count:,}" for name, count in counts.items())
    again = f" ({found.repeated:,} rows were known already)" if found.repeated else ""
    return (
        f"{source}: {found.rows.height - known.rows.height:,} new rows{again}; all told: {told}\n"
        f"written: {run.today_feedback}, {events}, {outcomes}\n"
        "the next `leadcast today` leaves out who was won or disqualified, whenever that was (a "
        "list of a moment before the export's end knows what was told before that moment); name "
        "the two CSV files as tables of the source, and the next run learns from them as well"
    )

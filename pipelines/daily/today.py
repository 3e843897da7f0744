"""``leadcast today``: the leads that are open now, scored with the champion, for sales."""

import math
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import polars as pl

from leadcast.features.base.errors import LeadcastError, in_words
from leadcast.features.base.files import written_out, written_whole
from leadcast.features.base.locks import locked
from leadcast.features.base.ownership import refuse_foreign_file, refuse_inputs
from leadcast.features.tables import TIME, Tables, moment_words
from leadcast.pipelines.base.params import Params, load_params
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.daily.handoff import known_feedback, log_calls, share_out, told_until
from leadcast.serve.batch.deliver import TIME_FORMAT, refuse_other_suffixes, without_formulas
from leadcast.serve.champion.champion_store import champion_bundle, has_champion
from leadcast.serve.reasons import ReasonsAsked
from leadcast.serve.scorer import Scorer
from leadcast.serve.today.feedback import ENDS, Feedback
from leadcast.serve.today.open_leads import leads_at, require_dated
from leadcast.serve.today.today_list import (
    EARLIER,
    TodayList,
    TodayQuestion,
    for_people,
    todays_leads,
)

SHOWN = 15
"""So many leads are printed."""
_WIDEST = 48


@dataclass(frozen=True)
class TodayRequest:
    """What ``leadcast today`` is asked."""

    as_of: datetime | None = None
    """The moment; None: until when the export knows outcomes."""
    calls: float | None = None
    """How many leads can be called this week; None: as the settings say."""
    closed: bool = False
    """Whether closed leads are scored as well."""
    out: Path | None = None
    """A further file to write: .csv or .parquet."""
    reasons: ReasonsAsked = field(default_factory=lambda: ReasonsAsked("all"))
    """Whose reasons are told."""
    force: bool = False
    """Whether `out` may replace a file that Leadcast did not write."""


@dataclass(frozen=True)
class Champion:
    """The bundle that scores a source's leads."""

    scorer: Scorer
    words: str
    """Which it is, for a person."""


def champion_of(run: RunFolder) -> Champion:
    """Load the bundle that scores a source's leads: the run's own, where none was promoted."""
    if has_champion(run.source):
        scorer = Scorer.load(champion_bundle(run.source))
        return Champion(scorer, f"the champion {scorer.bundle.manifest.bundle_id[:12]}")
    run.require(run.bundle)
    scorer = Scorer.load(run.bundle)
    version = scorer.bundle.manifest.bundle_id[:12]
    return Champion(scorer, f"the run's bundle {version} (no model was promoted yet)")


def tell_today(source: str, request: TodayRequest) -> str:
    """Score the leads that are open now, write the lists, and tell them.

    Parameters
    ----------
    source : str
        Its name; it must have been run.
    request : TodayRequest

    Returns
    -------
    str
        What was found and written.

    Raises
    ------
    LeadcastError
        If the source was not run or is not dated, or a file cannot be written.
    """
    run = RunFolder(source)
    run.require(run.tables)
    if request.out is not None:
        refuse_other_suffixes(request.out)
        refuse_foreign_file(request.out, force=request.force, quick=True)
        refuse_inputs([request.out], [*run.results, run.today, run.today_csv])
    if request.calls is not None and not math.isfinite(request.calls):
        raise LeadcastError(
            f"--calls: found {request.calls}; expected how many leads sales can call"
        )
    champion, tables, params = champion_of(run), Tables.read(run.tables), load_params()
    with locked(run.today, "another process makes this list"):
        found = list_today(run, tables, champion.scorer, request, params)
        found, ended = _without_ended(run, tables, found, request)
        shared = share_out(run, tables, champion.scorer, found, request.calls, params)
        found = replace(found, frame=shared.frame)
        written = _write(found, run, request, tables.observed_until)
    told = "\n".join([*ended, shared.words])
    return _words(source, found, champion, request, told, written)


def list_today(
    run: RunFolder, tables: Tables, scorer: Scorer, request: TodayRequest, params: Params
) -> TodayList:
    """Score the leads that are open now, but for those that sales says are won; writes nothing."""
    require_dated(tables, f"today {run.source}")
    as_of = request.as_of or tables.observed_until
    if as_of is None:
        raise LeadcastError(
            f"today {run.source}: until when outcomes are known is not told; give --as-of"
        )
    value = params.comparison.value_per_customer
    tables = with_told_wins(tables, known_feedback(run))
    question = TodayQuestion(as_of, request.closed, request.reasons, value)
    return todays_leads(scorer, tables, question, earlier_list(run, as_of))


def with_told_wins(tables: Tables, feedback: Feedback) -> Tables:
    """Close the leads of which sales says that they are won, where the export does not know it."""
    told = feedback.outcomes().drop_nulls("won_at").select("lead_id", told_at="won_at")
    if told.is_empty():
        return tables
    outcomes = tables.outcomes.join(told, on="lead_id", how="left", maintain_order="left")
    won_at = pl.coalesce("won_at", "told_at").alias("won_at")
    return replace(tables, outcomes=outcomes.with_columns(won_at).drop("told_at"))


def _without_ended(
    run: RunFolder, tables: Tables, found: TodayList, request: TodayRequest
) -> tuple[TodayList, list[str]]:
    """Leave out the leads that sales says are won or disqualified, and tell how many.

    What is told of after the list's moment changes no score: it only tells whom nobody calls again.
    """
    feedback, until = known_feedback(run), told_until(found.as_of, tables)
    if until is not None:
        n_later = feedback.rows.filter(pl.col("at") >= pl.lit(until).cast(TIME)).height
        what = "1 row of feedback is" if n_later == 1 else f"{n_later:,} rows of feedback are"
        return found, [
            f"  {what} of this moment or later, and not counted in a list of a moment before the "
            "export's end"
        ] * bool(n_later)
    if request.closed:
        return found, []
    ended = feedback.before(None).filter(pl.col("feedback").is_in(ENDS))
    still_open = ended.join(leads_at(tables, found.as_of), on="lead_id", how="semi")
    if still_open.is_empty():
        return found, []
    counts = dict(still_open["feedback"].value_counts().iter_rows())
    told = ", ".join(f"{result} {counts[result]:,}" for result in ENDS if result in counts)
    frame = found.frame.join(ended, on="lead_id", how="anti", maintain_order="left")
    line = f"  left out by sales' own word: {told} (the export has them as open)"
    return replace(found, frame=frame), [line]


def earlier_list(run: RunFolder, as_of: datetime) -> pl.DataFrame | None:
    """Read the latest list from before a moment; None where there is none."""
    for path in (run.today, run.today_before):
        if path.is_file():
            found = _read_list(path)
            if found.height and found["as_of"][0] < as_of:
                return found
    return None


def _read_list(path: Path) -> pl.DataFrame:
    try:
        found = pl.read_parquet(path)
    except pl.exceptions.PolarsError as error:
        raise LeadcastError(
            f"{path}: is no list that can be read ({error}); move it away and make it again"
        ) from None
    missing = [name for name in EARLIER if name not in found.columns]
    if missing:
        raise LeadcastError(
            f"{path}: is no list of Leadcast's (no column {', '.join(missing)}); move it away and "
            "make it again"
        )
    return found


def outlives(before: datetime | None, now: datetime, until: datetime | None) -> bool:
    """Tell whether a run's own list stays where another one was made.

    Parameters
    ----------
    before, now : datetime
        The moments of the list that is kept (None: there is none) and of the other.
    until : datetime or None
        Until when the export knows what came. A list of a later moment gives way to any: it would
        stand until the world has reached its moment.

    Returns
    -------
    bool
    """
    return before is not None and now < before and (until is None or before <= until)


def keep_list(
    found: pl.DataFrame,
    now: datetime,
    before: pl.DataFrame | None,
    until: datetime | None,
    places: tuple[Path, Path],
) -> bool:
    """Make a list a run's own, and keep the one that it follows.

    Parameters
    ----------
    found : pl.DataFrame
    now : datetime
        Its moment.
    before : pl.DataFrame or None
        The list that is kept, with ``as_of``; None where there is none.
    until : datetime or None
        As `outlives` takes it.
    places : tuple of Path
        Where the run's own list is, and the one before it.

    Returns
    -------
    bool
        False where the list that is kept stays, as `outlives` says.
    """
    of_before = None if before is None or before.is_empty() else before["as_of"][0]
    if outlives(of_before, now, until):
        return False
    own, earlier = places
    if before is not None and of_before is not None and of_before < now:
        with written_whole(earlier) as temporary:
            before.write_parquet(temporary)
    with written_whole(own) as temporary:
        found.write_parquet(temporary)
    return True


def _write(
    found: TodayList, run: RunFolder, request: TodayRequest, until: datetime | None
) -> list[Path]:
    """Write the lists; the run's own only where they are not of an earlier moment or of others.

    The list before is kept, so that a list that is made twice says the same of what moved.
    """
    written, before = list[Path](), _read_list(run.today) if run.today.is_file() else None
    places = (run.today, run.today_before)
    if not request.closed and keep_list(found.frame, found.as_of, before, until, places):
        with written_whole(run.today_csv) as temporary:
            write_people_csv(for_people(found.frame), temporary)
        calls = log_calls(run, found.frame)
        written += [run.today, run.today_csv, *([] if calls is None else [calls])]
    if request.out is not None:
        with written_out(request.out, force=request.force) as temporary:
            if request.out.suffix.lower() == ".csv":
                write_people_csv(for_people(found.frame), temporary)
            else:
                found.frame.write_parquet(temporary)
        written.append(request.out)
    return written


def write_people_csv(frame: pl.DataFrame, path: Path) -> None:
    """Write a CSV that can be opened in a spreadsheet: no text of it is a formula there."""
    safe = frame.with_columns(without_formulas(pl.col(pl.String)))
    safe.write_csv(path, datetime_format=TIME_FORMAT)


def _words(
    source: str,
    found: TodayList,
    champion: Champion,
    request: TodayRequest,
    shared: str,
    written: list[Path],
) -> str:
    frame = found.frame
    kind = "leads" if request.closed else "open leads"
    grades = ", ".join(f"{grade} {count:,}" for grade, count in found.grades().items())
    lines = [
        f"{source}: {frame.height:,} {kind} at {moment_words(found.as_of)}, scored with "
        f"{champion.words}"
    ]
    lines += [f"  grades: {grades}"] if grades else []
    lines.append(shared)
    lines += [f"  warning: {one}" for one in found.warnings]
    lines += [f"  {one.level}: {in_words(one)}" for one in found.faults]
    lines += ["", *_table(frame.head(SHOWN))] if frame.height else []
    files = ", ".join(map(str, written)) or (
        "nothing: the run's own list is of open leads and of a later moment; give --out FILE"
    )
    return "\n".join([*lines, "", f"written: {files}"])


def _table(frame: pl.DataFrame) -> list[str]:
    lines = [f"{'lead':<14} {'p':>6} {'interval':>15}  gr {'trend':<10} {'age':>6}  why it moved"]
    for row in frame.iter_rows(named=True):
        low, high = row["lower"], row["upper"]
        interval = "" if low is None else f"{low:.1%} to {high:.1%}"
        moved = row["why_moved"] if row["why_moved"] is not None else "new"
        moved = moved if len(moved) <= _WIDEST else f"{moved[: _WIDEST - 1]}…"
        age = f"{row['age_days']:.0f} d{'' if row['age_tested'] else '*'}"
        lines.append(
            f"{row['lead_id']:<14} {row['probability']:>6.1%} {interval:>15}  {row['grade']:<2} "
            f"{row['trend']:<10} {age:>6}  {moved}"
        )
    if not frame["age_tested"].all():
        lines.append("* older than any lead that the model was tested on")
    return lines

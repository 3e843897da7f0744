"""``leadcast monitor``: what is known of a model before its labels are mature, night by night."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from leadcast.features.base.files import write_json, write_text_out, written_whole
from leadcast.features.base.ownership import refuse_foreign_file, refuse_inputs
from leadcast.features.definitions.load import find_definition
from leadcast.features.registry import DAY_US
from leadcast.models.charts.numbers import counted
from leadcast.models.data import Flags
from leadcast.models.monitoring.alarms import (
    MOST_ALARMS,
    Alarm,
    SegmentVolume,
    alarms_of,
    look_of,
)
from leadcast.models.monitoring.cohorts import above_the_line, cohorts, grades_by_week
from leadcast.models.monitoring.conversions import DayCounts, count_by_day
from leadcast.models.monitoring.evidence import Watch
from leadcast.models.monitoring.inputs_drift import input_drift, new_categories
from leadcast.models.monitoring.revisions import UsualRevisions
from leadcast.models.monitoring.segments import SegmentRatio, segment_ratios
from leadcast.models.monitoring.streams import WORTH_OF_SEGMENT, Stream, watch_streams
from leadcast.models.monitoring.unlabelled import ASSUMPTION, expected_performance
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.lifecycle.monitor_page import (
    FEWEST_TOLD,
    TOO_FEW,
    came_words,
    monitoring_page,
)
from leadcast.pipelines.lifecycle.monitored import (
    MOST_VALUES,
    NONE,
    Monitored,
    count_conversions,
    read_monitored,
)

RECENT_DAYS = 28
RATIO_DAYS = 56
"""Over so many days segments' conversions are added up."""
FEWEST_NEW = 10
LARGEST_SEGMENT = 0.6
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class MonitorAnswer:
    """What the night's look has found.

    Parameters
    ----------
    text : str
        For a person.
    facts : dict
        For a program: what ``monitoring.json`` holds.
    alarms : tuple of Alarm
        The weightiest first.
    """

    text: str
    facts: dict[str, Any]
    alarms: tuple[Alarm, ...]


@dataclass(frozen=True)
class _Watched:
    """The counts that are watched."""

    first_day: int
    streams: list[Stream]
    watches: list[Watch]
    volumes: list[SegmentVolume]
    ratios: list[SegmentRatio]
    conversions_known: int


def monitor(
    source: str,
    bundle: Path | None = None,
    history: Path | None = None,
    html: Path | None = None,
    *,
    force: bool = False,
) -> MonitorAnswer:
    """Look at what has come of the scores so far, and write it down.

    Parameters
    ----------
    source : str
    bundle : Path, optional
        The model to watch; without it the one in use.
    history : Path, optional
        The scores that were given; without it leads are scored as of then.
    html : Path, optional
        A further place for the page.
    force : bool
        Whether `html` may replace what Leadcast did not write.

    Returns
    -------
    MonitorAnswer

    Raises
    ------
    LeadcastError
        If there is nothing to watch; tells what to do.
    """
    if html is not None:
        run = RunFolder(source)
        refuse_inputs([html], [find_definition(source).file, run.tables, run.monitoring])
        refuse_foreign_file(html, force=force, quick=True)
    monitored = read_monitored(source, bundle, history)
    watched = _watch(monitored)
    alarms = alarms_of(
        watched.streams, watched.watches, watched.first_day, watched.volumes, watched.ratios
    )
    facts = _facts(monitored, watched, alarms)
    text, page = _text(facts), monitoring_page(facts)
    run = RunFolder(source)
    write_json(run.monitoring, facts)
    for path, content in ((run.monitoring_page, page), (run.monitoring_lines, _lines(facts))):
        with written_whole(path) as temporary:
            temporary.write_text(content, encoding="utf-8")
    if html is not None:
        write_text_out(html, page, force=force)
    return MonitorAnswer(text, facts, tuple(alarms))


def _watch(monitored: Monitored) -> _Watched:
    statements, said = monitored.statements(), monitored.said
    counted, first_day = count_conversions(monitored, statements), monitored.first_day
    delays, counts, weekdays = counted.delays, counted.counts, counted.weekdays
    begin, until = counts.first_day, monitored.known_until_us
    streams = [_stream("conversions", "", "", counts.with_weekdays(weekdays), first_day)]
    volumes, ratios = list[SegmentVolume](), list[SegmentRatio]()
    segments = {name: _values(said, name, monitored) for name in monitored.attributes}
    for name, values in segments.items():
        each, leads = list[DayCounts](), list[int]()
        for value in values:
            mask = (said[name] == value).to_numpy()
            own = count_by_day(statements.rows(mask), delays, begin, until).with_weekdays(weekdays)
            each.append(own.between(first_day, first_day + _days(monitored)))
            streams.append(_stream("conversions in a segment", name, value, own, first_day))
            rows = said.filter(mask)
            volumes.append(_volume(rows, name, value, monitored))
            leads.append(rows["lead"].n_unique())
        sums = [
            (part.observed[-RATIO_DAYS:].sum(), part.expected[-RATIO_DAYS:].sum()) for part in each
        ]
        told = np.array(sums).reshape(-1, 2)
        ratios += segment_ratios([(name, value) for value in values], leads, told[:, 0], told[:, 1])
    streams += _revision_streams(monitored, segments, begin)
    watches = watch_streams(streams)
    return _Watched(first_day, streams, watches, volumes, ratios, delays.conversions)


def _stream(kind: Any, name: str, value: str, counts: DayCounts, first_day: int) -> Stream:  # noqa: ANN401
    quiet = counts.between(counts.first_day, first_day)
    now = counts.between(first_day, counts.first_day + len(counts.expected))
    return Stream(kind, name, value, now.observed, now.expected, quiet.observed, quiet.expected)


def _revision_streams(
    monitored: Monitored, segments: Mapping[str, Sequence[str]], begin: int
) -> list[Stream]:
    revisions, rows = monitored.revisions()
    quiet = revisions.at < monitored.watch_from_us
    if not quiet.any():
        return []
    kinds = int(monitored.said["kind"].to_numpy().max()) + 1
    usual = UsualRevisions.learned(revisions.rows(quiet), kinds)
    before = monitored.first_day - begin
    n_days = _days(monitored) + before
    cuts: list[tuple[str, str, Flags]] = [("", "", np.ones(len(revisions.at), np.bool_))]
    for name, values in segments.items():
        cuts += [(name, value, (rows[name] == value).to_numpy()) for value in values]
    streams = []
    for name, value, mask in cuts:
        seen, due = usual.by_day(revisions.rows(mask), begin, n_days)
        # A segment whose scores were always revised alike has not moved.
        own = (seen[:before].sum() + WORTH_OF_SEGMENT) / (due[:before].sum() + WORTH_OF_SEGMENT)
        parts = (seen[before:], due[before:] * own, seen[:before], due[:before] * own)
        streams.append(Stream("revisions", name, value, *parts))
    return streams


def _days(monitored: Monitored) -> int:
    return monitored.known_until_us // DAY_US - monitored.first_day


def _values(said: pl.DataFrame, name: str, monitored: Monitored) -> list[str]:
    watched = said.filter(pl.col("at") >= monitored.watch_from_us)
    counts = watched[name].value_counts(sort=True)
    # What nearly all leads are is no segment, and neither is a gap in the export.
    most = LARGEST_SEGMENT * watched.height
    kept = counts.filter(pl.col("count") <= most, pl.col(name) != NONE)
    return sorted(kept[name].head(MOST_VALUES).to_list())


def _volume(own: pl.DataFrame, name: str, value: str, monitored: Monitored) -> SegmentVolume:
    first = own.filter("first")
    recent = monitored.known_until_us - RECENT_DAYS * DAY_US
    now = first.filter(pl.col("at") >= recent)
    past = first.filter(pl.col("at") < monitored.watch_from_us)
    oldest: Any = monitored.said["at"].min()
    weeks = max((monitored.watch_from_us - oldest) / DAY_US / 7, 1.0)
    said: Any = now["probability"].mean()
    return SegmentVolume(
        name, value, past.height / weeks, now.height / (RECENT_DAYS / 7), said or 0.0
    )


def _facts(monitored: Monitored, watched: _Watched, alarms: list[Alarm]) -> dict[str, Any]:
    said, model = monitored.said, monitored.model
    origin = model.bundle.manifest.origin
    overall = watched.streams[0]
    watch_from = monitored.watch_from_us
    since = said.filter(pl.col("at") >= watch_from)
    return {
        "source": monitored.source,
        "model": model.words,
        "bundle_id": model.bundle.manifest.bundle_id,
        "horizon_days": origin.snapshots.horizon_days,
        "scores_from": monitored.scores_from,
        "scores_begin": f"{_EPOCH + timedelta(days=int(said['at'].to_numpy().min()) // DAY_US)}",
        "watched_from": f"{_EPOCH + timedelta(days=watched.first_day)}",
        "known_until": monitored.known_until.isoformat(),
        "days": len(overall.observed),
        "observed": float(overall.observed.sum()),
        "expected": float(overall.expected.sum()),
        "dispersion": overall.dispersion,
        "conversions_behind_the_delays": watched.conversions_known,
        "alarms": [_told(one) for one in alarms],
        "look": _look(watched, alarms),
        "streams": [
            _stream_facts(stream, watch, watched.first_day)
            for stream, watch in zip(watched.streams, watched.watches, strict=True)
        ],
        "weeks": _weeks(overall, watched.watches[0], watched.first_day),
        "segments": [one.to_json() for one in watched.ratios],
        "cohorts": _rows(cohorts(since)),
        "unlabelled": _unlabelled(monitored),
        "grades": _rows(grades_by_week(since.filter("first"))),
        "line": _line(monitored, since),
        "volumes": [asdict(one) for one in watched.volumes],
        "inputs": _inputs(monitored),
    }


def _told(alarm: Alarm) -> dict[str, Any]:
    return alarm.to_json() | {"words": alarm.words}


def _look(watched: _Watched, alarms: list[Alarm]) -> dict[str, Any] | None:
    """Tell what all leads' conversions hint at, where no alarm tells of all leads."""
    if any(not one.segment for one in alarms):
        return None
    found = look_of(watched.streams[0], watched.first_day, watched.ratios)
    return None if found is None else _told(found)


def _stream_facts(stream: Stream, watch: Watch, first_day: int) -> dict[str, Any]:
    start = _EPOCH + timedelta(days=first_day)
    return {
        "kind": stream.kind,
        "name": stream.name,
        "value": stream.value,
        "observed": float(stream.observed.sum()),
        "expected": float(stream.expected.sum()),
        "evidence": float(watch.evidence[-1]) if len(watch.evidence) else 0.0,
        "raised": [f"{start + timedelta(days=one.day)}" for one in watch.raised],
    }


def _weeks(stream: Stream, watch: Watch, first_day: int) -> list[dict[str, Any]]:
    return [
        {
            "week": f"{_EPOCH + timedelta(days=first_day + day)}",
            "days": len(stream.observed[day : day + 7]),
            "observed": float(stream.observed[day : day + 7].sum()),
            "expected": float(stream.expected[day : day + 7].sum()),
            "evidence": float(watch.evidence[day : day + 7].max()),
        }
        for day in range(0, len(stream.observed), 7)
    ]


def _unlabelled(monitored: Monitored) -> dict[str, Any]:
    said = monitored.said
    recent = said.filter(pl.col("at") >= monitored.known_until_us - RECENT_DAYS * DAY_US)
    before = said.filter(pl.col("at") < monitored.watch_from_us)
    return {
        "assumption": ASSUMPTION,
        "recent": expected_performance(recent["probability"].to_numpy()).to_json(),
        "before": expected_performance(before["probability"].to_numpy()).to_json(),
    }


def _line(monitored: Monitored, since: pl.DataFrame) -> dict[str, Any]:
    calls, line = monitored.calls_per_week, monitored.model.bundle.reference.bounds[0]
    if calls is None:
        return {"probability": line, "calls_per_week": None, "weeks": []}
    a_week = since.with_columns(week=pl.col("as_of").dt.truncate("1w"))
    # A lead that is looked at twice in a week is one lead.
    each = a_week.sort("probability").unique(["lead", "week"], keep="last")
    weeks = _rows(above_the_line(each, line, calls))
    return {"probability": line, "calls_per_week": calls, "weeks": weeks}


def _inputs(monitored: Monitored) -> dict[str, Any]:
    said, leads = monitored.said, monitored.tables.leads
    recent = (said["at"] >= monitored.known_until_us - RECENT_DAYS * DAY_US).to_numpy()
    before = (said["at"] < monitored.watch_from_us).to_numpy()
    texts = [name for name, kind in monitored.tables.attribute_types.items() if kind == "category"]
    texts = [name for name in texts if name in leads.columns and name != "account_id"]
    known, new = (
        leads.join(said.filter(mask).select("lead_id").unique(), on="lead_id").select(texts)
        for mask in (before, recent)
    )
    drift = []
    if monitored.values is not None:
        bundle = monitored.model.bundle
        names = [feature.name for feature in bundle.plan.features]
        parts = (monitored.values[before], monitored.values[recent])
        drift = input_drift(names, *parts, bundle.learner.importance())[:10]
    return {
        "drift": [asdict(one) for one in drift],
        "new_values": [
            {"attribute": name, "value": value, "leads": count}
            for name, value, count in new_categories(known, new, FEWEST_NEW)
        ][:20],
    }


def _rows(frame: pl.DataFrame) -> list[dict[str, Any]]:
    times = pl.selectors.datetime()
    return frame.with_columns(times.dt.strftime("%Y-%m-%d")).to_dicts()


def _text(facts: dict[str, Any]) -> str:
    span = f"from {facts['watched_from']} to {facts['known_until'][:10]}"
    span += f" ({counted(facts['days'], 'day')})"
    if not facts["days"]:
        span = f"from {facts['watched_from']} on, of which no day is over yet"
    lines = [
        f"{facts['source']}: watched is {facts['model']}, {span}.",
        facts["scores_from"],
        came_words(facts),
    ]
    alarms = facts["alarms"]
    lines += [f"ALARM {n}: {one['words']}" for n, one in enumerate(alarms[:MOST_ALARMS], start=1)]
    if len(alarms) > MOST_ALARMS:
        lines.append(f"and {len(alarms) - MOST_ALARMS} more, in monitoring.json")
    if not alarms:
        lines.append(f"No alarm. {TOO_FEW if facts['expected'] < FEWEST_TOLD else ''}".rstrip())
    if facts["look"]:
        lines.append(f"Worth a look, and too little for an alarm: {facts['look']['what']}")
    return "\n".join(lines)


def _lines(facts: dict[str, Any]) -> str:
    """Write what Prometheus' node exporter reads from text files."""
    label = f'{{source="{facts["source"]}"}}'
    evidence = max(one["evidence"] for one in facts["streams"])
    figures = (
        ("alarms", "Alarms that stand.", len(facts["alarms"])),
        ("conversions_observed", "Conversions since the model learned.", facts["observed"]),
        ("conversions_expected", "Conversions that the scores led to expect.", facts["expected"]),
        ("evidence", "The largest evidence of a change; 1 raises an alarm.", evidence),
    )
    lines = []
    for name, words, value in figures:
        full = f"leadcast_monitor_{name}"
        lines += [f"# HELP {full} {words}", f"# TYPE {full} gauge", f"{full}{label} {value:g}"]
    return "\n".join(lines) + "\n"

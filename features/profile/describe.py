"""A profile as plain data: what a source holds, by table, by month, by column and by event."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from leadcast.features.profile.bulk_doubts import peaks_of_days
from leadcast.features.profile.doubts import Doubt, idle_vouches
from leadcast.features.profile.month_bins import TimeBins, bars, counts_by_month, months_of
from leadcast.features.profile.personal import is_personal, looks_personal
from leadcast.features.profile.reading import SourceReading
from leadcast.features.readers.account import ADDED, KEPT, LEFT_OUT, SET_ASIDE

Plain = dict[str, Any]

TOP_LEVELS = 10
QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
TENTHS = 10
FATES = (KEPT, SET_ASIDE, LEFT_OUT)
_FILLED, _EMPTY = 0.2, 0.01


def describe_profile(reading: SourceReading, doubts: Sequence[Doubt]) -> Plain:
    """Describe a source as plain data.

    Parameters
    ----------
    reading : SourceReading
        What was read.
    doubts : sequence of Doubt
        What is to be doubted, the worst first.

    Returns
    -------
    dict
        Of JSON values: ``source``, ``title``, ``time_zone``, ``observed_until``,
        ``outcomes_from``, ``tables`` (rows read, kept, set aside and left out, and the span of
        each time column), ``outcomes`` (counts, and by month of creation), ``time_to_win``,
        ``columns``, ``events``, ``doubts`` and ``idle_vouches``.
    """
    definition = reading.definition
    return {
        "source": definition.name,
        "title": definition.title,
        "time_zone": reading.zone,
        "observed_until": _local(reading.observed_until, reading.zone),
        "outcomes_from": _local(reading.outcomes_from, reading.zone),
        "tables": _tables(reading),
        "outcomes": _outcomes(reading),
        "time_to_win": _time_to_win(reading),
        "columns": [_column(reading, name) for name in _columns(reading)],
        "events": _events(reading),
        "doubts": [doubt.as_plain() for doubt in doubts],
        "idle_vouches": idle_vouches(definition, doubts),
    }


def _local(moment: datetime | None, zone: str) -> str | None:
    """Write a time as people in the zone see it."""
    return None if moment is None else moment.astimezone(ZoneInfo(zone)).isoformat()


def _tables(reading: SourceReading) -> list[Plain]:
    names = list(reading.definition.readers())
    found = {name: _counted(reading, name) for name in names}
    found["leads"]["times"] = _spans(reading, {"created_at": reading.created})
    told = [name for name in reading.definition.event_table_names() if name in found]
    if told:
        found[told[-1]]["times"] = _span_of_events(reading)
    ends = _spans(reading, {name: reading.outcomes[name] for name in ("won_at", "lost_at")})
    own = [name for name in reading.definition.outcome_table_names() if name in found]
    if own:
        found[own[-1]]["times"] = ends
    elif ends:
        # They stand in another table, whose rows are counted there.
        nothing = dict.fromkeys(("rows", "kept", "set_aside", "left_out"))
        found["outcomes"] = {"name": "outcomes", **nothing, "reasons": [], "times": ends}
    return list(found.values())


def _counted(reading: SourceReading, name: str) -> Plain:
    lines = reading.ledger.account.lines([name])
    fates = {fate: sum(one.rows for one in lines if one.fate == fate) for fate in FATES}
    reasons = [[one.reason or ADDED, one.rows] for one in lines if one.fate != KEPT]
    return {
        "name": name,
        "rows": reading.ledger.total(name),
        **{fate.replace(" ", "_"): rows for fate, rows in fates.items()},
        "reasons": reasons,
        "times": [],
    }


def _spans(reading: SourceReading, times: Mapping[str, pl.Series]) -> list[Plain]:
    return [
        _span(column, counts_by_month(series, reading.zone), series)
        for column, series in times.items()
        if series.count()
    ]


def _span_of_events(reading: SourceReading) -> list[Plain]:
    facts = reading.collector.events
    months: Counter[int] = Counter()
    for counts in facts.by_type.values():
        months.update(counts)
    if facts.first is None or facts.last is None:
        return []
    ends = {"first": facts.first.isoformat(), "last": facts.last.isoformat()}
    return [{"column": "occurred_at", **ends, **bars(months)}]


def _span(column: str, months: Mapping[int, int], times: pl.Series) -> Plain:
    first, last = times.min(), times.max()
    ends = [one.isoformat() if isinstance(one, datetime) else None for one in (first, last)]
    return {"column": column, "first": ends[0], "last": ends[1], **bars(months)}


def _outcomes(reading: SourceReading) -> Plain:
    won, lost, still_open = (
        int(one.sum()) for one in (reading.is_won, reading.is_lost, reading.is_open)
    )
    about = {"won": won, "lost": lost, "open": still_open}
    shares = {
        "won_share": won / max(won + lost + still_open, 1),
        "won_share_of_ended": won / (won + lost) if won + lost else None,
    }
    unit, rows = _by_creation(reading)
    return {**about, **shares, "by": unit, "rows": rows}


def spans_of_leads(reading: SourceReading) -> tuple[str, list[str], pl.Series] | None:
    """Part the leads by their creation, or by their order where they have no dates.

    Returns
    -------
    tuple or None
        The unit, the labels, and each lead's place among them; None where neither is known.
    """
    if reading.is_dated:
        months = months_of(reading.created, reading.zone)
        first, last = months.min(), months.max()
        assert isinstance(first, int)
        assert isinstance(last, int)
        spans = TimeBins.over(first, last)
        return spans.unit, spans.labels(), spans.places(months)
    if reading.definition.tables.leads.order_by is None or reading.leads.height < TENTHS:
        return None
    tenths = reading.leads["position"].rank("ordinal").cast(pl.Int64) - 1
    labels = [f"{number}. tenth" for number in range(1, TENTHS + 1)]
    return "tenth", labels, tenths * TENTHS // reading.leads.height


def _by_creation(reading: SourceReading) -> tuple[str | None, list[Plain]]:
    spans = spans_of_leads(reading)
    if spans is None:
        return None, []
    unit, labels, places = spans
    frame = pl.DataFrame(
        {
            "place": places,
            "won": reading.is_won,
            "lost": reading.is_lost,
            "open": reading.is_open,
        }
    )
    counted = frame.group_by("place").agg(
        leads=pl.len(),
        won=pl.col("won").sum(),
        lost=pl.col("lost").sum(),
        open=pl.col("open").sum(),
    )
    found = {row["place"]: row for row in counted.iter_rows(named=True)}
    nobody = {"leads": 0, "won": 0, "lost": 0, "open": 0}
    rows = []
    for place, label in enumerate(labels):
        row = {key: found.get(place, nobody)[key] for key in nobody}
        share = row["won"] / row["leads"] if row["leads"] else None
        rows.append({"span": label, **row, "won_share": share})
    return unit, rows


def _time_to_win(reading: SourceReading) -> Plain | None:
    days = reading.days_to_end.filter(reading.is_won).drop_nulls()
    if not len(days):
        return None
    return {
        "count": len(days),
        "median_days": days.median(),
        "p90_days": days.quantile(0.9, "nearest"),
        "peaks": [
            {"days": day, "count": count, "share": count / len(days)}
            for day, count in peaks_of_days(days)
        ],
    }


def _columns(reading: SourceReading) -> dict[str, str]:
    types = dict(reading.attribute_types)
    if "rules_score" in reading.leads.columns:
        types["rules_score"] = "number"
    if reading.outcomes["amount"].count():
        types["amount"] = "number"
    return types


def _column(reading: SourceReading, name: str) -> Plain:
    is_attribute = name in reading.leads.columns
    series = reading.leads[name] if is_attribute else reading.outcomes[name]
    kind = _columns(reading)[name]
    given = series.drop_nulls()
    about: Plain = {
        "name": name,
        "column": reading.column_of(name),
        "type": kind,
        "filled": len(given),
        "missing": series.null_count(),
        "missing_share": series.null_count() / max(len(series), 1),
        "distinct": given.n_unique(),
    }
    if kind in ("number", "time") and len(given):
        values = [given.quantile(share, "nearest") for share in QUANTILES]
        told = [one.isoformat() if isinstance(one, datetime) else one for one in values]
        about["quantiles"] = [[share, one] for share, one in zip(QUANTILES, told, strict=True)]
    elif kind == "text":
        about |= {"levels": None, "hidden": "free text, not shown"}
    elif len(given):
        about |= _levels(reading, name, given, about["distinct"])
    if is_attribute:
        about |= _missing_by_span(reading, series)
    return about


def _levels(reading: SourceReading, name: str, given: pl.Series, distinct: int) -> Plain:
    texts = given.cast(pl.String)
    tells = (
        is_personal(name) or is_personal(reading.column_of(name)) or looks_personal(texts, distinct)
    )
    if given.dtype != pl.Boolean and tells:
        return {"levels": None, "hidden": "may tell who somebody is, not shown"}
    counts = texts.value_counts(name="count")
    counts = counts.sort("count", counts.columns[0], descending=[True, False])
    top = counts.head(TOP_LEVELS)
    rest = counts.slice(TOP_LEVELS)["count"]
    levels = [list(row) for row in top.iter_rows()]
    return {"levels": levels, "rest": {"levels": len(rest), "count": int(rest.sum())}}


def _missing_by_span(reading: SourceReading, series: pl.Series) -> Plain:
    spans = spans_of_leads(reading) if series.null_count() else None
    if spans is None:
        return {"missing_by": None, "missing_rows": [], "filling": None}
    unit, labels, places = spans
    frame = pl.DataFrame({"place": places, "missing": series.is_null()})
    shares = dict(frame.group_by("place").agg(pl.col("missing").mean()).sort("place").iter_rows())
    rows = [[label, shares.get(place)] for place, label in enumerate(labels)]
    return {"missing_by": unit, "missing_rows": rows, "filling": filling(rows)}


def filling(rows: Sequence[Sequence[Any]]) -> str | None:
    """Tell where a column begins or ends being filled in, if it does.

    Parameters
    ----------
    rows : sequence of (str, float or None)
        Spans in their order, each with the share of leads without a value; None without leads.

    Returns
    -------
    str or None
        ``"begins 2024-03"``, ``"ends 2024-08"``, or both; None where it is filled throughout, or
        nowhere.
    """
    filled = [(label, 1.0 - missing) for label, missing in rows if missing is not None]
    usual = [place for place, (_, share) in enumerate(filled) if share >= _FILLED]
    if not usual:
        return None
    some = [place for place, (_, share) in enumerate(filled) if share > _EMPTY]
    told = []
    # It may begin late in a month, and end early in one.
    if some[0] and usual[0] - some[0] <= 1:
        told.append(f"begins {filled[some[0]][0]}")
    if some[-1] < len(filled) - 1 and some[-1] - usual[-1] <= 1:
        told.append(f"ends {filled[some[-1]][0]}")
    return ", ".join(told) or None


def _events(reading: SourceReading) -> Plain:
    by_type = reading.collector.events.by_type
    if not by_type:
        return {"unit": "month", "spans": [], "types": []}
    months = [month for counts in by_type.values() for month in counts]
    spans = TimeBins.over(min(months), max(months))
    types: list[Plain] = [
        {"type": name, "count": counts.total(), "by": spans.sums(counts)}
        for name, counts in by_type.items()
    ]
    ordered = sorted(types, key=lambda one: (-one["count"], one["type"]))
    return {"unit": spans.unit, "spans": spans.labels(), "types": ordered}

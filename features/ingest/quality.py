"""What the canonical tables look like, for the report's section on data quality."""

from datetime import datetime
from typing import Any

import polars as pl

from leadcast.features.base.errors import Fault
from leadcast.features.definitions.definition import SourceDefinition
from leadcast.features.ingest.examination import Examined, time_order
from leadcast.features.readers.ledger import Ledger

_TOP = 10
_QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
_PERSONAL = frozenset({"email", "phone"})

_TOLD = ("severity", "where", "found", "expected", "remedy", "count")
Plain = dict[str, Any]


def describe_quality(
    definition: SourceDefinition, examined: Examined, ledger: Ledger, faults: list[Fault]
) -> Plain:
    """Describe the tables as plain data."""
    until = examined.observed_until
    return {
        "source": definition.name,
        "title": definition.title,
        "time_order": str(time_order(definition)),
        "observed_until": None if until is None else until.isoformat(),
        "tables": _tables(definition, examined, ledger),
        "outcomes": count_outcomes(examined.settled.outcomes),
        "columns": _columns(examined),
        "events": _events(examined),
        "faults": [{name: getattr(fault, name) for name in _TOLD} for fault in faults],
        "counts": ledger.counts(),
        "unused_columns": list(examined.settled.leads.unused_columns),
        "forbidden": definition.forbidden,
    }


def count_outcomes(outcomes: pl.DataFrame) -> dict[str, int]:
    """Count how leads ended."""
    won = pl.col("won_at").is_not_null() | pl.col("converted").fill_null(False)
    lost = pl.col("lost_at").is_not_null() | ~pl.col("converted").fill_null(True)
    counts = outcomes.select(won=won.sum(), lost=(lost & ~won).sum(), all=pl.len()).row(0)
    return {"won": counts[0], "lost": counts[1], "open": counts[2] - counts[0] - counts[1]}


def _tables(definition: SourceDefinition, examined: Examined, ledger: Ledger) -> Plain:
    read = {name: ledger.total(name) for name in definition.readers()}
    events = sum(rows for name, rows in read.items() if name.startswith("events"))
    kept = examined.settled.leads.frame.height
    tables = {
        "leads": {"rows": read["leads"], "kept": kept},
        "events": {"rows": events, "kept": examined.events.rows},
    }
    if "outcomes" in read:
        used = examined.settled.used_rows
        tables["outcomes"] = {"rows": read["outcomes"], "kept": used}
    return tables


def _columns(examined: Examined) -> list[Plain]:
    frame, types = examined.settled.leads.frame, dict(examined.settled.leads.attribute_types)
    if "rules_score" in frame.columns:
        types = {"rules_score": "number", **types}
    if frame["created_at"].count():
        types = {"created_at": "time", **types}
    return [_column(frame[name], kind) for name, kind in types.items()]


def _column(series: pl.Series, kind: str) -> Plain:
    about: Plain = {
        "name": series.name,
        "type": kind,
        "missing_share": series.null_count() / max(len(series), 1),
        "distinct": series.drop_nulls().n_unique(),
    }
    if kind in ("number", "time"):
        values = [series.quantile(share, "nearest") for share in _QUANTILES]
        shown = [one.isoformat() if isinstance(one, datetime) else one for one in values]
        about["quantiles"] = [[share, one] for share, one in zip(_QUANTILES, shown, strict=True)]
    elif kind != "text" and series.name not in _PERSONAL:
        about["top"] = _top(series)
    return about


def _top(series: pl.Series) -> list[list[str | int]]:
    counts = series.drop_nulls().cast(pl.String).value_counts(name="count")
    value = counts.columns[0]
    ordered = counts.sort("count", value, descending=[True, False]).head(_TOP)
    return [list(row) for row in ordered.iter_rows()]


def _events(examined: Examined) -> Plain:
    events = examined.events
    ordered = sorted(events.types.items(), key=lambda item: (-item[1], item[0]))
    return {
        "types": [[name, count] for name, count in ordered],
        "first": None if events.first is None else events.first.isoformat(),
        "last": None if events.last is None else events.last.isoformat(),
    }

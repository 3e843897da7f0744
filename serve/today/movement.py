"""Why a lead's score moved since an earlier moment: each cause's part in the log-odds, exactly.

A lead is scored again in steps, each of which changes one thing, and what a step changes in the
log-odds is that thing's part. The parts telescope, so that they add up to the whole change::

    as it was told then     by the model of then
    model                   the model of today, at the moment and with the attributes of then
    attributes              changed one by one, in alphabetical order, by the lead's history or,
                            where it has none, as they were told then
    time                    today's moment, without any new event
    events                  one by one, in time's order

Like every account of parts that act together it depends on the order of the steps, which is
fixed: what somebody does is told on top of the time that has passed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from leadcast.features.changes.given_changes import LIST
from leadcast.features.registry import humanise
from leadcast.features.tables import CHANGES, TIME
from leadcast.models.data import Floats
from leadcast.serve.scorer import Scorer
from leadcast.serve.today.edits import Edit, edits_between
from leadcast.serve.today.open_leads import attributes_read, stand

MOST_EVENTS_APART = 40
"""So many new events of a lead get a part of their own; the rest is told as one."""
LEADS_AT_ONCE = 500
"""Each is scored some times with all that it did, so that memory stays bounded."""
NEGLIGIBLE = 0.005
"""Less than this on the log-odds scale is not told in words."""

PARTS = pl.List(
    pl.Struct(
        {
            "kind": pl.String(),
            "what": pl.String(),
            "at": TIME,
            "log_odds": pl.Float64(),
        }
    )
)
"""The column ``parts``: ``kind`` is ``model``, ``late``, ``attribute``, ``time``, ``event`` or
``events``."""
SCHEMA: Mapping[str, pl.DataType] = {
    "lead_id": pl.String(),
    "log_odds_before": pl.Float64(),
    "log_odds": pl.Float64(),
    "parts": PARTS,
}


@dataclass(frozen=True)
class Earlier:
    """What was told of a lead at the earlier moment."""

    log_odds: float
    """Of the probability that was told."""
    model_version: str
    events: int
    """So many events had happened and were known."""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    """The attributes as they were; those that are not named were as they are."""


def movements(
    scorer: Scorer,
    leads: pl.DataFrame,
    events: pl.DataFrame,
    since: datetime,
    as_of: datetime,
    told: Mapping[str, Earlier] | None = None,
) -> pl.DataFrame:
    """Tell why leads' scores moved.

    Parameters
    ----------
    scorer : Scorer
    leads : pl.DataFrame
        As `leadcast.serve.today.open_leads.stand` takes them, without ``as_of``.
    events : pl.DataFrame
        What they did before `as_of`, as `leadcast.serve.today.open_leads.events_before` gives it.
    since, as_of : datetime
        The earlier moment and the later one. Leads that were created after the earlier one have
        not moved, and are left out.
    told : mapping of str to Earlier, optional
        By lead, what was told at the earlier moment; of other leads the present model's score of
        their present attributes is taken.

    Returns
    -------
    pl.DataFrame
        With the columns of `SCHEMA`, a row for each lead; the parts, in the order of the steps,
        add up to ``log_odds - log_odds_before``.
    """
    then = leads.filter(pl.col("created_at") <= pl.lit(since).cast(TIME))
    parts = [
        _moved(scorer, then[first : first + LEADS_AT_ONCE], events, (since, as_of), told or {})
        for first in range(0, then.height, LEADS_AT_ONCE)
    ]
    return pl.concat(parts) if parts else pl.DataFrame(schema=dict(SCHEMA))


@dataclass(frozen=True)
class _Step:
    """One scoring of a lead: what it changes, and what is known in it."""

    lead: int
    kind: str
    what: str
    at: datetime | None
    as_of: datetime
    events: int
    """The lead's first so many events are known."""
    attributes: Mapping[str, Any]
    """Those that are not as they are now."""


def _moved(
    scorer: Scorer,
    leads: pl.DataFrame,
    events: pl.DataFrame,
    moments: tuple[datetime, datetime],
    told: Mapping[str, Earlier],
) -> pl.DataFrame:
    numbered = leads.select("lead_id").with_row_index("lead")
    own = events.join(numbered, on="lead_id", how="inner").sort(
        "lead", "occurred_at", "event_type", "value", maintain_order=True
    )
    own = own.with_columns(place=pl.int_range(pl.len()).over("lead"))
    version = scorer.bundle.manifest.bundle_id[:12]
    steps, begins = list[_Step](), list[int]()
    by_lead = _news(own, moments[0], leads.height)
    names = attributes_read(scorer, leads)
    types = scorer.bundle.manifest.origin.attribute_types
    for lead, row in enumerate(leads.select("lead_id", *names).iter_rows(named=True)):
        earlier = told.get(row["lead_id"])
        begins.append(len(steps))
        edits = edits_between(row.get(CHANGES), moments, types)
        steps += _steps(lead, row, earlier, by_lead[lead], moments, version, edits)
    log_odds = _scored(scorer, leads, own, steps)
    return pl.DataFrame(
        [
            _row(leads["lead_id"][lead], told, steps[first:last], log_odds[first:last])
            for lead, (first, last) in enumerate(
                zip(begins, [*begins[1:], len(steps)], strict=True)
            )
        ],
        schema=dict(SCHEMA),
    )


def _news(
    own: pl.DataFrame, since: datetime, n_leads: int
) -> list[tuple[int, list[tuple[datetime, str]]]]:
    """Of each lead, how many events are old, and the new ones."""
    is_old = pl.col("occurred_at") < pl.lit(since).cast(TIME)
    old = np.bincount(own.filter(is_old)["lead"].to_numpy(), minlength=n_leads).tolist()
    new: list[list[tuple[datetime, str]]] = [[] for _ in range(n_leads)]
    for lead, at, kind in own.filter(~is_old).select("lead", "occurred_at", "event_type").rows():
        new[lead].append((at, kind))
    return list(zip(old, new, strict=True))


def _steps(
    lead: int,
    now: Mapping[str, Any],
    earlier: Earlier | None,
    known: tuple[int, list[tuple[datetime, str]]],
    moments: tuple[datetime, datetime],
    version: str,
    edits: Mapping[str, Edit],
) -> Iterator[_Step]:
    (since, as_of), (old, new) = moments, known
    was = {} if earlier is None else earlier.attributes
    tracked = {one["attribute"] for one in now.get(CHANGES) or ()}
    changed: dict[str, Any] = {
        name: was[name]
        for name in was
        if name in now and name not in tracked and was[name] != now[name]
    }
    kind, what = _first_kind(earlier, old, version)
    yield _Step(lead, kind, what, None, since, old, dict(changed))
    for name in sorted({*changed, *edits}):
        if name in edits:
            before, after = edits[name].before, edits[name].after
            changed[CHANGES] = edits[name].earlier(changed.get(CHANGES, now[CHANGES]))
        else:
            before, after = changed.pop(name), now[name]
        words = f"{humanise(name)}: {_value(before)} → {_value(after)}"
        yield _Step(lead, "attribute", words, None, since, old, dict(changed))
    yield _Step(lead, "time", "time passing", None, as_of, old, {})
    for number, (at, event) in enumerate(new[:MOST_EVENTS_APART], 1):
        yield _Step(lead, "event", event, at, as_of, old + number, {})
    rest = len(new) - MOST_EVENTS_APART
    if rest > 0:
        yield _Step(lead, "events", f"{rest} more events", new[-1][0], as_of, old + len(new), {})


def _first_kind(earlier: Earlier | None, old: int, version: str) -> tuple[str, str]:
    if earlier is None or earlier.model_version == version:
        return "late", "what arrived late"
    if earlier.events != old:
        return "model", "another model, and what arrived late"
    return "model", "another model"


def _value(value: object) -> str:
    return "unknown" if value is None else f"{value:g}" if isinstance(value, float) else f"{value}"


def _scored(scorer: Scorer, leads: pl.DataFrame, own: pl.DataFrame, steps: list[_Step]) -> Floats:
    """Score the steps as so many leads of their own, each with the events that it knows."""
    asked = pl.DataFrame(
        {
            "lead": pl.Series([step.lead for step in steps], dtype=pl.UInt32),
            "as_of": pl.Series([step.as_of for step in steps], dtype=TIME),
            "known": pl.Series([step.events for step in steps], dtype=pl.Int64),
        }
    ).with_row_index("step")
    names = attributes_read(scorer, leads)
    rows = leads.select("created_at", *names)[asked["lead"]]
    odd = [(place, step.attributes) for place, step in enumerate(steps) if step.attributes]
    for name in names:
        places = [place for place, attributes in odd if name in attributes]
        if places:
            told = [steps[place].attributes[name] for place in places]
            values = pl.Series(told, dtype=LIST if name == CHANGES else None)
            # Lists cannot be scattered.
            order = np.arange(rows.height)
            order[places] = rows.height + np.arange(len(places))
            both = pl.concat([rows[name], values.cast(rows[name].dtype).alias(name)])
            rows = rows.with_columns(both.gather(order))
    step_id = pl.col("step").cast(pl.String).alias("lead_id")
    rows = pl.concat([asked.select(step_id, "as_of"), rows], how="horizontal")
    events = (
        asked.join(own, on="lead", how="inner")
        .filter(pl.col("place") < pl.col("known"))
        .select(step_id, "occurred_at", "event_type", "value")
    )
    return stand(scorer, rows, events).log_odds


def _row(
    lead_id: str, told: Mapping[str, Earlier], steps: list[_Step], log_odds: Floats
) -> dict[str, Any]:
    earlier = told.get(lead_id)
    before = float(log_odds[0]) if earlier is None else earlier.log_odds
    changes = np.diff(log_odds, prepend=before).tolist()
    parts = [
        {"kind": step.kind, "what": step.what, "at": step.at, "log_odds": change}
        for step, change in zip(steps, changes, strict=True)
        # What nobody has told before cannot have been told otherwise.
        if step.kind not in ("late", "model") or change != 0
    ]
    return {
        "lead_id": lead_id,
        "log_odds_before": before,
        "log_odds": float(log_odds[-1]),
        "parts": parts,
    }


def moved_words(parts: list[dict[str, Any]] | None) -> str:
    """Say why a lead moved: causes of one kind together, the strongest first.

    Parameters
    ----------
    parts : list of dict or None
        As in the column ``parts``.

    Returns
    -------
    str
        ``"+0.62 demo requested; -0.05 time passing"``, in log-odds; empty where nothing moved.
    """
    sums: dict[str, tuple[float, int]] = {}
    for part in parts or []:
        what = humanise(part["what"]) if part["kind"] == "event" else part["what"]
        total, count = sums.get(what, (0.0, 0))
        sums[what] = (total + part["log_odds"], count + 1)
    told = sorted(sums.items(), key=lambda one: (-abs(one[1][0]), one[0]))
    return "; ".join(
        f"{total:+z.2f} {f'{count} × ' if count > 1 else ''}{what}"
        for what, (total, count) in told
        if abs(total) >= NEGLIGIBLE
    )

"""Events from a table of any size to arrays: only the columns and the leads that are needed."""

from collections.abc import Iterator

import numpy as np
import polars as pl

from leadcast.features.base.errors import Fault
from leadcast.features.boundary import known
from leadcast.features.engine.coded import NEEDED, CodedTable, EventTable
from leadcast.features.engine.engagement import OTHER
from leadcast.features.engine.grouping import Events, Ungrouped, group_batches, group_events
from leadcast.features.engine.inputs import incomplete_events
from leadcast.features.settings import FeatureSettings
from leadcast.features.tables import TIME
from leadcast.features.values.distinct import Lookup

_LACKS = "lacks"
"""Which of `NEEDED` an event lacks first."""


def collect_events(
    events: EventTable,
    lead_ids: pl.Series,
    kinds: tuple[str, ...],
    with_values: bool,
    warnings: list[Fault] | None = None,
) -> Events:
    """Read the events of some leads.

    Texts become small numbers while the table streams by, so that what is held in memory is 14
    bytes an event (22 with its value), and as much again while they are grouped.
    """
    warnings = [] if warnings is None else warnings
    if not isinstance(events, pl.LazyFrame):
        batches = [*_batches(events, lead_ids, kinds, with_values, warnings)]
        return group_batches(batches, len(lead_ids))
    columns = [
        pl.col("lead_id")
        .cast(pl.String)
        .map_batches(Lookup(lead_ids).places, return_dtype=pl.Int32, is_elementwise=True),
        pl.col("occurred_at").dt.cast_time_unit("us").to_physical(),
        _kind_codes(kinds).alias("kind"),
        pl.coalesce(
            pl.when(pl.col(name).is_null()).then(pl.lit(number, dtype=pl.Int8))
            for number, name in enumerate(NEEDED)
        ).alias(_LACKS),
    ]
    if with_values:
        columns.append(pl.col("value").cast(pl.Float64))
    table = (
        events.select(columns)
        .filter(pl.col("lead_id").is_not_null() | pl.col(_LACKS).is_not_null())
        .collect(engine="streaming")
    )
    if table[_LACKS].null_count() < table.height:
        warnings += incomplete_events(
            int((table[_LACKS] == number).sum()) for number in range(len(NEEDED))
        )
        table = table.filter(pl.col(_LACKS).is_null())
    values = table["value"].to_numpy() if with_values else np.empty(0)
    leads, times, kind = (table[name].to_numpy() for name in ("lead_id", "occurred_at", "kind"))
    return group_events(leads, times, kind, values, len(lead_ids))


def no_events(n_leads: int) -> Events:
    """Make the events of leads that have none.

    Parameters
    ----------
    n_leads : int
        How many leads.

    Returns
    -------
    Events
    """
    return Events(
        starts=np.zeros(n_leads + 1, dtype=np.int64),
        times_us=np.empty(0, dtype=np.int64),
        kinds=np.empty(0, dtype=np.int16),
        values=np.empty(0),
    )


def learn_kinds(
    events: pl.LazyFrame, snapshots: pl.DataFrame, settings: FeatureSettings
) -> tuple[tuple[str, ...], tuple[str, ...], float | None]:
    """Choose the kinds of events that get columns of their own; tell the share of the others."""
    last = snapshots.group_by("lead_id").agg(pl.col("as_of").max())
    value = pl.col("value").cast(pl.Float64).is_finite().sum().alias("with_value")
    counted = (
        events.select("lead_id", "event_type", "value", pl.col("occurred_at").cast(TIME))
        .join(last.lazy(), on="lead_id")
        .filter(known(pl.col("occurred_at"), pl.col("as_of")))
        .group_by(pl.col("event_type").cast(pl.String))
        .agg(pl.len().alias("count"), value)
        .collect(engine="streaming")
        .drop_nulls("event_type")
        .sort("count", "event_type", descending=[True, False])
    )
    frequent = counted.filter(pl.col("count") >= settings.min_level_count).head(settings.max_kinds)
    kinds = tuple(frequent["event_type"])
    enough = pl.col("with_value") >= settings.min_level_count
    valued = set(counted.filter(enough)["event_type"])
    value_kinds = tuple(kind for kind in kinds if kind in valued)
    n, n_known = int(counted["count"].sum()), int(frequent["count"].sum())
    other_share = (n - n_known) / n if n else None
    return kinds, value_kinds + ((OTHER,) if valued - set(kinds) else ()), other_share


def _kind_codes(kinds: tuple[str, ...]) -> pl.Expr:
    if not kinds:
        return pl.lit(0, dtype=pl.Int16)
    known_kind = pl.col("event_type").cast(pl.String).cast(pl.Enum(kinds), strict=False)
    return (known_kind.to_physical().cast(pl.Int16) + 1).fill_null(0)


def _batches(
    events: CodedTable,
    lead_ids: pl.Series,
    kinds: tuple[str, ...],
    with_values: bool,
    warnings: list[Fault],
) -> Iterator[Ungrouped]:
    left_out = np.zeros(len(NEEDED), dtype=np.int64)
    known, kinds_known = Lookup(lead_ids), Lookup(pl.Series(kinds, dtype=pl.String))
    for some in events.batches(with_values):
        left_out += some.left_out
        # What is missing has the place -1, the last.
        place = np.append(known.places_or_none(some.lead_ids), np.int32(-1))
        code = np.append(kinds_known.places_or_none(some.event_types) + 1, 0).astype(np.int16)
        found = Ungrouped(some.leads, some.times_us, some.kinds, some.values, place, code)
        # Some may be of other leads, of which there may be many.
        has_others = bool((place[:-1] < 0).any())
        yield found.only(place[some.leads] >= 0) if has_others else found
    warnings += incomplete_events(left_out.tolist())

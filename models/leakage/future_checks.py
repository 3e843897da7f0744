"""A check of attributes that an export holds in their last state: counts, spans and times.

A name may hide it, behaviour does not: such a column agrees with what came after the moment of
scoring, and hardly with what came before.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property

import numpy as np
import polars as pl

from leadcast.features.tables import TimeOrder
from leadcast.models.leakage.context import Check, Finding, LeakageContext
from leadcast.models.leakage.exact import Severity
from leadcast.models.leakage.strength import codes_auc, rank_correlation
from leadcast.models.leakage.time_checks import with_events

_FEWEST_LEADS = 50
_MOST_KINDS = 12
_LATER = pl.col("occurred_at") >= pl.col("as_of")


class FutureAttributes(Check):
    """An attribute that knows what happened to the lead after it was looked at."""

    code = "L014"
    title = "attributes that know the lead's future"
    remedy = (
        "The column is kept up to date in the CRM, so that the export holds its last state. Forbid "
        "it in the source definition; what it counts can be counted from the events."
    )
    needs_attributes, needs_outcomes = True, False
    together, total, life = 0.8, 0.9, 0.8
    beyond_past, clock = 0.05, 0.8
    least_share = 0.01
    near_end, near_event, telling = 0.3, 0.5, 0.6

    def not_applicable(self, context: LeakageContext) -> str | None:
        """Say why it cannot be told; see `Check.not_applicable`."""
        if context.tables.time_order is not TimeOrder.DATED:
            return "the source is not dated, so that nothing has a future"
        return super().not_applicable(context)

    def look(self, context: LeakageContext) -> Iterator[Finding]:
        """Compare attributes with later times and later events; see `Check.look`."""
        lives = _Lives(context)
        for attribute, columns in context.attribute_features.items():
            values = context.sampled_leads[attribute]
            if values.dtype.is_temporal():
                known = ~np.isnan(context.sample.values[:, list(columns)]).all(axis=1)
                told = self._of_time(context, lives, values, pl.Series(known))
            elif values.dtype.is_numeric():
                told = self._of_number(lives, values.cast(pl.Float64))
            else:
                continue
            if told is not None:
                yield self.finding(f"column {attribute!r}", *told)

    def _of_number(self, lives: "_Lives", values: pl.Series) -> tuple[str, Severity] | None:
        later = _together(values, lives.later)
        if later >= self.together:
            return (
                "it ranks leads like the number of events that came after they were looked at "
                f"(rank correlation {later:.2f})"
            ), "error"
        for kind, total, past in lives.totals:
            until_export = _together(values, total)
            before = _together(values, past) if until_export >= self.total else 1.0
            if until_export - before >= self.beyond_past:
                return (
                    f"it counts {kind} until the export: its rank correlation with all of a "
                    f"lead's is {until_export:.2f}, with those before the lead was looked at "
                    f"{before:.2f}"
                ), "error"
        lived = _together(values, lives.days_until_end)
        if lived >= self.life and abs(_together(values, lives.created)) < self.clock:
            return (
                "it ranks leads like the time that they took to end, which nobody knows before "
                f"(rank correlation {lived:.2f})"
            ), "error"
        return None

    def _of_time(
        self, context: LeakageContext, lives: "_Lives", values: pl.Series, known: pl.Series
    ) -> tuple[str, Severity] | None:
        future = (values >= context.sampled_snapshots["as_of"]).fill_null(value=False)
        share = _share(future)
        if _share(future & known) >= self.least_share:
            seen = _share(future & known)
            return f"{seen:.1%} of the snapshots know a time that came after them", "error"
        # The engine takes a later time for missing. That it is missing tells the future then.
        if min(share, _share(known)) < self.least_share:
            return None
        words = f"in {share:.1%} of the snapshots it is a time after them, and is not read there"
        for name, least, moments in (
            ("the end of the lead", self.near_end, lives.end),
            ("its last event", self.near_event, lives.last_event),
        ):
            near = _share_within_a_day(values, moments, lives.days)
            if near >= least:
                return f"{words}; {near:.0%} of its times are within a day of {name}", "error"
        if context.too_few_outcomes() is not None:
            return None
        _, age = np.unique(context.sampled_snapshots["landmark_days"], return_inverse=True)
        block = context.sample.block * (int(age.max()) + 1) + age
        by_age = replace(context.sample, block=block.astype(np.int64))
        auc = codes_auc(future.to_numpy().astype(np.int64), by_age)
        if auc.low < self.telling:
            return None
        return f"{words}, which alone has an AUC of {auc.value:.3f}", "warning"


class _Lives:
    """What came after each sampled snapshot, and how its lead lived; a value for each of them."""

    def __init__(self, context: LeakageContext) -> None:
        self._context = context
        self._looks = context.sampled_snapshots.select("lead_id", "as_of").with_row_index("row")

    @cached_property
    def _events(self) -> pl.DataFrame:
        return with_events(self._looks, self._context)

    def _counted(self, events: pl.DataFrame) -> pl.Series:
        counts = events.group_by("row").len()
        joined = self._looks.join(counts, on="row", how="left", maintain_order="left")
        return joined["len"].fill_null(0).cast(pl.Float64)

    @cached_property
    def later(self) -> pl.Series:
        """How many events came at or after the snapshot."""
        return self._counted(self._events.filter(_LATER))

    @cached_property
    def totals(self) -> list[tuple[str, pl.Series, pl.Series]]:
        """Kinds of events in words, how many a lead has, and how many before the snapshot."""
        events = self._events
        if events.is_empty():
            return []
        kinds = events["event_type"].value_counts(sort=True).head(_MOST_KINDS)["event_type"]
        named = [("events", events)]
        named += [(f"{kind!r} events", events.filter(event_type=kind)) for kind in kinds]
        return [(words, self._counted(e), self._counted(e.filter(~_LATER))) for words, e in named]

    @cached_property
    def last_event(self) -> pl.Series:
        """When the lead's last event came."""
        last = self._events.group_by("row").agg(pl.col("occurred_at").max())
        return self._looks.join(last, on="row", how="left", maintain_order="left")["occurred_at"]

    @cached_property
    def end(self) -> pl.Series:
        """When the lead ended; null while it is open."""
        ends = self._context.tables.outcomes.select(
            "lead_id", end=pl.min_horizontal("won_at", "lost_at")
        )
        return self._looks.join(ends, on="lead_id", how="left", maintain_order="left")["end"]

    @cached_property
    def created(self) -> pl.Series:
        """When the lead was created, in microseconds."""
        return self._context.sampled_leads["created_at"].to_physical().cast(pl.Float64)

    @cached_property
    def days_until_end(self) -> pl.Series:
        """How long it took to end; null while it is open."""
        return (self.end.to_physical().cast(pl.Float64) - self.created) / 86_400e6

    @cached_property
    def days(self) -> pl.Series:
        """How long it took to end, or has lasted at its last event."""
        last = self.last_event.to_physical().cast(pl.Float64)
        lived = pl.DataFrame({"end": self.days_until_end, "last": (last - self.created) / 86_400e6})
        return lived.select(pl.coalesce("end", "last")).to_series()


def _together(values: pl.Series, other: pl.Series) -> float:
    both = pl.DataFrame({"value": values, "other": other}).fill_nan(None).drop_nulls()
    if both.height < _FEWEST_LEADS or min(column.n_unique() for column in both) < 3:
        return 0.0
    return rank_correlation(both["value"], both["other"])


def _share(flags: pl.Series) -> float:
    return float(flags.to_numpy().mean())


def _share_within_a_day(values: pl.Series, moments: pl.Series, days: pl.Series) -> float:
    # What ends within three days is near its end whatever happens.
    apart = (values - moments).dt.total_seconds().abs()
    known = pl.DataFrame({"apart": apart, "days": days}).drop_nulls().filter(pl.col("days") >= 3)
    if known.height < _FEWEST_LEADS:
        return 0.0
    return float((known["apart"] <= 86_400).to_numpy().mean())

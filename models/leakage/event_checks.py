"""Checks of events: a feature may see what came strictly before `as_of`, and not the outcome."""

from collections.abc import Iterator

import numpy as np
import polars as pl

from leadcast.features.tables import TimeOrder
from leadcast.models.leakage.context import LeakageContext
from leadcast.models.leakage.finding import Check, Finding

_US_PER_DAY = 86_400_000_000


class FutureEvents(Check):
    """A matrix that changes when events at or after `as_of` are taken away."""

    code = "L012"
    title = "features that see events at or after the moment of scoring"
    remedy = (
        "Compute the matrix again with leadcast.features.engine.engine.compute, which cuts events "
        "off at as_of; "
        "if it was, this is a fault of the feature engine: report it with this message."
    )
    most_leads = 400

    def not_applicable(self, context: LeakageContext) -> str | None:
        """Say why it cannot be told; see `Check.not_applicable`."""
        if context.tables.time_order is not TimeOrder.DATED:
            return "the source is not dated, so that it has no events"
        return "nothing is given to compute the matrix again" if not context.recompute else None

    def look(self, context: LeakageContext) -> Iterator[Finding]:
        """Compute some rows again without their future, and compare; see `Check.look`."""
        assert context.recompute is not None
        rows = self._rows(context)
        snapshots = context.training_snapshots[rows]
        leads = context.tables.leads.join(snapshots, on="lead_id", how="semi")
        past = _with_events(snapshots, context).filter(pl.col("occurred_at") < pl.col("as_of"))
        events = past.select("lead_id", "occurred_at", "event_type", "value")
        again = context.recompute(leads, events.lazy(), snapshots)
        given = context.training.values[rows]
        changed = (~np.isclose(given, again, rtol=1e-5, atol=1e-6, equal_nan=True)).sum(axis=0)
        if changed.any():
            worst = [int(i) for i in np.argsort(-changed, kind="stable")[:4] if changed[i]]
            named = ", ".join(f"{context.features[i].name} in {changed[i]}" for i in worst)
            yield self.finding(
                f"{int((changed > 0).sum())} columns",
                f"values change when events at or after as_of are taken away; of {len(rows)} rows, "
                f"those of {named}",
            )

    def _rows(self, context: LeakageContext) -> list[int]:
        # One snapshot a lead, so that a lead's events can be cut off at one moment.
        numbered = context.training_snapshots.with_row_index("row").sample(
            fraction=1.0, shuffle=True, seed=context.seed
        )
        first = numbered.unique("lead_id", keep="first", maintain_order=True)
        return sorted(first["row"].head(self.most_leads).to_list())


class OutcomeEvents(Check):
    """A kind of event that is the outcome itself, seen by a snapshot that takes it for the past."""

    code = "L013"
    title = "events that are the outcome, or come at its very moment"
    remedy = (
        "The outcome seems to be dated later than it was decided. Date it by these events in the "
        "source definition (outcomes: form: events), or leave them out of the events."
    )
    sure = 0.9
    moment_us = 60_000_000
    fewest_leads = 20

    def not_applicable(self, context: LeakageContext) -> str | None:
        """Say why it cannot be told; see `Check.not_applicable`."""
        if context.tables.time_order is not TimeOrder.DATED:
            return "the source is not dated, so that it has no events"
        return context.too_few_outcomes()

    def look(self, context: LeakageContext) -> Iterator[Finding]:
        """Look at what the snapshots that see a kind of event come to; see `Check.look`."""
        base = float(context.sample.converted.mean())
        for kind, leads, rate, at_outcome in self._seen(context).iter_rows():
            # Two standard errors below the rate, which is not certain even if all converted.
            low = rate - 2 * float(np.sqrt(max(rate * (1 - rate), 0.01) / leads))
            if leads >= self.fewest_leads and low >= max(self.sure, base + 0.1):
                yield self.finding(
                    f"event type {kind!r}",
                    f"{rate:.1%} of {leads} leads converted that had one before they were looked "
                    f"at ({base:.1%} of all)",
                )
            elif at_outcome >= self.fewest_leads:
                yield self.finding(
                    f"event type {kind!r}",
                    f"{at_outcome} leads had one before they were looked at that came within a "
                    "minute of their outcome",
                )

    def _seen(self, context: LeakageContext) -> pl.DataFrame:
        ends = context.tables.outcomes.select("lead_id", end=pl.min_horizontal("won_at", "lost_at"))
        labelled = context.sampled_snapshots.select("lead_id", "as_of", "converted")
        ended = labelled.join(ends, on="lead_id", how="left")
        past = _with_events(ended, context).filter(pl.col("occurred_at") < pl.col("as_of"))
        apart = pl.col("occurred_at").dt.epoch("us") - pl.col("end").dt.epoch("us")
        by_lead = past.group_by("event_type", "lead_id").agg(
            converted=pl.col("converted").max().cast(pl.Float64),
            at_outcome=(apart.abs() <= self.moment_us).any(),
        )
        seen = by_lead.group_by("event_type").agg(
            leads=pl.len(), rate=pl.col("converted").mean(), at_outcome=pl.col("at_outcome").sum()
        )
        return seen.sort("event_type")


class FutureAttributes(Check):
    """An attribute that knows what happened to the lead after it was looked at."""

    code = "L014"
    title = "attributes that know the lead's future"
    remedy = (
        "The column is kept up to date in the CRM, so that the export holds its last state. Forbid "
        "it in the source definition; what it counts can be counted from the events."
    )
    together = 0.8
    least_share = 0.01
    fewest_leads = 50

    def not_applicable(self, context: LeakageContext) -> str | None:
        """Say why it cannot be told; see `Check.not_applicable`."""
        if context.tables.time_order is not TimeOrder.DATED:
            return "the source is not dated, so that nothing has a future"
        return None if context.attribute_features else "the matrix reads no attribute"

    def look(self, context: LeakageContext) -> Iterator[Finding]:
        """Compare attributes with later times and later events; see `Check.look`."""
        later = self._later_events(context)
        for attribute, columns in context.attribute_features.items():
            values = context.sampled_leads[attribute]
            if values.dtype.is_temporal():
                known = ~np.isnan(context.sample.values[:, list(columns)]).all(axis=1)
                future = (values >= context.sampled_snapshots["as_of"]).fill_null(False)
                share = float((future.to_numpy() & known).mean())
                if share >= self.least_share:
                    found = f"{share:.1%} of the snapshots know a time that came after them"
                    yield self.finding(f"column {attribute!r}", found)
            elif values.dtype.is_numeric() and later is not None:
                together = _rank_correlation(values, later, self.fewest_leads)
                if together >= self.together:
                    yield self.finding(
                        f"column {attribute!r}",
                        "it ranks leads like the number of events that came after they were "
                        f"looked at (rank correlation {together:.2f})",
                    )

    def _later_events(self, context: LeakageContext) -> pl.Series | None:
        looks = context.sampled_snapshots.select("lead_id", "as_of").with_row_index("row")
        later = _with_events(looks, context).filter(pl.col("occurred_at") >= pl.col("as_of"))
        if later.is_empty():
            return None
        counts = looks.join(
            later.group_by("row").len(), on="row", how="left", maintain_order="left"
        )
        return counts["len"].fill_null(0)


def _with_events(snapshots: pl.DataFrame, context: LeakageContext) -> pl.DataFrame:
    return snapshots.lazy().join(context.tables.events, on="lead_id").collect()


def _rank_correlation(values: pl.Series, later: pl.Series, fewest: int) -> float:
    both = pl.DataFrame({"value": values, "later": later}).drop_nulls()
    if both.height < fewest or min(both["value"].n_unique(), both["later"].n_unique()) < 3:
        return 0.0
    ranks = both.select(pl.all().rank()).to_numpy()
    return float(np.corrcoef(ranks[:, 0], ranks[:, 1])[0, 1])

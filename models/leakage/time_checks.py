"""Checks of time: what came at or after `as_of`, and what stands on both sides of the split."""

from collections.abc import Iterator

import numpy as np
import polars as pl

from leadcast.features.snapshots import MOST_LEADS_OF_A_PERSON, person_keys
from leadcast.features.tables import TimeOrder
from leadcast.models.leakage.context import Check, Finding, LeakageContext


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
        past = with_events(snapshots, context).filter(pl.col("occurred_at") < pl.col("as_of"))
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
        return super().not_applicable(context)

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
        past = with_events(ended, context).filter(pl.col("occurred_at") < pl.col("as_of"))
        apart = pl.col("occurred_at").dt.epoch("us") - pl.col("end").dt.epoch("us")
        by_lead = past.group_by("event_type", "lead_id").agg(
            converted=pl.col("converted").max().cast(pl.Float64),
            at_outcome=(apart.abs() <= self.moment_us).any(),
        )
        seen = by_lead.group_by("event_type").agg(
            leads=pl.len(), rate=pl.col("converted").mean(), at_outcome=pl.col("at_outcome").sum()
        )
        return seen.sort("event_type")


def with_events(snapshots: pl.DataFrame, context: LeakageContext) -> pl.DataFrame:
    """Join snapshots with all events of their leads."""
    return snapshots.lazy().join(context.tables.events, on="lead_id").collect()


_LATER = ("test",)
_NO_LATER_PART = "no snapshot is in a part after training"


class SamePerson(Check):
    """Two leads of one e-mail address or telephone number, in training and after it.

    An account may stand on both sides, and so may a lead whose label was known when the test began.
    """

    code = "L010"
    title = "another lead of the same person on both sides of the split"
    remedy = (
        "Split again with the snapshots' person_id, which keeps leads of one person together; map "
        "email and phone in the source definition, so that it can."
    )

    def not_applicable(self, context: LeakageContext) -> str | None:
        """Say why it cannot be told; see `Check.not_applicable`."""
        return None if _has_later_part(context) else _NO_LATER_PART

    def look(self, context: LeakageContext) -> Iterator[Finding]:
        """Look for identifiers of people in both; see `Check.look`."""
        leads = context.tables.leads
        keys = leads.select("lead_id", **person_keys(leads))
        sides = _sides(context.snapshots).join(keys, on="lead_id", how="left")
        yield from self._unknown_labels(context)
        for name in ("email", "phone"):
            # Of all leads, as the snapshots' persons are counted.
            many = pl.len().over(name) > MOST_LEADS_OF_A_PERSON
            office = keys.drop_nulls(name).filter(many)
            known = sides.drop_nulls(name).join(office, on=name, how="anti")
            on_both = (pl.col("later").n_unique() > 1) & (pl.col("lead_id").n_unique() > 1)
            by_key = known.group_by(name).agg(on_both=on_both)
            shared = int(by_key["on_both"].sum())
            if shared:
                found = f"{shared} of {by_key.height} are in the training part and in a later one"
                yield self.finding(name, found)

    def _unknown_labels(self, context: LeakageContext) -> Iterator[Finding]:
        """Look for leads of a later part that are trained on by labels of that part's time."""
        later = context.snapshots.filter(pl.col("part").is_in(_LATER))
        known_until = int(later["position"].min()) - context.training.horizon  # type: ignore[arg-type]
        early = context.training_snapshots.filter(pl.col("position") > known_until)
        shared = early.join(later, on="lead_id", how="semi")["lead_id"].n_unique()
        if shared:
            found = f"{shared} of {later['lead_id'].n_unique()} of a later part are in training "
            yield self.finding("lead_id", f"{found}with labels of its time")


class NearDuplicates(Check):
    """Copies of training rows in a later part, with the label that the model has learned.

    Leads of which little is known are alike by nature, so that only rare rows count. Alike rows
    are no leak as long as their outcomes agree no more than what is known of them explains; those
    of copies agree beyond it.
    """

    code = "L011"
    title = "near-duplicate rows across the split"
    remedy = (
        "The export seems to hold leads twice, or rows were multiplied to balance the outcomes. "
        "Remove the copies, or give those of one lead the same lead_id."
    )
    fewest_attributes = 5
    most_alike = 3
    fewest_pairs = 30
    fewest_won = 10
    least_share = 0.02
    agreement = 0.8

    def not_applicable(self, context: LeakageContext) -> str | None:
        """Say why it cannot be told; see `Check.not_applicable`."""
        if len(_described_by(context)) < self.fewest_attributes:
            return f"leads have fewer than {self.fewest_attributes} attributes to compare"
        if not _has_later_part(context):
            return _NO_LATER_PART
        return super().not_applicable(context)

    def look(self, context: LeakageContext) -> Iterator[Finding]:
        """Look for rare rows that are alike, and compare their labels; see `Check.look`."""
        sides = _sides(context.snapshots).join(self._alike(context), on="lead_id")
        pairs = self._pairs(sides, context)
        later_leads = int(sides["later"].sum())
        won = min(int(pairs["train"].sum()), int(pairs["then"].sum()))
        enough = pairs.height >= max(self.fewest_pairs, self.least_share * later_leads)
        if not enough or won < self.fewest_won:
            return
        agreed = float((pairs["train"] == pairs["then"]).to_numpy().mean())
        by_chance = float((pairs["known"] ** 2 + (1 - pairs["known"]) ** 2).to_numpy().mean())
        if (agreed - by_chance) / max(1 - by_chance, 0.01) >= self.agreement:
            yield self.finding(
                "attributes of the leads",
                f"{pairs.height} of {later_leads} leads of the later parts are like a rare lead of "
                f"the training part in every attribute, and {agreed:.0%} of their outcomes agree, "
                f"where {by_chance:.0%} would by what is known of them",
            )

    def _alike(self, context: LeakageContext) -> pl.DataFrame:
        described = [_rounded(context, name) for name in _described_by(context)]
        filled = pl.sum_horizontal(pl.all().exclude("lead_id").is_not_null())
        leads = context.tables.leads.select("lead_id", *described)
        rich = leads.filter(filled >= self.fewest_attributes)
        return rich.select("lead_id", alike=pl.struct(pl.all().exclude("lead_id")).hash())

    def _pairs(self, sides: pl.DataFrame, context: LeakageContext) -> pl.DataFrame:
        rare = pl.len().over("alike", "later") <= self.most_alike
        sides = sides.filter(rare)
        probability = 1 / (1 + np.exp(-context.full_log_odds))
        known = context.sampled_snapshots.select("lead_id", known=pl.Series(probability))
        before = sides.filter(~pl.col("later")).join(
            known.group_by("lead_id").agg(pl.col("known").mean()), on="lead_id"
        )
        return (
            before.select("alike", "known", train="converted")
            .unique("alike", keep="first", maintain_order=True)
            .join(sides.filter("later").select("alike", then="converted"), on="alike")
        )


def _sides(snapshots: pl.DataFrame) -> pl.DataFrame:
    # A row for each lead and side; the lead's label is whether it ever converted there.
    used = snapshots.filter(pl.col("part").is_in(["train", *_LATER]))
    later = used.with_columns(later=pl.col("part").is_in(_LATER))
    sides = later.group_by("lead_id", "later").agg(pl.col("converted").max())
    return sides.sort("lead_id", "later")


def _has_later_part(context: LeakageContext) -> bool:
    return bool(context.snapshots["part"].is_in(_LATER).any())


def _described_by(context: LeakageContext) -> list[str]:
    types = context.tables.leads.schema
    people = ("email", "phone")
    return [
        name for name in context.attributes if name not in people and not types[name].is_temporal()
    ]


def _rounded(context: LeakageContext, name: str) -> pl.Expr:
    dtype = context.tables.leads.schema[name]
    if dtype == pl.String:
        return pl.col(name).str.to_lowercase().str.strip_chars()
    return pl.col(name).round_sig_figs(3) if dtype.is_numeric() else pl.col(name)

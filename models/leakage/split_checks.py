"""Checks of the split: what stands on both sides of it is not tested, but remembered."""

from collections.abc import Iterator

import numpy as np
import polars as pl

from leadcast.features.snapshots import MOST_LEADS_OF_A_PERSON, person_keys
from leadcast.models.leakage.context import LeakageContext
from leadcast.models.leakage.finding import Check, Finding

_LATER = ("calibration", "test")
_NO_LATER_PART = "no snapshot is in a part after training"


class SamePerson(Check):
    """The same lead, account, e-mail address or telephone number in training and after it."""

    code = "L010"
    title = "the same person or account on both sides of the split"
    remedy = (
        "Split again with the snapshots' group_id, which keeps leads of one account or person "
        "together; map account_id, email and phone in the source definition, so that it can."
    )

    def not_applicable(self, context: LeakageContext) -> str | None:
        """Say why it cannot be told; see `Check.not_applicable`."""
        return None if _has_later_part(context) else _NO_LATER_PART

    def look(self, context: LeakageContext) -> Iterator[Finding]:
        """Look for identifiers of people in both; see `Check.look`."""
        leads = context.tables.leads
        keys = leads.select("lead_id", **person_keys(leads))
        sides = _sides(context.snapshots).join(keys, on="lead_id", how="left")
        for name in ("lead_id", "account_id", "email", "phone"):
            known = sides.drop_nulls(name)
            if name in ("email", "phone"):
                # Of all leads, as the snapshots' groups count them.
                many = pl.len().over(name) > MOST_LEADS_OF_A_PERSON
                office = keys.drop_nulls(name).filter(many)
                known = known.join(office, on=name, how="anti")
            by_key = known.group_by(name).agg(on_both=pl.col("later").n_unique() > 1)
            shared = int(by_key["on_both"].sum())
            if shared:
                found = f"{shared} of {by_key.height} are in the training part and in a later one"
                yield self.finding(name, found)


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
        "Remove the copies, or give those of one lead the same lead_id or account_id."
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
        return context.too_few_outcomes()

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

"""Checks of identifiers: numbers that name a lead should not say how it ends."""

import re
from collections.abc import Iterator

import numpy as np
import polars as pl

from models.data import Floats, Matrix
from models.leakage.context import LeakageContext
from models.leakage.finding import Check, Finding
from models.leakage.names import words_of
from models.leakage.strength import auc_within_blocks, boosted

_FEWEST_LEADS = 100
_ID_NAME = re.compile(r"\b(id|ids|uuid|guid|key|number|no|nr|num|code|index|row)\b")


class IdLikeColumn(Check):
    """A number that is different for each lead and names it, or counts leads as they come."""

    code = "L008"
    title = "a column like an identifier"
    remedy = (
        "An identifier says nothing of a lead that will hold for others; at best it is a clock. "
        "Leave it out of the source definition's attributes, or forbid it."
    )
    distinct_share = 0.95
    clock = 0.95

    def not_applicable(self, context: LeakageContext) -> str | None:
        """Say why it cannot be told; see `Check.not_applicable`."""
        if not context.attribute_features:
            return "the matrix reads no attribute"
        leads = context.sampled_leads["lead_id"].n_unique()
        return f"there are only {leads} leads" if leads < _FEWEST_LEADS else None

    def look(self, context: LeakageContext) -> Iterator[Finding]:
        """Look for whole numbers that hardly repeat; see `Check.look`."""
        position = context.sampled_snapshots["position"]
        leads = context.sampled_leads.with_columns(position).unique("lead_id", keep="first")
        for attribute, columns in context.attribute_features.items():
            known = leads.select("position", value=attribute).drop_nulls()
            if known.height < _FEWEST_LEADS or not _is_whole(known["value"]):
                if self._names_leads(context, columns):
                    yield self._found(attribute, "nearly each lead has a value of its own")
                continue
            if known["value"].n_unique() < self.distinct_share * known.height:
                continue
            together = _rank_correlation(known["value"], known["position"])
            if abs(together) >= self.clock:
                yield self._found(
                    attribute, f"its ranks are those of time's order (correlation {together:.3f})"
                )
            elif _ID_NAME.search(words_of(attribute)):
                yield self._found(attribute, "each lead has a whole number of its own")

    def _found(self, attribute: str, found: str) -> Finding:
        return self.finding(f"column {attribute!r}", found)

    def _names_leads(self, context: LeakageContext, columns: tuple[int, ...]) -> bool:
        # A category with a level for every second lead has learned leads by heart.
        most = max(len(context.features[column].levels) for column in columns)
        return most > _FEWEST_LEADS and most >= context.sampled_leads["lead_id"].n_unique() / 2


class IdsAlone(Check):
    """Identifiers that tell the outcome: given out, or changed, when leads are won."""

    code = "L009"
    title = "a model on identifiers alone"
    remedy = (
        "Identifiers seem to be given out by outcome, or the export is sorted or filtered by it. "
        "Export the leads as they were entered, all of them, with the identifiers they got then."
    )
    telling = 0.65
    beyond_time = 0.05

    def not_applicable(self, context: LeakageContext) -> str | None:
        """Say why it cannot be told; see `Check.not_applicable`."""
        return context.too_few_outcomes()

    def look(self, context: LeakageContext) -> Iterator[Finding]:
        """Compare a model on identifiers with one on time's order alone; see `Check.look`."""
        sample = context.sample
        ids = auc_within_blocks(boosted(_id_columns(context), [], sample), sample)
        if ids.value < self.telling or ids.low < self.telling - 0.05:
            return
        order = context.sampled_snapshots["position"].rank("dense").cast(pl.Float32).to_numpy()
        time = auc_within_blocks(boosted(order[:, None], [], sample), sample)
        if ids.value >= time.value + self.beyond_time:
            yield self.finding(
                "lead_id",
                f"the digits, length and beginning of lead_id alone rank leads with an AUC of "
                f"{ids.value:.3f}, where time's order alone has {time.value:.3f}",
            )


def _id_columns(context: LeakageContext) -> Matrix:
    # Ranks, because float32 cannot hold long numbers apart.
    ids = context.sampled_snapshots["lead_id"]
    digits = ids.str.replace_all(r"\D", "").str.slice(0, 18).cast(pl.Int64, strict=False)
    columns = [
        digits.rank("dense"),
        ids.str.len_chars(),
        ids.str.slice(0, 1).rank("dense"),
        ids.str.slice(0, 2).rank("dense"),
        ids.str.slice(-1).rank("dense"),
    ]
    return np.column_stack([column.cast(pl.Float32).to_numpy() for column in columns])


def _is_whole(values: pl.Series) -> bool:
    if not values.dtype.is_numeric():
        return False
    return bool((values == values.round()).all())


def _rank_correlation(one: pl.Series, other: pl.Series) -> float:
    ranks: tuple[Floats, Floats] = (one.rank().to_numpy(), other.rank().to_numpy())
    if min(float(rank.std()) for rank in ranks) == 0:
        return 0.0
    return float(np.corrcoef(*ranks)[0, 1])

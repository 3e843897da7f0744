"""Checks of names and values that sound like the outcome or a judgement, and of identifiers."""

import re
from collections.abc import Iterator, Mapping
from typing import ClassVar

import numpy as np
import polars as pl

from leadcast.models.data import Matrix
from leadcast.models.leakage.context import VOUCH, Check, Finding, LeakageContext
from leadcast.models.leakage.outcome_names import SOUNDS, Kind, sounds_like, words_of
from leadcast.models.leakage.strength import auc_within_blocks, boosted, rank_correlation

_JUDGEMENT = re.compile(
    r"\b(leads?|prospect|contact|opportunity|sales|crm|agent)\b.*\b(quality|profile|rating|grade"
    r"|stage|status|tags?|score|disposition|priority|temperature|qualification|notes|remarks)\b"
    r"|^(tags?|stage|disposition|quality|remarks|resolution)$"
)

_WON_VALUE = re.compile(r"\b(won|closed|converted|signed|sold|purchased|enrolled)\b", re.I)
_LOST_VALUE = re.compile(r"\b(lost|closed|already)\b", re.I)
_EDITED_VALUE = re.compile(r"^(record |lead )?(modified|updated|edited|changed|merged)$", re.I)
_JUDGED_VALUE = re.compile(
    r"^(hot|warm|cold)( lead)?$"
    r"|\b(might be|may ?be|not sure|worst|(high|medium|low) in relevance|junk"
    r"|potential (lead|customer|client|buyer)|(not |un|dis)(interested|qualified)"
    r"|(wrong|invalid) number|number not|ringing|switched off|no answer|not reachable"
    r"|call ?back|follow ?up|voice ?mail|will revert)\b",
    re.I,
)


class OutcomeName(Check):
    """A column named after the outcome, a total that runs on, or how the deal stands."""

    code = "L005"
    title = "a column named like the outcome, a running total or the state of the deal"
    remedy = VOUCH
    needs_attributes, needs_outcomes = True, False
    telling: ClassVar[Mapping[Kind, float]] = {"outcome": 0.55, "total": 0.65, "state": 0.6}

    def look(self, context: LeakageContext) -> Iterator[Finding]:
        """Read the attributes' names; an error where the column tells anything as well."""
        few = context.too_few_outcomes() is not None
        for attribute in context.attribute_features:
            kind = sounds_like(attribute)
            if kind is None:
                continue
            auc = context.attribute_auc(attribute)
            telling = not few and auc.low > self.telling[kind]
            # How a deal stands is a harmless name for much that is not about the deal.
            if kind == "state" and not few and not telling:
                continue
            alone = "too few leads ended to see what it tells"
            alone = alone if few else f"alone it has an AUC of {auc.value:.3f}"
            found = f"its name sounds like {SOUNDS[kind]}; {alone}"
            yield self.finding(f"column {attribute!r}", found, "error" if telling else "warning")


class SellersJudgement(Check):
    """A column in which staff write down what they think of a lead once they have met it."""

    code = "L006"
    title = "a column that holds the seller's own judgement"
    remedy = VOUCH
    telling = 0.6
    judged_share = 0.2
    needs_attributes = True

    def look(self, context: LeakageContext) -> Iterator[Finding]:
        """Read names and values of the attributes that tell something; see `Check.look`."""
        for attribute in context.attribute_features:
            auc = context.attribute_auc(attribute)
            if auc.low < self.telling:
                continue
            share = _share_matching(context.sampled_leads[attribute], _JUDGED_VALUE)
            if share >= self.judged_share:
                found = f"{share:.0%} of its values judge the lead"
            elif _JUDGEMENT.search(words_of(attribute)):
                found = "its name sounds like a judgement of the lead"
            else:
                continue
            yield self.finding(
                f"column {attribute!r}", f"{found}, and alone it has an AUC of {auc.value:.3f}"
            )


class TellingValues(Check):
    """A category with values that name the outcome, or that only an edited record has."""

    code = "L007"
    title = "values that tell the outcome, or that the record was edited"
    remedy = VOUCH
    least_rows = 20

    def not_applicable(self, context: LeakageContext) -> str | None:
        """Say why it cannot be told; see `Check.not_applicable`."""
        if not any(_is_text(context, name) for name in context.attribute_features):
            return "the matrix reads no attribute that holds words"
        return context.too_few_outcomes()

    def look(self, context: LeakageContext) -> Iterator[Finding]:
        """Compare the rates of suspicious values with the base rate; see `Check.look`."""
        converted = pl.Series("converted", context.sample.converted)
        for attribute in context.attribute_features:
            if not _is_text(context, attribute):
                continue
            values = context.sampled_leads.select(converted, value=attribute).drop_nulls()
            rates = values.group_by("value").agg(rows=pl.len(), rate=pl.col("converted").mean())
            told = [
                text
                for row in rates.sort("value").iter_rows()
                if (text := self._tells(context, *row))
            ]
            if told and context.attribute_auc(attribute).low > 0.55:
                yield self.finding(f"column {attribute!r}", "; ".join(told[:4]))

    def _tells(self, context: LeakageContext, value: str, rows: int, rate: float) -> str | None:
        text = f"{value!r} ({rows} snapshots, {rate:.1%} converted)"
        # A value of its own for edited records is written over whatever the lead did.
        if _EDITED_VALUE.search(value) and rows >= len(context.sample.rows) / 100:
            return text + " says that the record was edited"
        base = float(context.sample.converted.mean())
        expected = rows * min(base, 1 - base)
        if rows < self.least_rows or expected < 5:
            return None
        # A campaign of purchased leads does not name a win where none of them is won.
        won = rate >= 0.95 and _WON_VALUE.search(value)
        lost = rate <= min(0.05, base / 5) and _LOST_VALUE.search(value)
        return text + " names the outcome" if won or lost else None


def _is_text(context: LeakageContext, attribute: str) -> bool:
    return context.tables.leads.schema[attribute] == pl.String


def _share_matching(values: pl.Series, pattern: re.Pattern[str]) -> float:
    if values.dtype != pl.String:
        return 0.0
    counts = list(values.drop_nulls().value_counts().iter_rows())
    matching: int = sum(count for value, count in counts if pattern.search(value))
    known: int = sum(count for _, count in counts)
    return matching / max(known, 1)


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
            together = rank_correlation(known["value"], known["position"])
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

    def look(self, context: LeakageContext) -> Iterator[Finding]:
        """Compare a model on identifiers with one on time and age alone; see `Check.look`."""
        sample = context.sample
        ids = auc_within_blocks(boosted(_id_columns(context), [], sample), sample)
        if ids.value < self.telling or ids.low < self.telling - 0.05:
            return
        # Identifiers run with the time of creation: beside that of the snapshot they tell the age.
        order = pl.col("position").rank("dense").cast(pl.Float32)
        moments = context.sampled_snapshots.select(order, pl.col("landmark_days").cast(pl.Float32))
        time = auc_within_blocks(boosted(moments.to_numpy(), [], sample), sample)
        if ids.value >= time.value + self.beyond_time:
            yield self.finding(
                "lead_id",
                "the digits, length and beginning of lead_id alone rank leads with an AUC of "
                f"{ids.value:.3f}, where time's order and their age alone have {time.value:.3f}",
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

"""Checks of what columns tell: too much, or by being filled at all; and of booked outcomes."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import polars as pl

from leadcast.features.values.readings import NEVER_FEATURES
from leadcast.models.leakage.context import VOUCH, Check, Finding, LeakageContext
from leadcast.models.leakage.exact import FEW, Severity
from leadcast.models.leakage.strength import codes_auc, gain

PERFECT = 0.95
"""No lead says so much of itself: the AUC of models that sell well with many columns, published
or in this project's exports, lies between 0.65 and 0.90."""

MOST_NAMED = 5
"""Of a leak that shows in many columns, so many are named."""


class NearPerfectColumn(Check):
    """A single column that tells the outcome nearly without fail."""

    code = "L001"
    title = "a column that alone tells the outcome"
    remedy = VOUCH

    def look(self, context: LeakageContext) -> Iterator[Finding]:
        """Compare each column's AUC alone with `PERFECT`; see `Check.look`."""
        for number in context.suspects()[:MOST_NAMED]:
            auc = context.aucs[number]
            if auc.value >= PERFECT and auc.low >= PERFECT - 0.05:
                found = f"alone it ranks leads with an AUC of {auc.value:.3f}"
                yield self.finding(context.column_of(context.features[number]), found)


class DominantColumn(Check):
    """A column that tells most of what is known, while the others tell little beside it.

    What is known of a lead before anybody speaks to it is spread over many columns. The strongest
    honest column of this project's exports (time spent on the web site) has an AUC of 0.76 and
    tells two fifths of what all columns tell together, and the others tell seven tenths of it
    without that column. A call's length, known only afterwards, has 0.75 to 0.95 in whichever years
    and tells two thirds to nine tenths, and the others less than half. Among few columns one may
    well tell most of the little that they know, which is only worth a look.
    """

    code = "L002"
    title = "a column that tells most of what the model knows"
    remedy = VOUCH
    strong, strong_share = 0.8, 1 / 3
    fair, fair_share, most_without, many_columns = 0.75, 0.6, 0.5, 8

    def not_applicable(self, context: LeakageContext) -> str | None:
        """Say why it cannot be told; see `Check.not_applicable`."""
        if len(context.features) < 2:
            return "the matrix has fewer than two columns to compare"
        return super().not_applicable(context)

    def look(self, context: LeakageContext) -> Iterator[Finding]:
        """Compare what strong columns tell alone with what all tell; see `Check.look`."""
        for number in context.suspects()[:MOST_NAMED]:
            auc = context.aucs[number]
            if auc.value < self.fair:
                break
            if auc.low < self.fair - 0.1:
                continue
            alone, without = self._shares(context, number)
            much = auc.value >= self.strong and alone >= self.strong_share
            nearly_all = alone >= self.fair_share and without <= self.most_without
            concentrated = auc.value >= self.strong and _importance(context, number) >= 0.5
            if much or nearly_all or concentrated:
                yield self.finding(
                    context.column_of(context.features[number]),
                    f"alone it ranks leads with an AUC of {auc.value:.3f} and tells {alone:.0%} of "
                    f"what all columns tell together; without it they tell {without:.0%}",
                    self._severity(context, number, much or concentrated),
                )

    def _severity(self, context: LeakageContext, number: int, much: bool) -> Severity:
        if context.sample.fewest() < FEW and context.aucs[number].low < self.fair:
            return "warning"
        if not much and len(context.others(number)) < self.many_columns:
            return "warning"
        # Events may tell a lot, and where the matrix is computed again without their future (see
        # `FutureEvents`), it is the past that tells it.
        of_events = any(name.startswith("events.") for name in context.features[number].inputs)
        return "warning" if of_events and context.recompute is not None else "error"

    def _shares(self, context: LeakageContext, number: int) -> tuple[float, float]:
        full = gain(context.full_log_odds, context.sample)
        alone = gain(context.log_odds_of([number]), context.sample)
        others = context.others(number)
        without = gain(context.log_odds_of(others), context.sample) if others else 0.0
        # Trees on everything may fit more noise than the column alone, which tells all then.
        most = max(full, alone, 1e-9)
        return alone / most, without / most


class UnexplainedPerformance(Check):
    """A model that ranks nearly without fail although it can do without any one column."""

    code = "L003"
    title = "performance far above what dropping columns explains"
    remedy = (
        "Several columns carry the same knowledge of the outcome. Look at those that are named, "
        "forbid the ones that are filled in after scoring, and run again; if they are all known "
        "by then, vouch for this check (leakage.vouched: [L003])."
    )

    def not_applicable(self, context: LeakageContext) -> str | None:
        """Say why it cannot be told; see `Check.not_applicable`."""
        if len(context.features) < 2:
            return "the matrix has fewer than two columns, so that none can be dropped"
        return super().not_applicable(context)

    def look(self, context: LeakageContext) -> Iterator[Finding]:
        """Drop the strongest columns one at a time; see `Check.look`."""
        auc = context.full_auc
        if auc.value < PERFECT or auc.low < PERFECT - 0.02:
            return
        dropped = {i: self._loss(context, i) for i in context.strongest()[:MOST_NAMED]}
        explained = sum(max(0.0, share) for share in dropped.values())
        if explained < 0.5:
            named = ", ".join(repr(context.features[i].name) for i in list(dropped)[:3])
            yield self.finding(
                "all columns together",
                f"they rank leads with an AUC of {auc.value:.3f}, of which dropping columns one at "
                f"a time explains {explained:.0%}; the strongest alone are {named}",
                auc=auc.value,
            )

    def _loss(self, context: LeakageContext, number: int) -> float:
        full = gain(context.full_log_odds, context.sample)
        others = context.others(number)
        return 1 - gain(context.log_odds_of(others), context.sample) / full if others else 1.0


class FilledAfterOutcome(Check):
    """An attribute whose being filled in, or being other than zero, tells the outcome."""

    code = "L004"
    title = "a column that is filled in, or not zero, for one outcome only"
    remedy = VOUCH
    telling = 0.8
    fold, least_share, least_leads = 50.0, 0.2, 30
    needs_attributes = True

    def look(self, context: LeakageContext) -> Iterator[Finding]:
        """Compare how often attributes are filled in for each outcome; see `Check.look`."""
        for attribute in context.attribute_features:
            values = context.sampled_leads[attribute]
            for words, flags in _ways_filled(values):
                found = self._compared(context, flags, words)
                if found:
                    yield self.finding(f"column {attribute!r}", *found)
                    break

    def _compared(
        self, context: LeakageContext, flags: npt.NDArray[np.bool_], words: str
    ) -> tuple[str, Severity, float] | None:
        won = context.sample.converted == 1
        if flags.all() or not flags.any():
            return None
        shares = float(flags[won].mean()), float(flags[~won].mean())
        auc = codes_auc(flags.astype(np.int64), context.sample)
        more, less = max(shares), min(shares)
        expected = more * min(won.sum(), (~won).sum())
        only_one = less * self.fold <= more and more >= self.least_share
        tells = auc.value >= self.telling and auc.low >= self.telling - 0.1
        if not tells and not (only_one and expected >= self.least_leads):
            return None
        found = (
            f"it is {words} for {shares[0]:.1%} of the converted and {shares[1]:.1%} of the other "
            "snapshots"
        )
        return found, "error", auc.value


def _ways_filled(values: pl.Series) -> Iterator[tuple[str, npt.NDArray[np.bool_]]]:
    yield "filled in", values.is_not_null().to_numpy()
    if values.dtype.is_numeric():
        yield "other than zero", (values != 0).fill_null(value=False).to_numpy()


def _importance(context: LeakageContext, number: int) -> float:
    if context.importance is None:
        return 0.0
    return 1.0 - float(context.importance[context.others(number)].sum())


class BulkClosing(Check):
    """Many outcomes with one and the same time stamp: tidied up, and not observed."""

    code = "L015"
    title = "outcomes closed in bulk at one moment"
    remedy = (
        "Leads that were closed in bulk did not end at that moment. Set them aside, or let their "
        "outcome count as open, in the source definition."
    )
    least_share, least_leads, times_the_usual = 0.05, 20, 10.0

    def not_applicable(self, context: LeakageContext) -> str | None:
        """Say why it cannot be told; see `Check.not_applicable`."""
        outcomes = context.tables.outcomes
        if outcomes["won_at"].is_null().all() and outcomes["lost_at"].is_null().all():
            return "outcomes have no dates"
        return None

    def look(self, context: LeakageContext) -> Iterator[Finding]:
        """Compare the most frequent moment with the usual one; see `Check.look`."""
        # A lost lead's label is 0 whenever it was lost, so that losses in bulk only warn.
        for column, severity in (("won_at", "error"), ("lost_at", "warning")):
            times = context.tables.outcomes[column].drop_nulls()
            if times.is_empty():
                continue
            counts = times.value_counts(sort=True)
            most, share = int(counts["count"][0]), counts["count"][0] / len(times)
            usual = float(counts["count"].quantile(0.5) or 0.0)
            if (
                most >= self.least_leads
                and share >= self.least_share
                and most >= self.times_the_usual * usual
            ):
                yield self.finding(
                    f"outcomes {column!r}",
                    f"{most} of {len(times)} have the same time {counts[column][0]}",
                    "error" if severity == "error" else "warning",
                )


class ForbiddenColumn(Check):
    """A feature made of a column that no model may read."""

    code = "L016"
    title = "features of columns that the model may not read"
    remedy = "Compute the features again with a plan that is fitted on this source definition."

    def not_applicable(self, context: LeakageContext) -> str | None:
        """Say why it cannot be told; see `Check.not_applicable`."""
        return None if context.features else "the matrix has no column"

    def look(self, context: LeakageContext) -> Iterator[Finding]:
        """Compare each feature's inputs with what may be read; see `Check.look`."""
        for feature in context.features:
            read = {name.removeprefix("leads.") for name in feature.inputs if "leads." in name}
            secret = read & (NEVER_FEATURES - {"created_at"})
            if context.allowed_columns is not None:
                secret |= read - context.allowed_columns - {"created_at"}
            if secret:
                named = ", ".join(repr(name) for name in sorted(secret))
                yield self.finding(f"column {feature.name!r}", f"it is made of {named}")

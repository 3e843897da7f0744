"""Checks of the export itself: how outcomes were booked, and which columns may be read."""

from collections.abc import Iterator

from features.readings import NEVER_FEATURES
from models.leakage.context import LeakageContext
from models.leakage.finding import Check, Finding


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

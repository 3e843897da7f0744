"""The check of attributes that are edited after leads came, by two exports."""

from collections.abc import Iterator, Mapping
from typing import Any

from leadcast.models.leakage.context import Check, Finding, LeakageContext

_CERTAIN = 0.001


class EditedLater(Check):
    """An attribute whose values of the same leads differ from one export to the next."""

    code = "L019"
    title = "attributes that are edited after leads came"
    remedy = (
        "The model learns from their last state, which new leads do not have. Export the history "
        "of the field and name it under tables.attribute_changes (docs/histories.md), or forbid "
        "the column; vouch for it (leakage.vouched) where the edits are corrections."
    )
    severity = "warning"
    needs_outcomes = False
    fewest_share = 0.01
    fewest_leads = 20
    times_as_often = 3.0
    most_of_won = 0.2

    def not_applicable(self, context: LeakageContext) -> str | None:
        """Say why it cannot be told; see `Check.not_applicable`."""
        return None if context.edited else "there is no earlier export to compare with"

    def look(self, context: LeakageContext) -> Iterator[Finding]:
        """Look for edited attributes that the matrix reads; see `Check.look`."""
        assert context.edited is not None
        for name in context.attribute_features:
            one = context.edited["attributes"].get(name)
            if one is None:
                continue
            # Few leads are won from one export to the next; where these are edited and others are
            # not, chance alone decides how many are enough.
            follows = self._follows_wins(one, context.edited)
            many = max(self.fewest_leads, self.fewest_share * context.edited["leads"])
            if follows or one["edited"] >= many:
                found = _words(one, context.edited)
                yield self.finding(f"column {name!r}", found, "error" if follows else "warning")

    def _follows_wins(self, one: Mapping[str, int], about: Mapping[str, Any]) -> bool:
        """Tell whether winners are edited far more often than others, beyond chance."""
        won, others = about["won"], about["leads"] - about["won"]
        if not won or not others or one["edited_won"] < self.most_of_won * won:
            return False
        rest = one["edited"] - one["edited_won"]
        if one["edited_won"] / won < self.times_as_often * rest / others:
            return False
        from scipy.stats import fisher_exact

        table = [[one["edited_won"], won - one["edited_won"]], [rest, others - rest]]
        return bool(fisher_exact(table, alternative="greater").pvalue < _CERTAIN)


def _words(one: Mapping[str, int], about: Mapping[str, Any]) -> str:
    share = one["edited"] / about["leads"]
    told = (
        f"of {about['leads']:,} leads in the exports of {about['since']} and {about['until']} "
        f"{one['edited']:,} ({share:.1%}) have another value"
    )
    if one["filled_in"]:
        told += f", {one['filled_in']:,} of which were blank"
    if about["won"]:
        told += f"; of the {about['won']:,} that were won in between {one['edited_won']:,}"
    return told

"""The result in a sentence: one thing in one unit, and beside it what makes it sure.

`static/overview.js` says the same at every other capacity; a test holds the two together.
"""

import re

from leadcast.models.comparison.result import (
    Difference,
    Earned,
    Headline,
    Measured,
    Pair,
    Ranking,
    Verdict,
)


def headline(
    ranking: Ranking,
    calls_per_week: float,
    per: str,
    weeks: int,
    earned: Earned | None = None,
    currency: str | None = None,
) -> Headline:
    """Say what both lists reach at the team's capacity, and whether that is a difference.

    Parameters
    ----------
    ranking : Ranking
    calls_per_week : float
        The capacity.
    per : str
        What it is counted by: ``week``, or ``block of 100 leads``.
    weeks : int
        How many of these the call list covers.
    earned : Earned, optional
        What the customers reached bring at this capacity.
    currency : str, optional
        Of these amounts.

    Returns
    -------
    Headline
    """
    reached, verdict = ranking.reached, verdict_of(ranking.reached.difference)
    learned, points = whole(reached.learned.value), whole(reached.points.value)
    head = (
        f"In {several(weeks, per)}, at {calls_per_week:,.6g} calls a {per}, the learned score "
        f"reaches {learned:,} of {ranking.customers:,} customers; the points: {points:,}."
    )
    apart = "" if verdict != "undecided" else f" {_NOT_APART}."
    gap = learned - points
    less = earned is not None and gap * (earned.difference.value or 0.0) < 0
    return Headline(
        verdict=verdict,
        words=head + apart,
        money=money_words(earned, currency, gap) if earned is not None else "",
        less_revenue=less,
        sure=_sure(reached.difference, gap, verdict),
        more=_more(ranking),
    )


def verdict_of(difference: Difference) -> Verdict:
    """Tell which of both a difference favours, if it shows at all."""
    if not difference.shows or difference.value is None:
        return "undecided"
    return "learned" if difference.value > 0 else "points"


def several(number: int, per: str) -> str:
    """Count weeks, or blocks of leads."""
    return f"{number:,} {per if number == 1 else re.sub(r'^[a-z]+', lambda one: one[0] + 's', per)}"


def whole(value: float | None) -> int:
    """Round a count for a sentence, half away from 0 as browsers do; nothing is 0."""
    size = int(abs(value or 0.0) + 0.5)
    return -size if (value or 0.0) < 0 else size


def amount(value: float, currency: str | None) -> str:
    """Tell an amount, to three digits, with its currency where there is one."""
    size = abs(value)
    step = 10.0 ** max(len(f"{size:.0f}") - 3, 0)
    told = f"{int(size / step + 0.5) * int(step):,}"
    return f"{currency}\N{NO-BREAK SPACE}{told}" if currency else told


def money_words(earned: Earned, currency: str | None, gap: int) -> str:
    """Say what the customers of both lists bring, and where the one that reaches more brings less.

    Parameters
    ----------
    earned : Earned
    currency : str or None
    gap : int
        How many customers more the learned score reaches.

    Returns
    -------
    str
    """
    learned, points, difference = (
        part.value or 0.0 for part in (earned.learned, earned.points, earned.difference)
    )
    few = ""
    if gap * difference < 0:
        few = "More customers, but less revenue: " if gap > 0 else "Fewer customers, more revenue: "
    words = (
        f"{few}{'its' if few else 'Its'} customers bring {amount(learned, currency)}, the points' "
        f"{amount(points, currency)}; {amount(difference, currency)} "
        f"{'more' if difference >= 0 else 'less'}"
    )
    return f"{words}{_ends_of_money(earned.difference, currency)}."


def _ends_of_money(gap: Measured, currency: str | None) -> str:
    if gap.low is None or gap.high is None:
        return ""
    low, high = (f"{amount(end, currency)} {_way(end)}" for end in (gap.low, gap.high))
    return f" (95 %: {low} to {high})"


def _way(end: float) -> str:
    return "more" if end >= 0 else "less"


_NOT_APART = "This much data cannot tell them apart"


def _sure(difference: Difference, gap: int, verdict: Verdict) -> str:
    if difference.low is None or difference.high is None:
        return "There is too little to tell whether that is a difference."
    low, high = (f"{whole(end):+,}".replace("-", "−") for end in (difference.low, difference.high))
    seen = f"{gap:+,}".replace("-", "−") if gap else "none"
    words = f"The difference in customers is {seen} (95 %: {low} to {high})"
    if verdict != "undecided":
        return f"{words}: more than chance explains."
    if difference.detectable is None:
        return f"{words}: chance alone could explain it."
    least = max(1, whole(difference.detectable))
    return f"{words}: chance alone could explain it. A difference under {least:,} would not show."


def _more(ranking: Ranking) -> tuple[str, ...]:
    return (
        f"Over all {ranking.snapshots:,} test snapshots with both scores, "
        + auc_words(ranking.auc_snapshots),
        f"On the call list of {ranking.leads:,} leads, each counted once, "
        + auc_words(ranking.auc),
    )


def auc_words(pair: Pair) -> str:
    """Tell two AUCs and their difference."""
    one, other, gap = pair.learned, pair.points, pair.difference
    if one.value is None or other.value is None or gap.value is None:
        return "an AUC is not defined: there is one outcome only."
    words = f"the AUC is {one.value:.3f} for the learned score and {other.value:.3f} for the points"
    if gap.low is None or gap.high is None:
        return f"{words}."
    ends = f"95 %: {gap.low:+z.3f} to {gap.high:+z.3f}".replace("-", "−")
    words += f"; the difference is {gap.value:+z.3f} ({ends})".replace("+-", "-")
    if gap.shows:
        return f"{words}."
    detectable = gap.detectable or 0.0
    return f"{words}, which is not one that shows: under {detectable:.3f} it would not."

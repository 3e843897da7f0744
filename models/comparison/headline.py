"""The result in a sentence, in one of its two forms."""

from models.comparison.parts import Difference, Pair, Verdict
from models.comparison.result_ranking import Headline, Ranking

_WINS: dict[Verdict, str] = {"learned": "more", "points": "fewer"}


def headline(ranking: Ranking, calls_per_week: float, per: str) -> Headline:
    """Say what both lists reach at the team's capacity, and whether that is a difference.

    Parameters
    ----------
    ranking : Ranking
    calls_per_week : float
    per : str
        What the calls are counted by: ``week``, ``block of 100 leads``.

    Returns
    -------
    Headline
        "… 11 more (95 %: 6 to 17)" where the interval leaves 0 out, else "this much data cannot
        tell them apart: a difference under 9 would not show".
    """
    reached, verdict = ranking.reached, verdict_of(ranking.reached.difference)
    learned, points = whole(reached.learned.value), whole(reached.points.value)
    head = (
        f"At {calls_per_week:,.6g} calls a {per} the learned score reaches {learned:,} of "
        f"{ranking.customers:,} customers, the points {points:,}: "
    )
    if verdict == "undecided":
        words = head + _not_apart(reached.difference, learned - points)
    else:
        low, high = sorted(_ends(reached.difference), key=abs)
        words = f"{head}{abs(learned - points):,} {_WINS[verdict]} (95 %: {low:,} to {high:,})."
    return Headline(verdict=verdict, words=words, more=_more(ranking))


def verdict_of(difference: Difference) -> Verdict:
    """Tell which of both a difference favours, if it shows at all.

    Parameters
    ----------
    difference : Difference
        Learned minus points.

    Returns
    -------
    {"learned", "points", "undecided"}
    """
    if not difference.shows or difference.value is None:
        return "undecided"
    return "learned" if difference.value > 0 else "points"


def whole(value: float | None) -> int:
    """Round a count for a sentence; nothing is 0.

    Parameters
    ----------
    value : float or None

    Returns
    -------
    int
    """
    return round(value or 0.0)


def _ends(difference: Difference) -> tuple[int, int]:
    return abs(whole(difference.low)), abs(whole(difference.high))


def _not_apart(difference: Difference, gap: int) -> str:
    if difference.low is None or difference.high is None:
        return "there is too little to tell whether that is a difference."
    seen = f"{gap:+,}".replace("-", "−") if gap else "no difference"
    low, high = (f"{whole(end):,}".replace("-", "−") for end in (difference.low, difference.high))
    words = f"{seen} (95 %: {low} to {high}). This much data cannot tell them apart"
    if difference.detectable is None:
        return f"{words}."
    return f"{words}: a difference under {max(1, whole(difference.detectable)):,} would not show."


def _more(ranking: Ranking) -> tuple[str, ...]:
    return (
        f"Over all {ranking.snapshots:,} test snapshots with both scores, "
        + auc_words(ranking.auc_snapshots),
        f"On the call list of {ranking.leads:,} leads, each counted once, "
        + auc_words(ranking.auc),
    )


def auc_words(pair: Pair) -> str:
    """Tell two AUCs and their difference.

    Parameters
    ----------
    pair : Pair

    Returns
    -------
    str
    """
    one, other, gap = pair.learned, pair.points, pair.difference
    if one.value is None or other.value is None or gap.value is None:
        return "an AUC is not defined: there is one outcome only."
    words = f"the AUC is {one.value:.3f} for the learned score and {other.value:.3f} for the points"
    if gap.low is None or gap.high is None:
        return f"{words}."
    ends = f"95 %: {gap.low:+.3f} to {gap.high:+.3f}".replace("-", "−")
    words += f"; the difference is {gap.value:+.3f} ({ends})".replace("+-", "-")
    if gap.shows:
        return f"{words}."
    detectable = gap.detectable or 0.0
    return f"{words}, which is not one that shows: under {detectable:.3f} it would not."

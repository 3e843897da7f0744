"""The comparison as one self-contained page."""

from models.comparison.parts import Pair
from models.comparison.result import Comparison
from models.comparison.sections import sections
from models.report.numbers import Format, decimal, percent
from models.report.page import Page, render_page
from models.report.summary import Tile

EYEBROW = "Learned against points"
PROMISE = (
    "Is the learned score better than the points, by how much, for whom, and how sure is that?"
)


def render_comparison(found: Comparison, title: str) -> str:
    """Make the page of a comparison.

    Parameters
    ----------
    found : Comparison
    title : str
        The source's name for people.

    Returns
    -------
    str
        One HTML page that loads nothing and runs nothing; texts from the data are escaped.
    """
    more, beware = found.headline.more[:2], found.headline.more[2:]
    return render_page(
        Page(
            eyebrow=EYEBROW,
            title=title,
            promise=PROMISE,
            sentences=(found.headline.words, *more[:1]),
            tiles=_tiles(found),
            notes=beware,
            sections=sections(found),
        )
    )


def render_nothing(title: str, reason: str) -> str:
    """Make the page of a source that has no points.

    Parameters
    ----------
    title : str
        The source's name for people.
    reason : str
        Why there is nothing to compare, and what to do.

    Returns
    -------
    str
    """
    return render_page(Page(eyebrow=EYEBROW, title=title, promise=PROMISE, sentences=(reason,)))


def _tiles(found: Comparison) -> list[Tile]:
    ranking = found.ranking
    calls = f"at {found.about.calls_per_week:g} calls a {found.about.week}"
    return [
        _tile(ranking.reached, "More customers reached", calls, decimal(0)),
        _tile(ranking.gain, "More of all customers", calls, percent),
        _tile(ranking.auc_snapshots, "Higher AUC", "on every test snapshot", decimal(3)),
        _tile(ranking.average_precision, "Higher average precision", "within weeks", decimal(3)),
    ]


def _tile(pair: Pair, name: str, words: str, show: Format) -> Tile:
    gap = pair.difference
    ends = "" if gap.low is None or gap.high is None else f"{show(gap.low)} to {show(gap.high)}"
    both = f"{show(pair.learned.value)} against {show(pair.points.value)}, {words}"
    return Tile(show(gap.value), name, ends, both)

"""The splits that the quality benchmark runs on: rolling origins, and the table's own."""

from dataclasses import dataclass

import polars as pl

from leadcast.features.base.errors import LeadcastError
from leadcast.models.splits import SplitSettings, split_snapshots

ORIGINS = 3
TEST_SHARE = 0.2
"""Each test part's share of all mature snapshots."""
SMALLER_SHARES = (0.1, 0.05)
"""For histories so short against the horizon that a fifth would leave the first origin too little
to learn from: bpi2012 has 83 days of mature snapshots, and labels that look 30 days ahead."""
SOURCES = ("demo", "x_education", "bank_marketing", "bpi2012")
"""Those that a run takes where it is not told others."""
ORIGIN_NAMES = tuple(f"origin {place}" for place in range(1, ORIGINS + 1))


@dataclass(frozen=True)
class Split:
    """One source, cut at one moment.

    Parameters
    ----------
    source : str
        The source's name.
    name : str
        Unique for the source.
    test_share : float
        The test's share of all mature snapshots.
    end : float
        Share of the mature snapshots, the earliest ones, that exist for this split: what comes
        later is as if it had not happened yet.
    purge_horizons : float
        Gap between learning and test, in horizons.
    landmarks_days : tuple of float or None
        Ages at which leads are looked at; None for the source's own.
    """

    source: str
    name: str
    test_share: float = TEST_SHARE
    end: float = 1.0
    purge_horizons: float = 1.0
    landmarks_days: tuple[float, ...] | None = None


def rolling_splits(source: str, share: float = TEST_SHARE) -> tuple[Split, ...]:
    """Give a source's three rolling origins, earliest first.

    Parameters
    ----------
    source : str
        The source's name.
    share : float
        Each test part's share of the mature snapshots, as `share_to_test` gives it.

    Returns
    -------
    tuple of Split
        Tests on the last three such shares of the mature snapshots, one after the other, each with
        all that was known before it to learn from.
    """
    return tuple(
        Split(source, name, share, round(1 - (ORIGINS - place) * share, 9))
        for place, name in enumerate(ORIGIN_NAMES, 1)
    )


def share_to_test(snapshots: pl.DataFrame, horizon_days: float | None) -> float:
    """Choose the share of each test part, by what was known when the first of them begins.

    Parameters
    ----------
    snapshots : pl.DataFrame
        As `leadcast.features.snapshots.make_snapshots` gives them.
    horizon_days : float or None
        How far a label looks ahead; None where the source is not dated.

    Returns
    -------
    float
        A fifth, or the largest smaller share with which the first origin learns from at least as
        many snapshots as it is tested on; the smallest where none leaves so many.
    """
    for share in (TEST_SHARE, *SMALLER_SHARES):
        try:
            divided = divide(snapshots, rolling_splits("", share)[0], horizon_days)
        except LeadcastError:
            continue
        if divided.filter(part="train").height >= divided.filter(part="test").height:
            return share
    return SMALLER_SHARES[-1]


def table_split(source: str) -> Split | None:
    """Give the split on which figures of other tools are known: the latest fifth, no gap.

    Parameters
    ----------
    source : str
        The source's name.

    Returns
    -------
    Split or None
        None where no figures are known. The one-row-a-lead exports have no dates, so nothing is
        purged and the split is their last rolling origin; bpi2012's leads are those that are
        still open one day after registration.
    """
    if source in ("x_education", "bank_marketing"):
        return rolling_splits(source)[-1]
    if source == "bpi2012":
        return Split(source, "no gap", purge_horizons=0.0, landmarks_days=(1.0,))
    return None


def divide(snapshots: pl.DataFrame, split: Split, horizon_days: float | None) -> pl.DataFrame:
    """Cut the snapshots into what may be learned from and the test.

    Parameters
    ----------
    snapshots : pl.DataFrame
        As `leadcast.features.snapshots.make_snapshots` gives them.
    split : Split
    horizon_days : float or None
        How far a label looks ahead; None where the source is not dated.

    Returns
    -------
    pl.DataFrame
        As `splits.split_snapshots` gives them, without what comes after the split's end.
    """
    known = snapshots.filter(pl.col("position") < _end(snapshots, split.end))
    settings = SplitSettings(
        test_fraction=split.test_share / split.end, purge_horizons=split.purge_horizons
    )
    return split_snapshots(known, settings, horizon_days)


def _end(snapshots: pl.DataFrame, share: float) -> int:
    mature = snapshots.filter("mature")["position"].sort()
    place = round(share * len(mature))
    return int(mature[place]) if place < len(mature) else int(mature[-1]) + 1

"""At which ages leads are scored in truth, and which landmarks training needs for them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from leadcast.features.boundary import known
from leadcast.features.tables import TIME, Tables, TimeOrder

Ages = npt.NDArray[np.float64]
AUTO: Final = "auto"
"""Said instead of landmarks: those that the ages of the open leads ask for."""
FIRST = (0.0, 1.0, 7.0, 30.0)
"""The landmarks that there are in any case, where they are found by themselves."""
FACTOR = 2.0
"""A landmark stands for ages up to so many times its own."""
OLDEST_SHARE = 0.05
"""Ages that fewer of the open leads than this have passed get no landmark of their own."""
LONGEST_SHARE = 0.5
"""A landmark and its horizon that take at most this share of the export's time leave time enough to
learn and test in."""
ENOUGH_LEADS = 100
"""So many leads that were open at an age, and whose horizon from then on was over before the test,
are enough to learn from, however long they took to grow so old."""
TEST_SHARE = 0.2
"""Of the time of which outcomes are known, the test takes about the last fifth."""
_DAY = timedelta(days=1)
_NEXT = timedelta(microseconds=1)
"""No time is told finer."""


def states_at(as_of: datetime, until: datetime | None = None) -> pl.Expr:
    """Say how a lead stood at a moment, of the columns of the outcomes.

    Parameters
    ----------
    as_of : datetime
        With a time zone.
    until : datetime, optional
        Until when the export knows outcomes.

    Returns
    -------
    pl.Expr
        ``"open"``, ``"won"`` or ``"lost"``, as it was known strictly before the moment; at the very
        end of the export, what stands in it is known. An outcome without a time counts as known.
    """
    moment = pl.lit(as_of if as_of != until else as_of + _NEXT).cast(TIME)
    won, lost = (
        known(pl.col(name), moment).fill_null(value=False) for name in ("won_at", "lost_at")
    )
    undated = pl.col("converted")
    return (
        pl.when(won | undated.fill_null(value=False))
        .then(pl.lit("won"))
        .when(lost | ~undated.fill_null(value=True))
        .then(pl.lit("lost"))
        .otherwise(pl.lit("open"))
    )


def ages_days(leads: pl.DataFrame, as_of: datetime) -> Ages:
    """Tell how old leads are.

    Parameters
    ----------
    leads : pl.DataFrame
        With ``created_at``.
    as_of : datetime

    Returns
    -------
    ndarray of float64, shape (n_leads,)
        In days.
    """
    spans = (pl.lit(as_of).cast(TIME) - pl.col("created_at")).dt.total_microseconds()
    days = leads.select(spans / (_DAY / timedelta(microseconds=1))).to_series()
    return np.asarray(days.to_numpy(), dtype=np.float64)


def open_ages(tables: Tables) -> Ages:
    """Tell how old the leads are that are open at the end of the export.

    Parameters
    ----------
    tables : Tables

    Returns
    -------
    ndarray of float64, shape (n_open,)
        In days; empty where the source is not dated.
    """
    until = tables.observed_until
    if tables.time_order is not TimeOrder.DATED or until is None:
        return np.empty(0)
    states = tables.outcomes.select("lead_id", state=states_at(until, until))
    ended = states.filter(pl.col("state") != "open")
    leads = tables.leads.filter(pl.col("created_at") <= pl.lit(until).cast(TIME))
    return ages_days(leads.join(ended, on="lead_id", how="anti"), until)


def landmarks_to_add(ages: Ages, landmarks_days: Sequence[float]) -> list[float]:
    """Advise landmarks for the ages at which leads are really scored.

    Each is twice the one before, as ages tell the less apart the older they are, and as long as
    more than `OLDEST_SHARE` of the leads are older.

    Parameters
    ----------
    ages : ndarray of float64, shape (n_leads,)
        Of the leads that are scored, in days.
    landmarks_days : sequence of float
        Those that there are, ascending.

    Returns
    -------
    list of float
        Whole days, ascending; empty where the ages are covered.

    Examples
    --------
    >>> landmarks_to_add(np.array([5.0, 100.0, 200.0]), (0.0, 30.0))
    [60.0, 120.0]
    """
    added: list[float] = []
    day = max(1.0, round(FACTOR * landmarks_days[-1]))
    while len(ages) and np.mean(ages > day) > OLDEST_SHARE:
        added.append(day)
        day *= FACTOR
    return added


def landmarks_of(tables: Tables, horizon_days: float) -> tuple[float, ...]:
    """Find the landmarks that a source needs: `FIRST`, and those of its open leads' ages.

    Parameters
    ----------
    tables : Tables
    horizon_days : float
        Landmarks so old that hardly any would be mature are left out: those of more than
        `LONGEST_SHARE` of the export's time that fewer than `ENOUGH_LEADS` tell of.

    Returns
    -------
    tuple of float
        Days, ascending.
    """
    begin, until = tables.leads["created_at"].min(), tables.observed_until
    if not isinstance(begin, datetime) or until is None:
        return FIRST
    span = (until - begin) / _DAY
    longest = LONGEST_SHARE * span - horizon_days
    wanted = [*FIRST, *landmarks_to_add(open_ages(tables), FIRST)]
    over = until - (2 * horizon_days + TEST_SHARE * max(span - horizon_days, 0.0)) * _DAY
    return (
        tuple(
            day for day in wanted if day <= longest or _n_open_at(tables, day, over) >= ENOUGH_LEADS
        )
        or FIRST[:1]
    )


def _n_open_at(tables: Tables, day: float, latest: datetime) -> int:
    """Count the leads that were still open at an age that they reached by some moment."""
    reached = pl.col("created_at") + day * _DAY
    ended = pl.min_horizontal("won_at", "lost_at")
    is_open = (ended.is_null() & pl.col("converted").is_null()) | (ended > reached)
    both = tables.leads.join(tables.outcomes, on="lead_id", how="left")
    return both.filter((reached <= pl.lit(latest).cast(TIME)) & is_open).height


def untested_words(
    ages: Ages, landmarks_days: Sequence[float], possible: Sequence[float]
) -> str | None:
    """Warn of leads that are older than any that the model was trained and tested on.

    Parameters
    ----------
    ages : ndarray of float64, shape (n_leads,)
        Of the leads that are scored, in days.
    landmarks_days : sequence of float
        The ages of training, ascending.
    possible : sequence of float
        Those that the leads ask for and the export has enough to learn from, as `landmarks_of`
        finds them.

    Returns
    -------
    str or None
        The share, and which landmarks to add; None where there are no such leads.
    """
    oldest = landmarks_days[-1]
    n_older = int(np.sum(ages > oldest))
    if not n_older:
        return None
    remedy, added = "", [f"{day:g}" for day in possible if day > oldest]
    if added:
        remedy = f"; add {', '.join(added)} to landmarks_days, or say landmarks_days: {AUTO}"
    elif landmarks_to_add(ages, landmarks_days):
        remedy = (
            f"; an older one cannot be learned: fewer than {ENOUGH_LEADS} leads were still open so "
            "long after their creation, and early enough to know what became of them"
        )
    return (
        f"{n_older:,} of {len(ages):,} open leads ({n_older / len(ages):.0%}) are older than "
        f"{oldest:g} days, the oldest age at which the model was trained and tested: how good "
        f"their scores are was never measured{remedy}"
    )

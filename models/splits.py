"""Splits by time: train on all that was known when the test begins, and test on what came then.

Computed backwards from the latest labelled snapshot. One worked example, used in the comments
below: ten mature snapshots of ten leads, one a day on days 0 to 9, labels that look 2 days ahead,
a test fraction of 0.2, a purge of one horizon::

    day             0   1   2   3   4   5   6   7   8   9
    label known on  2   3   4   5   6   7   8   9  10  11
    part            |-------- train --------|   | test  |
    left out                                  x

The test part is the latest 2 of the 10. Day 7 is purged: its label was not known on day 8. The 7
days whose labels were all train. What calibrates needs no part of its own: it is what the learner
said at the rolling origins, each time of snapshots later than those it had learned from
(`leadcast.models.choice.backtest`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from leadcast.features.base.errors import LeadcastError
from leadcast.features.snapshots import SnapshotSettings, microseconds, microseconds_of
from leadcast.features.tables import TIME
from leadcast.models.data import Integers

NEVER = int(np.iinfo(np.int64).max)
"""The moment of what does not happen."""


def settlement(
    snapshots: pl.DataFrame, outcomes: pl.DataFrame, settings: SnapshotSettings
) -> pl.DataFrame:
    """Tell from which moment on each snapshot's label was known.

    A win within the horizon settles a snapshot as soon as it is reported, and so does a loss;
    what ends neither way, or later, is settled when its window ends.

    Parameters
    ----------
    snapshots : pl.DataFrame
        With ``lead_id`` and ``position`` (Int64, microseconds since 1970), of a dated source.
    outcomes : pl.DataFrame
        With ``lead_id``, ``won_at`` and ``lost_at``, as `leadcast.features.tables.Tables.outcomes`.
    settings : SnapshotSettings
        Horizon and reporting lag.

    Returns
    -------
    pl.DataFrame
        A row a snapshot, in their order, in microseconds since 1970: ``settled`` (Int64, at most
        ``position + horizon``) and ``won`` (Int64: when a win within the horizon was known, else
        `NEVER`). After a loss that is taken back a snapshot counts as lost until it is won.
    """
    window_ends = pl.col("position") + microseconds(settings.horizon_days)
    lag = microseconds(settings.reporting_lag_days)
    won_us, lost_us = (pl.col(name).dt.epoch("us") for name in ("won_at", "lost_at"))
    known = snapshots.select("lead_id", "position").join(
        outcomes.select("lead_id", "won_at", "lost_at"),
        on="lead_id",
        how="left",
        maintain_order="left",
    )
    settled = pl.min_horizontal(won_us + lag, lost_us + lag, window_ends)
    won = pl.when(won_us <= window_ends).then(pl.min_horizontal(won_us + lag, window_ends))
    return known.select(settled=settled, won=won.fill_null(NEVER))


def last_look(snapshots: pl.DataFrame) -> pl.Expr:
    """Tell when each snapshot's lead is, or would be, looked at last, whatever becomes of it.

    Parameters
    ----------
    snapshots : pl.DataFrame
        All snapshots of a dated source, with ``landmark_days``.

    Returns
    -------
    pl.Expr
        Int64, in microseconds since 1970, from ``position`` and ``landmark_days``.
    """
    oldest: Any = snapshots["landmark_days"].max()
    ahead: pl.Expr = (oldest - pl.col("landmark_days")) * microseconds(1.0)
    return pl.col("position") + ahead.round().cast(pl.Int64)


PARTS = ("train", "test")
"""The parts of a split, in time's order."""
FRESH = "fresh"
"""A part that there is where it is asked for: see `with_fresh`."""

ANOTHER_PARTS = "another part's person"
"""Why a person's earlier snapshots are left out where another of its leads is in the test."""

_US_PER_DAY = 86_400_000_000


class SplitSettings(BaseModel):
    """How much of the past is kept for the test, and how far apart from what is learned from.

    Parameters
    ----------
    test_fraction : float
        Share of the mature snapshots, the latest ones, that are the test.
    purge_horizons : float
        Gap before the test begins, in horizons: 1 leaves out every snapshot whose label was not
        known by then, 0 leaves out none.
    test_from : datetime or None
        The moment from which on mature snapshots are the test, instead of a share of them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    test_fraction: float = Field(default=0.2, gt=0, lt=1)
    purge_horizons: float = Field(default=1.0, ge=0)
    test_from: AwareDatetime | None = None


def split_snapshots(
    snapshots: pl.DataFrame, settings: SplitSettings, horizon_days: float | None
) -> pl.DataFrame:
    """Say of each snapshot which part it belongs to, or why it is left out.

    Parts are cut at a position, so that snapshots of one moment stay together. Of a person who
    stands in the test no other lead is trained on. Earlier snapshots of the same lead are, and
    earlier leads of the same account: their labels were known when the test began. Whether a lead
    is still open and so in the test hangs on how it ended, and without its earlier snapshots
    hardly any but won ones would be left of the time before.

    Parameters
    ----------
    snapshots : pl.DataFrame
        With ``position`` (Int64), ``lead_id``, ``person_id``, ``mature`` (Boolean) and, for the
        messages, ``converted``; as `leadcast.features.snapshots.make_snapshots` gives them, in any
        order.
    settings : SplitSettings
        The test's share and the purge.
    horizon_days : float or None
        How far a label looks ahead; None where the source is not dated: nothing is purged then.

    Returns
    -------
    pl.DataFrame
        The snapshots in their order with ``part`` (``"train"``, ``"test"``, ``"left_out"``) and
        ``reason`` (null, or ``"immature"``, ``"purged"``, `ANOTHER_PARTS`).

    Raises
    ------
    LeadcastError
        If a part comes out empty; says the span, the horizon, the purge and what to set. Or if
        the test begins at a moment where the source is not dated.
    """
    if settings.test_from is not None and horizon_days is None:
        raise LeadcastError(
            f"test_from {settings.test_from:%Y-%m-%d} of a source whose leads have no creation "
            "time; remove it, and set test_fraction instead"
        )
    gap = microseconds(settings.purge_horizons * (horizon_days or 0.0))
    split = _split_with_gap(snapshots, settings, gap, microseconds(horizon_days or 0.0))
    empty = [part for part in PARTS if not (split["part"] == part).any()]
    if empty:
        raise LeadcastError(_explain_empty(split, empty, settings, horizon_days))
    return split


def with_fresh(split: pl.DataFrame) -> pl.DataFrame:
    """Give what the purge before the test left out a part of its own.

    In the example day 7 becomes the part ``"fresh"``: its label was not known when the test began,
    but something of it was.

    Parameters
    ----------
    split : pl.DataFrame
        As `split_snapshots` gives it.

    Returns
    -------
    pl.DataFrame
        The same, with ``part`` ``"fresh"`` and no ``reason`` for those snapshots.
    """
    fresh = pl.col("reason") == "purged"
    return split.with_columns(
        part=pl.when(fresh).then(pl.lit(FRESH)).otherwise("part"),
        reason=pl.when(fresh).then(None).otherwise("reason"),
    )


def is_apart(split: pl.DataFrame) -> pl.Expr:
    """Tell which snapshots' persons neither stand in the test nor could be looked at in it.

    Of these a model may learn one by one: whether a snapshot is among them does not depend on how
    the lead ended.

    Parameters
    ----------
    split : pl.DataFrame
        As `with_fresh` gives it.

    Returns
    -------
    pl.Expr
        Boolean.
    """
    start: Any = split.filter(part="test")["position"].min()
    person, before = pl.col("person_id").hash(), pl.col("position") < start
    to_come: pl.Expr = (before & (last_look(split) >= start)).any().over(person)
    tested: pl.Expr = (pl.col("part") == "test").any().over(person)
    return ~(to_come | tested)


def _split_with_gap(
    snapshots: pl.DataFrame, settings: SplitSettings, gap: int, horizon: int
) -> pl.DataFrame:
    mature = snapshots.filter("mature")["position"].to_numpy()
    if settings.test_from is None:
        test = _start_of_latest(mature, settings.test_fraction)
    else:
        test = microseconds_of(settings.test_from)
    return _without_other_leads(_by_position(snapshots, test, gap), test - horizon)


def _start_of_latest(positions: Integers, fraction: float) -> int:
    # In the example: the latest 0.2 of days 0 to 9 start at 8. Snapshots that share a position
    # are not torn apart, so that the nearest share is taken; the first is left for training.
    if len(positions) == 0:
        return 0
    moments, counts = np.unique(positions, return_counts=True)
    at_or_after = counts[::-1].cumsum()[::-1]
    first = min(1, len(moments) - 1)
    distance = np.abs(at_or_after[first:] - max(1.0, fraction * len(positions)))
    return int(moments[first + int(distance.argmin())])


def _by_position(snapshots: pl.DataFrame, test_start: int, gap: int) -> pl.DataFrame:
    # A label that is known exactly when the test begins may be used: 6 + 2 <= 8 is kept.
    position = pl.col("position")
    tested, purged = position >= test_start, position + gap > test_start
    reason = (
        pl.when(~pl.col("mature"))
        .then(pl.lit("immature"))
        .when(~tested & purged)
        .then(pl.lit("purged"))
    )
    part = (
        pl.when(reason.is_not_null())
        .then(pl.lit("left_out"))
        .when(tested)
        .then(pl.lit("test"))
        .otherwise(pl.lit("train"))
    )
    return snapshots.with_columns(part=part, reason=reason.cast(pl.String))


def _without_other_leads(split: pl.DataFrame, known_until: int) -> pl.DataFrame:
    tested = pl.col("part") == "test"
    unknown = tested.any().over(pl.col("person_id").hash()) & (pl.col("position") > known_until)
    another = (pl.col("part") == "train") & (has_another_lead(tested) | unknown)
    return split.with_columns(
        part=pl.when(another).then(pl.lit("left_out")).otherwise("part"),
        reason=pl.when(another).then(pl.lit(ANOTHER_PARTS)).otherwise("reason"),
    )


def has_another_lead(chosen: pl.Expr) -> pl.Expr:
    """Tell which snapshots are of a person of whom another lead is among those chosen.

    Parameters
    ----------
    chosen : pl.Expr
        Boolean.

    Returns
    -------
    pl.Expr
        Boolean.
    """
    # By hashes, because millions of texts are slow to group: two persons that share one are kept
    # together, which is safe.
    person, lead = pl.col("person_id").hash(), pl.col("lead_id").hash()
    of_chosen = lead.filter(chosen)
    first, last = of_chosen.min().over(person), of_chosen.max().over(person)
    return first.is_not_null() & ((first != lead) | (last != lead))


def _explain_empty(
    split: pl.DataFrame, empty: Sequence[str], settings: SplitSettings, horizon_days: float | None
) -> str:
    mature = split.filter("mature")
    counts = mature["reason"].value_counts().drop_nulls().sort("reason")
    left_out = ", ".join(f"{count} {reason}" for reason, count in counts.iter_rows()) or "none"
    text = (
        f"no snapshot is left for the {' and the '.join(empty)} part: of {mature.height} mature "
        f"snapshots ({mature['person_id'].n_unique()} persons) left out are: {left_out}"
    )
    if settings.test_from is not None and len(mature):
        days = mature["as_of"].sort().dt.to_string("%Y-%m-%d")
        text += f". The test begins with test_from {settings.test_from:%Y-%m-%d}, and mature "
        text += f"snapshots are from {days[0]} to {days[-1]}"
    if not horizon_days or not settings.purge_horizons:
        return text + ". Bring more leads, or lower test_fraction"
    positions = mature["position"].to_numpy()
    span_days = (positions.max() - positions.min()) / _US_PER_DAY if len(positions) else 0.0
    return (
        f"{text}. Mature snapshots span {span_days:.1f} days, and a gap of purge_horizons "
        f"{settings.purge_horizons:g} x horizon_days {horizon_days:g} = "
        f"{settings.purge_horizons * horizon_days:g} days must fit in, between the parts. "
        + _advice(split, settings, horizon_days)
    )


def _advice(split: pl.DataFrame, settings: SplitSettings, horizon_days: float) -> str:
    snapshots = split.drop("part", "reason")
    for percent in range(95, -1, -5):
        purge = settings.purge_horizons * percent / 100
        gap, horizon = microseconds(purge * horizon_days), microseconds(horizon_days)
        tried = _split_with_gap(snapshots, settings, gap, horizon)
        if set(PARTS) <= set(tried["part"]):
            shorter = horizon_days * percent / 100
            return (
                f"Set purge_horizons to at most {purge:.3g}, "
                + (f"or horizon_days to about {shorter:.3g}, " if percent else "")
                + "or bring an older history"
            )
    return "Bring an older history: not even without a purge is there anything to learn from"


FEW_OUTCOMES = 10
"""Below so many leads of either outcome, a part is warned about: ten is where the published
minima for fitting or judging anything begin (ten events a parameter, ten won leads)."""


@dataclass(frozen=True)
class SplitSummary:
    """Counts and ranges of a split's parts."""

    table: pl.DataFrame
    """As `frame` gives it."""
    known_before: pl.DataFrame
    """``reason`` (null of those that are learned from) and ``len`` of the mature snapshots from
    before the test."""

    def frame(self) -> pl.DataFrame:
        """Give the timeline as a table, a row for each part and each reason to leave out."""
        return self.table

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader of the results should know about the split, a sentence each."""
        return (*_few_outcomes(self.table), *_little_learned(self.known_before))


def split_summary(split: pl.DataFrame, horizon_days: float | None) -> SplitSummary:
    """Count a split's snapshots by part and reason.

    Parameters
    ----------
    split : pl.DataFrame
        As `leadcast.models.splits.split_snapshots` gives it.
    horizon_days : float or None
        How far a label looks ahead; None where the source is not dated.

    Returns
    -------
    SplitSummary
        Parts in time's order, then what is left out; every snapshot counted once.
    """
    horizon = pl.duration(microseconds=microseconds(horizon_days or 0.0))
    table = split.group_by("part", "reason").agg(
        snapshots=pl.len().cast(pl.Int64),
        groups=pl.col("group_id").hash().n_unique().cast(pl.Int64),
        converted=pl.col("converted").sum().cast(pl.Int64),
        base_rate=pl.col("converted").mean(),
        first_position=pl.col("position").min(),
        last_position=pl.col("position").max(),
        first_as_of=pl.col("as_of").min(),
        last_as_of=pl.col("as_of").max(),
        last_label_until=(pl.col("as_of").max() + horizon).cast(TIME),
    )
    order = pl.col("part").replace_strict([*PARTS, FRESH, "left_out"], range(4))
    return SplitSummary(table.sort(order, "reason"), _known_before(split))


def _known_before(split: pl.DataFrame) -> pl.DataFrame:
    before = split.filter(pl.col("mature") & (pl.col("part") != "test"))
    # Of fresh ones, too, the labels were not known when the test began.
    reason = pl.when(pl.col("part") == FRESH).then(pl.lit("purged")).otherwise("reason")
    return before.group_by(reason.alias("reason")).len()


def _few_outcomes(table: pl.DataFrame) -> Iterator[str]:
    for row in table.filter(pl.col("part").is_in(PARTS)).iter_rows(named=True):
        fewer = min(row["converted"], row["snapshots"] - row["converted"])
        if fewer < FEW_OUTCOMES:
            yield (
                f"The {row['part']} part has {row['snapshots']} snapshots, of which "
                f"{row['converted']} converted: too few of one outcome for narrow intervals."
            )


LEAST_LEARNED = 0.5
"""Where less than this share of the labelled snapshots from before the test is learned from, a run
says so, and what to change: more is lost to the split than is used."""
_REMEDIES = {
    "purged": (
        "a shorter horizon_days, a longer history, or a later test (test_from, or a smaller "
        "test_fraction) leaves more; purge_horizons below 1 too, at the price of labels that were "
        "not known when the test began"
    ),
    ANOTHER_PARTS: (
        "the same e-mail addresses or telephone numbers come again and again: map those columns "
        "only if they name one person, and leads of one company by account_id"
    ),
}


def _little_learned(known: pl.DataFrame) -> Iterator[str]:
    total = int(known["len"].sum())
    learned = int(known.filter(pl.col("reason").is_null())["len"].sum())
    if learned >= LEAST_LEARNED * total:
        return
    lost = known.drop_nulls("reason").sort("len", descending=True)
    reasons = ", ".join(f"{rows / total:.0%} {reason}" for reason, rows in lost.iter_rows())
    remedy = _REMEDIES.get(lost["reason"][0])
    yield (
        f"Only {learned / total:.0%} of the {total:,} labelled snapshots from before the test are "
        f"learned from ({reasons}){'' if remedy is None else f': {remedy}'}."
    )

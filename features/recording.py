"""From when on outcomes were recorded: leads that are older than the record of outcomes.

A CRM often holds leads from before somebody began to write down how leads end. Taken as they
stand, the leads from before look as if nobody had bought: the base rate is too low, and so is
every probability (left truncation).

Whether it is so is told from the data: the leads since the first outcome show how long it takes to
end, and with that how many of the older ones should have ended before it. Where many should and
hardly any did, outcomes were not recorded then.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from leadcast.features.delays import LOST, OPEN, WON, count_endings, incidence
from leadcast.features.registry import DAY_US
from leadcast.features.tables import TIME

Integers = npt.NDArray[np.int64]

FEWEST_EXPECTED = 15.0
"""So many ends must be missing: that none of 15 is seen is chance once in three million exports."""
MOST_SEEN = 0.05
"""At most so large a share of the expected ends may stand before: strays, or dated by hand."""
SEEN_OF_OPEN = 0.5
"""Of the ends that open leads should have had since, so large a share is seen at least."""
_STRAYS = (0, 1, 2, 5, 10, 20)
_STRAY_SHARE = 0.01
_FEWEST_LEADS = 50


@dataclass(frozen=True)
class LateRecord:
    """Evidence that outcomes were recorded later than leads."""

    since: datetime
    """The first outcome that is no stray."""
    meaning: str
    """What begins then: ``"outcome"``, or ``"win"`` where losses were recorded before."""
    leads_before: int
    """How many leads were created before."""
    expected: float
    """How many of them would have come to it before, had it been recorded."""
    seen: int
    """How many did."""


def late_record(leads: pl.DataFrame, outcomes: pl.DataFrame, until: datetime) -> LateRecord | None:
    """Tell from which moment on outcomes seem to have been recorded.

    Parameters
    ----------
    leads : pl.DataFrame
        ``lead_id`` and ``created_at``.
    outcomes : pl.DataFrame
        ``lead_id``, ``won_at`` and ``lost_at``, as `leadcast.features.tables.Tables.outcomes`.
    until : datetime
        Until when outcomes are known.

    Returns
    -------
    LateRecord or None
        None where the data say nothing against outcomes that were recorded ever since the first
        lead.
    """
    world = _World.of(leads, outcomes, until)
    ends = np.minimum(world.won_us, world.lost_us)
    found = _late(world, ends, int(world.created_us.min(initial=0)), "outcome")
    # Where losses were written down earlier than wins, wins begin later still.
    begin = int(world.created_us.min(initial=0)) if found is None else _stamp(found.since)
    wins = _late(world, world.won_us, begin, "win")
    return found if wins is None else wins


@dataclass(frozen=True)
class Survivors:
    """The leads from before outcomes were recorded that have no end from before."""

    leads: int
    """How many there are."""
    expected: float
    """How many of them should have ended since, had they been open then."""
    seen: int
    """How many did."""

    @property
    def are_open(self) -> bool:
        """Whether they may have been open; if not, most had ended, and nobody wrote it down."""
        return self.expected < FEWEST_EXPECTED or self.seen >= SEEN_OF_OPEN * self.expected


def survivors(
    leads: pl.DataFrame, outcomes: pl.DataFrame, since: datetime, until: datetime
) -> Survivors:
    """Compare how the older leads ended since outcomes are recorded with how the later ones did.

    Parameters
    ----------
    leads, outcomes, until
        As `late_record` takes them.
    since : datetime
        From when on outcomes were recorded.

    Returns
    -------
    Survivors
    """
    world, since_us = _World.of(leads, outcomes, until), _stamp(since)
    ends = np.minimum(world.won_us, world.lost_us)
    old = (world.created_us < since_us) & (ends >= since_us)
    ages, share = world.incidence_since(since_us, wins_only=False)
    then, now = (
        np.concatenate([[0.0], share])[
            np.searchsorted(ages, (moment - world.created_us[old]) / DAY_US, side="right")
        ]
        for moment in (since_us, world.until_us)
    )
    chances = np.divide(now - then, 1 - then, out=np.zeros(len(then)), where=then < 1)
    return Survivors(int(old.sum()), float(chances.sum()), int((ends[old] != _NEVER).sum()))


_NEVER = int(np.iinfo(np.int64).max)


@dataclass(frozen=True)
class _World:
    created_us: Integers
    won_us: Integers
    lost_us: Integers
    until_us: int

    @classmethod
    def of(cls, leads: pl.DataFrame, outcomes: pl.DataFrame, until: datetime) -> "_World":
        until_us = _stamp(until)
        both = leads.select("lead_id", "created_at").drop_nulls()
        both = both.join(outcomes.select("lead_id", "won_at", "lost_at"), on="lead_id", how="left")
        stamps = [both[name].to_physical() for name in ("created_at", "won_at", "lost_at")]
        created, won, lost = (one.fill_null(_NEVER).to_numpy() for one in stamps)
        return cls(created, _known(won, until_us), _known(lost, until_us), until_us)

    def incidence_since(self, since_us: int, *, wins_only: bool) -> tuple[Any, Any]:
        """Give the share of the leads since a moment that had ended, by age in days."""
        new = self.created_us >= since_us
        created, won, lost = self.created_us[new], self.won_us[new], self.lost_us[new]
        if len(created) < _FEWEST_LEADS:
            return np.zeros(1), np.zeros(1)
        end = np.minimum(won, lost)
        ending = np.where(end == _NEVER, OPEN, np.where(won == end, WON, LOST))
        if not wins_only:
            ending = np.where(ending == LOST, WON, ending)
        days = np.maximum(np.minimum(end, self.until_us) - created, 0) / DAY_US
        times, n_won, n_lost, at_risk = count_endings(days, ending)
        return times, incidence(n_won, n_lost, at_risk)[0]


def _late(world: _World, ends: Integers, begin_us: int, meaning: str) -> LateRecord | None:
    """Look whether the ends of a kind begin later than the leads from a moment on."""
    since = world.created_us >= begin_us
    moments = np.sort(ends[since & (ends != _NEVER)])
    found = list[LateRecord]()
    for place in _STRAYS:
        if place > _STRAY_SHARE * len(moments) or place >= len(moments):
            break
        first = int(moments[place])
        before = world.created_us[since & (world.created_us < first)]
        if len(before) < FEWEST_EXPECTED:
            continue
        ages, share = world.incidence_since(first, wins_only=meaning == "win")
        steps = np.searchsorted(ages, (first - before) / DAY_US, side="left") - 1
        expected = float(np.where(steps >= 0, share[np.maximum(steps, 0)], 0.0).sum())
        if expected >= FEWEST_EXPECTED and place <= MOST_SEEN * expected:
            moment = pl.Series([first]).cast(TIME)[0]
            found.append(LateRecord(moment, meaning, len(before), expected, place))
    missing = max((one.expected - one.seen for one in found), default=0.0)
    # The earliest that explains the gap: what comes after it are outcomes as any others.
    return next((one for one in found if one.expected - one.seen >= 0.9 * missing), None)


def _known(stamps: Integers, until_us: int) -> Integers:
    return np.where(stamps <= until_us, stamps, _NEVER)


def _stamp(moment: datetime) -> int:
    return int(pl.Series([moment], dtype=TIME).to_physical()[0])

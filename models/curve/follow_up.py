"""How long each snapshot's lead was followed after `as_of`, and how that ended."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import polars as pl

from leadcast.features.delays import LOST, OPEN, WON
from leadcast.features.registry import DAY_US
from leadcast.models.data import Flags, Floats, Integers


@dataclass(frozen=True)
class FollowUp:
    """Snapshots followed until a moment; what became known later is not in it.

    Parameters
    ----------
    days : ndarray of float64, shape (n,)
        Days from `as_of` until the lead was won, was lost, or was last seen open; above 0.
    ending : ndarray of int64, shape (n,)
        `WON`, `LOST` or `OPEN` (censored).
    watched_days : ndarray of float64, shape (n,)
        How long it was or would have been followed, whatever became of it.
    """

    days: Floats
    ending: Integers
    watched_days: Floats

    @classmethod
    def of(cls, snapshots: pl.DataFrame, outcomes: pl.DataFrame, known_us: int) -> Self:
        """Follow snapshots until a moment.

        A win counts whether or not a loss came before it, as it does in the label of a snapshot; a
        loss counts where no win is known.

        Parameters
        ----------
        snapshots : pl.DataFrame
            ``lead_id`` and ``position`` (microseconds since 1970) of leads that were open then.
        outcomes : pl.DataFrame
            ``lead_id``, ``won_at`` and ``lost_at``, as in `leadcast.features.tables.Tables`.
        known_us : int
            Outcomes until this moment are known: one reporting lag before the cutoff.

        Returns
        -------
        FollowUp
            A row for each snapshot, in their order; `watched_days` is 0 or less for those that
            nobody followed (see `rows`).
        """
        ends = outcomes.select(
            "lead_id", won=pl.col("won_at").dt.epoch("us"), lost=pl.col("lost_at").dt.epoch("us")
        )
        known = snapshots.select("lead_id", "position").join(
            ends, on="lead_id", how="left", maintain_order="left"
        )
        position = known["position"].to_numpy()
        won, lost = (known[name].fill_null(_NEVER).to_numpy() for name in ("won", "lost"))
        is_won, is_lost = won <= known_us, lost <= known_us
        end = np.where(is_won, won, np.where(is_lost, lost, known_us))
        ending = np.where(is_won, WON, np.where(is_lost, LOST, OPEN)).astype(np.int64)
        return cls((end - position) / DAY_US, ending, (known_us - position) / DAY_US)

    def __len__(self) -> int:
        return len(self.days)

    @property
    def is_followed(self) -> Flags:
        """Which rows were followed for any time at all."""
        return (self.watched_days > 0) & (self.days > 0)

    def rows(self, index: Flags | Integers) -> Self:
        """Take some of the rows."""
        return replace(
            self,
            days=self.days[index],
            ending=self.ending[index],
            watched_days=self.watched_days[index],
        )

    def won_days(self) -> Floats:
        """Tell how long the winners took; infinite for all others: they convert no more."""
        return np.where(self.ending == WON, self.days, np.inf)


_NEVER = int(np.iinfo(np.int64).max)

"""Payout invariance: who is paid what for a lead changes no score and no order.

The test is a run's own: a sample is scored with the payouts as they are, and again with payouts
that are permuted over the leads, replaced and left out; the scores must be the same bytes. Where a
source has no payout, payouts are made up, under every name by which a plan could know one.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl

from leadcast.features.base.errors import LeadcastError
from leadcast.features.tables import WITHHELD
from leadcast.models.data import Floats, Integers

Scored = Callable[[pl.DataFrame], Floats]
"""From leads, a row each, to their scores, shape (n_leads,)."""
MADE_UP = ("cost", "payout", "commission", "bid", "lead_price", f"{WITHHELD}payout")
"""Under these names payouts are put beside the leads where they have none."""
MOST_LEADS = 500


@dataclass(frozen=True)
class Invariance:
    """What a run's test of payout invariance came to."""

    leads: int
    """So many leads were scored."""
    columns: tuple[str, ...]
    """Payouts that the leads have."""
    made_up: tuple[str, ...]
    """Payouts that were put beside them."""
    changed_scores: int
    """How many scores changed at least once."""
    changed_order: bool
    """Whether the order of the leads changed."""

    @property
    def holds(self) -> bool:
        """Whether nothing changed."""
        return not self.changed_scores and not self.changed_order

    def to_json(self) -> dict[str, Any]:
        """Give it as plain data."""
        return asdict(self) | {"holds": self.holds}

    def require(self, subject: str) -> None:
        """Stop where a payout changes a score.

        Parameters
        ----------
        subject : str
            What was scored.

        Raises
        ------
        LeadcastError
            If a score or the order changed.
        """
        if not self.holds:
            named = ", ".join(map(repr, (*self.columns, *self.made_up)))
            raise LeadcastError(
                f"{subject}: payout invariance: {self.changed_scores:,} of {self.leads:,} scores "
                f"changed when payouts ({named}) were permuted; expected the same scores and the "
                "same order. Take what is paid out of the attributes, add it to `denied` in the "
                "source definition, and run again"
            )


def tried_invariance(
    scored: Scored, leads: pl.DataFrame, payouts: Sequence[str], seed: int
) -> Invariance:
    """Score leads with other payouts, and compare.

    Parameters
    ----------
    scored : callable
        Scores a table of leads.
    leads : pl.DataFrame
        A row each.
    payouts : sequence of str
        Which of its columns say what is paid for a lead.
    seed : int
        Of the permutations.

    Returns
    -------
    Invariance
    """
    own = tuple(name for name in payouts if name in leads.columns)
    made_up = tuple(name for name in MADE_UP if name not in leads.columns)
    generator = np.random.default_rng(seed)
    invented = {name: generator.lognormal(3.0, 1.0, leads.height) for name in made_up}
    whole = leads.with_columns(**invented)
    before = scored(whole)
    changed = np.zeros(leads.height, dtype=bool)
    order = _order(before)
    moved = False
    for other in _others(whole, (*own, *made_up), generator):
        after = scored(other)
        changed |= before.view(np.int64) != after.view(np.int64)
        moved |= not np.array_equal(order, _order(after))
    return Invariance(leads.height, own, made_up, int(changed.sum()), moved)


def _others(
    leads: pl.DataFrame, names: Sequence[str], generator: np.random.Generator
) -> Iterator[pl.DataFrame]:
    """Give the leads with payouts that are permuted, reversed and absent."""
    permuted = generator.permutation(leads.height)
    yield leads.with_columns(leads[name].gather(permuted) for name in names)
    yield leads.with_columns(leads[name].sort(descending=True, nulls_last=True) for name in names)
    yield leads.with_columns(pl.lit(None, leads.schema[name]).alias(name) for name in names)


def _order(scores: Floats) -> Integers:
    return np.argsort(-scores, kind="stable").astype(np.int64)

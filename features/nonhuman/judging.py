"""Events to verdicts: how probable it is that each is not a person's, and which signs say so."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from leadcast.features.nonhuman.evidence import N_BITS, PRIOR, WEIGHTS, fill_evidence
from leadcast.features.nonhuman.people_rules import OTHER, PeopleRules
from leadcast.features.nonhuman.signs import STAFF, own_bits
from leadcast.features.tables import TIME

Integers = npt.NDArray[np.int64]
Places = npt.NDArray[np.int32]
Roles = npt.NDArray[np.int8]
Bits = npt.NDArray[np.uint16]
Floats = npt.NDArray[np.float64]

assert WEIGHTS.shape == (len(PRIOR), N_BITS)


class ReducedEvents(NamedTuple):
    """What the judgement needs of events, in any order."""

    times_us: Integers
    """Microseconds since 1970."""
    roles: Roles
    """As `PeopleRules.roles` names them."""
    signs: Bits
    """What each says of itself, as `leadcast.features.nonhuman.signs.own_bits` tells it."""


class Verdicts(NamedTuple):
    """The judgement of events, in their order."""

    log_odds: Floats
    """That an event is not a person's."""
    signs: Bits
    """All signs of each, as `leadcast.features.nonhuman.evidence.CODES` names their bits."""

    @property
    def probability(self) -> Floats:
        """That an event is not a person's."""
        found: Floats = 1.0 / (1.0 + np.exp(-self.log_odds))
        return found


def reduced(rules: PeopleRules, events: pl.DataFrame) -> ReducedEvents:
    """Reduce events to what the judgement needs.

    Parameters
    ----------
    rules : PeopleRules
    events : pl.DataFrame
        ``occurred_at`` and ``event_type``, none of them null, and perhaps
        `leadcast.features.nonhuman.signs.SIGNS`.

    Returns
    -------
    ReducedEvents
    """
    kinds = events["event_type"].cast(pl.String)
    roles = kinds.replace_strict(
        [*rules.roles], [*rules.roles.values()], default=OTHER, return_dtype=pl.Int8
    )
    times = events["occurred_at"].cast(TIME).to_physical().to_numpy()
    return ReducedEvents(times, roles.to_numpy(), own_bits(rules, events))


def judge(
    rules: PeopleRules,
    events: ReducedEvents,
    leads: Places,
    emails: Sequence[str | None],
) -> Verdicts:
    """Judge events.

    Parameters
    ----------
    rules : PeopleRules
    events : ReducedEvents
        All events of these leads, in any order.
    leads : ndarray of int32, shape (n_events,)
        Where each event's lead stands in `emails`.
    emails : sequence of str or None
        Each lead's address; None where it is not known.

    Returns
    -------
    Verdicts
        Each depends on its own lead alone, and on the gateways of `rules`.
    """
    order = np.lexsort((events.times_us, leads))
    starts = np.searchsorted(leads[order], np.arange(len(emails) + 1)).astype(np.int64)
    since = np.array([rules.gateway_since(email) for email in emails], dtype=np.int64)
    nobody = np.array([rules.is_nobody(email) for email in emails], dtype=np.bool_)
    own = events.signs[order] | np.where(nobody[leads[order]], STAFF, 0).astype(np.uint16)
    signs, log_odds = np.zeros(len(order), np.uint16), np.zeros(len(order))
    fill_evidence(
        starts, events.times_us[order], events.roles[order], own, since, bool(rules.opens),
        WEIGHTS, PRIOR, signs, log_odds,
    )  # fmt: skip
    back = np.empty(len(order), dtype=np.int64)
    back[order] = np.arange(len(order))
    return Verdicts(log_odds[back], signs[back])

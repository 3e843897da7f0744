"""The evidence of each event, from its lead's own events, in the order of time.

One loop for an export of millions of events and for one request. An event's evidence depends on
what its lead did until `SETTLED_US` after it and on nothing later, so that whoever counts an event
only from then on has used nothing that was not known.

How much each sign weighs is the logarithm of how many times more often machines show it than
people do. The weights follow from how machines and people work, to about half a unit; no data set
was used to choose them (docs/nonhuman.md gives the reasons).
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from leadcast.features.base.compiled import compiled
from leadcast.features.boundary import known_until
from leadcast.features.nonhuman.people_rules import CLICK, DELIVERY, OPEN, VISIT
from leadcast.features.nonhuman.signs import AGENT, FILTERED, HOSTING, PROXY, SCANNER, STAFF

Integers = npt.NDArray[np.int64]
Roles = npt.NDArray[np.int8]
Bits = npt.NDArray[np.uint16]
Floats = npt.NDArray[np.float64]
Whole = int | np.signedinteger[Any]

LINKS, MANY_LINKS, AT_ONCE, SOON, LATE, UNOPENED, HABIT, GATEWAY, FOLLOWS = (
    1 << bit for bit in range(6, 15)
)
N_BITS = 15
CODES = (
    *("staff", "agent", "privacy_proxy", "scanner_network", "hosting_network", "crm_filter"),
    *("two_links", "many_links", "at_once", "soon", "late", "unopened", "every_mail"),
    *("gateway_domain", "follows_machine"),
)
"""The signs' names, in the order of their bits."""

SETTLED_US = 2_000_000
"""Links that a machine follows are followed within so long; then an event's verdict stands."""
_AT_ONCE_US = 5_000_000
_SOON_US = 60_000_000
_LATE_US = 600_000_000
_FOLLOWS_US = 10_000_000
_FEWEST_MAILS = 3
_EVERY_MAIL = 0.8
_NEVER = np.iinfo(np.int64).min
_CERTAIN = 20.0
_RARE, _OF_OTHERS = -3.0, -5.0
"""Log-odds before any sign: of e-mail events and visits, and of all others."""


def _weights() -> Floats:
    """Give the weight of each sign, a row a role; a sign of weight 0 says nothing there."""
    own = {STAFF: _CERTAIN, AGENT: 9.0, SCANNER: 7.0, FILTERED: 9.0}
    mail = own | {PROXY: 0.0, LINKS: 3.0, MANY_LINKS: 7.0, HABIT: 3.0, GATEWAY: 3.0}
    of_role = {
        DELIVERY: {STAFF: _CERTAIN},
        OPEN: mail | {PROXY: 9.0, HOSTING: 2.0, AT_ONCE: 3.0, SOON: 1.0},
        CLICK: mail | {HOSTING: 2.0, AT_ONCE: 5.0, SOON: 3.0, UNOPENED: 1.5, LATE: -2.0},
        VISIT: own | {HOSTING: 2.0, FOLLOWS: 6.0},
    }
    table = np.zeros((VISIT + 1, N_BITS))
    for role in range(VISIT + 1):
        for bit, weight in of_role.get(role, own).items():
            table[role, bit.bit_length() - 1] = weight
    return table


WEIGHTS = _weights()
PRIOR = np.array([_OF_OTHERS, _OF_OTHERS, _RARE, _RARE, _RARE])


@compiled
def fill_evidence(
    starts: Integers,
    times: Integers,
    roles: Roles,
    own: Bits,
    since: Integers,
    opens_are_told: bool,
    weights: Floats,
    prior: Floats,
    bits: Bits,
    log_odds: Floats,
) -> None:
    """Find the evidence of the events of some leads.

    Parameters
    ----------
    starts : ndarray of int64, shape (n_leads + 1,)
        The events of lead i are ``starts[i]:starts[i + 1]``.
    times, roles, own : ndarray, shape (n_events,)
        When each was, in microseconds since 1970 and ascending within a lead, its role, and what
        it says of itself.
    since : ndarray of int64, shape (n_leads,)
        From when on each lead's domain was known to be behind a scanner.
    opens_are_told : bool
        Whether the source records opens; without them a click without one says nothing.
    weights : ndarray of float64, shape (n_roles, n_bits)
    prior : ndarray of float64, shape (n_roles,)
    bits, log_odds : ndarray, shape (n_events,)
        Are filled: all signs of each event, and the log-odds that it is not a person's.
    """
    # How many clicks and deliveries there are before each event.
    clicks = np.zeros(len(times) + 1, dtype=np.int64)
    deliveries = np.zeros(len(times) + 1, dtype=np.int64)
    for event in range(len(times)):
        clicks[event + 1] = clicks[event] + (roles[event] == CLICK)
        deliveries[event + 1] = deliveries[event] + (roles[event] == DELIVERY)
    for lead in range(len(starts) - 1):
        first, last = starts[lead], starts[lead + 1]
        mail, machine, person = _NEVER, _NEVER, _NEVER
        opened, was_quick, n_mails, n_quick = False, False, 0, 0
        begin = first
        while begin < last:
            now = times[begin]
            # What happened at one moment has no order.
            end = known_until(times, begin, last, now + 1)
            for _ in range(deliveries[end] - deliveries[begin]):
                n_mails += mail != _NEVER
                n_quick += was_quick
                mail, opened, was_quick = now, False, False
            low = known_until(times, first, last, now - SETTLED_US)
            high = known_until(times, first, last, now + SETTLED_US + 1)
            # A scanner may be done before the delivery is written down.
            waited = _waited(now, mail, deliveries[high] > deliveries[end])
            is_usual = n_mails >= _FEWEST_MAILS and n_quick >= _EVERY_MAIL * n_mails
            links, is_gateway = clicks[high] - clicks[low], since[lead] <= now
            shared = _shared_signs(waited, links, is_usual, is_gateway)
            opens, reactions = _count(begin, end, roles)
            opened |= opens > 0
            was_quick |= reactions > 0 and 0 <= _waited(now, mail, False) <= _SOON_US
            shared |= UNOPENED * (opens_are_told and mail != _NEVER and not opened)
            _judge(begin, end, roles, own, shared, weights, prior, bits, log_odds)
            machine, person = _last_clicks(begin, end, roles, log_odds, now, machine, person)
            if person < machine and now - machine <= _FOLLOWS_US:
                _judge_visits(begin, end, roles, weights, prior, bits, log_odds)
            begin = end


@compiled
def _waited(now: int, mail: int, is_to_come: bool) -> int:
    """Give how long ago the last e-mail came; -1 where none did."""
    if is_to_come:
        return 0
    return now - mail if mail != _NEVER else -1


@compiled
def _count(begin: int, end: int, roles: Roles) -> tuple[int, int]:
    """Count the opens of a moment, and its opens and clicks."""
    opens = clicks = 0
    for event in range(begin, end):
        opens += roles[event] == OPEN
        clicks += roles[event] == CLICK
    return opens, opens + clicks


@compiled
def _last_clicks(
    begin: int, end: int, roles: Roles, log_odds: Floats, now: int, machine: int, person: int
) -> tuple[int, int]:
    """Tell when a machine and when a person clicked last."""
    for event in range(begin, end):
        if roles[event] == CLICK and log_odds[event] > 0:
            machine = now
        elif roles[event] == CLICK:
            person = now
    return machine, person


@compiled
def _shared_signs(waited: int, links: int, is_usual: bool, is_gateway: bool) -> int:
    """Tell the signs that all opens and clicks of a moment have."""
    found = 0
    if links >= 3:
        found |= MANY_LINKS
    elif links == 2:
        found |= LINKS
    if 0 <= waited <= _AT_ONCE_US:
        found |= AT_ONCE
    elif 0 <= waited <= _SOON_US:
        found |= SOON
    elif waited > _LATE_US:
        found |= LATE
    if is_usual and 0 <= waited <= _SOON_US:
        found |= HABIT
    if is_gateway and (0 <= waited <= _LATE_US or links >= 2):
        found |= GATEWAY
    return found


@compiled
def _judge(
    begin: int,
    end: int,
    roles: Roles,
    own: Bits,
    shared: int,
    weights: Floats,
    prior: Floats,
    bits: Bits,
    log_odds: Floats,
) -> None:
    """Judge the events of a moment, but for what visits have of the clicks before them."""
    for event in range(begin, end):
        role, found = roles[event], np.int64(own[event])
        if role == CLICK:
            found |= shared
        elif role == OPEN:
            found |= shared & ~UNOPENED
        bits[event] = found
        log_odds[event] = _sum_of(found, role, weights, prior)


@compiled
def _judge_visits(
    begin: int,
    end: int,
    roles: Roles,
    weights: Floats,
    prior: Floats,
    bits: Bits,
    log_odds: Floats,
) -> None:
    """Judge visits once more, which follow what a machine clicked."""
    for event in range(begin, end):
        if roles[event] == VISIT:
            bits[event] |= FOLLOWS
            log_odds[event] = _sum_of(np.int64(bits[event]), VISIT, weights, prior)


@compiled
def _sum_of(found: Whole, role: int, weights: Floats, prior: Floats) -> float:
    total: float = prior[role]
    for bit in range(weights.shape[1]):
        if found & (1 << bit):
            total += weights[role, bit]
    return total

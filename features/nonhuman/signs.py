"""What one event tells of itself: who asked for the page, from where, and what the CRM says."""

from functools import lru_cache
from ipaddress import ip_address

import numpy as np
import numpy.typing as npt
import polars as pl

from leadcast.features.nonhuman.people_rules import PeopleRules

Bits = npt.NDArray[np.uint16]

STAFF, AGENT, PROXY, SCANNER, HOSTING, FILTERED = (1 << bit for bit in range(6))
"""A colleague or test lead; a machine's user agent; a privacy proxy; a scanner's network; a hosting
network; marked by the CRM."""
LONGEST_AGENT = 2_000
SIGNS = ("user_agent", "ip_address", "filtered")
"""Columns that an event may bring; only the judgement reads them."""


@lru_cache(maxsize=100_000)
def bits_of_agent(rules: PeopleRules, agent: str) -> int:
    """Tell what a user agent says.

    Parameters
    ----------
    rules : PeopleRules
    agent : str
        As the web server or mail tool wrote it down.

    Returns
    -------
    int
        `AGENT` or `PROXY`, or 0.
    """
    plain = agent[:LONGEST_AGENT].strip().lower()
    if plain in rules.proxy_agents:
        return PROXY
    # So that a name at the end is found like one in the middle.
    plain += " "
    if any(name in plain for name in rules.agents):
        return 0 if any(name in plain for name in rules.not_agents) else AGENT
    return 0


@lru_cache(maxsize=100_000)
def bits_of_address(rules: PeopleRules, address: str) -> int:
    """Tell what an address says, as far as it is one.

    Parameters
    ----------
    rules : PeopleRules
    address : str
        IPv4 or IPv6.

    Returns
    -------
    int
        `STAFF`, `PROXY`, `SCANNER` and `HOSTING`, or 0.
    """
    try:
        found = ip_address(address.strip())
    except ValueError:
        return 0
    named = {"own": STAFF, "proxy": PROXY, "scanner": SCANNER, "hosting": HOSTING}
    return sum(
        bit for name, bit in named.items() if any(found in one for one in rules.networks[name])
    )


def own_bits(rules: PeopleRules, events: pl.DataFrame) -> Bits:
    """Tell what each event says of itself.

    Parameters
    ----------
    rules : PeopleRules
    events : pl.DataFrame
        With `SIGNS`, as far as they are there.

    Returns
    -------
    ndarray of uint16, shape (n_events,)
    """
    bits = np.zeros(events.height, dtype=np.uint16)
    for name, tell in (("user_agent", bits_of_agent), ("ip_address", bits_of_address)):
        if name in events.columns and events.schema[name] == pl.String:
            texts = events[name]
            each = texts.drop_nulls().unique()
            told = [tell(rules, text) for text in each]
            numbers = texts.replace_strict(each, told, default=0, return_dtype=pl.UInt16)
            bits |= numbers.fill_null(0).to_numpy()
    if "filtered" in events.columns and events.schema["filtered"] == pl.Boolean:
        bits |= np.where(events["filtered"].fill_null(value=False).to_numpy(), FILTERED, 0).astype(
            np.uint16
        )
    return bits


def bits_of_one(rules: PeopleRules, agent: object, address: object, filtered: object) -> int:
    """Do as `own_bits` for one event."""
    bits = FILTERED if filtered is True else 0
    if isinstance(agent, str):
        bits |= bits_of_agent(rules, agent)
    if isinstance(address, str):
        bits |= bits_of_address(rules, address)
    return bits

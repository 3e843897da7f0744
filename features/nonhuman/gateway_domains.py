"""Companies whose mail goes through a machine that follows links: told by all of their leads.

A domain counts as one from the moment on at which enough of what its leads were seen to do had
the signs of a machine, and no earlier: no event is judged by what came after it.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl

from leadcast.features.nonhuman.evidence import SETTLED_US
from leadcast.features.nonhuman.judging import Places, ReducedEvents, Verdicts
from leadcast.features.nonhuman.people_rules import (
    CLICK,
    Gateway,
    PeopleRules,
    company_domain,
    digest_of,
)
from leadcast.features.nonhuman.signs import STAFF

FEWEST_CLICKS = 5
"""A machine's clicks that a domain must have had."""
FEWEST_LEADS = 2
"""By so many of its leads: what one lead does is its own habit."""
LEAST_SHARE = 0.5
"""And so much of all clicks of the domain: behind a gateway people click as well."""


def find_gateways(
    rules: PeopleRules,
    events: ReducedEvents,
    verdicts: Verdicts,
    leads: Places,
    emails: Sequence[str | None],
) -> tuple[Gateway, ...]:
    """Find the domains whose leads are behind a machine, and since when that was known.

    Parameters
    ----------
    rules : PeopleRules
    events, leads, emails
        As in `leadcast.features.nonhuman.judging.judge`.
    verdicts : Verdicts
        Of these events, without any gateways.

    Returns
    -------
    tuple of Gateway
        In the order of their digests.
    """
    domains = pl.Series([company_domain(email) for email in emails], dtype=pl.String)
    clicks = np.flatnonzero((events.roles == CLICK) & ((verdicts.signs & STAFF) == 0))
    lead = pl.Series(leads[clicks])
    seen = pl.DataFrame(
        {
            "domain": domains.gather(lead),
            "lead": lead,
            "known_us": events.times_us[clicks] + SETTLED_US,
            "machine": verdicts.probability[clicks] >= rules.threshold,
        }
    ).drop_nulls("domain")
    first = pl.col("machine") & (
        pl.col("machine").cast(pl.Int64).cum_sum().over("domain", "lead") == 1
    )
    found = (
        seen.sort("domain", "known_us", "machine", "lead")
        .with_columns(
            clicks=pl.col("lead").cum_count().over("domain"),
            machines=pl.col("machine").cast(pl.Int64).cum_sum().over("domain"),
            first=first,
        )
        .with_columns(leads=pl.col("first").cast(pl.Int64).cum_sum().over("domain"))
        .filter(
            pl.col("machines") >= FEWEST_CLICKS,
            pl.col("leads") >= FEWEST_LEADS,
            pl.col("machines") >= LEAST_SHARE * pl.col("clicks"),
        )
        .group_by("domain")
        .agg(pl.col("known_us").min())
    )
    gateways = [Gateway(domain=digest_of(name), since_us=at) for name, at in found.iter_rows()]
    return tuple(sorted(gateways, key=lambda one: one.domain))

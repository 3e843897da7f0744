"""The demo's leads as a CRM exports them, a row each, and a column that leaks."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from demo import contacts, handwriting
from demo.export import as_times, lead_ids, numbered, numbers
from demo.origins import CAMPAIGNS, CHANNELS, LANDINGS, REQUESTS, VENDORS, Origins
from demo.people import BUSINESS_EMAIL, Flags, People
from demo.world import Integers

STAGES = ("New", "Working", "Qualified", "Negotiation", "Closed Won", "Closed Lost")


def crm_rows(
    rng: np.random.Generator, origins: Origins, people: People, first_number: int
) -> pl.DataFrame:
    """Write the leads down as a CRM has them, but for points and stage.

    Parameters
    ----------
    rng : Generator
        Where the chance comes from.
    origins : Origins
    people : People
    first_number : int
        The number of the first of these leads in the whole world.

    Returns
    -------
    pl.DataFrame
        A row a lead; `demo.simulate` lists the columns.
    """
    return pl.DataFrame(
        {
            "Lead ID": lead_ids(first_number, len(origins.created)),
            "Created Date": as_times(origins.created),
            "Job Title": handwriting.job_titles(rng, people),
            "Company Size": handwriting.company_sizes(rng, people),
            "Annual Revenue": handwriting.revenues(rng, people),
            "Industry": handwriting.industries(rng, people),
            "Country": handwriting.countries(rng, people),
            "Email": contacts.emails(rng, origins, people),
            "Phone": contacts.phones(rng, origins, people),
            "Lead Source": _channels(rng, origins),
            "Campaign": _named(CAMPAIGNS, origins.campaign),
            "Vendor": _named(VENDORS, origins.vendor),
            "Request": _named(REQUESTS, origins.request),
            "Landing Page": _named(LANDINGS, origins.landing),
            "Visits Before": pl.Series(origins.visits_before),
            "Account ID": _accounts(rng, origins, people, first_number),
            "Cost": numbers(origins.cost),
        }
    )


def sales_stages(rng: np.random.Generator, state: Integers, won: Flags, lost: Flags) -> pl.Series:
    """Say where sales has each lead in its funnel on the day of the export.

    This is the leak that every CRM has: the stage is filled in as the deal goes on, so it tells
    the outcome of old leads and nothing that was known when they could have been scored.

    Parameters
    ----------
    rng : Generator
        Where the chance comes from.
    state : ndarray of int64, shape (n_leads,)
        Intent on the last day that is seen.
    won, lost : ndarray of bool, shape (n_leads,)

    Returns
    -------
    pl.Series of String
    """
    hopeful = np.clip(state - (rng.random(len(state)) < 0.3), 0, 3)
    return pl.Series(STAGES).gather(np.select([won, lost], [4, 5], hopeful))


def _named(names: Sequence[str | None], number: Integers) -> pl.Series:
    """Look names up; -1 is none."""
    return pl.Series([*names, None], dtype=pl.String).gather(
        np.where(number < 0, len(names), number)
    )


def _accounts(
    rng: np.random.Generator, origins: Origins, people: People, first_number: int
) -> pl.Series:
    """Name accounts; a lead that is alone and gave no business address often has none."""
    alone = np.bincount(origins.account, minlength=len(origins.account))[origins.account] == 1
    unknown = alone & (people.email != BUSINESS_EMAIL)
    account = numbered("A", first_number + origins.account)
    return handwriting.with_gaps(rng, account, np.where(unknown, 0.8, 0.0))


def _channels(rng: np.random.Generator, origins: Origins) -> pl.Series:
    channel = _named(CHANNELS, origins.channel)
    tidy = pl.Series(rng.random(len(channel)) > 0.03)
    return handwriting.with_gaps(rng, channel.zip_with(tidy, channel.str.to_lowercase()), 0.02)
